"""Cable messages as frozen events, by allow-list (contract §3.7). What a visitor may never see ends here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chat.chatwoot import reading
from chat.chatwoot.errors import Malformed
from chat.chatwoot.resources import Conversation, Message, MessageType, Sender, source_id_of


@dataclass(frozen=True, slots=True)
class MessageCreated:
    message: Message


@dataclass(frozen=True, slots=True)
class MessageUpdated:
    message: Message


@dataclass(frozen=True, slots=True)
class ConversationCreated:
    conversation: Conversation


@dataclass(frozen=True, slots=True)
class ConversationUpdated:
    """Also a change of status: `conversation.updated` tells it more reliably than its own event (contract §9, 9)."""

    conversation: Conversation


@dataclass(frozen=True, slots=True)
class Typing:
    """An agent types. Chatwoot may forget to say `on=False`: let it expire."""

    conversation_id: int
    inbox_id: int
    source_id: str | None = field(repr=False)
    name: str
    on: bool
    is_private: bool = False


@dataclass(frozen=True, slots=True)
class Presence:
    """At least one agent of the account is online (contract §3.6)."""

    online: bool


Event = MessageCreated | MessageUpdated | ConversationCreated | ConversationUpdated | Typing | Presence


def parse(payload: Mapping[str, Any]) -> Event | None:
    """Read the `message` of a cable frame; None when it holds nothing for visitors. Raises Malformed."""
    read = _READERS.get(reading.text(payload, "event"))
    return read(reading.mapping(payload.get("data"), "data")) if read else None


def _shown(data: Mapping[str, Any]) -> Message | None:
    if data.get("private") is not False:  # The cable always says so; without a plain "no" it stays inside.
        return None
    message = Message.parse(data)
    if message.inbox_id is None:  # The cable always says so, too; the gate needs it.
        raise Malformed("inbox_id: missing")
    return None if message.message_type is MessageType.ACTIVITY else message


def _message_created(data: Mapping[str, Any]) -> Event | None:
    message = _shown(data)
    return MessageCreated(message) if message else None


def _message_updated(data: Mapping[str, Any]) -> Event | None:
    message = _shown(data)
    return MessageUpdated(message) if message else None


def _conversation_created(data: Mapping[str, Any]) -> Event | None:
    return ConversationCreated(Conversation.parse(data))


def _conversation_updated(data: Mapping[str, Any]) -> Event | None:
    return ConversationUpdated(Conversation.parse(data))


def _typing(data: Mapping[str, Any], *, on: bool) -> Event | None:
    if data.get("is_private") is not False:  # An agent who writes a private note types, too (contract §9, 19).
        return None
    conversation = reading.mapping(data.get("conversation"), "conversation")
    sender = Sender.parse(reading.mapping(data.get("user"), "user"))
    if sender.kind == "contact":
        return None
    return Typing(
        conversation_id=reading.integer(conversation, "id"),
        inbox_id=reading.integer(conversation, "inbox_id"),
        source_id=source_id_of(conversation),
        name=sender.name,
        on=on,
    )


def _presence(data: Mapping[str, Any]) -> Event | None:
    return Presence("online" in reading.mapping(data.get("users"), "users").values())


_READERS: dict[str, Callable[[Mapping[str, Any]], Event | None]] = {
    "message.created": _message_created,
    "message.updated": _message_updated,
    "conversation.created": _conversation_created,
    "conversation.updated": _conversation_updated,
    "conversation.status_changed": _conversation_updated,
    "conversation.typing_on": lambda data: _typing(data, on=True),
    "conversation.typing_off": lambda data: _typing(data, on=False),
    "presence.update": _presence,
}
