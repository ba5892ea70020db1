"""The hot statements about deliveries, by hand like those of ``chat.sql``: what waits in a lane, and whose turn it is.

Open is said in full in each, since a database finds its index of the open ones by these very words.
"""

import uuid
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from django.db import connection

from chat.models import Delivery, Message
from chat.records import DeliveryRecord, MessageRecord, key, unkeyed
from chat.sql import insert, update
from chat.statements import execute, fetch


def _listed(states: Collection[Message.State]) -> str:
    return ", ".join(f"'{state.value}'" for state in states)


_OPEN, _IN_DOUBT = _listed(Delivery.OPEN), _listed(Delivery.IN_DOUBT)
_DELIVERY = ", ".join(f"d.{name}" for name in DeliveryRecord._fields)
_MESSAGE = ", ".join(f"m.{name}" for name in MessageRecord._fields)

_FREE = "(d.due_at <= %(now)s OR d.due_at > %(far)s) AND (d.lease_until <= %(now)s OR d.lease_until > %(far_leased)s)"
# One step in an index for each that is open. What is written as NOT EXISTS, PostgreSQL may join, and compare each with
# all others: that takes seconds after an outage.
_FIRST = (
    "d.id = (SELECT e.id FROM chat_delivery e WHERE e.lane = d.lane"
    f" AND e.state IN ({_OPEN}) ORDER BY e.position LIMIT 1)"
)
TO_SEND = f"{_FREE} AND {_FIRST} AND (d.state = 'accepted' OR (d.kind = 'contact' AND d.state IN ({_IN_DOUBT})))"
TO_LOOK_FOR = f"{_FREE} AND {_FIRST} AND d.kind <> 'contact' AND d.state IN ({_IN_DOUBT})"
TO_PUT_OFF = f"{_FREE} AND d.state IN ({_OPEN})"
TO_CONFIRM = f"d.kind = 'message' AND d.state IN ({_OPEN})"


# A lane


class Queued(NamedTuple):
    """An open delivery in its lane; ``reason`` stands at its message, and is None without one."""

    id: uuid.UUID
    state: str
    due_at: int
    message_id: uuid.UUID | None
    reason: str | None


def queue(lane: str) -> list[Queued]:
    """The open deliveries of a lane, in order: what is on its way, and what waits behind it."""
    query = (
        "SELECT d.id, d.state, d.due_at, d.message_id, m.reason FROM chat_delivery d"
        " LEFT JOIN chat_message m ON m.id = d.message_id"
        f" WHERE d.lane = %s AND d.state IN ({_OPEN}) ORDER BY d.position"
    )
    rows = fetch(query, (lane,))
    return [Queued(uuid.UUID(str(each)), state, due, unkeyed(about), why) for each, state, due, about, why in rows]


class End(NamedTuple):
    """Of a conversation: the latest place in its thread, the last position in its lane, and the state of what is first
    there, None when nothing is open."""

    at: int
    position: int
    first: str | None


def end_of(conversation_id: uuid.UUID) -> End:
    """In one statement, since this is asked for every message that is accepted."""
    in_lane = "FROM chat_delivery WHERE lane = %s"
    query = (
        "SELECT COALESCE((SELECT MAX(at) FROM chat_message WHERE conversation_id = %s), 0), "
        f"COALESCE((SELECT MAX(position) {in_lane}), 0), "
        f"(SELECT state {in_lane} AND state IN ({_OPEN}) ORDER BY position LIMIT 1)"
    )
    lane = str(conversation_id)
    return End(*fetch(query, (key(conversation_id), lane, lane))[0])


def waiting_messages(contact_id: uuid.UUID) -> int:
    """Counted for each contact inbox by itself: joined, PostgreSQL may look at all that wait, whosever it is."""
    such = f"d.contact_inbox_id = i.id AND d.kind = 'message' AND d.state IN ({_OPEN})"
    of_one = f"(SELECT COUNT(*) FROM chat_delivery d WHERE {such})"
    query = f"SELECT {of_one} FROM chat_contactinbox i WHERE i.contact_id = %s"
    return sum(count for (count,) in fetch(query, (key(contact_id),)))


# One delivery


def add(record: DeliveryRecord) -> None:
    insert("chat_delivery", record)


def store(record: DeliveryRecord) -> None:
    update("chat_delivery", record)


def close(delivery_id: uuid.UUID, state: str, reason: str) -> None:
    query = "UPDATE chat_delivery SET state = %s, reason = %s, lease_until = 0 WHERE id = %s"
    execute(query, (state, reason, key(delivery_id)))


def with_message(delivery_id: uuid.UUID, conversation_id: uuid.UUID) -> tuple[DeliveryRecord, MessageRecord] | None:
    """None: of that conversation there is no such one."""
    query = (
        f"SELECT {_DELIVERY}, {_MESSAGE} FROM chat_delivery d JOIN chat_message m ON m.id = d.message_id"
        " WHERE d.id = %s AND d.conversation_id = %s AND d.kind = 'message'"
    )
    rows = fetch(query, (key(delivery_id), key(conversation_id)))
    n = len(DeliveryRecord._fields)
    return (DeliveryRecord.read(rows[0][:n]), MessageRecord.read(rows[0][n:])) if rows else None


# Whose turn it is


class Held(NamedTuple):
    """A delivery and what is known where it goes: of its contact inbox, inbox, conversation and message.

    ``source_id`` is as it is stored, encrypted.
    """

    delivery: DeliveryRecord
    contact_id: uuid.UUID
    source_id: str
    chatwoot_contact_id: int | None
    inbox_id: int
    chatwoot_pk: int
    marker_off: str
    chatwoot_id: int | None
    confirmed_at: int | None
    content: str | None
    has_files: bool | None
    message_chatwoot_id: int | None


def held(delivery_id: uuid.UUID, such: str, times: Mapping[str, int], *, lock: bool) -> Held | None:
    """``lock``: the row by itself, too; after an adoption others may change it under another contact's lock."""
    query = (
        f"SELECT {_DELIVERY}, i.contact_id, i.source_id, i.chatwoot_contact_id, i.inbox_id, b.chatwoot_id,"
        " b.marker_off, c.chatwoot_id, c.confirmed_at, m.content, m.has_files, m.chatwoot_id FROM chat_delivery d"
        " JOIN chat_contactinbox i ON i.id = d.contact_inbox_id JOIN chat_inbox b ON b.id = i.inbox_id"
        " LEFT JOIN chat_conversation c ON c.id = d.conversation_id LEFT JOIN chat_message m ON m.id = d.message_id"
        f" WHERE d.id = %(id)s AND {such}"
    )
    if lock and connection.features.has_select_for_update:
        query += " FOR UPDATE OF d"
    rows = fetch(query, {"id": key(delivery_id), **times})
    if not rows:
        return None
    n = len(DeliveryRecord._fields)
    return Held(DeliveryRecord.read(rows[0][:n]), uuid.UUID(str(rows[0][n])), *rows[0][n + 1 :])


def due(
    times: Mapping[str, int], *, limit: int, without: Collection[int], without_uploads: Collection[int]
) -> list[tuple[Any, ...]]:
    """The rows of ``lanes.Due``. SQLite would sort all that are open, instead of taking them by time.

    Conversation and message are not joined: PostgreSQL took three times as long to plan that as to carry it out.
    """
    by_time = " INDEXED BY open_deliveries_by_time" if connection.vendor == "sqlite" else ""
    paused = "({0}.paused_until <= %(now)s OR {0}.paused_until > %(far)s)"
    has_files = "(SELECT m.has_files FROM chat_message m WHERE m.id = d.message_id)"
    query = (
        f"SELECT d.id, i.contact_id, i.inbox_id, b.chatwoot_id, d.kind, d.state, {has_files}"
        f" FROM chat_delivery d{by_time}"
        " JOIN chat_contactinbox i ON i.id = d.contact_inbox_id JOIN chat_inbox b ON b.id = i.inbox_id"
        " JOIN chat_chatwoot w ON w.id = b.chatwoot_id"
        f" WHERE d.state IN ({_OPEN}) AND {_FREE} AND {_FIRST}"
        f" AND {paused.format('b')} AND {paused.format('w')}"
        " AND (d.kind IN ('contact', 'conversation', 'profile')"
        " OR (SELECT c.chatwoot_id FROM chat_conversation c WHERE c.id = d.conversation_id) IS NOT NULL)"
        f" AND w.id NOT IN ({_numbers(without)})"
        f" AND NOT (d.state = 'accepted' AND w.id IN ({_numbers(without_uploads)}) AND COALESCE({has_files}, FALSE))"
        f" ORDER BY d.due_at, d.created_at LIMIT {limit}"
    )
    return [(uuid.UUID(str(each)), uuid.UUID(str(of)), *rest) for each, of, *rest in fetch(query, times)]


def _numbers(keys: Collection[int]) -> str:
    return ", ".join(map(str, (0, *keys)))  # no row has the first, and a list must have one
