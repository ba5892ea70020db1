"""What becomes of what the cable brings: messages and conversations are stored, typing and presence only shown."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from chat import mirror, outbox, sql, wire
from chat.audience import Audience
from chat.bridge.tasks import Tasks
from chat.chatwoot.events import (
    ConversationCreated,
    ConversationUpdated,
    Event,
    MessageCreated,
    MessageUpdated,
    Presence,
    Typing,
)
from chat.feed import Pen
from chat.mirror import Scope
from chat.reader import Reader
from chat.writer import BUSY, Priority, Writer, WriterFull

log = logging.getLogger(__name__)

SAY_S = 10.0  # how often is said what could not be written
MOST_TYPING = 100  # shown at a time; what is more is dropped, as where a client is slow
CREATION_S = 2.0  # by then a conversation that was being created has its number

Compare = Callable[[Scope, float], None]  # after so many seconds


class Reception:
    """``compare`` is asked for where an event could not be used. What is stored passes the gate of ``chat.mirror``."""

    def __init__(self, writer: Writer, reader: Reader, audience: Audience, compare: Compare) -> None:
        self._writer = writer
        self._reader = reader
        self._audience = audience
        self._compare = compare
        self._unstored, self._said_unstored_at = 0, -SAY_S
        self._typing = 0
        self._tasks = Tasks()

    def take(self, scope: Scope, event: Event) -> None:
        match event:
            case Presence(online):
                self._audience.passing(scope.contact_id, wire.encode_presence(online=online))
            case Typing():
                if event.source_id == scope.source_id and not event.is_private and self._typing < MOST_TYPING:
                    self._typing += 1
                    self._tasks.spawn(self._show_typing(scope, event), name="typing")
            case _:
                self._store(scope, event)

    def sweep(self) -> None:
        """To be called every second or so: says what could not be written."""
        now = asyncio.get_running_loop().time()
        if self._unstored and now >= self._said_unstored_at + SAY_S:
            log.error("events that could not be written: %d; their contacts are compared later", self._unstored)
            self._unstored, self._said_unstored_at = 0, now

    async def close(self) -> None:
        await self._tasks.cancel()

    def _store(self, scope: Scope, event: Event) -> None:
        def done(stored: object, error: BaseException | None) -> None:
            if error is not None:
                self._note_unstored(scope, error)
                self._compare(scope, 0.0)
            elif not stored:
                self._compare(scope, CREATION_S)

        try:
            apply = partial(_apply, scope, event)
            self._writer.post(apply, contacts=(scope.contact_id,), priority=Priority.MIRROR, done=done)
        except WriterFull as full:
            done(None, full)

    def _note_unstored(self, scope: Scope, error: BaseException) -> None:
        if isinstance(error, BUSY):
            self._unstored += 1  # every agent's event while the database is ill: ``sweep`` says how many
        else:
            log.error("an event of contact inbox %s was not stored", scope.contact_inbox_id, exc_info=error)

    async def _show_typing(self, scope: Scope, event: Typing) -> None:
        try:
            known = await self._reader.run(sql.conversation_by_chatwoot_id, scope.inbox_id, event.conversation_id)
        finally:
            self._typing -= 1
        if known is not None and known.contact_id == scope.contact_id:
            self._audience.passing(scope.contact_id, wire.encode_typing(known.id, name=event.name, on=event.on))


def _apply(scope: Scope, event: Event, pen: Pen) -> bool:
    """False: its conversation may be the one that we are just creating, which a later list tells."""
    applied: object = None
    match event:
        case MessageCreated(message) | MessageUpdated(message):
            applied = mirror.apply_message(pen, scope, message, read_started=None)
        case ConversationCreated(conversation) | ConversationUpdated(conversation):
            applied = mirror.apply_conversation(pen, scope, conversation, read_started=None)
    return applied is not None or not outbox.creation_open(scope.contact_inbox_id)
