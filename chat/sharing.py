"""What this process let through, told to the others, so that limits hold for all of them together.

Each process counts by itself and answers from memory; some hundredths of a second later the others take the same off
what they would let through. So nobody waits for Redis, and while it is away, each one's own limits count alone. What
is counted while it lasts (sockets) is not told.
"""

import logging
from collections.abc import Callable
from typing import Any

import orjson

from chat.gate import Gate

log = logging.getLogger(__name__)

MOST = 4_096  # of whom something waits to be told; a message of them has some 300 kB

Key = tuple[str, str, str]  # limit, whose, inbox


class Sharing:
    """``Neighbours`` carries it. ``news`` is called when there is something to ``pack``."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._taken: dict[Key, int] = {}
        self._news: Callable[[], object] = lambda: None

    def start(self, news: Callable[[], object]) -> None:
        self._news = news
        self._gate.taken = self._note

    def stop(self) -> None:
        self._gate.taken = None
        self.forget()

    def forget(self) -> None:
        """What waited for a Redis that was away is too old to count."""
        self._taken = {}

    def pack(self) -> bytes:
        """What was let through since the last time; empty when that is nothing."""
        taken, self._taken = self._taken, {}
        return orjson.dumps([[*key, amount] for key, amount in taken.items()]) if taken else b""

    def unpack(self, data: bytes) -> None:
        """What another process let through. Of what cannot be read nothing more is taken."""
        try:
            for name, who, slug, amount in orjson.loads(data):
                self._gate.heard(_text(name), _text(who), _text(slug), _amount(amount))
        except (ValueError, TypeError) as error:
            log.warning("what another process let through cannot be read: %s", type(error).__name__)

    def _note(self, name: str, who: str, slug: str, amount: int) -> None:
        key = (name, who, slug)
        if key in self._taken or len(self._taken) < MOST:
            self._taken[key] = self._taken.get(key, 0) + amount
            self._news()


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _amount(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ValueError
    return value
