"""How a process that is about to stop sends its visitors elsewhere: each at a moment of its own.

All of them at once would fall upon the next process at once.
"""

import asyncio
import random
from collections import Counter
from typing import Protocol


class Guest(Protocol):
    """A socket or a waiting long poll."""

    def dismiss(self, after_s: float) -> None:
        """Leave by then. Must neither block nor raise."""


class Drain:
    """Knows who is here. Every method runs on the event loop."""

    def __init__(self, *, chance: random.Random | None = None) -> None:
        self.begun = False
        self.closed: Counter[str] = Counter()  # sockets, by number
        self._chance = chance or random.Random()
        self._guests: set[Guest] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def guests(self) -> int:
        """How many are here."""
        return len(self._guests)

    def enter(self, guest: Guest) -> bool:
        """False once the drain has begun: go elsewhere."""
        if not self.begun:
            self._guests.add(guest)
            self._empty.clear()
        return not self.begun

    def leave(self, guest: Guest) -> None:
        self._guests.discard(guest)
        if not self._guests:
            self._empty.set()

    async def run(self, *, jitter_s: float) -> None:
        """Let nobody in any more, spread the farewells over ``jitter_s``, and return when all have left."""
        if not self.begun:
            self.begun = True
            for guest in tuple(self._guests):
                guest.dismiss(self._chance.uniform(0, jitter_s))
        await self._empty.wait()
