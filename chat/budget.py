"""How many requests a process may ask of one Chatwoot, and who goes first when they are scarce.

Chatwoot counts 3,000 requests a minute for our one address (contract §8); the default stays below that.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from enum import IntEnum


class Urgency(IntEnum):
    DELIVERY = 0
    VISIBLE = 1  # somebody is looking at the page
    REST = 2


class Budget:
    """A token bucket; who waits is served by urgency, then in order."""

    def __init__(
        self, *, rate_per_s: float = 40, burst: int = 40, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._monotonic = monotonic
        self._tokens = float(burst)
        self._filled_at = monotonic()
        self._waiting: list[tuple[Urgency, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    async def take(self, urgency: Urgency) -> None:
        """Return when one request may be made."""
        self._fill()
        if not self._waiting and self._tokens >= 1:
            self._tokens -= 1
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (urgency, next(self._numbers), future))
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
        while self._waiting and self._tokens >= 1:
            _, _, future = heapq.heappop(self._waiting)
            if not future.done():  # a cancelled caller takes nothing
                self._tokens -= 1
                future.set_result(None)
        self._set_timer()
