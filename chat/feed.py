"""The feed: one numbered list of changes per contact. Browser resume, long poll and several devices are one query.

*Writing.* Inside one transaction a ``Pen`` holds the locks of the contacts; each changed row takes its contact's next
number; a no-op takes none. *Reading* takes the head first and then the rows up to it, outside any transaction: a row
that changes in between has left for a number above that head, and the next read finds it there.
"""

import logging
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Self

import orjson

from chat import cards, files, rich, sql
from chat.audience import Row
from chat.markdown import markdown_tree, plain_tree
from chat.models import Contact, Conversation, Inbox, Message, new_epoch
from chat.quoting import Quotes, quotes
from chat.records import ConversationRecord, MessageRecord

log = logging.getLogger(__name__)

PAGE = 200
FAR = 1_000  # numbers; further behind than this, starting again is cheaper than catching up
START_MESSAGES = 50
START_UNREAD = 50  # of the other conversations; no badge counts as far
START_CONVERSATIONS = 1_000  # those that changed last; with them a start stays below 1 MiB
PAGE_BYTES = 256 * 1024
AVATAR = "/api/v1/avatars/"  # relative to this site, wherever the page that shows it is

Record = ConversationRecord | MessageRecord
Tally = Counter[tuple[str, ...]]  # how often what came about: a name, and of which kinds
_SHOWN = ("id", "seq", "status", "contact_seen", "agent_seen", "deleted")


class Cursor(NamedTuple):
    epoch: str
    seq: int

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """None for whatever is not a cursor: such a client starts again."""
        epoch, dot, seq = (text or "").partition(".")
        return cls(epoch, int(seq)) if dot and seq.isascii() and seq.isdigit() and len(seq) < 19 else None

    def __str__(self) -> str:
        return f"{self.epoch}.{self.seq}"


@dataclass(frozen=True, slots=True)
class Page:
    """``more``: read on from ``cursor``. ``reset`` is the reason why the reader starts again with these rows; then
    ``more`` says that the conversation spoken in last has older messages than these."""

    cursor: Cursor
    rows: tuple[Row, ...]
    more: bool = False
    reset: str | None = None


class Change(NamedTuple):
    """What a transaction did to one contact's feed; without rows it was a no-op."""

    contact_id: uuid.UUID
    head_before: int
    head_after: int
    rows: tuple[Row, ...]


class Pen:
    """Writes conversations and messages inside one transaction, whose contacts are locked, and numbers each change.

    ``now``: None for the database's own clock, which comes with the locks.
    """

    def __init__(self, now: int | None, contacts: Iterable[uuid.UUID]) -> None:
        locks = sql.lock_contacts(contacts)
        self.now = locks.now if now is None else now
        self._before, self._heads = locks.heads, dict(locks.heads)
        self._moved: set[uuid.UUID] = set()  # their changes are more than the rows that we know of
        self._changed: dict[uuid.UUID, Record] = {}
        self._inboxes: dict[int, dict[str, Any]] = {}
        self.has_emptied = False  # text was taken away that must not stay on the disk
        self.tally = Tally()

    def knows(self, contact_id: uuid.UUID) -> bool:
        """False: this person was erased before the transaction began."""
        return contact_id in self._heads

    def count(self, *what: str) -> None:
        """Something for operators' figures, which counts once the transaction has committed."""
        self.tally[what] += 1

    def hold(self, contacts: Iterable[uuid.UUID]) -> None:
        """Lock these, too. Better name them at the start: only there locks are taken in one order by everybody."""
        if more := set(contacts) - self._before.keys():
            found = sql.lock_contacts(more).heads
            self._before |= found
            self._heads |= found

    def _number(self, contact_id: uuid.UUID) -> int:
        self._heads[contact_id] += 1
        return self._heads[contact_id]

    def move(self, source: uuid.UUID, *, to: uuid.UUID) -> None:
        """Everything in one contact's feed becomes another's, numbered above that one's head."""
        self.hold((source, to))
        if self._heads[source]:
            sql.move_feed(source, to, above=self._heads[to])
            self._heads[to] += self._heads[source]
            self._moved.add(to)

    def add_message(self, record: MessageRecord) -> MessageRecord:
        record = record._replace(seq=self._number(record.contact_id))
        sql.insert_message(record)
        self._changed[record.id] = record
        return record

    def change_message(self, record: MessageRecord) -> MessageRecord:
        record = record._replace(seq=self._number(record.contact_id))
        sql.update_message(record)
        self._changed[record.id] = record
        self.has_emptied |= record.deleted
        return record

    def add_conversation(self, conversation: Conversation) -> ConversationRecord:
        conversation.seq = self._number(conversation.contact_id)
        conversation.save(force_insert=True)
        record = ConversationRecord.of(conversation)
        self._changed[record.id] = record
        return record

    def change_conversation(self, record: ConversationRecord) -> ConversationRecord:
        record = record._replace(seq=self._number(record.contact_id))
        sql.update_conversation(record)
        self._changed[record.id] = record
        return record

    def change_inbox(self, inbox_id: int, **values: Any) -> None:
        """Stored at the end, in order of id: several processes that change several inboxes cannot wait in a circle."""
        self._inboxes.setdefault(inbox_id, {}).update(values)

    def close(self) -> list[Change]:
        """Store heads and inboxes; what changed, for the audience once the transaction has committed."""
        for contact_id, head in self._heads.items():
            if head != self._before[contact_id]:
                sql.raise_head(contact_id, head)
        for inbox_id, values in sorted(self._inboxes.items()):
            Inbox.objects.filter(pk=inbox_id).update(**values)
        rows = list(_encode(sorted(self._changed.values(), key=_by_seq)))
        return [
            Change(each, before, self._heads[each], () if each in self._moved else _of(each, rows))
            for each, before in self._before.items()
        ]


def _of(contact_id: uuid.UUID, rows: Iterable[tuple[uuid.UUID, Row]]) -> tuple[Row, ...]:
    return tuple(row for owner, row in rows if owner == contact_id)


def read(
    contact_id: uuid.UUID,
    since: Cursor | None,
    *,
    page: int = PAGE,
    far: int = FAR,
    start: int = START_MESSAGES,
    unread: int = START_UNREAD,
    conversations: int = START_CONVERSATIONS,
) -> Page | None:
    """What changed after a cursor, at most ``page`` rows; None when the contact is gone.

    ``start``, ``unread`` and ``conversations``: how much a start brings.
    """
    position = sql.feed_position(contact_id)
    if position is None:
        return None
    epoch, head, floor = position
    reason = _why_start(since, epoch, head, floor, far)
    if since is None or reason is not None:
        if since is not None and since.epoch == epoch and since.seq > head:
            epoch = _turn_epoch(contact_id, epoch)
        return _start(contact_id, Cursor(epoch, head), reason or "start", (start, unread, conversations))
    return _changes(contact_id, since, head, page)


def _why_start(since: Cursor | None, epoch: str, head: int, floor: int, far: int) -> str | None:
    if since is None:
        return "start"
    if since.epoch != epoch or since.seq > head:
        return "epoch"
    if since.seq < floor:
        return "floor"
    return "far" if head - since.seq > far else None


def _changes(contact_id: uuid.UUID, since: Cursor, head: int, page: int) -> Page:
    bounds = {"after": since.seq, "upto": head, "limit": page + 1}
    records: list[Record] = [*sql.changed_conversations(contact_id, **bounds)]
    records += sql.changed_messages(contact_id, **bounds)
    records.sort(key=_by_seq)
    rows = _fitting(row for _, row in _encode(records[:page]))
    more = len(rows) < len(records)
    return Page(Cursor(since.epoch, rows[-1].seq if more else head), rows, more)


def _fitting(rows: Iterable[Row], *, least: int = 1) -> tuple[Row, ...]:
    """As many of the first rows as a frame may hold, at least one; no more are made than that, and one."""
    taken: list[Row] = []
    size = 0
    for row in rows:
        size += len(row.data)
        if len(taken) >= least and size > PAGE_BYTES:
            break
        taken.append(row)
    return tuple(taken)


def _start(contact_id: uuid.UUID, cursor: Cursor, reason: str, most: tuple[int, int, int]) -> Page:
    most_messages, most_unread, most_conversations = most
    by_change = Conversation.objects.filter(contact=contact_id).order_by("-seq").values_list("seq", flat=True)
    left_out = list(by_change[most_conversations : most_conversations + 1])
    if left_out:
        log.warning("contact %s starts with %d conversations, and has more", contact_id, most_conversations)
    after = left_out[0] if left_out else -1
    conversations = sql.changed_conversations(contact_id, after=after, upto=2**62, limit=most_conversations)
    current = sql.spoken_in_last(contact_id)
    messages = sql.message_page(current.id, before=None, limit=most_messages + 1) if current else []
    latest = _fitting(row for _, row in _encode(reversed(messages[-most_messages:])))
    beside = sql.unread_beside(current, limit=most_unread) if current else []
    unread = _fitting((row for _, row in _encode(beside)), least=0)
    rows = [row for _, row in _encode(conversations)] + sorted(latest + unread, key=lambda row: row.seq)
    return Page(cursor, tuple(rows), more=len(latest) < len(messages), reset=reason)


def _turn_epoch(contact_id: uuid.UUID, epoch: str) -> str:
    """A client that is ahead of us knows another history (a restored database): its numbers are not ours."""
    Contact.objects.filter(id=contact_id, epoch=epoch).update(epoch=new_epoch())
    return Contact.objects.values_list("epoch", flat=True).get(id=contact_id)


def history(conversation_id: uuid.UUID, *, before: tuple[int, uuid.UUID] | None, limit: int) -> tuple[list[Row], bool]:
    """Older messages in display order, and whether there are still older ones."""
    records = sql.message_page(conversation_id, before=before, limit=limit + 1)
    more = len(records) > limit
    shown = records[1:] if more else records
    newest = _fitting(row for _, row in _encode(reversed(shown)))
    return list(reversed(newest)), more or len(newest) < len(shown)


def _by_seq(record: Record) -> int:
    return record.seq


def _encode(records: Iterable[Record]) -> Iterator[tuple[uuid.UUID, Row]]:
    """The same as rows, in the same order, each with its contact; made one by one (a tree may be large)."""
    records = list(records)
    messages = [each for each in records if isinstance(each, MessageRecord)]
    attached, quoted = files.shown([each.id for each in messages if each.has_files]), quotes(messages)
    return ((each.contact_id, _row(each, attached, quoted)) for each in records)


def _row(record: Record, attached: Mapping[uuid.UUID, list[dict[str, object]]], quoted: Quotes) -> Row:
    if isinstance(record, ConversationRecord):
        return Row("conversation", record.seq, orjson.dumps({name: getattr(record, name) for name in _SHOWN}))
    outward = _message(record, attached.get(record.id, []), quoted.get(record.id))
    return Row("message", record.seq, orjson.dumps(outward))


def _message(
    record: MessageRecord, attachments: list[dict[str, object]], quote: dict[str, Any] | None
) -> dict[str, object]:
    own = record.direction == Message.Direction.INCOMING
    avatar = AVATAR + record.sender_avatar if record.sender_avatar else None
    sender = {"name": record.sender_name, "avatar": avatar, "kind": record.sender_kind or "system"}
    attributes = rich.shown(record.content_type, record.content_attributes, partial(cards.address, record.id))
    return {
        "id": record.id,
        "conversation": record.conversation_id,
        "seq": record.seq,
        "at": record.at,
        "direction": record.direction,
        "echo_id": record.echo_id if own else None,
        "state": record.state,
        "reason": record.reason or None,
        "sender": None if own else sender,
        "text": [] if record.deleted else (plain_tree if own else markdown_tree)(record.content),
        "content_type": record.content_type,
        "attributes": attributes | ({"reply_to": quote} if quote else {}),
        "attachments": attachments,
        "deleted": record.deleted,
    }
