"""The writes that wait for the writer thread, most urgent first. Every method may be called in any thread."""

import heapq
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, Protocol, Self, TypeVar

BATCH = 16  # writes that may share a transaction; more do not fit into its time


class Item(Protocol):
    """``tries``: how often the database has failed with it; from then on it is taken alone."""

    tries: int

    def __lt__(self, other: Self, /) -> bool: ...


W = TypeVar("W", bound=Item)


@dataclass(slots=True)
class Waiting(Generic[W]):
    most: int
    stopping: bool = False
    _items: list[W] = field(default_factory=list)
    _condition: threading.Condition = field(default_factory=threading.Condition)

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: W, *, share: float) -> bool:
        """False: this share of the places is taken, or no more is accepted."""
        with self._condition:
            if self.stopping or len(self._items) >= self.most * share:
                return False
            heapq.heappush(self._items, item)
            self._condition.notify()
            return True

    def give_back(self, items: Iterable[W]) -> None:
        with self._condition:
            for item in items:
                heapq.heappush(self._items, item)

    def take(self, *, idle_s: float) -> list[W]:
        """What is next; nothing after so long without any."""
        with self._condition:
            self._condition.wait_for(lambda: self._items or self.stopping, idle_s)
            batch: list[W] = []
            while self._items and len(batch) < BATCH and not (batch and (batch[0].tries or self._items[0].tries)):
                batch.append(heapq.heappop(self._items))
            return batch

    def take_all(self) -> list[W]:
        with self._condition:
            items, self._items = self._items, []
            return items

    def stop(self) -> None:
        with self._condition:
            self.stopping = True
            self._condition.notify()

    def rest(self, seconds: float) -> None:
        """Until then, or until it stops."""
        with self._condition:
            self._condition.wait_for(lambda: self.stopping, max(0.0, seconds))
