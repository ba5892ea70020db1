"""Time as the product counts it: integer milliseconds since 1970, UTC. Passed as an argument wherever it matters.

Nothing else reads the wall clock, so a test can put it forward and back while a process runs (``CLOCK_OFFSET_FILE``).
"""

import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

Clock = Callable[[], int]
AGAIN_S = 0.1  # the file is read no more often


class BadOffset(ValueError):
    """``CLOCK_OFFSET_FILE`` does not name a file that holds a whole number of milliseconds."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000 + (_offset.ms() if _offset else 0)


def moment() -> datetime:
    """Now, where the database wants a moment."""
    return datetime.fromtimestamp(now_ms() / 1000, UTC)


def follow(path: str) -> None:
    """Be wrong, from now on, by the milliseconds in this file, whatever they become; the empty path ends that.

    Raises BadOffset.
    """
    global _offset
    _offset = OffsetFile(Path(path)) if path else None


class OffsetFile:
    """Raises BadOffset when there is nothing to read at first; later on, the last word counts."""

    def __init__(self, file: Path, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._file, self._monotonic = file, monotonic
        try:
            self._ms = self._read()
        except (OSError, ValueError) as error:
            raise BadOffset(
                f"CLOCK_OFFSET_FILE is {str(file)!r}; write the path of a file with milliseconds"
            ) from error
        self._read_at = monotonic()

    def ms(self) -> int:
        now = self._monotonic()
        if now - self._read_at >= AGAIN_S:
            self._read_at = now
            with contextlib.suppress(OSError, ValueError):  # it is being written just now
                self._ms = self._read()
        return self._ms

    def _read(self) -> int:
        return int(self._file.read_text())


_offset: OffsetFile | None = None
