"""F1–F4: processes that are killed at every crash point, and at any instant."""

import asyncio
from random import Random

import pytest

from tests.faults.conftest import MakeRig
from tests.faults.rig import during

pytestmark = pytest.mark.faults


@pytest.mark.parametrize(
    "failpoint",
    [
        pytest.param("ingress.after_commit", id="f1-between-commit-and-answer"),
        pytest.param("ingress.before_commit", id="f2-before-the-commit"),
    ],
)
async def test_f1_f2_accepted_is_kept_and_repeated_is_no_second(make_rig: MakeRig, failpoint: str) -> None:
    rig = await make_rig(failpoints=f"{failpoint}=kill@5")
    rig.kept.add(rig.application)
    await rig.visit()
    await rig.write()
    await rig.until(lambda: rig.application.starts == 2, "the failpoint was not reached")

    await rig.healed()


@pytest.mark.parametrize(
    "failpoint",
    [
        pytest.param("courier.after_claim=kill@4", id="c3-attempt-committed"),
        pytest.param("courier.before_send=kill@4", id="c4-about-to-send"),
        pytest.param("courier.after_send=kill@4", id="c5-sent"),
        pytest.param("courier.before_settle=kill@4", id="c6-answer-not-written"),
        pytest.param("courier.after_settle=kill@4", id="c7-answer-written"),
        pytest.param("mirror.before_commit=kill@4", id="c8-news-not-written"),
    ],
)
async def test_f3_a_courier_killed_at_any_point_loses_and_repeats_nothing(make_rig: MakeRig, failpoint: str) -> None:
    rig = await make_rig(failpoints=failpoint)
    rig.kept.add(rig.application)
    await rig.visit()
    await rig.write()
    await rig.until(lambda: rig.application.starts == 2, "the failpoint was not reached")

    await rig.healed()


async def test_f3_c9_a_courier_killed_while_looking_looks_again(make_rig: MakeRig) -> None:
    rig = await make_rig(failpoints="courier.while_looking=kill@2")
    rig.kept.add(rig.application)
    await rig.visit()
    await rig.introduce()
    await rig.fault("broadcasts_stopped")  # else the cable's echo makes looking unnecessary
    await rig.fault("error_after", method="POST", path="/messages", times=6)
    await rig.write()
    await rig.until(lambda: rig.application.starts == 2, "the failpoint was not reached")

    await rig.healed()


async def test_f4_everything_killed_again_and_again(make_rig: MakeRig) -> None:
    rig = await make_rig(applications=2)
    random = Random(4)
    await rig.visit()

    async def kill_everything() -> None:
        for _ in range(3 if rig.scale.short else 15):
            await asyncio.sleep(random.uniform(0.3, 1.5) if rig.scale.short else random.uniform(2, 6))
            await asyncio.gather(*(rig.kill(each) for each in rig.applications), rig.kill_chatwoot())
            await rig.restart_chatwoot()
            await asyncio.gather(*(each.start() for each in rig.applications))

    await during(rig.write(every_s=0.5), kill_everything())

    await rig.healed()
