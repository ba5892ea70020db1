"""F23 to F29: the cable lies, each time in another way, and every device learns of everything all the same."""

import asyncio
from typing import Any

import pytest

from tests.faults.conftest import MakeRig
from tests.faults.conversing import answer_all, shown, unanswered
from tests.faults.rig import Rig

pytestmark = pytest.mark.faults
WEAK = r"cable line \d+:"  # a line that is refused says so as an error
NO_ECHO = r"does not tell it by cable"
SLACK_S = 12  # a machine that runs three other rows


async def conversing(make_rig: MakeRig, **settings: Any) -> Rig:
    rig = await make_rig(**settings)
    await rig.visit()
    await rig.introduce()
    return rig


async def test_f23_a_cable_that_is_cut_again_and_again(make_rig: MakeRig) -> None:
    rig = await conversing(make_rig)
    for _ in range(4):
        rig.cable.cut("reset")
        rig.injected("cable: reset")
        await answer_all(rig, 2)
        await asyncio.sleep(rig.s(8))
    await rig.healed(expected_errors=[WEAK])


@pytest.mark.parametrize("half", [False, True], ids=["f24-stalled", "f25-half-open"])
async def test_f24_f25_a_cable_without_frames_is_given_up(make_rig: MakeRig, half: bool) -> None:
    rig = await conversing(make_rig)
    if half:
        rig.toxic(rig.cable, up={"half_open": True}, down={"half_open": True, "black_hole": True})
    else:
        rig.toxic(rig.cable, up={"black_hole": True}, down={"black_hole": True})
    await answer_all(rig, 2)
    await rig.until(lambda: not unanswered(rig), "nobody asked meanwhile", within_s=rig.s(60) + SLACK_S)
    await rig.healed(expected_errors=[WEAK])


async def test_f26_pings_but_deaf_is_found_out_by_the_canary(make_rig: MakeRig) -> None:
    rig = await conversing(make_rig, AUDIT_S="600")
    await rig.fault("cable_mute")
    await answer_all(rig, 2)
    await rig.until(lambda: not unanswered(rig), "a deaf cable went unnoticed", within_s=rig.s(60) + SLACK_S)
    assert "nothing that is published comes through" in rig.application.text()
    await rig.healed(expected_errors=[WEAK, NO_ECHO])


@pytest.mark.parametrize("times", [1, None], ids=["once", "always"])
async def test_f27_a_confirmation_that_never_comes(make_rig: MakeRig, times: int | None) -> None:
    rig = await make_rig(AUDIT_S="600")
    await rig.fault("cable_no_confirm", **({"times": times} if times else {}))
    await rig.visit()
    await rig.write(1, every_s=0)
    await rig.until(lambda: len(rig.ledger().texts) == len(rig.visitors), "nothing arrived", within_s=30)
    await answer_all(rig, 2)
    await rig.until(lambda: not unanswered(rig), "a silent contact was not polled", within_s=rig.s(60) + SLACK_S)
    await rig.healed(expected_errors=[WEAK])


async def test_f28_without_a_job_queue_echoes_are_missed_and_replies_polled(make_rig: MakeRig) -> None:
    rig = await conversing(make_rig, AUDIT_S="600")
    await rig.fault("broadcasts_stopped")
    await rig.write(1, every_s=0)  # the echo of these never comes, although the canary answers
    await answer_all(rig, 2)
    await rig.until(lambda: not unanswered(rig), "replies did not arrive", within_s=rig.s(70) + SLACK_S)
    said = "does not tell it by cable"
    await rig.until(lambda: said in rig.application.text(), "nobody was told", within_s=rig.s(60) + SLACK_S)
    await rig.healed(expected_errors=[WEAK, NO_ECHO])


async def test_f29_a_contact_that_was_deleted_comes_into_being_anew(make_rig: MakeRig) -> None:
    rig = await conversing(make_rig)
    visitor = rig.visitors[0]
    talk = rig.talk_of(visitor)
    await rig.agent.delete_contact(talk.contact_id, rig.world["admin_token"])
    rig.injected("the contact is deleted")
    rig.cable.cut("reset")
    text = rig.marker(visitor)
    visitor.write(text)
    await rig.until(lambda: any(text == row.text for each in rig.ledger().talks for row in each.incoming), "lost")
    again = next(each for each in rig.ledger().talks if text in [row.text for row in each.incoming])
    reply = f"{rig.run}/agent/anew"
    await rig.agent.reply(again.id, reply)
    await rig.until(lambda: shown(visitor, reply), "the new subscription brings nothing", within_s=rig.s(60) + SLACK_S)
