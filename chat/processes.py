"""The processes that serve one database: each has a row, and each takes its share of every Chatwoot's budget.

What they share of a Chatwoot (pause, verdict on the fence) is read again at the same time. The clock is the database's.
"""

import asyncio
import logging
import uuid
from contextlib import suppress
from typing import NamedTuple

from django.db.models import Q

from chat import sql
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
    within the budget.
    """

    def __init__(
        self, upstreams: Upstreams, writer: Writer, reader: Reader, *, rate_per_s: float, beat_s: float = BEAT_S
    ) -> None:
        self.id = uuid.uuid4()
        self.live = 1
        self.draining = False
        self._upstreams = upstreams
        self._writer = writer
        self._reader = reader
        self._rate_per_s = rate_per_s
        self._beat_s = beat_s
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
            await self._writer.write(self._seen, contacts=(), priority=Priority.ATTEMPT)
            asked = self._clock.base()
            self._take(await self._reader.run(_look, round(self._beat_s * 1000) * FORGOTTEN_AFTER), asked)
        except BUSY as error:
            log.debug("no heartbeat: %s", error)
        except Exception:  # The next beat may do better; without any, the others take this process's share.
            log.exception("the heartbeat failed")

    def _seen(self, pen: Pen) -> None:
        row = {"seen_at": pen.now, "draining": self.draining}
        if not Process.objects.filter(id=self.id).update(**row):
            Process.objects.create(id=self.id, started_at=pen.now, **row)

    def _take(self, shared: "_Shared", asked: int) -> None:
        # It tells milliseconds; taken for whole seconds, that is wide enough for two quartzes that part.
        self._clock.sample(sent=asked, received=self._clock.base(), told_ms=shared.now - 500)
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
    chatwoots: dict[int, Chatwoot]
    now: int


def _look(forgotten_ms: int) -> _Shared:
    now = sql.database_now()
    lately = Q(seen_at__gte=now - forgotten_ms, seen_at__lte=now + forgotten_ms)  # a clock may have been put back
    dead = Process.objects.exclude(lately).order_by("seen_at").first()
    if dead is not None:  # one row, one lock: those who tidy up at the same time cannot wait for each other
        Process.objects.filter(id=dead.id, seen_at=dead.seen_at).delete()
    live = Process.objects.filter(lately).count()
    return _Shared(max(1, live), {row.pk: row for row in Chatwoot.objects.all()}, now)
