"""What was asked for is kept for a while: one asks for all, what is old is better than nothing, and a failure is not
repeated at once. In memory, bounded, on the loop.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class NotHad(Exception):
    """It could not be had, and there is no former answer; the text says why."""


class _Entry(Generic[T]):
    def __init__(self) -> None:
        self.values: list[T] = []  # the last one, once there was one
        self.why = ""
        self.due_at = float("-inf")
        self.answered = asyncio.Event()
        self.is_asking = False


class Kept(Generic[T]):
    """``spawn`` starts a task that outlives whoever waits for it. ``troubles``: errors that are worth another try.

    ``fresh_s``: for how long an answer is not asked for again; ``again_s``: the same after a failure. At most ``most``
    keys are known, and those go that were used longest ago.
    """

    def __init__(
        self,
        spawn: Callable[..., object],
        *,
        fresh_s: float,
        again_s: float,
        most: int,
        troubles: tuple[type[Exception], ...],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spawn, self._troubles, self._monotonic = spawn, troubles, monotonic
        self._fresh_s, self._again_s, self._most = fresh_s, again_s, most
        self._entries: OrderedDict[Hashable, _Entry[T]] = OrderedDict()

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[T]], *, name: str) -> T:
        """The last answer at once, also while it is asked for again; the first one is waited for. Raises NotHad."""
        entry = self._entry(key)
        if self._monotonic() >= entry.due_at and not entry.is_asking:
            entry.is_asking = True
            entry.answered.clear()
            self._spawn(self._ask(entry, ask), name=name)
        if not entry.values:
            await entry.answered.wait()
        if not entry.values:
            raise NotHad(entry.why)
        return entry.values[-1]

    def _entry(self, key: Hashable) -> _Entry[T]:
        entry = self._entries.setdefault(key, _Entry())
        self._entries.move_to_end(key)
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)
        return entry

    async def _ask(self, entry: _Entry[T], ask: Callable[[], Awaitable[T]]) -> None:
        pause_s = self._again_s
        try:
            entry.values = [await ask()]
            pause_s = self._fresh_s
        except self._troubles as error:
            entry.why = str(error) or type(error).__name__
        finally:
            entry.due_at = self._monotonic() + pause_s
            entry.is_asking = False
            entry.answered.set()
