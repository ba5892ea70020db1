"""Rows of conversations, messages and deliveries as values; secrets are not among their columns."""

import uuid
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple, Self

import orjson
from django.db import connection
from django.db.models import Model

from chat.models import Delivery


class ConversationRecord(NamedTuple):
    id: uuid.UUID
    contact_id: uuid.UUID
    contact_inbox_id: int
    inbox_id: int
    chatwoot_id: int | None
    status: str
    contact_seen: int
    agent_seen: int
    chatwoot_updated_at: float
    applied_at: int
    deleted: bool
    forgotten_id: int
    seq: int

    @classmethod
    def of(cls, row: Model) -> Self:
        """From a row that the ORM has read."""
        return cls(*(getattr(row, name) for name in cls._fields))

    @classmethod
    def read(cls, row: Sequence[Any]) -> Self:
        """From its columns as a database gives them, in this order."""
        return cls._make(_restored(cls._fields, row))


class MessageRecord(NamedTuple):
    id: uuid.UUID
    conversation_id: uuid.UUID
    contact_id: uuid.UUID
    inbox_id: int
    chatwoot_id: int | None
    echo_id: uuid.UUID | None
    direction: str
    content: str
    content_type: str
    content_attributes: dict[str, Any]
    sender_kind: str
    sender_name: str
    sender_avatar: str
    has_files: bool
    at: int
    state: str
    reason: str
    chatwoot_updated_at: int
    applied_at: int
    deleted: bool
    seq: int

    @classmethod
    def of(cls, row: Model) -> Self:
        return cls(*(getattr(row, name) for name in cls._fields))

    @classmethod
    def read(cls, row: Sequence[Any]) -> Self:
        return cls._make(_restored(cls._fields, row))


class DeliveryRecord(NamedTuple):
    id: uuid.UUID
    kind: str
    contact_inbox_id: int
    lane: str
    position: int
    payload: dict[str, Any]
    due_at: int
    created_at: int
    conversation_id: uuid.UUID | None = None
    message_id: uuid.UUID | None = None
    state: str = "accepted"
    reason: str = ""
    attempt: int = 0
    baseline_id: int | None = None
    started_at: int = 0
    fence_at: int = 0
    marked: bool = False
    finished: bool = False
    permanent: bool = False
    looks: int = 0
    crashes: int = 0
    lease_until: int = 0
    lease_no: int = 0

    @classmethod
    def of(cls, row: Model) -> Self:
        return cls(*(getattr(row, name) for name in cls._fields))

    @classmethod
    def read(cls, row: Sequence[Any]) -> Self:
        return cls._make(_restored(cls._fields, row))


AnyDelivery = Delivery | DeliveryRecord


def key(value: uuid.UUID | None) -> Any:
    """A UUID as the database stores it: native on PostgreSQL, 32 hex digits on SQLite."""
    return value if value is None or connection.features.has_native_uuid_field else value.hex


def unkeyed(value: Any) -> uuid.UUID | None:
    return value if value is None or isinstance(value, uuid.UUID) else uuid.UUID(value)


def stored(record: tuple[Any, ...]) -> list[Any]:
    """Its values as the database stores them."""
    is_native = connection.features.has_native_uuid_field
    return [_stored(value, is_native) for value in record]


def _stored(value: Any, is_native: bool) -> Any:
    if isinstance(value, uuid.UUID):
        return value if is_native else value.hex
    return orjson.dumps(value).decode() if isinstance(value, dict) else value


_UUIDS = {"id", "conversation_id", "contact_id", "message_id", "echo_id"}
_JSON = {"content_attributes", "payload"}  # both databases hand it over as text
_FACTS = {"has_files", "deleted", "marked", "finished", "permanent"}
_RESTORE: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_UUIDS, unkeyed),
    **dict.fromkeys(_JSON, orjson.loads),
    **dict.fromkeys(_FACTS, bool),
}


@cache
def _conversions(names: tuple[str, ...]) -> list[tuple[int, Callable[[Any], Any]]]:
    return [(n, _RESTORE[name]) for n, name in enumerate(names) if name in _RESTORE]


def _restored(names: tuple[str, ...], row: Sequence[Any]) -> list[Any]:
    values = list(row)
    for n, convert in _conversions(names):
        values[n] = convert(values[n])
    return values
