"""What of a cable message reaches visitors, and what ends here."""

from typing import Any

import pytest

from chat.chatwoot import events
from chat.chatwoot.errors import Malformed
from tests.chatwoot.test_resources import AGENT, BY_CABLE

CONVERSATION = {"id": 2, "inbox_id": 1, "status": "open", "contact_inbox": {"source_id": "b1b3f3ac"}}
TYPING = {"conversation": CONVERSATION, "user": AGENT, "is_private": False, "account_id": 1}


def parse(event: str, data: Any) -> events.Event | None:
    return events.parse({"event": event, "data": data})


def test_messages():
    created, updated = parse("message.created", BY_CABLE), parse("message.updated", BY_CABLE)
    assert isinstance(created, events.MessageCreated)
    assert isinstance(updated, events.MessageUpdated)
    assert created.message == updated.message
    assert created.message.echo_id == "d.1"


def test_deleted_text_in_previous_changes_is_dropped():
    data = BY_CABLE | {
        "content": "This message was deleted",
        "content_attributes": {"deleted": True},
        "previous_changes": {"content": ["the old text", "This message was deleted"]},
    }
    event = parse("message.updated", data)
    assert isinstance(event, events.MessageUpdated)
    assert event.message.deleted
    assert "the old text" not in repr(event)


@pytest.mark.parametrize("change", [{"private": True}, {"private": None}, {"message_type": 2}])
@pytest.mark.parametrize("name", ["message.created", "message.updated"])
def test_private_notes_and_activities_end_here(name: str, change: dict[str, Any]):
    assert parse(name, BY_CABLE | change) is None


def test_a_message_that_does_not_say_whether_it_is_private_ends_here():
    assert parse("message.created", {k: v for k, v in BY_CABLE.items() if k != "private"}) is None


@pytest.mark.parametrize("name", ["conversation.updated", "conversation.status_changed"])
def test_conversation_changes_are_one_event(name: str):
    event = parse(name, CONVERSATION)
    assert isinstance(event, events.ConversationUpdated)
    assert event.conversation.source_id == "b1b3f3ac"


def test_conversation_created():
    assert isinstance(parse("conversation.created", CONVERSATION), events.ConversationCreated)


@pytest.mark.parametrize(("name", "on"), [("conversation.typing_on", True), ("conversation.typing_off", False)])
def test_typing(name: str, on: bool):
    assert parse(name, TYPING) == events.Typing(2, 1, "b1b3f3ac", "Gus", on)


@pytest.mark.parametrize(
    "change", [{"is_private": True}, {"is_private": None}, {"user": {"id": 4, "name": "Bob", "type": "contact"}}]
)
def test_typing_of_private_notes_and_of_visitors_ends_here(change: dict[str, Any]):
    assert parse("conversation.typing_on", TYPING | change) is None


@pytest.mark.parametrize(
    ("users", "online"),
    [({}, False), ({"2": "online", "7": "busy"}, True), ({"7": "busy"}, False), ({"2": "offline"}, False)],
)
def test_presence(users: dict[str, str], online: bool):
    assert parse("presence.update", {"account_id": 1, "users": users}) == events.Presence(online)


@pytest.mark.parametrize(
    "name", ["first.reply.created", "conversation.read", "assignee.changed", "contact.updated", "x", ""]
)
def test_everything_else_is_nothing_for_visitors(name: str):
    assert parse(name, {"secret": 1}) is None


@pytest.mark.parametrize(
    "payload",
    [{}, {"event": 7}, {"event": None, "data": {}}, {"event": "message.created"},
     {"event": "message.created", "data": {"private": False}}, {"event": "conversation.updated", "data": {"id": 1}},
     {"event": "conversation.typing_on", "data": {"is_private": False}}, {"event": "presence.update", "data": {}},
     {"event": "presence.update", "data": []},
     {"event": "conversation.typing_on", "data": TYPING | {"conversation": {}}}],
)  # fmt: skip
def test_what_does_not_fit_is_malformed(payload: dict[str, Any]):
    with pytest.raises(Malformed):
        events.parse(payload)
