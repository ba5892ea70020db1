"""A database that refuses what is written: one log line when it begins, one every ten seconds, one when it is over."""

import logging
import time
from collections.abc import Callable

SAY_S = 10.0


class Trouble:
    """Used by one thread; ``kind`` may be read by any. Times are those of ``now``, in seconds."""

    def __init__(self, log: logging.Logger, *, now: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._now = now
        self.kind = ""  # class of the latest error, until a write succeeds
        self._began = 0.0
        self._said = -SAY_S
        self._is_said = False
        self._given_up = 0

    def note(self, error: Exception, *, given_up: int) -> None:
        """The database refused a transaction; so many of its writes were given up, the others are tried again."""
        now = self._now()
        if not self.kind:
            self._began = now
        self.kind = type(error).__name__
        self._given_up += given_up
        if now >= self._said + SAY_S:
            self._log.error(
                "the database refuses writes: %s: %s; given up so far: %d", self.kind, error, self._given_up
            )
            self._said, self._is_said = now, True

    def over(self) -> None:
        """A transaction was committed. A database that only stumbles now and then is not worth two lines each time."""
        if self._is_said:
            for_s = self._now() - self._began
            self._log.warning("the database can be written again after %.1f s; given up: %d", for_s, self._given_up)
            self._is_said, self._given_up = False, 0
        self.kind = ""
