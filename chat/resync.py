"""After any gap: compare a contact inbox with Chatwoot, which alone knows what the cable did not bring.

One request (the conversations index) brings statuses, read marks, all messages with their deletions, and conversations
that an agent began. At most one resync per contact inbox in ``PAUSE_MS`` over all processes; a wish that comes earlier
is kept and served then.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from chat import mirror, outbox, sql
from chat.bridge.tasks import Tasks
from chat.budget import Turns, Urgency
from chat.chatwoot.errors import ChatwootError, Throttled
from chat.chatwoot.resources import Conversation, Message
from chat.feed import Pen
from chat.mirror import Scope
from chat.models import ContactInbox
from chat.reader import Reader
from chat.upstreams import Upstreams
from chat.writer import BUSY, Priority, Writer

log = logging.getLogger(__name__)

PAUSE_MS = 10_000
AT_ONCE = 4  # resyncs side by side
CHUNK = 50  # messages in one write, so that accepts never wait long


@dataclass(slots=True)
class _Wish:
    scope: Scope
    due: float
    urgency: Urgency
    sooner: asyncio.Event = field(default_factory=asyncio.Event)


class Resyncs:
    """Wishes live in memory: whoever holds a contact next, after a process has died, begins with a resync."""

    def __init__(self, upstreams: Upstreams, writer: Writer, reader: Reader, *, pause_ms: int = PAUSE_MS) -> None:
        self._upstreams = upstreams
        self._writer = writer
        self._reader = reader
        self._pause_ms = pause_ms
        self._wishes: dict[int, _Wish] = {}
        self._turns = Turns(AT_ONCE)
        self._tasks = Tasks()
        self.done = 0

    def want(self, scope: Scope, *, urgency: Urgency, after_s: float = 0.0) -> None:
        """Compare this contact inbox soon. Wishes that wait become one; one that has begun to read does not count."""
        due = self._now() + after_s
        if wish := self._wishes.get(scope.contact_inbox_id):
            self._hurry(wish, due, urgency)
            return
        wish = self._wishes[scope.contact_inbox_id] = _Wish(scope, due, urgency)
        self._tasks.spawn(self._grant(wish), name=f"resync {scope.contact_inbox_id}")

    def _hurry(self, wish: _Wish, due: float, urgency: Urgency) -> None:
        if urgency < wish.urgency:
            wish.urgency = urgency
            self._turns.hurry(wish.scope.contact_inbox_id, urgency)
        wish.due = min(wish.due, due)
        wish.sooner.set()

    async def close(self) -> None:
        await self._tasks.cancel()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _grant(self, wish: _Wish) -> None:
        key = wish.scope.contact_inbox_id
        while True:
            await self._wait(wish)
            async with self._turns.turn(key, wish.urgency):
                if await self._claim(wish.scope):
                    del self._wishes[key]
                    return await self._try(wish)
            wish.due = self._now() + self._pause_ms / 1000

    async def _wait(self, wish: _Wish) -> None:
        while (wait_s := wish.due - self._now()) > 0:
            wish.sooner.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await wish.sooner.wait()

    async def _try(self, wish: _Wish) -> None:
        again_s = self._pause_ms / 1000
        try:
            if await self.run(wish.scope, urgency=wish.urgency):
                return
        except (ChatwootError, *BUSY) as error:
            log.warning("resync of contact inbox %s failed and comes again: %s", wish.scope.contact_inbox_id, error)
            if isinstance(error, Throttled):
                again_s = max(again_s, error.retry_after_s)
        self.want(wish.scope, urgency=wish.urgency, after_s=again_s)

    async def _claim(self, scope: Scope) -> bool:
        """True for one process at a time: a conditional update of the row. A database in trouble says no."""

        def claim(pen: Pen) -> bool:
            rested = ContactInbox.objects.filter(pk=scope.contact_inbox_id, resynced_at__lte=pen.now - self._pause_ms)
            return bool(rested.update(resynced_at=pen.now))

        try:
            return await self._writer.write(claim, contacts=(scope.contact_id,), priority=Priority.MIRROR)
        except BUSY as error:
            log.error("resync of contact inbox %s waits: %s", scope.contact_inbox_id, error)
            return False

    async def run(self, scope: Scope, *, urgency: Urgency) -> bool:
        """One comparison, now; False when something must wait for a later one. Raises ChatwootError."""
        upstream = await self._upstreams.of(scope.inbox_id)
        async with upstream.turn(urgency):
            started = await self._reader.run(sql.database_now)
            conversations = await upstream.api.conversations(scope.source_id)
        complete = upstream.chatwoot_inbox_id is not None or not conversations
        for conversation in sorted(conversations, key=lambda each: each.id):
            if conversation.inbox_id == upstream.chatwoot_inbox_id:  # a verified contact's index spans all inboxes
                complete &= await self._apply(scope, conversation, started)
        self.done += 1
        return complete

    async def _apply(self, scope: Scope, conversation: Conversation, started: int) -> bool:
        complete = True
        messages = sorted(conversation.messages, key=lambda each: each.id)
        for at in range(0, max(1, len(messages)), CHUNK):
            apply = partial(_apply, scope, conversation, messages[at : at + CHUNK], started)
            complete &= await self._writer.write(apply, contacts=(scope.contact_id,), priority=Priority.MIRROR)
        return complete


def _apply(scope: Scope, conversation: Conversation, messages: list[Message], started: int, pen: Pen) -> bool:
    """False: it may be the one that we are just creating, which a later list tells."""
    listed = replace(conversation, source_id=scope.source_id)  # the index is that of this contact inbox
    if mirror.apply_conversation(pen, scope, listed, read_started=started) is None:
        return not outbox.creation_open(scope.contact_inbox_id)
    for message in messages:
        mirror.apply_message(pen, scope, message, read_started=started)
    return True
