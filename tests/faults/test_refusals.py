"""F17–F20: Chatwoot, or what stands before it, says no in every way there is."""

import asyncio

import pytest

from tests.faults.conftest import MakeRig
from tests.faults.rig import Rig
from tests.faults.rogue import Answer, Rogue, answer, by_rails
from tests.faults.test_late import NO_ECHO
from tests.faults.visitors import Visitor

pytestmark = pytest.mark.faults
MARKED = pytest.mark.parametrize("marker", [False, True], ids=["by-content", "by-marker"])
GONE = [r"no longer knows"]
PAUSED = [r"is paused"]
TOO_LONG = {"message": "Content is too long (maximum is 150000 characters)", "attributes": ["content"]}
TOO_LONG_FOR_A_BOT = {"error": "Validation failed: Content is too long (maximum is 150000 characters)"}
TOO_MANY = {"message": "Too many messages", "attributes": ["base"]}
TOO_MANY_FOR_A_BOT = {"error": "Validation failed: Too many messages"}


def nonsense(*, commits: bool) -> list[Answer]:
    """What a proxy, a portal or a broken Rails may say to a POST, whether or not it went through before."""
    page = b"<html><body>Something went wrong.</body></html>"
    statuses = (502, 503, 504, 520)
    return [
        *(answer(each, page, commits=commits) for each in statuses),
        answer(200, page, commits=commits),
        answer(200, b'{"id": 17, "content": "hal', commits=commits, content_type="application/json"),
        answer(200, b"", commits=commits),
        answer(200, b'\xff\xfe{"', commits=commits, content_type="application/json"),
        by_rails(200, [], commits=commits),
        by_rails(200, {"id": "seventeen", "message_type": None}, commits=commits),
        by_rails(200, {"id": -1, "conversation_id": {}, "content": 5}, commits=commits),
    ]


@MARKED
@pytest.mark.parametrize("commits", [False, True], ids=["nothing-done", "done"])
async def test_f17_no_nonsense_loses_or_doubles_anything(make_rig: MakeRig, commits: bool, marker: bool) -> None:
    rig = await make_rig(marker=marker)
    await rig.visit()
    await rig.introduce()
    await rig.fault("broadcasts_stopped", drop=True)  # no echo helps
    async with Rogue(rig) as rogue:
        rogue.answers += nonsense(commits=commits)
        await rig.write()
        await rig.until(lambda: not rogue.answers, "not all of it was said", within_s=rig.s(300) + 30)

    await rig.healed(expected_errors=[NO_ECHO])


async def test_f17_a_redirect_is_not_followed_and_pauses_the_inbox(make_rig: MakeRig) -> None:
    rig = await make_rig()
    await rig.visit()
    await rig.introduce()
    async with Rogue(rig) as rogue:
        elsewhere = answer(302, location=f"{rig.chatwoot.url}/elsewhere")
        rogue.answers += [elsewhere] * 2
        await rig.write()
        await rig.until(lambda: not rogue.answers, "nobody was sent elsewhere", within_s=rig.s(120) + 30)
        assert not any("elsewhere" in asked for _, asked in rogue.seen)

    await rig.healed(expected_errors=PAUSED)


async def test_f18_429_pauses_everything_that_goes_to_that_chatwoot(make_rig: MakeRig) -> None:
    rig = await make_rig()
    await rig.visit()
    await rig.introduce()
    pause_s = 6
    async with Rogue(rig, wants=lambda asked: "/conversations" in asked) as rogue:  # not a look at its clock
        rogue.answers.append(answer(429, b"Retry later", retry_after=str(pause_s)))
        await rig.write()
        await rig.until(lambda: rogue.given, "nobody was told to wait")
        began = next(at for at, name in rogue.seen if "/conversations" in name)  # the pause is not over before
        await asyncio.sleep(pause_s)
        asked = [name for at, name in rogue.seen if began + 0.5 < at < began + pause_s - 0.5 and "/api/v1" in name]
        assert asked == []

    await rig.healed()


@MARKED
async def test_f19_too_many_messages_wait_and_invalid_ones_fail(make_rig: MakeRig, marker: bool) -> None:
    rig = await make_rig(marker=marker)
    await rig.visit()
    await rig.introduce()
    async with Rogue(rig) as rogue:
        rogue.answers += [by_rails(422, TOO_MANY_FOR_A_BOT if marker else TOO_MANY)] * 2
        rogue.answers += [by_rails(422, TOO_LONG_FOR_A_BOT if marker else TOO_LONG)] * 2
        rogue.answers += [by_rails(422, {"error": "undefined method"}, commits=True)] * (2 if marker else 0)
        await rig.write(4)
        await rig.until(lambda: not rogue.answers, "not all was refused", within_s=rig.s(300) + 30)

    await rig.healed(expected_errors=[r"failed after", r"was refused"])

    assert len(failed(rig)) == 2
    assert {row["reason"] for row in failed(rig)} == {"not_accepted"}


def failed(rig: Rig) -> list[dict[str, object]]:
    rows = {row["id"]: row for visitor in rig.visitors for row in visitor.view.messages.values()}
    return [row for row in rows.values() if row["state"] == "failed"]


async def test_f19_an_unknown_inbox_pauses_until_it_is_known_again(make_rig: MakeRig) -> None:
    rig = await make_rig()
    await rig.visit()
    await rig.introduce()
    await rig.fault("status", path="/public/api/v1/inboxes", status=404, body={"status": 404, "error": "Not Found"})
    await rig.write(2)
    await rig.until(lambda: "is paused" in rig.application.text(), "the inbox was not paused")

    await rig.healed(expected_errors=PAUSED)


@pytest.mark.parametrize("what", ["conversation", "contact"])
@MARKED
async def test_f19_what_was_deleted_at_chatwoot_comes_into_being_anew(
    make_rig: MakeRig, what: str, marker: bool
) -> None:
    rig = await make_rig(marker=marker)
    await rig.visit()
    await rig.fault("error_before", method="POST", path="/messages")  # the conversations are there, and empty
    await rig.write(3)
    await rig.until(lambda: len(rig.ledger().talks) == len(rig.visitors), "the conversations did not begin")
    gone = rig.ledger().talks[:2]
    for talk in gone:
        if what == "contact":
            await rig.agent.delete_contact(talk.contact_id, rig.world["admin_token"])
        else:
            admin = {"Api-Access-Token": rig.world["admin_token"]}
            await rig.agent.call("DELETE", f"/conversations/{talk.id}", headers=admin)
    rig.injected(f"two {what}s are deleted")

    await rig.healed(expected_errors=GONE)

    talks = {talk.id for talk in rig.ledger().talks}
    assert len(talks) == rig.scale.visitors
    assert not talks & {talk.id for talk in gone}


async def test_f20_a_poisoned_conversation_holds_up_nobody_and_fails_in_the_end(make_rig: MakeRig) -> None:
    rig = await make_rig()
    await rig.visit()
    await rig.introduce()
    poisoned, *others = rig.visitors
    path = f"/conversations/{rig.talk_of(poisoned).id}/messages"
    await rig.fault("error_before", method="POST", path=path)
    bad = poisoned.write(rig.marker(poisoned))
    for visitor in others:
        for _ in range(rig.scale.messages):
            visitor.write(rig.marker(visitor))
    await rig.until(lambda: all(arrived(rig, each) for each in others), "the others were held up")
    assert poisoned.view.state_of(bad.echo_id) not in ("sent", "failed")
    await rig.until(
        lambda: poisoned.view.state_of(bad.echo_id) == "failed", "it was never given up", within_s=rig.s(600) + 30
    )
    await rig.clear_faults()
    poisoned.write(rig.marker(poisoned))

    await rig.healed(expected_errors=[r"failed after"])

    assert arrived(rig, poisoned) is False
    assert rig.ledger().texts.count(poisoned.written[-1].text) == 1


def arrived(rig: Rig, visitor: Visitor) -> bool:
    return {each.text for each in visitor.written} <= set(rig.ledger().texts)
