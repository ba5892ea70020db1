"""What is read, what is dropped, what is refused. The recordings of a real Chatwoot are read in test_recordings.py."""

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from chat.chatwoot.errors import Malformed
from chat.chatwoot.resources import (
    Attachment,
    ContactSession,
    Conversation,
    InboxProfile,
    Message,
    MessageType,
    Sender,
)

AGENT = {"id": 2, "name": "Gus Agent", "available_name": "Gus", "avatar_url": "", "type": "user", "thumbnail": ""}
BY_REST: dict[str, Any] = {
    "id": 3,
    "content": "Hi **Bob**",
    "message_type": 1,
    "content_type": "text",
    "content_attributes": {},
    "created_at": 1795356290,
    "conversation_id": 2,
    "sender": AGENT,
}
BY_CABLE: dict[str, Any] = BY_REST | {
    "account_id": 1,
    "inbox_id": 1,
    "updated_at": "2026-11-22T14:04:50.827Z",
    "private": False,
    "status": "sent",
    "source_id": None,
    "echo_id": "d.1",
    "conversation": {"unread_count": 1, "contact_inbox": {"source_id": "b1b3f3ac"}},
}


def test_a_message_by_rest():
    message = Message.parse(BY_REST)
    assert (message.id, message.conversation_id, message.content) == (3, 2, "Hi **Bob**")
    assert message.message_type is MessageType.OUTGOING
    assert message.sender == Sender(kind="agent", id=2, name="Gus", avatar_url=None)
    assert (message.deleted, message.private, message.attachments) == (False, False, ())
    cable_only = (message.updated_at, message.status, message.echo_id, message.inbox_id, message.source_id)
    assert cable_only == (None,) * 5


def test_a_message_by_cable():
    message = Message.parse(BY_CABLE)
    assert message.updated_at == datetime(2026, 11, 22, 14, 4, 50, 827_000, tzinfo=UTC)
    assert (message.status, message.echo_id, message.inbox_id, message.source_id) == ("sent", "d.1", 1, "b1b3f3ac")


@pytest.mark.parametrize("content", [None, ""])
def test_a_message_without_text_is_empty(content: str | None):
    assert Message.parse(BY_REST | {"content": content}).content == ""


def test_a_deleted_message_has_no_text():
    deleted = BY_REST | {"content": "This message was deleted", "content_attributes": {"deleted": True}}
    message = Message.parse(deleted)
    assert (message.deleted, message.content, message.content_attributes) == (True, "", {})


def test_of_the_attributes_only_the_known_ones_stay():
    shown = {"items": [{"title": "A", "value": "a"}], "in_reply_to": 2, "display_type": "emoji"}
    hidden = {"translations": {"de": "x"}, "email": {"html": "<p>"}, "automation_rule_id": 1, "relay_id": "r"}
    assert Message.parse(BY_REST | {"content_attributes": shown | hidden}).content_attributes == shown


@pytest.mark.parametrize("private", [True, None, 1, "false"])
def test_anything_but_a_plain_no_is_private(private: object):
    assert Message.parse(BY_CABLE | {"private": private}).private


@pytest.mark.parametrize(
    ("sender", "kind", "name"),
    [
        (AGENT, "agent", "Gus"),
        (AGENT | {"available_name": None}, "agent", "Gus Agent"),
        ({"id": 4, "name": "Bob", "type": "contact", "thumbnail": "", "email": "bob@x.test"}, "contact", "Bob"),
        ({"id": 1, "name": "Robot", "avatar_url": "https://x.test/a.png", "type": "agent_bot"}, "bot", "Robot"),
        ({"id": 1, "name": "Captain", "type": "captain_assistant", "description": "secret"}, "bot", "Captain"),
    ],
)
def test_senders(sender: dict[str, Any], kind: str, name: str):
    read = Sender.parse(sender)
    assert (read.kind, read.name) == (kind, name)


@pytest.mark.parametrize("sender", [None, {}])
def test_some_messages_have_no_sender(sender: object):
    assert Message.parse(BY_REST | {"sender": sender}).sender is None


def test_a_file_is_named_by_its_address():
    url = "http://cw.test/rails/active_storage/blobs/redirect/eyJf--9c6a/a%20%C3%A4.png"
    image = {"id": 29, "message_id": 48, "file_type": "image", "data_url": url, "thumb_url": url, "file_size": 70}
    attachment = Attachment.parse(image)
    assert (attachment.name, attachment.file_size, attachment.data_url) == ("a ä.png", 70, url)
    location = Attachment.parse({"id": 1, "file_type": "location", "coordinates_lat": 1.5, "data_url": None})
    assert (location.name, location.data_url, location.file_size) == ("", "", None)
    assert Attachment.parse({"id": 1, "data_url": "http://[broken"}).name == ""


def test_a_conversation_by_cable():
    conversation = Conversation.parse(
        {
            "id": 2,
            "inbox_id": 1,
            "status": "resolved",
            "messages": [BY_CABLE],
            "contact_inbox": {"id": 4, "source_id": "b1b3f3ac", "pubsub_token": "Qww3W8rD"},
            "custom_attributes": {"chatproxy_key": "k", "topic": "billing"},
            "agent_last_seen_at": 1795356293,
            "contact_last_seen_at": None,
            "updated_at": 1795356290.880524,
            "labels": ["vip"],
        }
    )
    assert (conversation.source_id, conversation.key, conversation.status) == ("b1b3f3ac", "k", "resolved")
    assert conversation.agent_last_seen_at == 1795356293
    assert conversation.updated_at == 1795356290.880524
    assert "Qww3W8rD" not in repr(conversation)
    assert "vip" not in repr(conversation)


@pytest.mark.parametrize("custom", [None, [], {"chatproxy_key": 7}])
def test_a_conversation_that_does_not_carry_our_key(custom: object):
    assert Conversation.parse({"id": 2, "inbox_id": 1, "status": "open", "custom_attributes": custom}).key is None


@pytest.mark.parametrize(
    "change",
    [
        {"id": None}, {"id": "3"}, {"id": True}, {"id": 3.0}, {"conversation_id": None}, {"message_type": "incoming"},
        {"message_type": 9}, {"content": 7}, {"content": ["x"]}, {"content_type": 0}, {"content_attributes": "text"},
        {"created_at": "2026-11-22"}, {"sender": "Gus"}, {"sender": {"name": "Gus"}}, {"attachments": {"id": 1}},
        {"attachments": [None]}, {"updated_at": "yesterday"}, {"updated_at": "2026-11-22T14:04:50"}, {"updated_at": 7},
    ],
)  # fmt: skip
def test_what_does_not_fit_is_malformed_and_does_not_tell_the_text(change: dict[str, Any]):
    with pytest.raises(Malformed) as caught:
        Message.parse(BY_CABLE | change)
    assert "Bob" not in str(caught.value)
    assert caught.value.status is None


def test_a_missing_secret_is_malformed():
    with pytest.raises(Malformed, match="pubsub_token: NoneType instead of a text"):
        ContactSession.parse({"source_id": "s", "id": 1, "name": "Jane"})


def test_an_inbox_needs_only_its_name():
    profile = InboxProfile.parse({"name": "Portal"})
    assert (profile.timezone, profile.working_hours, profile.working_hours_enabled) == ("UTC", (), False)


def test_secrets_and_texts_do_not_print():
    session = ContactSession(source_id="SECRET1", pubsub_token="SECRET2", contact_id=1, name="SECRET3")
    file = Attachment.parse({"id": 1, "data_url": "http://cw/SECRET4/x.png", "thumb_url": "http://cw/SECRET5/x.png"})
    message = Message.parse(
        BY_CABLE | {"content": "SECRET6", "conversation": {"contact_inbox": {"source_id": "SECRET7"}}}
    )
    assert "SECRET" not in f"{session!r}{file!r}{message!r}"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("content", "a\0b"),
        ("content_type", "te\0xt"),
        ("sender", {"id": 1, "name": "G\0us"}),
        ("attachments", [{"id": 1, "data_url": "https://cw/a%00b.pdf", "file_type": "fi\0le"}]),
    ],
)
def test_no_text_holds_a_nul(key: str, value: object):
    """PostgreSQL cannot store it."""
    message = Message.parse(BY_CABLE | {key: value})
    assert "\\x00" not in repr(dataclasses.astuple(message))
