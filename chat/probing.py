"""What only asking tells about a Chatwoot: its clock, whether its fence holds, and whether it is back.

Each process asks for the clock, which it needs itself; for the fence, which is an error in Chatwoot's log, one process
asks for all, once a day. The verdict stands in Chatwoot's row; ``chat.processes`` brings it to the other processes.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from django.conf import settings
from django.db.models import Q

from chat import outage, sql
from chat.bridge.tasks import Tasks
from chat.chatwoot import fence
from chat.chatwoot.errors import ChatwootError, NotFound
from chat.chatwoot.status import chatwoot_status
from chat.link import RETRY_S, Link, is_failure
from chat.models import Chatwoot
from chat.reader import Reader
from chat.upstreams import Upstreams
from chat.writer import BUSY

log = logging.getLogger(__name__)

CLAIM_MS = 60_000  # a process that dies while it probes keeps the others from it for so long
SAMPLES = 5  # of the clock, at first: each tells whole seconds, and where a second begins only several tell
NO_RUNTIME = (
    "X-Runtime is taken out of its answers, so that we cannot tell Rails' from a proxy's: what was deleted there is "
    "not begun anew, and its visitors' messages wait. Let that header through"
)
SKEW_STEP_MS = 1_000  # a change of less is not written down


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds unless the name says otherwise."""

    every_s: float = 60.0  # after a jump of Chatwoot's clock so long at most is a deadline told wrongly
    retry_s: float = RETRY_S
    first_s: float = 5.0  # how long deliveries wait at most for the first clock and verdict
    sample_s: float = 0.23  # between the first samples; no part of a second
    verdict_ms: int = 24 * 3_600_000  # how long a verdict counts
    say_s: float = outage.FIRST_S  # after so long is said again that it does not answer

    @classmethod
    def from_settings(cls) -> Self:
        return cls(every_s=min(60.0, 3 * settings.DELIVERY_BUDGET_S))


class Probing:
    """Begins with each link that the upstreams open, and ends with it. All methods run on the loop."""

    def __init__(self, upstreams: Upstreams, reader: Reader, *, timing: Timing | None = None) -> None:
        self._reader = reader
        self._timing = timing or Timing()
        self._tasks = Tasks()
        upstreams.opened = self._begin

    async def close(self) -> None:
        await self._tasks.cancel()

    def _begin(self, link: Link) -> None:
        task = self._tasks.spawn(_Probe(link, self._reader, self._timing).run(), name=f"probing {link.name}")
        link.at_close(task.cancel)


class _Probe:
    """The one of a link."""

    def __init__(self, link: Link, reader: Reader, timing: Timing) -> None:
        self._link, self._reader, self._timing = link, reader, timing
        self._version = ""
        self._updated = False  # another version may come with another fence
        self._told_skew_ms: int | None = None
        self._is_silent = self._is_failing = False
        self._outage = outage.Outage(link.chatwoot_pk, link.name, reader, first_s=timing.say_s)

    async def run(self) -> None:
        try:
            async with asyncio.timeout(self._timing.first_s):
                await self._safely(self._first)
        except TimeoutError:
            if not self._link.tried.is_set():
                words = "%s: no clock and fence within %.0f s; unfenced until then"
                log.warning(words, self._link.name, self._timing.first_s)
        finally:
            self._link.asked()
        for _ in range(1, SAMPLES):
            await asyncio.sleep(self._timing.sample_s)
            await self._safely(self._ask)
        await self._ask_forever()

    async def _safely(self, ask: Callable[[], Awaitable[object]]) -> None:
        try:
            await ask()
        except Exception:  # The next may do better; without it nobody would hear that this Chatwoot is back.
            log.exception("asking %s for clock and fence failed", self._link.name)

    async def _first(self) -> None:
        """The clock, and the verdict, which another process may be about to find.

        A Chatwoot that does not answer yet is asked until the breaker leaves it alone: what is sent before its clock is
        known is sent without a fence.
        """
        while not await self._ask():
            if not self._is_failing or self._link.breaker.open:
                return
            await asyncio.sleep(self._timing.sample_s)
        while True:
            if await self._settle_fence():
                return
            await asyncio.sleep(self._timing.sample_s)

    async def _ask_forever(self) -> None:
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        while True:
            await asyncio.sleep(self._timing.retry_s)
            if self._link.paused_s:
                asked_at = -math.inf  # it may have been paused before it told its clock
            elif self._link.breaker.open or loop.time() - asked_at >= self._timing.every_s:
                asked_at = loop.time()
                await self._safely(self._ask_again)
                self._link.asked()

    async def _ask_again(self) -> None:
        if await self._ask():
            await self._settle_fence()

    # The clock, and whether anybody is there

    async def _ask(self) -> bool:
        """Whether Chatwoot told its time; while it is paused it is left alone."""
        if self._link.paused_s:
            return False
        try:
            status = await chatwoot_status(self._link.http, self._link.clock)
        except ChatwootError as error:
            await self._note(error)
            return False
        await self._note(None)
        self._updated |= self._version not in ("", status.version)
        self._version = status.version
        if self._link.has_verdict:  # of today or older: it counts until another one is found
            self._link.asked()
        await self._store_skew()
        return True

    async def _note(self, error: ChatwootError | None) -> None:
        """A proxy may well hide this address, so that any answer short of a 5xx says that somebody is there."""
        hidden = isinstance(error, NotFound)
        await self._link.heard(None if hidden else error)
        if error and not self._is_silent:
            log.warning("%s does not tell its time: %s", self._link.name, error)
        self._is_silent, self._is_failing = error is not None, is_failure(error)
        await self._outage.note(error, left_alone=self._link.breaker.open)

    async def _store_skew(self) -> None:
        skew_ms, error_ms = self._link.clock.skew_ms(), self._link.clock.error_ms
        if self._told_skew_ms is not None and abs(skew_ms - self._told_skew_ms) <= SKEW_STEP_MS:
            return
        self._told_skew_ms = skew_ms
        level = logging.WARNING if abs(skew_ms) > settings.DELIVERY_MARGIN_S * 1000 else logging.INFO
        words = "the clock of %s is off ours by %+.1f s (give or take %.1f s)"
        log.log(level, words, self._link.name, skew_ms / 1000, error_ms / 1000)
        await self._write({"skew_ms": skew_ms, "skew_error_ms": error_ms})

    async def _write(self, values: dict[str, Any]) -> None:
        try:
            await self._reader.run(Chatwoot.objects.filter(pk=self._link.chatwoot_pk).update, **values)
        except BUSY as error:
            log.error("what was found out about %s is not stored: %s", self._link.name, error)

    # The fence

    async def _settle_fence(self) -> bool:
        """False: another process is just finding the first verdict."""
        older_ms = CLAIM_MS if self._updated else self._timing.verdict_ms
        try:
            found = await self._reader.run(_claim, self._link.chatwoot_pk, older_ms, self._timing.verdict_ms)
        except BUSY as error:
            log.error("the fence of %s is not asked for: %s", self._link.name, error)
            return True
        if found.claimed:
            self._updated = False
            await self._probe(found)
            return True
        self._link.learn(found.row, now=found.now)
        return found.row.fence != Chatwoot.Fence.UNKNOWN

    async def _probe(self, found: "_Claim") -> None:
        try:
            probe = await fence.probe(self._link.http, self._link.clock)
        except ChatwootError as error:
            log.warning("%s: whether its fence holds cannot be told: %s", self._link.name, error)
            return  # the claim ends in a while, and somebody asks again
        row = found.row
        is_news = (row.fence, row.fence_window_ms) != (probe.verdict, probe.window_ms)
        row.fence, row.fence_window_ms = probe.verdict, probe.window_ms
        self._link.learn(row, now=found.now)
        await self._write(stored_verdict(probe, now=found.now))
        if probe.hides_runtime:
            log.error("%s: %s", self._link.name, NO_RUNTIME)
        if is_news:
            _say(self._link.name, probe)


def stored_verdict(probe: fence.Probe, *, now: int) -> dict[str, Any]:
    """The columns of Chatwoot's row that a probe fills."""
    verdict = {"fence": probe.verdict, "fence_window_ms": probe.window_ms, "fence_checked_at": now}
    return verdict | {"hides_runtime": probe.hides_runtime}


class _Claim(NamedTuple):
    claimed: bool
    row: Chatwoot
    now: int


def _claim(chatwoot_pk: int, older_ms: int, verdict_ms: int) -> _Claim:
    """True for one process, if the verdict is that old; if it then finds none, another may ask after ``CLAIM_MS``."""
    now = sql.database_now()
    past = Q(fence_checked_at__lte=now - older_ms) | Q(fence_checked_at__gt=now + CLAIM_MS)  # a clock was put back
    old = Chatwoot.objects.filter(past, pk=chatwoot_pk)
    claimed = bool(old.update(fence_checked_at=now - verdict_ms + CLAIM_MS))
    return _Claim(claimed, Chatwoot.objects.get(pk=chatwoot_pk), now)


def _say(name: str, probe: fence.Probe) -> None:
    if probe.verdict == "fenced":
        log.info("%s refuses requests older than %.0f s: deliveries are fenced", name, probe.window_ms / 1000)
    else:
        words = (
            "%s takes requests of any age (no rack-timeout, or a proxy replaces X-Request-Start): deliveries are not "
            "fenced. After a lost answer a message waits for %.0f s; one that takes effect even later is doubled"
        )
        log.warning(words, name, settings.DELIVERY_UNFENCED_S)
