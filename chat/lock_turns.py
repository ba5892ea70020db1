"""SQLite's one lock, in turns. It goes to whoever asks at the right moment: a process that writes without a pause
leaves it free for less than a millisecond, and who waits for it asks ever more seldom, in the end ten times a second.

PostgreSQL has queues of its own.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from django.db import OperationalError, connection, transaction

ASK_MS = 100  # SQLite asks eight times within these, and then we begin anew
HELD_S = 0.2
FREE_S = 0.05  # twice as long as between two askings


def wait_at_most(seconds: float) -> None:
    """For locks, on this thread's connection; connects when it is not connected."""
    ms = round(seconds * 1000)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"PRAGMA busy_timeout = {min(ms, ASK_MS)}")
        elif connection.vendor == "postgresql":
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", (f"{ms}ms",))


@contextmanager
def transaction_within(seconds: float) -> Iterator[None]:
    """A transaction, for whose lock it is asked so long. Raises OperationalError."""
    until = time.monotonic() + seconds
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(transaction.atomic())
                break
            except OperationalError as error:
                is_taken = connection.vendor == "sqlite" and "locked" in str(error)
                if not is_taken or time.monotonic() >= until:
                    raise
        yield


class Turn:
    """How long this process has written without a pause. ``is_shared``: whether others may want to."""

    def __init__(self, is_shared: Callable[[], bool]) -> None:
        self._is_shared = is_shared
        self._since = self._until = 0.0

    def pause_s(self, began: float, ended: float) -> float:
        """To be made after a transaction, so that others get the lock."""
        if began > self._until + FREE_S:
            self._since = began
        self._until = ended
        if connection.vendor != "sqlite" or ended < self._since + HELD_S or not self._is_shared():
            return 0.0
        self._since = ended + FREE_S
        return FREE_S
