"""F14 and F22: what we gave up still takes effect later, with a fence and without; and a Chatwoot that was frozen."""

import asyncio

import pytest

from tests.faults.conftest import MakeRig
from tests.faults.rig import Rig, during

pytestmark = pytest.mark.faults
MARKED = pytest.mark.parametrize("marker", [False, True], ids=["by-content", "by-marker"])
TWICE = r"took effect twice"
NO_ECHO = r"does not tell it by cable"


def most_attempts(rig: Rig) -> int:
    return rig.database.rows("SELECT max(attempt) FROM chat_delivery WHERE kind = 'message'")[0][0]


def verdict(rig: Rig) -> str:
    return rig.database.rows("SELECT fence FROM chat_chatwoot")[0][0]


async def late(rig: Rig, after_s: float, **options: object) -> None:
    """The line is half open: cut for us, while Chatwoot has the request in its queue for so long."""
    await rig.fault("late_commit", method="POST", path="/messages", seconds=rig.s(after_s), cut=True, **options)


@MARKED
async def test_f14_what_would_come_after_the_fence_does_not_come(make_rig: MakeRig, marker: bool) -> None:
    rig = await make_rig(marker=marker)
    await rig.visit()
    await rig.introduce()
    assert verdict(rig) == "fenced"
    await rig.fault("broadcasts_stopped", drop=True)  # no echo helps
    await late(rig, 10, times=4)  # in time, and later than we would like
    await late(rig, 80, times=6)
    await rig.write(3)
    await rig.until(lambda: most_attempts(rig) > 1, "nothing was sent again", within_s=rig.s(120) + 30)

    await rig.healed(linger_s=rig.s(60), expected_errors=[NO_ECHO])

    assert rig.figures.duplicated == 0


@pytest.mark.parametrize(
    ("stripped", "marker"),
    [
        pytest.param(True, False, id="header-stripped-by-content"),
        pytest.param(False, True, id="switched-off-by-marker"),
    ],
)
async def test_f14_without_a_fence_what_comes_too_late_is_counted(
    make_rig: MakeRig, stripped: bool, marker: bool
) -> None:
    rig = await make_rig(marker=marker)
    await unfence(rig, stripped=stripped)
    await rig.visit()
    await rig.introduce()
    assert verdict(rig) == "unfenced"
    await late(rig, 60, times=3)  # found by looking
    await late(rig, 200, times=2)  # sent again before
    await rig.write(2)
    await rig.until(lambda: most_attempts(rig) > 1, "nothing was sent again", within_s=rig.s(300) + 30)

    await rig.healed(fenced=False, may_duplicate=True, linger_s=rig.s(90), expected_errors=[TWICE])

    assert rig.figures.duplicated == 2


async def unfence(rig: Rig, *, stripped: bool) -> None:
    if stripped:
        rig.toxic(rig.rest, up={"replace": (b"X-Request-Start", b"X-Removed-Start")})
    else:
        await rig.http.post(f"{rig.chatwoot.url}/sandbox/settings", json={"rack_timeout": False})
        rig.injected("chatwoot: no rack-timeout")


@MARKED
async def test_f14_a_chatwoot_worker_frozen_past_the_fence_is_found_out(make_rig: MakeRig, marker: bool) -> None:
    rig = await make_rig(marker=marker)
    await rig.visit()
    await rig.introduce()
    await late(rig, 80, times=2, frozen=True)
    await rig.write(3)
    await rig.until(lambda: most_attempts(rig) > 1, "nothing was sent again", within_s=rig.s(120) + 30)

    await rig.healed(may_duplicate=True, linger_s=rig.s(60), expected_errors=[TWICE])

    assert rig.figures.duplicated == 2


@MARKED
async def test_f14_all_of_chatwoot_frozen_and_thawed_loses_nothing(make_rig: MakeRig, marker: bool) -> None:
    rig = await make_rig(marker=marker)
    await rig.visit()
    await rig.introduce()
    await rig.fault("delay", method="POST", path="/messages", seconds=0.5)  # something is always in its hands

    async def freeze() -> None:
        await asyncio.sleep(0.4)
        await during(rig.freeze(rig.chatwoot, rig.s(40)), hang_up())

    async def hang_up() -> None:
        await asyncio.sleep(rig.s(5))
        rig.rest.cut("reset")  # or we would simply wait for the answer

    await during(rig.write(), freeze())

    await rig.healed(may_duplicate=True, linger_s=rig.s(10), expected_errors=[TWICE])


@MARKED
async def test_f22_equal_texts_arrive_as_often_as_they_were_written(make_rig: MakeRig, marker: bool) -> None:
    rig = await make_rig(marker=marker)
    await rig.visit()
    await rig.introduce()
    await rig.fault("broadcasts_stopped", drop=True)
    for _ in range(3):
        await rig.fault("lose_answer", method="POST", path="/messages", times=3)
        await late(rig, 10, times=3)
        await late(rig, 80, times=1)
    for visitor in rig.visitors:
        for _ in range(10):
            visitor.write(f"{rig.run}/{visitor.name}/ok")
    await rig.until(lambda: len(rig.ledger().texts) == len(rig.visitors) * 11, "not all arrived", within_s=rig.s(600))

    await rig.healed(linger_s=rig.s(60), expected_errors=[NO_ECHO])

    assert rig.figures.duplicated == 0
