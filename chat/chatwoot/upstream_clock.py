"""What time it is at Chatwoot: its rack-timeout judges our requests by its own clock (docs/architecture.md, The fence).

An answer that tells the time was made between our sending and our receiving, so it bounds the difference of the two
clocks from both sides; the last of these bounds are intersected. Behind a load balancer several hosts may answer by
turns: what spans their clocks counts then. Everything counts from a base that no adjustment of
our wall clock moves and that goes on while the machine sleeps.
"""

import logging
import time
from collections import deque
from typing import NamedTuple

from chat.clock import Clock, now_ms

KEPT = 20
HOSTS_MS = 5_000  # clocks of one Chatwoot's hosts are no further apart; an error of half of that delays little
HOSTS = 4
JUMP_MS = 250  # below this it is drift: two quartzes part by some 50 ms in the twenty minutes that a calm hour keeps

log = logging.getLogger(__name__)


def boottime_ms() -> int:
    """Milliseconds since some fixed moment; counts suspended time where the system can (Linux)."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1_000_000


class _Bounds(NamedTuple):
    """Chatwoot's clock minus the base, milliseconds."""

    low: int
    high: int

    def apart_ms(self, other: "_Bounds") -> int:
        """Above 0: both cannot be true of one clock."""
        return max(self.low - other.high, other.low - self.high)


class UpstreamClock:
    """An estimate of one Chatwoot's clock, in milliseconds since 1970."""

    def __init__(self, *, name: str = "Chatwoot", base: Clock = boottime_ms, wall: Clock = now_ms) -> None:
        self.base = base
        self.jumps = 0  # how often a sample contradicted the ones before it
        self._name, self._wall = name, wall
        self._kept: deque[_Bounds] = deque(maxlen=KEPT)
        self._left: deque[_Bounds] = deque(maxlen=HOSTS)  # what was believed before the latest jumps
        self._has_said_hosts = False

    def sample(self, *, sent: int, received: int, told_ms: int, whole_ms: int = 1000) -> None:
        """Chatwoot told `told_ms`, cut to a multiple of `whole_ms`, between `sent` and `received` (of `base()`)."""
        bounds = _Bounds(told_ms - received, told_ms + whole_ms - sent)
        if self._kept:
            apart_ms = bounds.apart_ms(self._meet())
            if apart_ms > 0 and not self._is_of_another_host(bounds, apart_ms):
                self._start_again(apart_ms)
        self._kept.append(bounds)
        if len(self._kept) == KEPT:
            self._left.clear()

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
        """Where all that is kept agrees; of several hosts, what spans them all."""
        lows, highs = [each.low for each in self._kept], [each.high for each in self._kept]
        met = _Bounds(max(lows), min(highs))
        return met if met.low <= met.high else _Bounds(min(lows), max(highs))

    def _is_of_another_host(self, bounds: _Bounds, apart_ms: int) -> bool:
        """A clock that is soon back where it was did not jump: the answers come from several hosts, by turns."""
        is_back = apart_ms <= HOSTS_MS and any(bounds.apart_ms(each) <= 0 for each in self._left)
        if is_back and not self._has_said_hosts:
            self._has_said_hosts = True
            words = "the hosts of %s have clocks that are at least %d ms apart: all of them count"
            log.warning(words, self._name, apart_ms)
        return is_back

    def _start_again(self, apart_ms: int) -> None:
        """Nothing from before the jump is true any more, not even what the new sample does not contradict."""
        self.jumps += 1
        self._left.append(self._meet())
        self._kept.clear()
        level, word = (logging.WARNING, "jumped") if apart_ms >= JUMP_MS else (logging.INFO, "drifted")
        log.log(level, "the clock of %s %s by at least %d ms; measuring it anew", self._name, word, apart_ms)
