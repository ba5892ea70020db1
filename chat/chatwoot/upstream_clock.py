"""What time it is at Chatwoot: its rack-timeout judges our requests by its own clock (DESIGN §7).

An answer that tells the time was made between our sending and our receiving, so it bounds the difference of the two
clocks from both sides; the last of these bounds are intersected. Everything counts from a base that no adjustment of
our wall clock moves and that goes on while the machine sleeps.
"""

import logging
import time
from collections import deque
from typing import NamedTuple

from chat.clock import Clock, now_ms

KEPT = 20
JUMP_MS = 250  # below this it is drift: two quartzes part by some 50 ms in the twenty minutes that a calm hour keeps

log = logging.getLogger(__name__)


def boottime_ms() -> int:
    """Milliseconds since some fixed moment; counts suspended time where the system can (Linux)."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1_000_000


class _Bounds(NamedTuple):
    """Chatwoot's clock minus the base, milliseconds."""

    low: int
    high: int


class UpstreamClock:
    """An estimate of one Chatwoot's clock, in milliseconds since 1970."""

    def __init__(self, *, name: str = "Chatwoot", base: Clock = boottime_ms, wall: Clock = now_ms) -> None:
        self.base = base
        self.jumps = 0  # how often a sample contradicted the ones before it
        self._name, self._wall = name, wall
        self._kept: deque[_Bounds] = deque(maxlen=KEPT)

    def sample(self, *, sent: int, received: int, told_ms: int, whole_ms: int = 1000) -> None:
        """Chatwoot told `told_ms`, cut to a multiple of `whole_ms`, between `sent` and `received` (of `base()`)."""
        bounds = _Bounds(told_ms - received, told_ms + whole_ms - sent)
        if self._kept:
            before = self._meet()
            apart_ms = max(bounds.low - before.high, before.low - bounds.high)
            if apart_ms > 0:
                self._start_again(apart_ms)
        self._kept.append(bounds)

    @property
    def known(self) -> bool:
        return bool(self._kept)

    @property
    def error_ms(self) -> int:
        """The estimate is wrong by no more than this, unless a clock jumped since the last sample; 0 before any."""
        low, high = self._meet() if self._kept else _Bounds(0, 0)
        return (high - low + 1) // 2

    def now(self) -> int:
        """Before any sample our own wall clock."""
        if not self._kept:
            return self._wall()
        low, high = self._meet()
        return self.base() + (low + high) // 2

    def skew_ms(self) -> int:
        """Chatwoot's clock minus ours."""
        return self.now() - self._wall()

    def _meet(self) -> _Bounds:
        return _Bounds(max(low for low, _ in self._kept), min(high for _, high in self._kept))

    def _start_again(self, apart_ms: int) -> None:
        """Nothing from before the jump is true any more, not even what the new sample does not contradict."""
        self.jumps += 1
        self._kept.clear()
        level, word = (logging.WARNING, "jumped") if apart_ms >= JUMP_MS else (logging.INFO, "drifted")
        log.log(level, "the clock of %s %s by at least %d ms; measuring it anew", self._name, word, apart_ms)
