"""The processes that serve one database: each has a row, and each takes its share of every Chatwoot's budget.

What they share of a Chatwoot (pause, verdict on the fence) is read again at the same time. The clock is the database's.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from django.db.models import Q

from chat import minutes, sql
from chat.bridge.tasks import Tasks
from chat.chatwoot.upstream_clock import UpstreamClock
from chat.feed import Pen
from chat.models import Chatwoot, Process
from chat.reader import Reader
from chat.upstreams import Upstreams
from chat.writer import BUSY, Priority, Writer

log = logging.getLogger(__name__)

BEAT_S = 5.0
FORGOTTEN_AFTER = 3  # beats


class Processes:
    """This process among the others.

    One that drains is counted until it has gone: it still delivers what was accepted, and all together must stay
    within the budget. ``accompanied``: another one lives, and does not drain.
    """

    def __init__(
        self, upstreams: Upstreams, writer: Writer, reader: Reader, *, rate_per_s: float, beat_s: float = BEAT_S
    ) -> None:
        self.id = uuid.uuid4()
        self.live, self.accompanied = 1, False
        self.draining = False
        self._started_at = 0
        self.tell: Callable[[], dict[str, Any]] = dict  # what the others read of this one
        self._upstreams = upstreams
        self._writer = writer
        self._reader = reader
        self._rate_per_s = rate_per_s
        self._beat_s = beat_s
        self._forgotten_ms = round(beat_s * 1000) * FORGOTTEN_AFTER
        self._minute = 0  # the latest that was noted
        self._clock = UpstreamClock(name="the database")
        self._tasks = Tasks()

    def start(self) -> None:
        self._tasks.spawn(self._beat_forever(), name="heartbeat")

    async def drain(self) -> None:
        """Say that this process is about to end."""
        self.draining = True
        await self._beat()

    async def close(self) -> None:
        """Be forgotten at once."""
        await self._tasks.cancel()
        with suppress(*BUSY):  # then it takes three beats
            await self._reader.run(Process.objects.filter(id=self.id).delete)

    async def _beat_forever(self) -> None:
        while True:
            await self._beat()
            await asyncio.sleep(self._beat_s)

    async def _beat(self) -> None:
        """Also how an idle process learns that its database cannot be written, or can be again. The writer logs."""
        try:
            await self._writer.write(partial(self._seen, self._told()), contacts=(), priority=Priority.ATTEMPT)
            asked = self._clock.base()
            shared = await self._reader.run(partial(_look, self.id), self._forgotten_ms)
            self._take(shared, asked)
            await self._note(shared.now)
        except BUSY as error:
            log.debug("no heartbeat: %s", error)
        except Exception:  # The next beat may do better; without any, the others take this process's share.
            log.exception("the heartbeat failed")

    def _told(self) -> dict[str, Any]:
        try:
            return self.tell()
        except Exception:  # The others must hear that this process lives, even if it cannot say how.
            log.exception("this process cannot say how it is")
            return {}

    def _seen(self, figures: dict[str, Any], pen: Pen) -> None:
        self._started_at = self._started_at or pen.now
        row = {"seen_at": pen.now, "draining": self.draining, "figures": figures}
        if not Process.objects.filter(id=self.id).update(**row):  # also when the others took it for dead
            Process.objects.create(id=self.id, started_at=self._started_at, **row)

    async def _note(self, now: int) -> None:
        if now // minutes.MINUTE_MS != self._minute:
            self._minute = now // minutes.MINUTE_MS
            await self._reader.run(minutes.note, now, self._forgotten_ms)

    def _take(self, shared: "_Shared", asked: int) -> None:
        # It tells milliseconds; taken for whole seconds, that is wide enough for two quartzes that part.
        self._clock.sample(sent=asked, received=self._clock.base(), told_ms=shared.now - 500)
        self.accompanied = shared.accompanied
        self._writer.is_shared = shared.live > 1
        if shared.vanished is not None:
            unheard_s = abs(shared.now - shared.vanished.seen_at) / 1000
            words = "process %s has not been heard for %.0f s: it was killed, is frozen, or does not reach the database"
            log.warning(words, shared.vanished.id, unheard_s)
        if shared.live != self.live:
            self.live = shared.live
            share = self._rate_per_s / self.live
            log.info("processes here: %d; each may ask a Chatwoot %.1f times a second", self.live, share)
        self._upstreams.share(self._rate_per_s / self.live)
        for link in self._upstreams.links():
            if row := shared.chatwoots.get(link.chatwoot_pk):
                link.learn(row, now=shared.now)


class _Shared(NamedTuple):
    live: int
    accompanied: bool
    chatwoots: dict[int, Chatwoot]
    now: int
    vanished: Process | None  # without having said that it would


def _look(own_id: uuid.UUID, forgotten_ms: int) -> _Shared:
    now = sql.database_now()
    lately = Q(seen_at__gte=now - forgotten_ms, seen_at__lte=now + forgotten_ms)  # a clock may have been put back
    dead = Process.objects.exclude(lately).order_by("seen_at").first()
    forgot = 0
    if dead is not None:  # one row, one lock: those who tidy up at the same time cannot wait for each other
        forgot, _ = Process.objects.filter(id=dead.id, seen_at=dead.seen_at).delete()
    living = Process.objects.filter(lately)
    accompanied = living.filter(draining=False).exclude(id=own_id).exists()
    chatwoots = {row.pk: row for row in Chatwoot.objects.all()}
    vanished = dead if forgot and dead is not None and not dead.draining else None
    return _Shared(max(1, living.count()), accompanied, chatwoots, now, vanished)
