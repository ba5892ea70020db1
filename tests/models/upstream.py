"""Chatwoot as a model: what it has stored, in which order it shows it, and what it says of it on the cable."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from chat.chatwoot import resources
from chat.chatwoot.resources import MessageType
from tests.fixtures.people import CHATWOOT_INBOX
from tests.models.memory import Clock

PAGE = 20


@dataclass(frozen=True)
class Row:
    """``created_at`` is taken by a Rails process before the database numbers the row: the two orders differ."""

    id: int
    conversation: int
    content: str
    created_at: int  # ms
    updated_at: int  # ms
    incoming: bool = False
    deleted: bool = False
    echo_id: str | None = None
    marker: str | None = None


@dataclass
class Chatwoot:
    """One contact's conversations. Only what is committed is in ``rows``."""

    clock: Clock
    source_id: str
    rows: dict[int, Row] = field(default_factory=dict)
    statuses: dict[int, tuple[str, int]] = field(default_factory=dict)  # with updated_at, ms
    keys: dict[int, str] = field(default_factory=dict)  # our key of a conversation
    last_id: int = 0

    def number(self) -> int:
        self.last_id += 1
        return self.last_id

    def open(self, conversation: int, key: str = "") -> None:
        self.statuses[conversation] = ("open", self.clock.tick())
        self.keys[conversation] = key

    def commit(self, row: Row) -> Row:
        self.rows[row.id] = row
        return row

    def write(self, conversation: int, content: str, **values: Any) -> Row:
        now = self.clock.tick()
        return self.commit(Row(self.number(), conversation, content, **{"created_at": now, "updated_at": now} | values))

    def change(self, id: int, **values: Any) -> Row:
        return self.commit(replace(self.rows[id], updated_at=self.clock.tick(), **values))

    def resolve(self, conversation: int, status: str) -> None:
        self.statuses[conversation] = (status, self.clock.tick())

    # As it is read

    def said(self, conversation: int, *, incoming: bool | None = None) -> list[Row]:
        """What an agent sees, by id."""
        found = (row for row in self.rows.values() if row.conversation == conversation)
        return sorted((row for row in found if incoming in (None, row.incoming)), key=lambda row: row.id)

    def page(self, conversation: int, before: int | None = None) -> tuple[resources.Message, ...]:
        """The newest 20 by ``created_at`` among lower ids (contract §1.9), ascending."""
        shown = [row for row in self.said(conversation) if before is None or row.id < before]
        newest = sorted(shown, key=lambda row: (row.created_at, row.id))[-PAGE:]
        return tuple(told(row) for row in newest)

    def index(self) -> tuple[resources.Conversation, ...]:
        return tuple(self.conversation(each) for each in sorted(self.statuses))

    def conversation(self, number: int) -> resources.Conversation:
        return resources.Conversation(
            id=number,
            inbox_id=CHATWOOT_INBOX,
            uuid=None,
            status=self.statuses[number][0],
            agent_last_seen_at=0,
            messages=tuple(told(row) for row in self.said(number)),
        )

    # As it is said on the cable

    def frame(self, row: Row) -> resources.Message:
        return replace(
            told(row),
            inbox_id=CHATWOOT_INBOX,
            source_id=self.source_id,
            echo_id=row.echo_id,
            updated_at=datetime.fromtimestamp(row.updated_at / 1000, UTC),
        )

    def conversation_frame(self, number: int) -> resources.Conversation:
        status, updated_at = self.statuses[number]
        return replace(
            self.conversation(number),
            status=status,
            messages=(),
            source_id=self.source_id,
            updated_at=updated_at / 1000,
            key=self.keys[number] or None,
        )


def told(row: Row) -> resources.Message:
    return resources.Message(
        id=row.id,
        conversation_id=row.conversation,
        message_type=MessageType.INCOMING if row.incoming else MessageType.OUTGOING,
        content="" if row.deleted else row.content,
        content_type="text",
        content_attributes={},
        created_at=row.created_at // 1000,
        deleted=row.deleted,
        sender=resources.Sender(kind="contact" if row.incoming else "agent", id=1, name="Gus", avatar_url=None),
        attachments=(),
        private=False,
        **({"marker": row.marker} if hasattr(resources.Message, "marker") else {}),
    )


def texts(rows: list[Row]) -> Iterator[str]:
    return (row.content for row in rows if not row.deleted)
