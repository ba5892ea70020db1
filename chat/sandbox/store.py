"""All rows in memory, with the look-ups the API needs, transactions and change tracking as ActiveRecord has them."""

import base64
import copy
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from typing import Any, TypeVar, cast

from chat.sandbox.entities import KINDS, Attachment, ContactInbox, Conversation, Inbox, Message, Row
from chat.sandbox.journal import Journal, Line

R = TypeVar("R", bound=Row)
Columns = dict[str, Any]
MICROSECOND = 1e-6  # PostgreSQL's resolution: two saves in one request have two times
Changes = dict[str, tuple[Any, Any]]


class Store:
    """Rows live in `tables`; `_clean` holds what was last committed, for changes and for rolling back.

    A transaction runs without awaiting, so that requests never see half of one.
    """

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.tables: dict[type[Row], dict[int, Row]] = {kind: {} for kind in KINDS}
        self.sequences: dict[type[Row], int] = dict.fromkeys(KINDS, 0)
        self._clean: dict[tuple[type[Row], int], Columns] = {}
        self._saved: dict[tuple[type[Row], int], Columns] = {}
        self._touched: dict[tuple[type[Row], int], None] = {}
        self._handed_out: dict[tuple[type[Row], int], Row] = {}
        self._open = False
        self._message_id: int | None = None
        self._indexes = Indexes()

    def replay(self) -> None:
        """Take over what the journal holds. Raises `journal.Unreadable`."""
        for line in self.journal.lines():
            self._replay(line)

    def persist(self) -> None:
        """Write one snapshot and journal from now on. Raises `journal.Unreadable`."""
        self.journal.compact(self._snapshot())

    # -- rows ---------------------------------------------------------------

    def add(self, row: R, now: float) -> R:
        kind = type(row)
        if kind is Message and self._message_id is not None:
            row.id, self._message_id = self._message_id, None
        else:
            self.sequences[kind] += 1
            row.id = self.sequences[kind]
        row.created_at = row.created_at or now
        row.updated_at = row.updated_at or now
        self.tables[kind][row.id] = row
        self._touch(row)
        self._saved[(kind, row.id)] = asdict(row)
        self._indexes.put(row)
        return row

    def take_message_id(self) -> int:
        """As PostgreSQL does at INSERT, long before others see the row."""
        self.sequences[Message] += 1
        return self.sequences[Message]

    def save(self, row: Row, now: float) -> Changes:
        """Keep what was set on the row; the changed columns with their old and new values, `updated_at` included."""
        key = (type(row), row.id)
        before, after = self._saved.get(key) or self._clean[key], asdict(row)
        if before == after:
            return {}
        row.updated_at = after["updated_at"] = max(now, before["updated_at"] + MICROSECOND)
        self._touch(row)
        self._saved[key] = after
        self._indexes.drop(type(row), before, row.id)
        self._indexes.put(row)
        return {name: (before[name], value) for name, value in after.items() if before[name] != value}

    def remove(self, row: Row) -> None:
        key = (type(row), row.id)
        self._indexes.drop(type(row), self._saved.get(key) or self._clean[key], row.id)
        del self.tables[type(row)][row.id]
        self._touch(row)

    def get(self, kind: type[R], row_id: int | None) -> R | None:
        row = self._table(kind).get(row_id or 0)
        return row if row is None else self._read(row)

    def all(self, kind: type[R]) -> list[R]:
        return list(self._table(kind).values())

    def where(self, kind: type[R], test: Callable[[R], bool]) -> list[R]:
        return [row for row in self._table(kind).values() if test(row)]

    def first(self, kind: type[R], test: Callable[[R], bool]) -> R | None:
        return next((self._read(row) for row in self._table(kind).values() if test(row)), None)

    def _table(self, kind: type[R]) -> dict[int, R]:
        return cast(dict[int, R], self.tables[kind])

    def _pick(self, kind: type[R], row_ids: set[int]) -> list[R]:
        table = self._table(kind)
        return [self._read(table[row_id]) for row_id in sorted(row_ids)]

    def _read(self, row: R) -> R:
        """Whoever has a row may change it; rolling back looks at all that were handed out."""
        if self._open:
            self._handed_out[(type(row), row.id)] = row
        return row

    # -- indexed look-ups ----------------------------------------------------

    def inbox_by_identifier(self, identifier: str) -> Inbox | None:
        return self.get(Inbox, self._indexes.inboxes.get(identifier))

    def contact_inbox_by_source(self, inbox_id: int, source_id: str) -> ContactInbox | None:
        return self.get(ContactInbox, self._indexes.sources.get((inbox_id, source_id)))

    def contact_inbox_by_pubsub_token(self, token: str) -> ContactInbox | None:
        return self.get(ContactInbox, self._indexes.tokens.get(token))

    def contact_inboxes_of(self, contact_id: int) -> list[ContactInbox]:
        return self._pick(ContactInbox, self._indexes.sessions[contact_id])

    def conversation(self, account_id: int, display_id: int) -> Conversation | None:
        return self.get(Conversation, self._indexes.display_ids.get((account_id, display_id)))

    def next_display_id(self, account_id: int) -> int:
        return self._indexes.last_display_ids[account_id] + 1

    def conversations_of(self, contact_id: int) -> list[Conversation]:
        return self._pick(Conversation, self._indexes.conversations[contact_id])

    def messages_of(self, conversation_id: int) -> list[Message]:
        """In the order of their creation."""
        return self._pick(Message, self._indexes.messages[conversation_id])

    def attachments_of(self, message_id: int) -> list[Attachment]:
        return self._pick(Attachment, self._indexes.attachments[message_id])

    # -- transactions --------------------------------------------------------

    @contextmanager
    def transaction(self, message_id: int | None = None) -> Iterator[None]:
        """Journal what was saved, or undo it when an exception leaves the block. `message_id`: taken for its first."""
        self._open, self._message_id = True, message_id
        try:
            yield
        except BaseException:
            self._roll_back()
            raise
        else:
            self._commit()
        finally:
            self._open, self._message_id = False, None
            for kept in (self._touched, self._saved, self._handed_out):
                kept.clear()

    def _touch(self, row: Row) -> None:
        self._touched[(type(row), row.id)] = None

    def _commit(self) -> None:
        rows: dict[str, list[tuple[int, Columns | None]]] = defaultdict(list)
        for kind, row_id in self._touched:
            row = self.tables[kind].get(row_id)
            if row is None:
                self._clean.pop((kind, row_id), None)
                rows[kind.__name__].append((row_id, None))
            else:
                columns = self._clean[(kind, row_id)] = self._saved[(kind, row_id)]
                rows[kind.__name__].append((row_id, _outward(columns)))
        if rows:
            self.journal.append({"rows": rows, "sequences": {k: self.sequences[_kind(k)] for k in rows}})

    def _roll_back(self) -> None:
        for key in {**self._touched, **self._handed_out}:
            kind, row_id = key
            if (saved := self._saved.get(key)) is not None:
                self._indexes.drop(kind, saved, row_id)
            if (columns := self._clean.get(key)) is None:
                self.tables[kind].pop(row_id, None)
                continue
            row = self.tables[kind].setdefault(row_id, self._handed_out.get(key) or kind())
            for name, value in copy.deepcopy(columns).items():
                setattr(row, name, value)
            self._indexes.put(row)

    def _replay(self, line: Line) -> None:
        for name, rows in line["rows"].items():
            kind = _kind(name)
            for row_id, columns in rows:
                if (old := self._clean.pop((kind, row_id), None)) is not None:
                    self._indexes.drop(kind, old, row_id)
                    del self.tables[kind][row_id]
                if columns is not None:
                    row = self.tables[kind][row_id] = kind(**_inward(kind, columns))
                    self._clean[(kind, row_id)] = asdict(row)
                    self._indexes.put(row)
        for name, last in line["sequences"].items():
            self.sequences[_kind(name)] = max(last, self.sequences[_kind(name)])

    def _snapshot(self) -> Line:
        return {
            "rows": {k.__name__: [(i, _outward(self._clean[(k, i)])) for i in rows] for k, rows in self.tables.items()},
            "sequences": {kind.__name__: last for kind, last in self.sequences.items()},
        }


class Indexes:
    def __init__(self) -> None:
        self.inboxes: dict[str, int] = {}
        self.sources: dict[tuple[int, str], int] = {}
        self.tokens: dict[str, int] = {}
        self.sessions: dict[int, set[int]] = defaultdict(set)
        self.display_ids: dict[tuple[int, int], int] = {}
        self.last_display_ids: dict[int, int] = defaultdict(int)
        self.conversations: dict[int, set[int]] = defaultdict(set)
        self.messages: dict[int, set[int]] = defaultdict(set)
        self.attachments: dict[int, set[int]] = defaultdict(set)

    def put(self, row: Row) -> None:
        if isinstance(row, Message):
            self.messages[row.conversation_id].add(row.id)
        elif isinstance(row, Attachment):
            self.attachments[row.message_id].add(row.id)
        elif isinstance(row, ContactInbox):
            self.sources[(row.inbox_id, row.source_id)] = self.tokens[row.pubsub_token] = row.id
            self.sessions[row.contact_id].add(row.id)
        elif isinstance(row, Conversation):
            self.display_ids[(row.account_id, row.display_id)] = row.id
            self.last_display_ids[row.account_id] = max(row.display_id, self.last_display_ids[row.account_id])
            self.conversations[row.contact_id].add(row.id)
        elif isinstance(row, Inbox):
            self.inboxes[row.identifier] = row.id

    def drop(self, kind: type[Row], columns: Columns, row_id: int) -> None:
        if kind is Message:
            self.messages[columns["conversation_id"]].discard(row_id)
        elif kind is Attachment:
            self.attachments[columns["message_id"]].discard(row_id)
        elif kind is ContactInbox:
            self.sessions[columns["contact_id"]].discard(row_id)
            self.sources.pop((columns["inbox_id"], columns["source_id"]), None)
            self.tokens.pop(columns["pubsub_token"], None)
        elif kind is Conversation:
            self.conversations[columns["contact_id"]].discard(row_id)
            self.display_ids.pop((columns["account_id"], columns["display_id"]), None)
        elif kind is Inbox:
            self.inboxes.pop(columns["identifier"], None)


_KIND_BY_NAME = {kind.__name__: kind for kind in KINDS}


def _kind(name: str) -> type[Row]:
    return _KIND_BY_NAME[name]


def _outward(columns: Columns) -> Columns:
    return {n: base64.b64encode(v).decode() if isinstance(v, bytes) else v for n, v in columns.items()}


def _inward(kind: type[Row], columns: Columns) -> Columns:
    known = {f.name: f.type for f in fields(kind)}
    return {n: base64.b64decode(v) if known[n] is bytes else v for n, v in columns.items() if n in known}
