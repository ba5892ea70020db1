"""What bounds one socket: how much may be unacknowledged, and how fast frames may come. No I/O, no clock.

The server below never says that a client is slow (Daphne's send never waits), so its acknowledgements must.
"""

from typing import NamedTuple

LIMIT_BYTES = 256 * 1024
LIMIT_S = 30.0


class Sent(NamedTuple):
    cursor: str
    size_bytes: int
    at: float
    paged: bool


class Window:
    """Knows the cursor sent, the cursor acknowledged and the bytes in between; times are any one clock's seconds.

    ``paged`` frames answer a read and may be larger than the whole window (a start state of long messages). They are
    waited for, up to the time limit; a client that lets live frames pile up beyond the window has ``overrun`` it.
    """

    def __init__(self, *, limit_bytes: int = LIMIT_BYTES, limit_s: float = LIMIT_S) -> None:
        self.limit_bytes = limit_bytes
        self.limit_s = limit_s
        self.cursor: str | None = None
        self.acknowledged: str | None = None
        self.outstanding_bytes = 0
        self._outstanding: list[Sent] = []  # few, and most sockets have none: a deque costs 600 bytes empty

    def resume(self, cursor: str | None) -> None:
        """The client says that it has everything up to here."""
        self.cursor = self.acknowledged = cursor

    @property
    def epoch(self) -> str:
        return (self.cursor or "").rpartition(".")[0]

    @property
    def seq(self) -> int | None:
        """Number of the last row sent; None before the first frame."""
        number = (self.cursor or "").rpartition(".")[2]
        return int(number) if number.isascii() and number.isdigit() else None

    def sent(self, cursor: str, size_bytes: int, *, now: float, paged: bool = False) -> None:
        if cursor == self.cursor:  # Nothing new: there is nothing to acknowledge.
            return
        self.cursor = cursor
        self.outstanding_bytes += size_bytes
        self._outstanding.append(Sent(cursor, size_bytes, now, paged))

    def acknowledge(self, cursor: str) -> None:
        """Forget everything up to this cursor; one that was not sent, or is acknowledged already, changes nothing."""
        cursors = [frame.cursor for frame in self._outstanding]
        if cursor in cursors:
            number = cursors.index(cursor) + 1
            self.outstanding_bytes -= sum(frame.size_bytes for frame in self._outstanding[:number])
            del self._outstanding[:number]
            self.acknowledged = cursor

    @property
    def clear(self) -> bool:
        return not self._outstanding

    @property
    def full(self) -> bool:
        return self.outstanding_bytes > self.limit_bytes

    @property
    def overrun(self) -> bool:
        return self.full and not self._outstanding[-1].paged

    @property
    def deadline(self) -> float | None:
        """When the oldest frame must have been acknowledged."""
        return self._outstanding[0].at + self.limit_s if self._outstanding else None


class Pace:
    """How fast frames may come: ``rate`` a second, ``burst`` at once."""

    def __init__(self, *, rate: float = 20, burst: float = 40) -> None:
        self.rate = rate
        self.burst = burst
        self._left = burst
        self._at: float | None = None

    def take(self, *, now: float) -> bool:
        """Count one frame; False when it is one too many."""
        if self._at is not None:
            self._left = min(self.burst, self._left + (now - self._at) * self.rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
