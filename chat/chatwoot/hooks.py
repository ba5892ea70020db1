"""What an inbox's webhook tells (contract §5), as far as a hint needs it: whom it is about. Nothing else is read.

Chatwoot neither signs nor repeats it, and the body holds private notes and bearer secrets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from chat.chatwoot import reading
from chat.chatwoot.errors import Malformed


@dataclass(frozen=True, slots=True)
class Hint:
    """Something may be new in this conversation. ``message_id``: it is this message, and no more than that."""

    conversation_id: int
    contact_id: int | None
    source_id: str | None = field(repr=False)
    message_id: int | None


def parse(body: bytes) -> Hint | None:
    """None when there is nothing to compare: typing, a private note, what the visitor wrote, a conversation that has
    only begun. Raises Malformed."""
    try:
        payload = reading.mapping(orjson.loads(body), "the body")
    except orjson.JSONDecodeError:
        raise Malformed("the body is no JSON") from None
    event = reading.text(payload, "event")
    if event in ("message_created", "message_updated"):
        return _of_message(payload, is_new=event == "message_created")
    if event in ("conversation_updated", "conversation_status_changed"):
        return _hint(payload, None)
    return None


def _of_message(payload: Mapping[str, Any], *, is_new: bool) -> Hint | None:
    if payload.get("private") is True or (is_new and payload.get("message_type") == "incoming"):
        return None
    conversation = reading.mapping(payload.get("conversation"), "conversation")
    return _hint(conversation, _number(payload, "id") if is_new else None)


def _hint(conversation: Mapping[str, Any], message_id: int | None) -> Hint:
    session = conversation.get("contact_inbox")
    session = session if isinstance(session, dict) else {}
    return Hint(
        conversation_id=_number(conversation, "id"),
        contact_id=None if session.get("contact_id") is None else _number(session, "contact_id"),
        source_id=reading.text_or_none(session, "source_id"),
        message_id=message_id,
    )


def _number(payload: Mapping[str, Any], key: str) -> int:
    number = reading.integer(payload, key)
    if number < 1:
        raise Malformed(f"{key}: below 1")
    return number
