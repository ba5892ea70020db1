"""Frames from us to a client, as bytes. Rows come encoded and are spliced in, so many devices cost one encoding."""

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol
from uuid import UUID

import orjson

from chat.wire.errors import Refusal


class EncodedRow(Protocol):
    @property
    def kind(self) -> Literal["conversation", "message"]: ...
    @property
    def seq(self) -> int: ...
    @property
    def data(self) -> bytes: ...


def encode_changes(cursor: str, rows: Sequence[EncodedRow], more: bool) -> bytes:
    """One page of changes; ``more``: the next follows at once."""
    return orjson.dumps({"type": "changes", "cursor": cursor, **_lists(rows), "more": more})


def encode_reset(cursor: str, reason: str, rows: Sequence[EncodedRow], more: bool) -> bytes:
    """The whole start state; reason is start, epoch, floor or far; ``more``: as that of a page."""
    return orjson.dumps({"type": "reset", "cursor": cursor, "reason": reason, **_lists(rows), "more": more})


def encode_history(rows: Sequence[EncodedRow], more: bool) -> bytes:
    return orjson.dumps({"messages": _lists(rows)["messages"], "more": more})


def _lists(rows: Iterable[EncodedRow]) -> dict[str, list[orjson.Fragment]]:
    lists: dict[str, list[orjson.Fragment]] = {"conversations": [], "messages": []}
    for row in rows:
        lists[f"{row.kind}s"].append(orjson.Fragment(row.data))
    return lists


def encode_accepted(echo_id: UUID, *, message_id: UUID, conversation_id: UUID) -> bytes:
    return orjson.dumps(
        {"type": "accepted", "echo_id": echo_id, "message": message_id, "conversation": conversation_id}
    )


def encode_refused(subject: Literal["echo_id", "message", "conversation"], name: UUID, refusal: Refusal) -> bytes:
    """``subject`` says what ``name`` names: that of which nothing was done."""
    return orjson.dumps({"type": "refused", subject: name, **refusal.body})


def encode_error(refusal: Refusal) -> bytes:
    return orjson.dumps({"type": "error", **refusal.body})


def encode_typing(conversation_id: UUID, *, name: str, on: bool) -> bytes:
    return orjson.dumps({"type": "typing", "conversation": conversation_id, "name": name, "on": on})


def encode_presence(*, online: bool) -> bytes:
    return orjson.dumps({"type": "presence", "online": online})


def encode_pong(cursor: str) -> bytes:
    return orjson.dumps({"type": "pong", "cursor": cursor})


def encode_reconnect(*, in_ms: int) -> bytes:
    return orjson.dumps({"type": "reconnect", "in_ms": in_ms})
