"""Whether what is published still comes through one socket (docs/architecture.md, Liveness).

A Chatwoot that has lost its Redis goes on pinging and confirming. `update_presence` is the only question whose answer
takes the way of every message: from Puma to Redis and back to the socket (contract §3.6).
"""

ACTION = "update_presence"
EVENT = "presence.update"
ENOUGH = 2  # answers missing in a row


class Canary:
    """The questions of one connection as pure state; times in seconds of any steady clock."""

    def __init__(self, *, now: float, every_s: float, answer_s: float) -> None:
        self.missed = 0  # in a row
        self.asked: str | None = None  # whose answer is open
        self.took_s: float | None = None  # the latest answer
        self._every_s = every_s
        self._answer_s = answer_s
        self._due = now
        self._until = self._asked_at = now

    def due(self, now: float) -> bool:
        return self.asked is None and now >= self._due

    def ask(self, identifier: str, now: float) -> None:
        """The question leaves now."""
        self.asked, self._until, self._due = identifier, now + self._answer_s, now + self._every_s
        self._asked_at = now

    def later(self, now: float) -> None:
        """Nobody may ask at present."""
        self._due = now + self._every_s

    def heard(self, identifier: str, now: float) -> bool:
        """A presence came for this subscription; True when it is the one that was asked for."""
        if identifier != self.asked:
            return False
        self.asked, self.missed, self.took_s = None, 0, now - self._asked_at
        return True

    def deaf(self, now: float) -> bool:
        """Let time pass; True when nothing comes through. After the first missing answer the next is asked for at
        once."""
        if self.asked is not None and now >= self._until:
            self.asked, self._due = None, now
            self.missed += 1
        return self.missed >= ENOUGH

    def forget(self, now: float) -> None:
        """Whoever was asked is not there any more, which proves nothing: ask somebody else."""
        self.asked, self._due = None, now

    def forgive(self, now: float) -> None:
        """We slept ourselves: the answer may be waiting to be read."""
        self._until = now + self._answer_s
