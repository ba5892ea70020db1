"""After any gap: when which contact inbox is compared with Chatwoot (``chat.comparing``).

At most one resync per contact inbox in ``pause_s`` over all processes, and one walk over everything in ``walk_s``; a
wish that comes earlier is kept and served then. Whoever is looking goes first; a thousand wishes at once wait in line.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist

from chat.bridge.tasks import Tasks
from chat.budget import Turns, Urgency
from chat.chatwoot.errors import ChatwootError, NotFound, Throttled
from chat.comparing import Comparing
from chat.feed import Pen
from chat.mirror import AHEAD_MS, Scope
from chat.models import ContactInbox
from chat.reader import Reader
from chat.upstreams import Unavailable, Upstreams
from chat.writer import BUSY, Priority, Writer

log = logging.getLogger(__name__)

AT_ONCE = 4  # resyncs side by side
WALKS_AT_ONCE = 1
SAY_S = 10.0  # how often is said how many wait
WORTH_SAYING = 100


@dataclass(frozen=True, slots=True)
class Timing:
    pause_s: float = 10
    walk_s: float = 60
    most_waiting: int = 20_000  # wishes

    @classmethod
    def from_settings(cls) -> Self:
        return cls(pause_s=settings.RESYNC_PAUSE_S, walk_s=6 * settings.RESYNC_PAUSE_S)


class _Key(NamedTuple):
    contact_inbox_id: int
    whole: bool  # a walk over everything


@dataclass(slots=True)
class _Wish:
    key: _Key
    scope: Scope
    due: float
    urgency: Urgency
    sooner: asyncio.Event = field(default_factory=asyncio.Event)


class Resyncs:
    """Wishes live in memory: whoever holds a contact next, after a process has died, begins with a resync."""

    def __init__(self, upstreams: Upstreams, writer: Writer, reader: Reader, *, timing: Timing | None = None) -> None:
        self._upstreams = upstreams
        self._writer = writer
        self._timing = timing or Timing()
        self._comparing = Comparing(upstreams, writer, reader, found=lambda *found: self.found(*found))
        self._wishes: dict[_Key, _Wish] = {}
        self._turns = {False: Turns(AT_ONCE), True: Turns(WALKS_AT_ONCE)}
        self._tasks = Tasks()
        self._said_at, self._dropped, self._behind = 0.0, 0, False
        self.served: Callable[[Scope], None] = lambda scope: None  # nothing more is wished of it just now
        self.found: Callable[[Scope, float], None] = lambda scope, age_s: None  # an agent's message, so old
        self.done = 0  # resyncs
        self.walked = 0  # walks over everything

    @property
    def waiting(self) -> int:
        return len(self._wishes)

    @property
    def is_idle(self) -> bool:
        """Nothing is compared just now, and nothing is wanted to be."""
        return not self._tasks.running

    def want(self, scope: Scope, *, urgency: Urgency, after_s: float = 0.0) -> None:
        """Compare this contact inbox soon. Wishes that wait become one; one that has begun to read does not count."""
        self._want(_Key(scope.contact_inbox_id, False), scope, urgency, after_s)

    def _want(self, key: _Key, scope: Scope, urgency: Urgency, after_s: float) -> None:
        due = self._now() + after_s
        if wish := self._wishes.get(key):
            wish.scope = scope  # the contact inbox may have been adopted meanwhile
            self._hurry(wish, due, urgency)
        elif len(self._wishes) >= self._timing.most_waiting:
            self._dropped += 1  # whoever holds it asks again at its next poll or audit
        else:
            wish = self._wishes[key] = _Wish(key, scope, due, urgency)
            self._tasks.spawn(self._grant(wish), name=f"resync {key.contact_inbox_id}")
        self._say()

    def _hurry(self, wish: _Wish, due: float, urgency: Urgency) -> None:
        if urgency < wish.urgency:
            wish.urgency = urgency
            self._turns[wish.key.whole].hurry(wish.key, urgency)
        wish.due = min(wish.due, due)
        wish.sooner.set()

    async def close(self) -> None:
        await self._tasks.cancel()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _say(self) -> None:
        """How far it is, while there is much to do: an operator sees a storm pass."""
        waiting, now = len(self._wishes), self._now()
        if self._dropped and now - self._said_at >= SAY_S:
            log.error("resync: %d wishes were refused, %d wait already", self._dropped, waiting)
            self._dropped, self._said_at = 0, now
        if waiting >= WORTH_SAYING and now - self._said_at >= SAY_S:
            self._said_at, self._behind = now, True
            log.info("resync: %d contacts wait, %d were compared so far", waiting, self.done)
        elif self._behind and not waiting:
            self._behind = False
            log.info("resync: nobody waits any more, %d contacts were compared so far", self.done)

    # Granting

    async def _grant(self, wish: _Wish) -> None:
        """Whatever happens, the wish does not stay behind: it would keep every later one from being granted."""
        try:
            await self._grant_in_turn(wish)
        except ObjectDoesNotExist:
            self._forget(wish)
            log.info("contact inbox %s was removed; it is not compared any more", wish.key.contact_inbox_id)
        except Exception:
            self._forget(wish)
            log.exception("resync of contact inbox %s failed and comes again", wish.key.contact_inbox_id)
            self._want(wish.key, wish.scope, wish.urgency, self._timing.walk_s)

    def _forget(self, wish: _Wish) -> None:
        if self._wishes.get(wish.key) is wish:
            del self._wishes[wish.key]

    async def _grant_in_turn(self, wish: _Wish) -> None:
        while True:
            await self._wait(wish)
            async with self._turns[wish.key.whole].turn(wish.key, wish.urgency):
                again_s = await self._claim(wish) if await self._available(wish.scope) else self._timing.pause_s
                if not again_s:
                    self._forget(wish)
                    await self._try(wish)
                    return self._say()
            wish.due = self._now() + again_s

    async def _wait(self, wish: _Wish) -> None:
        while (wait_s := wish.due - self._now()) > 0:
            wish.sooner.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await wish.sooner.wait()

    def _pause_s(self, wish: _Wish) -> float:
        return self._timing.walk_s if wish.key.whole else self._timing.pause_s

    async def _available(self, scope: Scope) -> bool:
        """Whether asking makes sense just now: a claim that cannot be used would cost a write and the next pause."""
        try:
            upstream = await self._upstreams.of(scope.inbox_id)
            return await upstream.ready()
        except BUSY as error:
            log.error("resync of contact inbox %s waits: %s", scope.contact_inbox_id, error)
            return False

    async def _claim(self, wish: _Wish) -> float:
        """0 for one process at a time, by a conditional update of the row; else the seconds to wait."""
        column, pause_ms = ("walked_at" if wish.key.whole else "resynced_at"), round(self._pause_s(wish) * 1000)

        def claim(pen: Pen) -> float:
            row = ContactInbox.objects.filter(pk=wish.key.contact_inbox_id)
            # a moment to come is of a clock that was set back since
            rested = row.exclude(**{f"{column}__gt": pen.now - pause_ms, f"{column}__lte": pen.now + AHEAD_MS})
            if rested.update(**{column: pen.now}):
                return 0
            claimed_at: int = row.values_list(column, flat=True).get()
            return max(0.001, (claimed_at + pause_ms - pen.now) / 1000)

        try:
            return await self._writer.write(claim, contacts=(wish.scope.contact_id,), priority=Priority.MIRROR)
        except BUSY as error:
            log.error("resync of contact inbox %s waits: %s", wish.key.contact_inbox_id, error)
            return self._timing.pause_s

    async def _try(self, wish: _Wish) -> None:
        again_s = self._pause_s(wish)
        try:
            if await self.run(wish.scope, urgency=wish.urgency, whole=wish.key.whole):
                return self._serve(wish)
        except (ChatwootError, *BUSY) as error:
            if isinstance(error, NotFound) and error.finished:  # Chatwoot says so itself, not a proxy
                log.info("Chatwoot knows contact inbox %s no more; its next message brings it back", wish.key[0])
                return self._serve(wish)
            log.warning("resync of contact inbox %s failed and comes again: %s", wish.key.contact_inbox_id, error)
            if isinstance(error, Throttled):
                again_s = max(again_s, error.retry_after_s)
            elif isinstance(error, Unavailable):
                again_s = max(again_s, error.after_s)
        self._want(wish.key, wish.scope, wish.urgency, again_s)

    def _serve(self, wish: _Wish) -> None:
        if wish.key not in self._wishes and not wish.key.whole:
            self.served(wish.scope)

    async def run(self, scope: Scope, *, urgency: Urgency, whole: bool = False) -> bool:
        """One comparison, now; False when something must wait for a later one. Raises ChatwootError.

        Of a long history only the newest is compared at once; a walk over everything is asked for.
        """
        if whole:
            complete = await self._comparing.compare_all(scope, urgency=Urgency.REST)
            self.walked += 1
            return complete
        outcome = await self._comparing.compare(scope, urgency=urgency)
        self.done += 1
        if not outcome.deep:
            self._want(_Key(scope.contact_inbox_id, True), scope, Urgency.REST, 0.0)
        return outcome.complete
