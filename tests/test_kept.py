"""One asks for all, what is old is better than nothing, a failure is not repeated at once, and nothing grows."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from chat.bridge.tasks import Tasks
from chat.kept import Kept, NotHad
from tests.eventually import eventually


class Source:
    def __init__(self) -> None:
        self.now = 0.0
        self.asked = self.answered = 0
        self.answers: list[str | Exception] = []
        self.open = asyncio.Event()
        self.open.set()

    async def ask(self) -> str:
        self.asked += 1
        await self.open.wait()
        self.answered += 1
        answer = self.answers.pop(0) if self.answers else f"answer {self.asked}"
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
async def kept(source: Source) -> AsyncIterator[Kept[str]]:
    tasks = Tasks()
    kept = Kept[str](tasks.spawn, fresh_s=300, again_s=30, most=2, troubles=(ValueError,), monotonic=lambda: source.now)
    yield kept
    await tasks.cancel()


async def get(kept: Kept[str], source: Source, key: str = "a") -> str:
    return await kept.get(key, source.ask, name="test")


async def test_everybody_at_once_is_one_question(kept: Kept[str], source: Source) -> None:
    assert await asyncio.gather(*(get(kept, source) for _ in range(5))) == ["answer 1"] * 5
    assert source.asked == 1


async def test_what_is_old_is_given_at_once_while_it_is_asked_for_again(kept: Kept[str], source: Source) -> None:
    await get(kept, source)
    source.now = 299
    assert (await get(kept, source), source.asked) == ("answer 1", 1)
    source.now = 300
    source.open.clear()
    assert await get(kept, source) == "answer 1"
    source.open.set()
    await eventually(lambda: source.answered == 2)
    assert (await get(kept, source), source.asked) == ("answer 2", 2)


async def test_a_failure_is_told_and_not_repeated_at_once(kept: Kept[str], source: Source) -> None:
    source.answers = [ValueError("down"), "up"]
    for _ in range(3):
        with pytest.raises(NotHad, match="down"):
            await get(kept, source)
    assert source.asked == 1
    source.now = 30
    assert await get(kept, source) == "up"


async def test_the_last_answer_outlives_a_failure(kept: Kept[str], source: Source) -> None:
    source.answers = ["first", ValueError("down")]
    await get(kept, source)
    source.now = 1_000
    assert await get(kept, source) == "first"
    await eventually(lambda: source.answered == 2)
    assert await get(kept, source) == "first"


async def test_whoever_leaves_takes_the_question_from_nobody(kept: Kept[str], source: Source) -> None:
    source.open.clear()
    impatient = asyncio.create_task(get(kept, source))
    await asyncio.sleep(0)
    impatient.cancel()
    source.open.set()
    assert (await get(kept, source), source.asked) == ("answer 1", 1)


async def test_what_was_used_longest_ago_is_forgotten_first(kept: Kept[str], source: Source) -> None:
    for key in ("a", "b", "a", "c"):
        await get(kept, source, key)
    assert source.asked == 3
    await get(kept, source, "a")
    assert source.asked == 3
    await get(kept, source, "b")
    assert source.asked == 4


async def test_a_mistake_of_ours_is_said_aloud_and_leaves_nobody_waiting(
    kept: Kept[str], source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    source.answers = [KeyError("ours")]
    with pytest.raises(NotHad):
        await get(kept, source)
    await eventually(lambda: "task test died" in caplog.text)
