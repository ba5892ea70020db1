"""What a visitor does about a message that was lost, an agent's question and a conversation that is over, up to what
the agent sees of it."""

import uuid
from typing import Any

import pytest

from chat.models import Message
from chat.runtime import Runtime
from chat.wire.errors import Code, Refusal
from tests.eventually import eventually
from tests.fixtures.world import Device, Person, World

REFUSAL = {"message": "Content is too long (maximum is 150000 characters)", "attributes": ["content"]}


async def refused(world: World, runtime: Runtime, person: Person, device: Device, text: str) -> uuid.UUID:
    """A message that Chatwoot would not take; its id."""
    world.sandbox.faults.set("status", method="POST", path="/messages", status=422, body=REFUSAL, times=1)
    said = await person.say(runtime, text)
    await eventually(lambda: device.rows[str(said.message_id)]["state"] == "failed")
    return said.message_id


async def test_a_failed_message_says_why_and_arrives_once_when_it_is_tried_again(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    device, _ = await world.talk(runtime, alice)
    message_id = await refused(world, runtime, alice, device, "again")
    assert device.rows[str(message_id)]["reason"]
    await runtime.conversations.retry(alice.contact_id, message_id=message_id)
    await eventually(lambda: device.states() == ["sent", "sent"])
    assert device.rows[str(message_id)]["reason"] is None
    assert world.said(alice) == ["hello", "again"]
    with pytest.raises(Refusal) as late:
        await runtime.conversations.retry(alice.contact_id, message_id=message_id)
    assert late.value.code == Code.NOT_LOST
    assert world.said(alice) == ["hello", "again"]


async def test_a_failed_message_that_is_deleted_is_gone_for_every_device_and_never_sent(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    device, _ = await world.talk(runtime, alice)
    message_id = await refused(world, runtime, alice, device, "a slip of the tongue")
    await runtime.conversations.discard(alice.contact_id, message_id=message_id)
    await eventually(lambda: device.rows[str(message_id)]["deleted"])
    assert (await world.ask(Message.objects.get, id=message_id)).content == ""
    await alice.say(runtime, "after it")
    await eventually(world.sees("hello", "after it", person=alice))
    with pytest.raises(Refusal) as gone:
        await runtime.conversations.retry(alice.contact_id, message_id=message_id)
    assert gone.value.code == Code.NOT_LOST


async def test_nobody_acts_on_what_is_not_theirs(world: World) -> None:
    runtime, alice, eve = await world.start(), await world.person(), await world.person()
    device, _ = await world.talk(runtime, alice)
    message_id = await refused(world, runtime, alice, device, "mine")
    conversation_id = uuid.UUID(device.conversations[0]["id"])
    doing = runtime.conversations
    for attempt, code in (
        (doing.retry(eve.contact_id, message_id=message_id), Code.NO_SUCH_MESSAGE),
        (doing.discard(eve.contact_id, message_id=message_id), Code.NO_SUCH_MESSAGE),
        (doing.answer(eve.contact_id, message_id=message_id, values={"value": 1}), Code.NO_SUCH_MESSAGE),
        (doing.resolve(eve.contact_id, conversation_id=conversation_id), Code.NO_SUCH_CONVERSATION),
    ):
        with pytest.raises(Refusal) as refusal:
            await attempt
        assert refusal.value.code == code
    assert device.rows[str(message_id)]["state"] == "failed"


async def test_an_answer_reaches_the_agents_question(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    device, conversation = await world.talk(runtime, alice)
    items = [{"title": "Brass", "value": "brass"}, {"title": "Steel", "value": "steel"}]
    world.sandbox.desk.reply(conversation, "Which?", content_type="input_select", content_attributes={"items": items})
    await eventually(lambda: len(device.messages) == 2)
    question = uuid.UUID(device.messages[1]["id"])
    await runtime.conversations.answer(alice.contact_id, message_id=question, values=[items[1]])
    await eventually(lambda: answers(world, alice) == [[items[1]]])
    own = uuid.UUID(device.messages[0]["id"])
    with pytest.raises(Refusal) as refusal:
        await runtime.conversations.answer(alice.contact_id, message_id=own, values=[items[1]])
    assert refusal.value.code == Code.NO_QUESTION


def answers(world: World, person: Person) -> list[Any]:
    (conversation,) = world.conversations(person)
    given = [message["content_attributes"].get("submitted_values") for message in conversation["messages"]]
    return [each for each in given if each]


async def test_a_visitor_ends_the_conversation_after_what_they_said_and_writing_opens_it_again(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    device, _ = await world.talk(runtime, alice)
    conversation_id = uuid.UUID(device.conversations[0]["id"])
    await alice.say(runtime, "thank you")
    await runtime.conversations.resolve(alice.contact_id, conversation_id=conversation_id)
    await eventually(lambda: device.conversations[0]["status"] == "resolved")
    assert world.said(alice) == ["hello", "thank you"]
    await alice.say(runtime, "one more thing")
    await eventually(lambda: device.conversations[0]["status"] == "open")
    assert world.said(alice) == ["hello", "thank you", "one more thing"]
