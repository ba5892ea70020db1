import asyncio
import contextvars

import pytest

from chat.bridge.tasks import Tasks

LANGUAGE = contextvars.ContextVar("language", default="none")


async def test_a_task_has_a_name_and_nothing_of_its_starters_context():
    seen: list[str] = []

    async def look() -> None:
        seen.append(LANGUAGE.get())

    LANGUAGE.set("de")
    task = Tasks().spawn(look(), name="looker")
    assert task.get_name() == "looker"
    await task
    assert seen == ["none"]


async def test_a_death_is_logged(caplog: pytest.LogCaptureFixture):
    async def die() -> None:
        raise RuntimeError("of something")

    await asyncio.wait([Tasks().spawn(die(), name="mortal")])
    await asyncio.sleep(0)
    assert "task mortal died" in caplog.text
    assert "of something" in caplog.text


async def test_cancelling_waits_until_all_have_cleaned_up(caplog: pytest.LogCaptureFixture):
    cleaned: list[int] = []

    async def work(n: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(n)

    tasks = Tasks()
    for n in range(3):
        tasks.spawn(work(n), name=f"worker {n}")
    await asyncio.sleep(0)
    await tasks.cancel()
    assert sorted(cleaned) == [0, 1, 2]
    assert caplog.text == ""
