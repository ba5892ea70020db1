"""F7 and F8: contact and conversation come into being at Chatwoot, once for each person."""

import pytest

from tests.faults.conftest import MakeRig
from tests.faults.rig import Rig
from tests.faults.test_cable import NO_ECHO

pytestmark = pytest.mark.faults


def assert_one_conversation_each(rig: Rig) -> None:
    """Empty ones count, too: an agent would see them."""
    talks = rig.ledger().talks
    assert len(talks) == len({each.person for each in rig.visitors}), talks
    assert len({talk.contact_id for talk in talks}) == len(talks)


@pytest.mark.parametrize(
    "failpoint",
    [
        pytest.param("courier.before_send=kill@1", id="contact-not-sent"),
        pytest.param("contact.after_send=kill@2", id="contact-not-written"),
        pytest.param("conversation.before_send=kill@2", id="conversation-not-sent"),
        pytest.param("conversation.after_send=kill@2", id="conversation-not-written"),
    ],
)
async def test_f7_killed_while_a_conversation_begins_there_is_one(make_rig: MakeRig, failpoint: str) -> None:
    rig = await make_rig(failpoints=failpoint)
    rig.kept.add(rig.application)
    await rig.visit()
    await rig.write(2)
    await rig.until(lambda: rig.application.starts == 2, "the failpoint was not reached")

    await rig.healed()

    assert_one_conversation_each(rig)


@pytest.mark.parametrize("how", ["error_after", "lose_answer"])
async def test_f7_a_creation_whose_answer_is_lost_is_found_again(make_rig: MakeRig, how: str) -> None:
    rig = await make_rig()
    await rig.visit()
    await rig.fault("broadcasts_stopped", drop=True)  # no event brings our key
    for path in ("/contacts", "/conversations"):
        await rig.fault(how, method="POST", path=path, times=4)
    await rig.write(2)
    await rig.until(lambda: len(rig.ledger().texts) == len(rig.visitors) * 2, "the messages did not arrive")

    await rig.healed(expected_errors=[NO_ECHO])

    assert_one_conversation_each(rig)


async def test_f8_two_devices_that_write_first_at_once_share_one_conversation(make_rig: MakeRig) -> None:
    rig = await make_rig(applications=2)
    people = await rig.visit()
    devices = [rig.device(each) for each in people]
    await rig.until(lambda: all(each.online.is_set() for each in devices), "a device did not get in")
    await rig.fault("delay", method="POST", path="/conversations", times=8, seconds=0.3)
    await rig.write(3, every_s=0)

    await rig.healed()

    assert_one_conversation_each(rig)
