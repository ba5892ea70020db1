"""How urgent a write is: whose turn comes first, and how long each waits for a database in trouble."""

from dataclasses import dataclass
from enum import IntEnum


class Priority(IntEnum):
    ACCEPT = 0
    ATTEMPT = 1
    MIRROR = 2


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds."""

    accept_s: float = 5.0  # somebody is waiting for the answer
    other_s: float = 30.0  # what a courier has sent is settled within its lease, however long the lock was held
    try_s: float = 1.0  # for a lock, at a time
    pause_s: float = 0.2  # between tries that fail at once
    idle_s: float = 1.0  # without a write, before the log is tidied
    calm_s: float = 10.0  # without a failure, before a trouble counts as over
    head_start_s: float = 0.25  # of each priority before the next

    def patience_s(self, priority: Priority) -> float:
        return self.accept_s if priority is Priority.ACCEPT else self.other_s

    def turn(self, priority: Priority, *, now: float) -> float:
        """The lowest is next. A head start and no more: visitors who write without a pause must not keep what they
        wrote from being sent."""
        return now + priority * self.head_start_s
