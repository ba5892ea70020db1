"""One Chatwoot as this process reaches it, shared by its inboxes; what processes share of it stands in its row.

Those rows are written outside of the writer's transactions, one row in each statement: a statement that holds one lock
and waits for nothing else can be part of no deadlock with those that hold contacts.
"""

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager

import httpx
from django.db.models import Q

from chat import sql
from chat.breaker import Breaker
from chat.bridge.hub import Hub
from chat.budget import Budget
from chat.chatwoot.errors import Ambiguous, ChatwootError, Crowded, Throttled, Unreachable
from chat.chatwoot.upstream_clock import UpstreamClock
from chat.clock import now_ms
from chat.models import Chatwoot
from chat.outage import Slowness
from chat.reader import Reader
from chat.writer import BUSY

log = logging.getLogger(__name__)

LONGEST_PAUSE_MS = 600_000  # what lies further ahead was written before a clock was put back
RETRY_S = 5.0  # how often a Chatwoot is asked that does not answer


class Unavailable(Unreachable):
    """Nothing was asked: this Chatwoot is paused, or failed so often that only a probe asks it. Try in ``after_s``."""

    def __init__(self, detail: str, *, after_s: float) -> None:
        super().__init__(detail)
        self.after_s = after_s


UNASKED = (Crowded, Unavailable)  # Chatwoot does not know of these


class Link:
    """``open`` it, and ``close`` it at the end.

    ``tried``: clock and fence were asked for, with or without success, or are once it is no longer paused.
    """

    def __init__(
        self, chatwoot: Chatwoot, *, reader: Reader, http: httpx.AsyncClient, hub: Hub, budget: Budget
    ) -> None:
        self.chatwoot_pk, self.name = chatwoot.pk, chatwoot.url
        self.http, self.hub, self.budget = http, hub, budget
        self.breaker = Breaker(chatwoot.url)
        self.clock = UpstreamClock(name=chatwoot.url)
        self.tried = asyncio.Event()
        self._asked = False
        self.closed = False
        self._stack = AsyncExitStack()
        self._reader = reader
        self._paused_until = 0  # on the base of ``clock``: a wall clock that is put back must not pause us for longer
        self._window_ms = 0
        self.has_verdict = False  # on the fence
        self.answers: Counter[str] = Counter()  # and what came in place of one, by class of the error
        self.slowness = Slowness(chatwoot.url)
        self._under_way: OrderedDict[object, float] = OrderedDict()  # since when, oldest first

    async def open(self) -> None:
        await self._stack.enter_async_context(self.http)
        await self._stack.enter_async_context(self.hub)

    def at_close(self, call: Callable[[], object]) -> None:
        """Before sockets and connections are closed."""
        self._stack.callback(call)

    async def close(self) -> None:
        self.closed = True
        await self._stack.aclose()

    def learn(self, chatwoot: Chatwoot, *, now: int) -> None:
        """What the row says, read at ``now`` by the clock of the database; another process may have written it."""
        self.has_verdict = chatwoot.fence != Chatwoot.Fence.UNKNOWN
        self._window_ms = chatwoot.fence_window_ms if chatwoot.fence == Chatwoot.Fence.FENCED else 0
        if 0 < (left_ms := chatwoot.paused_until - now) <= LONGEST_PAUSE_MS:
            self._pause_here(left_ms)

    @property
    def fence_window_ms(self) -> int | None:
        """None: unfenced, or not known yet. Who does not know Chatwoot's clock cannot tell it a deadline, either."""
        return self._window_ms if self._window_ms and self.clock.known else None

    @property
    def fenced(self) -> bool | None:
        """None: not known yet."""
        return bool(self._window_ms) if self.has_verdict else None

    @property
    def paused_s(self) -> float:
        return max(0, self._paused_until - self.clock.base()) / 1000

    @property
    def paused_until(self) -> int:
        """Milliseconds, by our clock."""
        return now_ms() + round(self.paused_s * 1000)

    @property
    def available(self) -> bool:
        return self._asked and not (self.closed or self.breaker.open or self.paused_s)

    def asked(self) -> None:
        """Nothing waits for clock and fence any more; what is paused is not available before it was really asked."""
        self._asked |= not self.paused_s
        self.tried.set()

    def refuse_unless_open(self) -> None:
        if self.closed:
            raise Unavailable(f"no inbox is at {self.name} any more", after_s=RETRY_S)
        if paused_s := self.paused_s:
            raise Unavailable(f"Chatwoot is paused for {paused_s:.0f} s", after_s=paused_s)
        if self.breaker.open:
            raise Unavailable("Chatwoot does not answer; it is asked again every few seconds", after_s=RETRY_S)

    @contextmanager
    def request(self) -> Iterator[None]:
        """Around one that Chatwoot is asked."""
        mine = object()
        self._under_way[mine] = time.monotonic()
        try:
            yield
        finally:
            del self._under_way[mine]

    @property
    def oldest_s(self) -> float:
        """For how long the oldest request under way has waited for its answer."""
        return time.monotonic() - next(iter(self._under_way.values())) if self._under_way else 0.0

    async def heard(self, error: ChatwootError | None) -> None:
        """Note how a request ended: for the breaker, and a 429 for all processes."""
        if isinstance(error, UNASKED):
            return  # it is as well as it was
        self.answers[type(error).__name__ if error else "ok"] += 1
        if is_failure(error):
            self.breaker.failed()
        else:
            self.breaker.succeeded()
        if isinstance(error, Throttled):
            await self.pause(error.retry_after_s)

    async def pause(self, pause_s: float) -> None:
        """Let nobody ask this Chatwoot for a while, in any process."""
        if pause_s > self.paused_s + 1:
            log.warning("%s is left alone for %.0f s: it has had too many requests", self.name, pause_s)
        pause_ms = round(pause_s * 1000)
        self._pause_here(pause_ms)
        try:
            await self._reader.run(_pause, self.chatwoot_pk, pause_ms)
        except BUSY as error:
            log.error("other processes do not hear of the pause of %s: %s", self.name, error)

    def _pause_here(self, pause_ms: int) -> None:
        self._paused_until = max(self._paused_until, self.clock.base() + pause_ms)


def is_failure(error: ChatwootError | None) -> bool:
    """Nobody is there, or somebody else answers in Chatwoot's place. Whatever Rails answers is none, nor is any 4xx: a
    proxy may hide that it is Rails' own."""
    if isinstance(error, Unreachable):
        return not isinstance(error, UNASKED)
    if not isinstance(error, Ambiguous) or error.finished:
        return False
    return error.status is None or not 400 <= error.status < 500


def _pause(chatwoot_pk: int, pause_ms: int) -> None:
    now = sql.database_now()
    less = Q(paused_until__lt=now + pause_ms) | Q(paused_until__gt=now + LONGEST_PAUSE_MS)
    Chatwoot.objects.filter(less, pk=chatwoot_pk).update(paused_until=now + pause_ms)
