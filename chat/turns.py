"""Turns at something of which little is there: so many at once, and whose address has the fewest comes first."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Hashable
from functools import partial


class Turns:
    """While others wait, no address has more than one. Among equals goes who has waited longest."""

    def __init__(self, at_once: int, *, patience_s: float) -> None:
        self._left = at_once
        self._patience_s = patience_s
        self._taken: Counter[Hashable] = Counter()
        self._waiting: deque[tuple[Hashable, asyncio.Future[None]]] = deque()

    async def take(self, address: Hashable) -> Callable[[], None]:
        """What gives it back, to be called once. Raises TimeoutError."""
        if self._left:
            self._begin(address)
        else:
            await self._wait(address)
        return partial(self._give_back, address)

    async def _wait(self, address: Hashable) -> None:
        """Whoever gives a turn back begins it for us."""
        mine = asyncio.get_running_loop().create_future()
        self._waiting.append((address, mine))
        try:
            async with asyncio.timeout(self._patience_s):
                await mine
        except BaseException:
            if mine.done() and not mine.cancelled():  # it came at the moment at which we went
                self._give_back(address)
            else:
                self._waiting.remove((address, mine))
            raise

    def _begin(self, address: Hashable) -> None:
        self._left -= 1
        self._taken[address] += 1

    def _give_back(self, address: Hashable) -> None:
        self._left += 1
        self._taken[address] -= 1
        if not self._taken[address]:
            del self._taken[address]
        if waiting := [each for each in self._waiting if not each[1].done()]:
            following = min(waiting, key=lambda each: self._taken[each[0]])
            self._waiting.remove(following)
            self._begin(following[0])
            following[1].set_result(None)
