"""How many requests a process may ask of one Chatwoot, and who goes first when they are scarce.

Chatwoot counts 3,000 requests a minute for our one address (contract §8); the default stays below that.
"""

import asyncio
import heapq
import itertools
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from enum import IntEnum


class Urgency(IntEnum):
    DELIVERY = 0
    VISIBLE = 1  # somebody is looking at the page
    REST = 2
    FILE = 3


OLDEST = 5  # one request in so many is that of whoever waits longest, or deliveries without end would starve the rest


class Budget:
    """A token bucket; who waits is served by urgency, then in order, and now and then by age alone.

    The burst is what a quarter of a second brings, so that several processes that begin together stay below the limit.
    """

    def __init__(
        self, *, rate_per_s: float = 40, burst: float | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst or _burst(rate_per_s)
        self._monotonic = monotonic
        self._tokens = float(self._burst)
        self._filled_at = monotonic()
        self._waiting: list[tuple[Urgency, int, asyncio.Future[None]]] = []
        self._by_age: deque[asyncio.Future[None]] = (
            deque()
        )  # the same, and those who were served or went away meanwhile
        self._numbers = itertools.count()
        self._served = 0
        self.taken = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def rate_per_s(self) -> float:
        return self._rate_per_s

    @property
    def waiting(self) -> int:
        return sum(not future.done() for _, _, future in self._waiting)

    def share(self, rate_per_s: float) -> None:
        """Go on at another rate: other processes have come or gone."""
        if rate_per_s == self._rate_per_s:
            return
        self._fill()
        self._rate_per_s, self._burst = rate_per_s, _burst(rate_per_s)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._set_timer()

    async def take(self, urgency: Urgency) -> None:
        """Return when one request may be made."""
        self._fill()
        if not self._waiting and self._tokens >= 1:
            self._tokens -= 1
            self.taken += 1
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (urgency, next(self._numbers), future))
        self._by_age.append(future)
        self._set_timer()
        await future

    def _fill(self) -> None:
        now = self._monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate_per_s)
        self._filled_at = now

    def _set_timer(self) -> None:
        if self._timer is None and self._waiting:
            delay_s = max(0.0, (1 - self._tokens) / self._rate_per_s)
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._serve)

    def _serve(self) -> None:
        self._timer = None
        self._fill()
        while self._tokens >= 1 and (future := self._next()) is not None:
            self._tokens -= 1
            self._served += 1
            self.taken += 1
            future.set_result(None)
        self._set_timer()

    def _next(self) -> asyncio.Future[None] | None:
        """Who is served next; a cancelled caller takes nothing."""
        while self._by_age and self._by_age[0].done():
            self._by_age.popleft()
        while self._waiting and self._waiting[0][2].done():
            heapq.heappop(self._waiting)
        if not self._waiting:
            return None
        return self._by_age[0] if self._served % OLDEST == OLDEST - 1 else self._waiting[0][2]


def _burst(rate_per_s: float) -> float:
    return max(1.0, rate_per_s / 4)


class Turns:
    """A few side by side; who waits is served by urgency, then in order."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._queue: list[tuple[Urgency, int, asyncio.Future[None]]] = []
        self._waiting: dict[Hashable, asyncio.Future[None]] = {}
        self._numbers = itertools.count()

    @asynccontextmanager
    async def turn(self, key: Hashable, urgency: Urgency) -> AsyncIterator[None]:
        """One turn, from when it comes to the end of the block. Only one may wait under a key."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(key, urgency)
        try:
            yield
        finally:
            self._pass_on()

    def hurry(self, key: Hashable, urgency: Urgency) -> None:
        """Let whoever waits under this key move up."""
        if future := self._waiting.get(key):
            heapq.heappush(self._queue, (urgency, next(self._numbers), future))

    async def _wait(self, key: Hashable, urgency: Urgency) -> None:
        future = self._waiting[key] = asyncio.get_running_loop().create_future()
        self.hurry(key, urgency)
        try:
            await future
        except asyncio.CancelledError:
            if not future.cancelled():  # the turn came in the same instant
                self._pass_on()
            raise
        finally:
            del self._waiting[key]

    def _pass_on(self) -> None:
        while self._queue:
            _, _, future = heapq.heappop(self._queue)
            if not future.done():  # neither cancelled nor hurried and served
                future.set_result(None)
                return
        self._free += 1
