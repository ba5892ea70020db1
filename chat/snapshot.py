"""What a message is at first, and becomes by what Chatwoot says of it. Pure: nothing is read or written here."""

import uuid
from collections.abc import Mapping
from typing import Any

import orjson

from chat import faces, outcome
from chat.chatwoot import resources
from chat.chatwoot.resources import MessageType
from chat.models import Conversation, Message
from chat.records import ConversationRecord, MessageRecord
from chat.rich import ANSWERING


def accepted(
    conversation: ConversationRecord, *, echo_id: uuid.UUID, text: str, has_files: bool, at: int, waits: bool
) -> MessageRecord:
    """What a visitor has written, before Chatwoot has heard of it. ``waits``: behind what was never confirmed."""
    return MessageRecord(
        id=uuid.uuid4(),
        conversation_id=conversation.id,
        contact_id=conversation.contact_id,
        inbox_id=conversation.inbox_id,
        chatwoot_id=None,
        echo_id=echo_id,
        direction=Message.Direction.INCOMING,
        content=text,
        content_type="text",
        content_attributes={},
        sender_kind="contact",
        sender_name="",
        sender_avatar="",
        has_files=has_files,
        at=at,
        state=Message.State.ACCEPTED,
        reason=outcome.BEHIND if waits else "",
        chatwoot_updated_at=0,
        applied_at=0,
        deleted=False,
        seq=0,
    )


def first(conversation: ConversationRecord, message: resources.Message, *, at: int) -> MessageRecord:
    """A message that is not one of ours, before anything is told of it. ``at``: its place in the thread."""
    return MessageRecord(
        id=uuid.uuid4(),
        conversation_id=conversation.id,
        contact_id=conversation.contact_id,
        inbox_id=conversation.inbox_id,
        chatwoot_id=message.id,
        echo_id=None,
        direction="incoming" if message.message_type is MessageType.INCOMING else "outgoing",
        content="",
        content_type="text",
        content_attributes={},
        sender_kind="",
        sender_name="",
        sender_avatar="",
        has_files=False,
        at=at,
        state=Message.State.SENT,
        reason="",
        chatwoot_updated_at=0,
        applied_at=0,
        deleted=False,
        seq=0,
    )


def told(record: MessageRecord, message: resources.Message, *, now: int) -> MessageRecord:
    """The record with what Chatwoot says of it. A visitor's own words stay as they were accepted."""
    has_own_words = record.echo_id is not None
    sender = message.sender if record.direction == Message.Direction.OUTGOING else None
    sender = None if sender and sender.kind == "contact" else sender
    return record._replace(
        content="" if message.deleted else record.content if has_own_words else message.content,
        content_type=message.content_type[:20],
        content_attributes={} if message.deleted else _sound(message.content_attributes) | _waiting(record),
        sender_kind=sender.kind if sender else record.sender_kind,
        sender_name=sender.name[:255] if sender else record.sender_name,
        sender_avatar=faces.name_of(record.inbox_id, sender.avatar_url) if sender else record.sender_avatar,
        has_files=(bool(message.attachments) or (record.has_files and has_own_words)) and not message.deleted,
        chatwoot_updated_at=max(record.chatwoot_updated_at, updated_ms(message) or 0),
        applied_at=now,
        deleted=message.deleted,
    )


def emptied(record: MessageRecord) -> MessageRecord:
    """Removed: nothing of what it said is left."""
    return record._replace(deleted=True, content="", content_attributes={}, has_files=False)


def what_is_shown(record: MessageRecord) -> MessageRecord:
    """To compare by: without what a visitor cannot see."""
    return record._replace(chatwoot_updated_at=0, applied_at=0)


def updated_ms(message: resources.Message) -> int | None:
    return round(message.updated_at.timestamp() * 1000) if message.updated_at else None


def status(record: ConversationRecord, conversation: resources.Conversation) -> str:
    """One that we do not know leaves it as it is."""
    return conversation.status if conversation.status in Conversation.Status.values else record.status


def end_of_second(seconds: int) -> int:
    """In ms: an agent who looks at a message within its second has seen it. 0 stays 0."""
    return seconds * 1000 + 999 if seconds else 0


def _waiting(record: MessageRecord) -> dict[str, Any]:
    """What was answered here, and has not arrived."""
    return {key: value for key, value in record.content_attributes.items() if key == ANSWERING}


def _sound(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """As they come back from the database; what it cannot keep (NUL, endless nesting, huge numbers) must not harm."""
    try:
        encoded = orjson.dumps(dict(attributes))
    except TypeError:
        return {}
    kept: dict[str, Any] = {} if b"\\u0000" in encoded else orjson.loads(encoded)
    return kept
