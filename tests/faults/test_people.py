"""F36, F38 and F46: people who come and go all the time, who type without end, and parts that start in any order."""

import asyncio
import itertools
import random

import pytest

from tests.faults.conftest import MakeRig
from tests.faults.conversing import answer_all
from tests.faults.rig import during

pytestmark = pytest.mark.faults
WEAK = r"cable line \d+:"


async def test_f36_pages_that_drop_all_the_time_miss_nothing(make_rig: MakeRig) -> None:
    rig = await make_rig()
    await rig.visit(8 if rig.scale.short else 200)
    await rig.introduce()
    dice = random.Random(36)

    async def flap() -> None:
        for _ in range(60):
            for visitor in dice.sample(rig.visitors, max(1, len(rig.visitors) // 4)):
                await visitor.drop()
            await asyncio.sleep(rig.s(1))
        rig.injected("pages dropped 60 times over")

    await during(flap(), answer_all(rig, 3), rig.write(3))
    await answer_all(rig, 2)

    await rig.healed()


async def test_f38_typing_without_end_takes_no_number_of_the_feed(make_rig: MakeRig) -> None:
    rig = await make_rig()
    await rig.visit()
    await rig.introduce()
    await rig.until(lambda: all(each.view.cursor for each in rig.visitors), "nobody has a cursor")
    before = {each.name: each.view.cursor for each in rig.visitors}
    for on in itertools.islice(itertools.cycle((True, False)), 100):
        for visitor in rig.visitors:
            conversation = next(iter(visitor.view.conversations))
            await visitor.tell(type="typing", conversation=conversation, on=on)
        await asyncio.sleep(0.02)
    rig.injected("typing 100 times each")
    talk = rig.talk_of(rig.visitors[0])
    for on in (True, False) * 10:
        await rig.agent.call(
            "POST", f"/conversations/{talk.id}/toggle_typing_status?typing_status={'on' if on else 'off'}"
        )

    assert {each.name: each.view.cursor for each in rig.visitors} == before
    await rig.write(2)
    await rig.healed()


@pytest.mark.parametrize("first", ["application", "chatwoot"])
async def test_f46_the_parts_start_in_any_order(make_rig: MakeRig, first: str) -> None:
    rig = await make_rig(applications=2)
    await rig.visit()
    await rig.introduce()
    await asyncio.gather(*(rig.kill(each) for each in rig.applications), rig.kill_chatwoot())
    if first == "chatwoot":
        await rig.restart_chatwoot()
        await asyncio.sleep(rig.s(10))
    await rig.applications[1].start()
    await rig.write(2)
    await asyncio.sleep(rig.s(10))
    await rig.applications[0].start()
    await rig.restart_chatwoot()
    await answer_all(rig, 2)

    await rig.healed(expected_errors=[WEAK, r"database is locked"])
