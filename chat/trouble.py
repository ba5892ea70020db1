"""A database that refuses: one log line when it begins, one every ten seconds, one when it is over.

A warning while all of it is tried again; an error from the first write that was given up. Where others succeed
meanwhile (one table is locked, a full disk has room for what is small), it is over when none failed for ``calm_s``.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable

SAY_S = 10.0
OF_SQLITE = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
)
OF_POSTGRESQL = (
    "40",
    "53",
    "55",
    "57",
    "58",
)  # deadlocks, no room, locks, an operator, the system: classes of SQLSTATE


def is_trouble(error: Exception) -> bool:
    """By what the driver told: the database fails, whatever is asked of it. False: perhaps for what was asked."""
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in OF_SQLITE
    return str(getattr(cause, "sqlstate", "")).startswith(OF_POSTGRESQL)


class Trouble:
    """Any thread may use it. Times are those of ``now``, in seconds."""

    def __init__(
        self,
        log: logging.Logger,
        *,
        ill: str = "the database refuses writes",
        well: str = "the database can be written again",
        calm_s: float = 0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log, self._ill, self._well = log, ill, well
        self._calm_s, self._now = calm_s, now
        self.kind = ""  # class of the latest error, until a write succeeds
        self._began: float | None = None  # None: it is over
        self._well_at: float | None = None  # since when all succeed
        self._said = -SAY_S
        self._is_said = self._is_alarming = False
        self._given_up = 0
        self._lock = threading.Lock()

    def note(self, error: Exception, *, given_up: int) -> None:
        """The database refused a transaction; so many of its writes were given up, the others are tried again."""
        with self._lock:
            self._note(error, given_up)

    def _note(self, error: Exception, given_up: int) -> None:
        now = self._now()
        if self._began is None:
            self._began = now
        self.kind, self._well_at = type(error).__name__, None
        self._given_up += given_up
        grows_worse = self._given_up > 0 and not self._is_alarming
        if grows_worse or now >= self._said + SAY_S:
            level = logging.ERROR if self._given_up else logging.WARNING
            self._log.log(level, "%s: %s: %s%s", self._ill, self.kind, error, self._lost("given up so far"))
            self._said, self._is_said, self._is_alarming = now, True, self._given_up > 0

    def over(self) -> None:
        """A transaction was committed. To be told of each: it is over only with one that comes late enough."""
        with self._lock:
            self.kind = ""
            if self._began is None:
                return
            now = self._now()
            if self._well_at is None:
                self._well_at = now
            if now >= self._well_at + self._calm_s:
                if self._is_said:
                    self._log.warning(
                        "%s after %.1f s%s", self._well, self._well_at - self._began, self._lost("given up")
                    )
                self._began, self._is_said, self._given_up = None, False, 0

    def _lost(self, words: str) -> str:
        return f"; {words}: {self._given_up}" if self._given_up else ""
