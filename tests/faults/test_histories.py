"""F31 to F34: frames doubled, shuffled and late, stale lists, long gaps, ids that are not the order of time."""

import asyncio

import pytest

from tests.faults.conftest import MakeRig
from tests.faults.conversing import answer_all
from tests.faults.rig import Rig, during

pytestmark = pytest.mark.faults
WEAK = r"cable line \d+:"


async def conversing(make_rig: MakeRig) -> Rig:
    rig = await make_rig()
    await rig.visit()
    await rig.introduce()
    return rig


async def test_f31_doubled_shuffled_and_late_frames_and_a_stale_list(make_rig: MakeRig) -> None:
    rig = await conversing(make_rig)
    await rig.fault("broadcasts_doubled")
    await rig.fault("broadcasts_shuffled")
    await during(answer_all(rig, 4), rig.write(3))
    kept = await answer_all(rig, 3)
    await rig.fault("delay_answer", method="GET", path="/conversations", seconds=rig.s(10))
    rig.cable.cut("reset")  # every page of a list is now older than the deletion that follows
    rig.injected("cable: reset")
    await asyncio.sleep(rig.s(3))
    first = rig.talk_of(rig.visitors[0]).id
    await rig.agent.delete(first, kept[0])
    await rig.agent.resolve(rig.talk_of(rig.visitors[1]).id)
    await asyncio.sleep(rig.s(15))

    await rig.healed(expected_errors=[WEAK])


async def test_f32_a_gap_longer_than_any_page(make_rig: MakeRig) -> None:
    rig = await conversing(make_rig)
    visitor = rig.visitors[0]
    talk = rig.talk_of(visitor)
    rig.cable.cut("reset")
    await rig.cable.refuse()
    rig.injected("cable: cut and refused")
    number = 60 if rig.scale.short else 1100
    for n in range(number):
        await rig.agent.reply(talk.id, f"{rig.run}/agent/gap/{n}")
    await visitor.leave()
    await rig.cable.open()
    visitor.arrive()

    await rig.healed(expected_errors=[WEAK])

    assert rig.scale.short or "far" in visitor.view.resets


async def test_f33_f34_ids_that_become_visible_out_of_order(make_rig: MakeRig) -> None:
    rig = await conversing(make_rig)
    await rig.fault("inverted", method="POST", path="/messages", seconds=rig.s(20))

    async def agents() -> None:
        async with asyncio.TaskGroup() as group:
            for visitor in rig.visitors:
                talk = rig.talk_of(visitor)
                for n in range(12):
                    group.create_task(rig.agent.reply(talk.id, f"{rig.run}/agent/{visitor.name}/{n}"))

    async def cuts() -> None:
        for _ in range(4):
            await asyncio.sleep(rig.s(5))
            rig.cable.cut("reset")
            rig.injected("cable: reset")

    await during(agents(), cuts(), rig.write(2))

    await rig.healed(expected_errors=[WEAK])
