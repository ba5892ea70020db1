"""SQLite's write-ahead log, emptied while nobody writes: then no commit pays for it, and no deleted text stays in it.

SQLite itself copies the log into the database file within whatever commit makes it 1,000 pages long, and leaves the
old pages in the log until later ones overwrite them. PostgreSQL does both on its own.
"""

import logging
import time
from collections.abc import Callable

from django.db import Error, connection

log = logging.getLogger(__name__)

COMMIT = "synchronous_commit"
AUTOMATIC_PAGES = 4_000  # 16 MB, when there is never a moment without a write
WAIT_MS = 100  # for readers; whoever writes meanwhile waits as long
REST_S = 5.0  # between two copies
FORGET_S = 20.0  # at the latest, however much is written


class Log:
    """Used by the thread of the connection that writes."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._copied_at = now()
        self._wrote = False
        self._emptied_at: float | None = None

    def prepare(self) -> None:
        """Call it for each new connection. A commit of it is on the disk when it returns.

        SQLite's are opened so. What PostgreSQL may be told that is stricter (a standby must have it, too) stays.
        """
        if connection.vendor == "sqlite":
            _pragma(f"wal_autocheckpoint = {AUTOMATIC_PAGES}")
        elif connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT set_config('{COMMIT}', 'on', false) WHERE current_setting('{COMMIT}') = 'off'")

    def wrote(self, *, emptied: bool) -> None:
        """A transaction was committed; ``emptied``: it took away what a person had written."""
        if connection.vendor == "sqlite":
            self._wrote = True
            if emptied and self._emptied_at is None:
                self._emptied_at = self._now()

    @property
    def is_urgent(self) -> bool:
        return self._emptied_at is not None and self._now() > self._emptied_at + FORGET_S

    def tidy(self) -> None:
        """In an idle moment, or when it is urgent. Does nothing that can be done without."""
        if not self._wrote or (self._emptied_at is None and self._now() < self._copied_at + REST_S):
            return
        before = self._copied_at
        self._copied_at = self._now()
        try:
            self._copy()
        except Error as error:
            self._copied_at = before
            log.warning("the write-ahead log was not copied: %s", error)

    def _copy(self) -> None:
        mode = "PASSIVE" if self._emptied_at is None else "TRUNCATE"
        kept = _pragma("busy_timeout")
        _pragma(f"busy_timeout = {WAIT_MS}")
        try:
            is_busy = _pragma(f"wal_checkpoint({mode})")
        finally:
            _pragma(f"busy_timeout = {kept}")
        if not is_busy:
            self._wrote, self._emptied_at = False, None


def _pragma(text: str) -> int:
    """The first value of the answer."""
    with connection.cursor() as cursor:
        row = cursor.execute(f"PRAGMA {text}").fetchone()
    return int(row[0]) if row else 0
