"""Chatwoot's things as frozen values, read by allow-list (contract §1 and §2).

Unknown keys end here. Secrets and what agents stored about a person never enter `repr`. `parse` raises `Malformed`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any, Literal, Self
from urllib.parse import unquote, urlsplit

from chat.chatwoot import listing, reading
from chat.chatwoot.errors import Malformed
from chat.chatwoot.listing import Unread

CONVERSATION_KEY = "chatproxy_key"  # Our key in a conversation's custom_attributes; found again in its cable events.
MOST_PIXELS = 100_000  # a side; above that nobody has a picture
MARKER = "chatproxy_id"  # Our `<delivery>.<attempt>` in a message's content_attributes; Chatwoot keeps it.
SHOWN_ATTRIBUTES = ("items", "submitted_values", "submitted_email", "in_reply_to", "display_type", "external_error")


class MessageType(IntEnum):
    """Seen from the agent's desk: INCOMING is the visitor's (contract §2.1)."""

    INCOMING = 0
    OUTGOING = 1
    ACTIVITY = 2
    TEMPLATE = 3


@dataclass(frozen=True, slots=True)
class ContactSession:
    """One contact at one inbox; both tokens are bearer secrets (contract §1.2)."""

    source_id: str = field(repr=False)
    pubsub_token: str = field(repr=False)
    contact_id: int
    name: str = field(repr=False)

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> Self:
        return cls(
            source_id=reading.text(payload, "source_id"),
            pubsub_token=reading.text(payload, "pubsub_token"),
            contact_id=reading.integer(payload, "id"),
            name=reading.text_or_empty(payload, "name"),
        )


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """One day; 0 is Sunday, in the inbox's zone (contract §1.1)."""

    day_of_week: int
    closed_all_day: bool
    open_all_day: bool
    open_hour: int | None
    open_minutes: int | None
    close_hour: int | None
    close_minutes: int | None

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> Self:
        return cls(
            day_of_week=reading.integer(payload, "day_of_week"),
            closed_all_day=reading.flag(payload, "closed_all_day"),
            open_all_day=reading.flag(payload, "open_all_day"),
            open_hour=reading.integer_or_none(payload, "open_hour"),
            open_minutes=reading.integer_or_none(payload, "open_minutes"),
            close_hour=reading.integer_or_none(payload, "close_hour"),
            close_minutes=reading.integer_or_none(payload, "close_minutes"),
        )


@dataclass(frozen=True, slots=True)
class InboxProfile:
    """What the Client API tells about an inbox (contract §1.1)."""

    name: str
    timezone: str
    working_hours: tuple[WorkingHours, ...]
    working_hours_enabled: bool
    csat_survey_enabled: bool
    greeting_enabled: bool
    identity_validation_enabled: bool

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> Self:
        days = reading.sequence(payload.get("working_hours", []), "working_hours")
        return cls(
            name=reading.text(payload, "name"),
            timezone=reading.text_or_none(payload, "timezone") or "UTC",
            working_hours=tuple(WorkingHours.parse(reading.mapping(day, "working_hours")) for day in days),
            working_hours_enabled=reading.flag(payload, "working_hours_enabled"),
            csat_survey_enabled=reading.flag(payload, "csat_survey_enabled"),
            greeting_enabled=reading.flag(payload, "greeting_enabled"),
            identity_validation_enabled=reading.flag(payload, "identity_validation_enabled"),
        )


SenderKind = Literal["contact", "agent", "bot"]
_SENDER_KINDS: dict[str, SenderKind] = {"contact": "contact", "user": "agent"}  # the rest are bots of some kind


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote a message; agents by the name they want shown (contract §2.3)."""

    kind: SenderKind
    id: int
    name: str = field(repr=False)
    avatar_url: str | None = field(repr=False)

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> Self:
        name = reading.text_or_none(payload, "available_name") or reading.text_or_empty(payload, "name")
        avatar_url = reading.text_or_none(payload, "avatar_url") or reading.text_or_none(payload, "thumbnail")
        kind = _SENDER_KINDS.get(reading.text_or_empty(payload, "type"), "bot")
        return cls(kind=kind, id=reading.integer(payload, "id"), name=name, avatar_url=avatar_url or None)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file at Chatwoot. Whoever has its URL has the file (contract §1.12), so URLs are kept out of `repr`."""

    id: int
    file_type: str
    data_url: str = field(repr=False)
    thumb_url: str = field(repr=False)
    file_size: int | None
    name: str
    width: int = 0  # of a picture, once Chatwoot has looked at it
    height: int = 0

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> Self:
        data_url = reading.text_or_empty(payload, "data_url")
        return cls(
            id=reading.integer(payload, "id"),
            file_type=reading.text_or_empty(payload, "file_type") or "file",
            data_url=data_url,
            thumb_url=reading.text_or_empty(payload, "thumb_url"),
            file_size=reading.integer_or_none(payload, "file_size"),
            name=_file_name(data_url),
            width=_pixels(payload, "width"),
            height=_pixels(payload, "height"),
        )


@dataclass(frozen=True, slots=True)
class Message:
    """A message by REST or by cable (contract §2.1, §2.2); the fields from `updated_at` on come by cable only.

    `created_at` is unix seconds. `source_id` is that of the conversation's contact_inbox. `marker` is ours, and gone
    when the message is deleted (PROBES §2).
    """

    id: int
    conversation_id: int
    message_type: MessageType
    content: str = field(repr=False)
    content_type: str
    content_attributes: Mapping[str, Any] = field(repr=False)
    created_at: int
    deleted: bool
    sender: Sender | None
    attachments: tuple[Attachment, ...]
    private: bool
    updated_at: datetime | None = None
    status: str | None = None
    echo_id: str | None = None
    inbox_id: int | None = None
    source_id: str | None = field(default=None, repr=False)
    marker: str | None = None

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> Self:
        attributes = reading.mapping(payload.get("content_attributes") or {}, "content_attributes")
        attachments = reading.sequence(payload.get("attachments") or [], "attachments")
        sender = payload.get("sender")
        deleted = reading.flag(attributes, "deleted")
        return cls(
            id=reading.integer(payload, "id"),
            conversation_id=reading.integer(payload, "conversation_id"),
            message_type=_message_type(payload),
            content="" if deleted else reading.text_or_empty(payload, "content"),
            content_type=reading.text_or_empty(payload, "content_type") or "text",
            content_attributes={key: attributes[key] for key in SHOWN_ATTRIBUTES if key in attributes},
            created_at=reading.integer(payload, "created_at"),
            deleted=deleted,
            sender=Sender.parse(reading.mapping(sender, "sender")) if sender else None,
            attachments=tuple(Attachment.parse(reading.mapping(each, "attachments")) for each in attachments),
            private=payload.get("private", False) is not False,  # Anything but a plain "no" keeps it inside.
            updated_at=reading.moment_or_none(payload, "updated_at"),
            status=reading.text_or_none(payload, "status"),
            echo_id=reading.text_or_none(payload, "echo_id"),
            inbox_id=reading.integer_or_none(payload, "inbox_id"),
            source_id=source_id_of(payload.get("conversation")),
            marker=reading.text_or_none(attributes, MARKER),
        )


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation by REST or by cable (contract §2.4, §2.5).

    `id` is the display id. `uuid` comes by REST only; `source_id`, `key` (ours) and `updated_at` by cable only. By REST
    `messages` are all of them, in no promised order; by cable at most the last; those in `unread` we cannot read. Times
    are unix seconds, 0 = never.
    `contact_last_seen_at` is not read: it is when our call arrived there, not what the visitor had seen.
    """

    id: int
    inbox_id: int
    uuid: str | None
    status: str
    agent_last_seen_at: int
    messages: tuple[Message, ...]
    source_id: str | None = field(default=None, repr=False)
    key: str | None = None
    updated_at: float | None = None
    unread: tuple[Unread, ...] = ()

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> Self:
        listed = listing.read(reading.sequence(payload.get("messages") or [], "messages"), Message.parse)
        own = payload.get("custom_attributes")
        updated_at = payload.get("updated_at")
        return cls(
            id=reading.integer(payload, "id"),
            inbox_id=reading.integer(payload, "inbox_id"),
            uuid=reading.text_or_none(payload, "uuid"),
            status=reading.text(payload, "status"),
            agent_last_seen_at=reading.seconds(payload, "agent_last_seen_at"),
            messages=listed.rows,
            source_id=source_id_of(payload),
            key=reading.text_or_none(own, CONVERSATION_KEY) if isinstance(own, dict) else None,
            updated_at=float(updated_at) if isinstance(updated_at, int | float) else None,
            unread=listed.unread,
        )


def _pixels(payload: Mapping[str, Any], key: str) -> int:
    number = payload.get(key)
    return round(number) if isinstance(number, int | float) and 0 < number < MOST_PIXELS else 0


def _message_type(payload: Mapping[str, Any]) -> MessageType:
    number = reading.integer(payload, "message_type")
    try:
        return MessageType(number)
    except ValueError:
        raise Malformed(f"message_type: {number} is unknown") from None


def source_id_of(conversation: object) -> str | None:
    """The source_id in a conversation that came by cable; None where it is not given."""
    contact_inbox = conversation.get("contact_inbox") if isinstance(conversation, dict) else None
    return reading.text_or_none(contact_inbox, "source_id") if isinstance(contact_inbox, dict) else None


def _file_name(url: str) -> str:
    """Chatwoot names a file only in its URL (contract §2.8)."""
    try:
        return reading.without_nul(unquote(urlsplit(url).path.rpartition("/")[2]))
    except ValueError:
        return ""
