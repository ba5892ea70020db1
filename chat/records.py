"""Rows of conversations and messages as the feed shows them; secrets are not among their columns."""

import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import orjson
from django.db import connection
from django.db.models import Model


class ConversationRecord(NamedTuple):
    id: uuid.UUID
    contact_id: uuid.UUID
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
        return cls(**_restored(dict(zip(cls._fields, row, strict=True))))


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
        """From a row that the ORM has read."""
        return cls(*(getattr(row, name) for name in cls._fields))

    @classmethod
    def read(cls, row: Sequence[Any]) -> Self:
        """From its columns as a database gives them, in this order."""
        values = _restored(dict(zip(cls._fields, row, strict=True)))
        values["content_attributes"] = orjson.loads(values["content_attributes"])  # both hand JSON over as text
        values["has_files"] = bool(values["has_files"])
        return cls(**values)


_UUIDS = {"id", "conversation_id", "contact_id", "echo_id"}


def key(value: uuid.UUID | None) -> Any:
    """A UUID as the database stores it: native on PostgreSQL, 32 hex digits on SQLite."""
    return value if value is None or connection.features.has_native_uuid_field else value.hex


def unkeyed(value: Any) -> uuid.UUID | None:
    return value if value is None or isinstance(value, uuid.UUID) else uuid.UUID(value)


def stored(name: str, value: Any) -> Any:
    if name in _UUIDS:
        return key(value)
    return orjson.dumps(value).decode() if name == "content_attributes" else value


def _restored(values: dict[str, Any]) -> dict[str, Any]:
    for name in _UUIDS & values.keys():
        values[name] = unkeyed(values[name])
    values["deleted"] = bool(values["deleted"])
    return values
