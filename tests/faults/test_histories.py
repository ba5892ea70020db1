"""F31 to F34: frames doubled, shuffled and late, stale lists, long gaps, ids that are not the order of time."""

import asyncio
from pathlib import Path

import pytest

from tests.faults.conftest import MakeRig
from tests.faults.conversing import answer_all, unanswered
from tests.faults.rig import Rig, during
from tests.faults.test_clocks import OurClock

pytestmark = pytest.mark.faults
WEAK = r"cable line \d+:"


async def conversing(make_rig: MakeRig, **settings: str) -> Rig:
    rig = await make_rig(**settings)
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


async def test_f31_a_stale_list_brings_nothing_back_though_our_clock_was_put_back(
    make_rig: MakeRig, tmp_path: Path
) -> None:
    """The list seems to have been asked for after the deletion; only that a deletion is final keeps it out."""
    clock = OurClock(tmp_path)
    rig = await conversing(make_rig, CLOCK_OFFSET_FILE=str(clock.file))
    talks = [rig.talk_of(visitor).id for visitor in rig.visitors]
    replies = [await rig.agent.reply(talk, f"{rig.run}/agent/{talk}") for talk in talks]
    await rig.until(lambda: not unanswered(rig), "not all have seen the reply")
    await rig.fault("delay_answer", method="GET", path="/conversations", seconds=3)
    rig.cable.cut("reset")
    rig.injected("cable: reset")
    await asyncio.sleep(1.5)  # the cable is back, the lists are on their way
    clock.is_off(rig, -4)  # less than what is taken for a jump
    for talk, reply in zip(talks, replies, strict=True):
        await rig.agent.delete(talk, reply)
    await asyncio.sleep(3)

    await rig.healed(expected_errors=[WEAK])


async def test_f32_a_gap_longer_than_any_page(make_rig: MakeRig) -> None:
    rig = await conversing(make_rig)
    visitor = rig.visitors[0]
    talk = rig.talk_of(visitor)
    other = rig.device(visitor)  # it stays, and is polled for
    await rig.until(other.online.is_set, "the other device did not get in")
    await visitor.leave()
    rig.cable.cut("reset")
    await rig.cable.refuse()
    rig.injected("cable: cut and refused")
    number = 60 if rig.scale.short else 1100
    for n in range(number):
        await rig.agent.reply_as_fast_as_may_be(talk.id, f"{rig.run}/agent/gap/{n}")
    words = "the other device was not polled for"
    await rig.until(lambda: len(other.view.messages) > number, words, within_s=120)
    await rig.cable.open()
    visitor.arrive()

    await rig.healed(expected_errors=[WEAK])

    assert rig.scale.short or "far" in visitor.view.resets


async def test_f33_f34_ids_that_become_visible_out_of_order(make_rig: MakeRig) -> None:
    rig = await conversing(make_rig)
    await rig.fault("inverted", method="POST", path="/messages", seconds=rig.s(14))  # Chatwoot gives up after 15

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


async def test_f33_what_is_looked_for_is_found_behind_an_id_that_came_late(make_rig: MakeRig) -> None:
    """The newest page begins with a low id, written long before its other rows and committed after all of them."""
    rig = await conversing(make_rig)
    visitor = rig.visitors[0]
    talk = rig.talk_of(visitor).id
    await rig.fault("broadcasts_stopped", drop=True)
    await rig.fault("error_before", method="GET", path="/conversations")
    for name, seconds in (("inverted", 0), ("delay", 3)):
        await rig.fault(name, method="POST", path="/messages", seconds=seconds, times=1)
    late = asyncio.create_task(rig.agent.reply(talk, f"{rig.run}/agent/late"))
    await asyncio.sleep(0.2)
    await rig.fault("lose_answer", method="POST", path="/messages", times=1)
    text = rig.marker(visitor)
    visitor.write(text)
    await rig.until(lambda: text in rig.ledger().texts, "it did not arrive")
    for n in range(25):
        await rig.agent.reply(talk, f"{rig.run}/agent/{n}")
    await late

    await rig.healed(linger_s=rig.s(60), expected_errors=[WEAK])
