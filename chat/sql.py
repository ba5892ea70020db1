"""The hot statements, written by hand for SQLite and PostgreSQL; everywhere else the ORM is used.

Every function runs on the default connection of the calling thread, inside the caller's transaction.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self

import orjson
from django.db import connection

from chat.clock import now_ms
from chat.fields import decrypted
from chat.records import ConversationRecord, DeliveryRecord, MessageRecord, key, stored
from chat.statements import execute, fetch

_CONVERSATION = ", ".join(ConversationRecord._fields)
_MESSAGE = ", ".join(MessageRecord._fields)
_LISTENING = "FROM chat_webhook WHERE inbox_id = %s AND is_on AND gave_up_at = 0"
_CLOCK = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"  # PostgreSQL's


def database_now() -> int:
    """Milliseconds by the clock of the database, which several machines share; SQLite's is this machine's own."""
    return int(fetch(f"SELECT {_CLOCK}", ())[0][0]) if connection.vendor == "postgresql" else now_ms()


class Locks(NamedTuple):
    """The heads of those who exist, and the time by the database's clock when they were asked for."""

    heads: dict[uuid.UUID, int]
    now: int


def lock_contacts(ids: Iterable[uuid.UUID]) -> Locks:
    """In id order (unordered batches deadlock on PostgreSQL)."""
    keys = [key(each) for each in sorted(ids)]
    if not keys:
        return Locks({}, database_now())
    clock, lock = (_CLOCK, " FOR UPDATE") if connection.vendor == "postgresql" else ("0", "")
    places = ", ".join(["%s"] * len(keys))
    rows = fetch(f"SELECT id, head, {clock} FROM chat_contact WHERE id IN ({places}) ORDER BY id{lock}", keys)
    now = max((each for *_, each in rows), default=0) or database_now()
    return Locks({uuid.UUID(str(each)): head for each, head, _ in rows}, now)


def raise_head(contact_id: uuid.UUID, head: int) -> None:
    execute("UPDATE chat_contact SET head = %s WHERE id = %s", (head, key(contact_id)))


def move_feed(source: uuid.UUID, target: uuid.UUID, *, above: int) -> None:
    """Everything in one contact's feed becomes another's, in the same order, with numbers above this one."""
    for table in ("chat_conversation", "chat_message"):
        query = f"UPDATE {table} SET contact_id = %s, seq = seq + %s WHERE contact_id = %s"
        execute(query, (key(target), above, key(source)))


def conversation_by_chatwoot_id(inbox_id: int, chatwoot_id: int) -> ConversationRecord | None:
    query = f"SELECT {_CONVERSATION} FROM chat_conversation WHERE inbox_id = %s AND chatwoot_id = %s"
    rows = fetch(query, (inbox_id, chatwoot_id))
    return ConversationRecord.read(rows[0]) if rows else None


def conversation(conversation_id: uuid.UUID) -> ConversationRecord | None:
    rows = fetch(f"SELECT {_CONVERSATION} FROM chat_conversation WHERE id = %s", (key(conversation_id),))
    return ConversationRecord.read(rows[0]) if rows else None


def spoken_in_last(contact_id: uuid.UUID) -> ConversationRecord | None:
    """The one spoken in last, without those that were emptied; one step in the index of each."""
    return _last_by("0", contact_id)


def current_conversation(contact_id: uuid.UUID) -> ConversationRecord | None:
    """The same, but one of which Chatwoot has not heard counts as spoken in when it was begun here."""
    return _last_by("CASE WHEN chatwoot_id IS NULL THEN created_at ELSE 0 END", contact_id)


def _last_by(unsaid: str, contact_id: uuid.UUID) -> ConversationRecord | None:
    spoken = f"COALESCE((SELECT MAX(at) FROM chat_message WHERE conversation_id = chat_conversation.id), {unsaid})"
    where = f"contact_id = %s AND NOT deleted ORDER BY {spoken} DESC, created_at DESC, id DESC LIMIT 1"
    rows = fetch(f"SELECT {_CONVERSATION} FROM chat_conversation WHERE {where}", (key(contact_id),))
    return ConversationRecord.read(rows[0]) if rows else None


def message(message_id: uuid.UUID) -> MessageRecord | None:
    rows = fetch(f"SELECT {_MESSAGE} FROM chat_message WHERE id = %s", (key(message_id),))
    return MessageRecord.read(rows[0]) if rows else None


def message_by_chatwoot_id(inbox_id: int, chatwoot_id: int) -> MessageRecord | None:
    query = f"SELECT {_MESSAGE} FROM chat_message WHERE inbox_id = %s AND chatwoot_id = %s"
    rows = fetch(query, (inbox_id, chatwoot_id))
    return MessageRecord.read(rows[0]) if rows else None


def message_by_echo_id(contact_id: uuid.UUID, echo_id: uuid.UUID) -> MessageRecord | None:
    query = f"SELECT {_MESSAGE} FROM chat_message WHERE contact_id = %s AND echo_id = %s"
    rows = fetch(query, (key(contact_id), key(echo_id)))
    return MessageRecord.read(rows[0]) if rows else None


def newest_chatwoot_id(chatwoot_id: int) -> int:
    """The largest message id known of one Chatwoot, whose inboxes share the numbers: one step in an index for each."""
    newest = "(SELECT MAX(chatwoot_id) FROM chat_message WHERE inbox_id = chat_inbox.id)"
    rows = fetch(f"SELECT {newest} FROM chat_inbox WHERE chatwoot_id = %s", (chatwoot_id,))
    return max((each or 0 for (each,) in rows), default=0)


class Newest(NamedTuple):
    """Of one conversation: Chatwoot's highest id, the latest place, and (id, place) of the last that is not ours."""

    chatwoot_id: int
    at: int
    other: tuple[int, int] | None

    @classmethod
    def read(cls, row: Sequence[Any]) -> Self:
        highest, at, other_id, other_at = row
        return cls(highest, at, None if other_id is None else (other_id, other_at))


def _newest(conversation_id: str) -> str:
    """Its columns."""
    of = f"FROM chat_message n WHERE n.conversation_id = {conversation_id}"
    other = f"{of} AND n.echo_id IS NULL AND n.chatwoot_id IS NOT NULL ORDER BY n.chatwoot_id DESC LIMIT 1"
    return (
        f"COALESCE((SELECT MAX(n.chatwoot_id) {of}), 0), COALESCE((SELECT MAX(n.at) {of}), 0), "
        f"(SELECT n.chatwoot_id {other}), (SELECT n.at {other})"
    )


def newest(conversation_id: uuid.UUID) -> Newest:
    return Newest.read(fetch(f"SELECT {_newest('%s')}", [key(conversation_id)] * 4)[0])


class Around(NamedTuple):
    """``conversation`` and ``message`` have these numbers of Chatwoot's, whether or not the one is in the other.
    ``newest`` of that conversation; ``has_webhook``: one of this inbox listens."""

    conversation: ConversationRecord | None
    message: MessageRecord | None
    newest: Newest
    has_webhook: bool

    def newest_of(self, conversation_id: uuid.UUID) -> Newest:
        """Of the one that it is for after all: it may not have had its number yet."""
        is_this = self.conversation is not None and self.conversation.id == conversation_id
        return self.newest if is_this else newest(conversation_id)


def around(inbox_id: int, conversation: int, message: int) -> Around:
    """In one statement, since this is asked for every message that arrives."""
    columns = [f"c.{name}" for name in ConversationRecord._fields] + [f"m.{name}" for name in MessageRecord._fields]
    query = (
        f"SELECT {', '.join(columns)}, {_newest('c.id')}, EXISTS (SELECT 1 {_LISTENING}) FROM (SELECT 1) AS one"
        " LEFT JOIN chat_conversation c ON c.inbox_id = %s AND c.chatwoot_id = %s"
        " LEFT JOIN chat_message m ON m.inbox_id = %s AND m.chatwoot_id = %s"
    )
    *row, has_webhook = fetch(query, (inbox_id, inbox_id, conversation, inbox_id, message))[0]
    n = len(ConversationRecord._fields)
    talk, said, end = row[:n], row[n:-4], row[-4:]
    talks, says = ConversationRecord.read(talk) if talk[0] else None, MessageRecord.read(said) if said[0] else None
    return Around(talks, says, Newest.read(end), bool(has_webhook))


def neighbours(
    conversation_id: uuid.UUID, chatwoot_id: int, *, own: bool
) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """(chatwoot_id, at) of the messages just before and after this id: the visitor's own from here, or the others."""
    echo = "IS NOT NULL" if own else "IS NULL"
    query = f"SELECT chatwoot_id, at FROM chat_message WHERE conversation_id = %s AND echo_id {echo} AND chatwoot_id"
    params = (key(conversation_id), chatwoot_id)
    before = fetch(f"{query} < %s ORDER BY chatwoot_id DESC LIMIT 1", params)
    after = fetch(f"{query} > %s ORDER BY chatwoot_id ASC LIMIT 1", params)
    return (_pair(before), _pair(after))


def _pair(rows: list[tuple[Any, ...]]) -> tuple[int, int] | None:
    return (rows[0][0], rows[0][1]) if rows else None


def insert_message(record: MessageRecord) -> None:
    insert("chat_message", record)


def update_message(record: MessageRecord) -> None:
    update("chat_message", record)


def update_conversation(record: ConversationRecord) -> None:
    update("chat_conversation", record)


def insert(table: str, record: MessageRecord | DeliveryRecord) -> None:
    places = ", ".join(["%s"] * len(record))
    execute(f"INSERT INTO {table} ({', '.join(record._fields)}) VALUES ({places})", stored(record))


def update(table: str, record: ConversationRecord | MessageRecord | DeliveryRecord) -> None:
    assignments = ", ".join(f"{name} = %s" for name in record._fields[1:])
    own_id, *others = stored(record)
    execute(f"UPDATE {table} SET {assignments} WHERE id = %s", [*others, own_id])


def admission(session_id: uuid.UUID, now: datetime) -> tuple[uuid.UUID, str, list[str], int, int] | None:
    """(contact, slug of its inbox, origins allowed there, generation, confirmed one) of a session that lives."""
    query = (
        "SELECT c.id, i.slug, i.allowed_origins, s.generation, s.confirmed FROM chat_session s"
        " JOIN chat_contact c ON c.id = s.contact_id JOIN chat_inbox i ON i.id = c.inbox_id"
        " WHERE s.id = %s AND s.revoked_at IS NULL AND s.expires_at > %s"
    )
    rows = fetch(query, (key(session_id), connection.ops.adapt_datetimefield_value(now)))
    if not rows:
        return None
    contact_id, slug, origins, generation, confirmed = rows[0]
    return uuid.UUID(str(contact_id)), slug, orjson.loads(origins), generation, confirmed


class Known(NamedTuple):
    """A contact inbox that Chatwoot knows."""

    id: int
    inbox_id: int
    source_id: str
    pubsub_token: str


def known(contact_id: uuid.UUID) -> list[Known]:
    """Newest first. Each visitor who comes or comes back asks for it."""
    query = "SELECT id, inbox_id, source_id, pubsub_token FROM chat_contactinbox WHERE contact_id = %s"
    rows = fetch(f"{query} AND pubsub_token <> '' ORDER BY id DESC", (key(contact_id),))
    return [Known(pk, at, *(decrypted(each, "a contact inbox's secret") for each in both)) for pk, at, *both in rows]


def feed_position(contact_id: uuid.UUID) -> tuple[str, int, int] | None:
    """(epoch, head, floor) of a contact's feed."""
    rows = fetch("SELECT epoch, head, floor FROM chat_contact WHERE id = %s", (key(contact_id),))
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else None


def changed_messages(contact_id: uuid.UUID, *, after: int, upto: int, limit: int) -> list[MessageRecord]:
    query = (
        f"SELECT {_MESSAGE} FROM chat_message WHERE contact_id = %s AND seq > %s AND seq <= %s ORDER BY seq LIMIT %s"
    )
    return [MessageRecord.read(row) for row in fetch(query, (key(contact_id), after, upto, limit))]


def changed_conversations(contact_id: uuid.UUID, *, after: int, upto: int, limit: int) -> list[ConversationRecord]:
    where = "contact_id = %s AND seq > %s AND seq <= %s ORDER BY seq LIMIT %s"
    query = f"SELECT {_CONVERSATION} FROM chat_conversation WHERE {where}"
    return [ConversationRecord.read(row) for row in fetch(query, (key(contact_id), after, upto, limit))]


def message_page(
    conversation_id: uuid.UUID, *, before: tuple[int, uuid.UUID] | None, limit: int
) -> list[MessageRecord]:
    """The newest messages of a conversation before ``(at, id)``, in display order."""
    bound = "AND (at < %s OR (at = %s AND id < %s))" if before else ""
    params = [before[0], before[0], key(before[1])] if before else []
    query = f"SELECT {_MESSAGE} FROM chat_message WHERE conversation_id = %s {bound} ORDER BY at DESC, id DESC LIMIT %s"
    rows = fetch(query, [key(conversation_id), *params, limit])
    return [MessageRecord.read(row) for row in reversed(rows)]


_UNREAD = (
    "FROM chat_conversation c JOIN chat_message m ON m.conversation_id = c.id AND m.at > c.contact_seen"
    " WHERE c.contact_id = %s AND NOT c.deleted AND NOT m.deleted AND m.direction = 'outgoing'"
)


def unread(contact_id: uuid.UUID) -> dict[uuid.UUID, int]:
    """How many of an agent's messages lie after ``contact_seen``, of each conversation that has some.

    From the person's conversations, and of each only the end of its thread.
    """
    rows = fetch(f"SELECT c.id, COUNT(*) {_UNREAD} GROUP BY c.id", (key(contact_id),))
    return {uuid.UUID(str(each)): count for each, count in rows}


def unread_beside(conversation: ConversationRecord, *, limit: int) -> list[MessageRecord]:
    """The newest of these messages that are in the person's other conversations."""
    columns = ", ".join(f"m.{name}" for name in MessageRecord._fields)
    query = f"SELECT {columns} {_UNREAD} AND c.id <> %s ORDER BY m.at DESC, m.id DESC LIMIT %s"
    rows = fetch(query, (key(conversation.contact_id), key(conversation.id), limit))
    return [MessageRecord.read(row) for row in rows]


def listening_webhooks(inbox_id: int) -> list[int]:
    return [each for (each,) in fetch(f"SELECT id {_LISTENING} ORDER BY id", (inbox_id,))]


def note_avatar(name: str, inbox_id: int, url: str) -> None:
    """Of an agent; ``url``: encrypted. One that is known stays as it is."""
    columns = "name, inbox_id, url, content, content_type, fetched_at"
    query = f"INSERT INTO chat_avatar ({columns}) VALUES (%s, %s, %s, %s, '', 0) ON CONFLICT (name) DO NOTHING"
    execute(query, (name, inbox_id, url, b""))
