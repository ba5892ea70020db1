"""Who was online in the last 20 s (contract §3.6)."""

import time
from collections.abc import Callable
from enum import StrEnum

PRESENCE_DURATION_S = 20


class Kind(StrEnum):
    USER = "users"
    CONTACT = "contacts"


class Presence:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[tuple[int, Kind], dict[int, float]] = {}

    def update(self, account_id: int, kind: Kind, row_id: int) -> None:
        self._seen.setdefault((account_id, kind), {})[row_id] = self._clock()

    def clear(self) -> None:
        self._seen.clear()

    def online(self, account_id: int, kind: Kind) -> dict[str, str]:
        oldest = self._clock() - PRESENCE_DURATION_S
        seen = self._seen.get((account_id, kind), {})
        return {str(row_id): "online" for row_id, at in seen.items() if at > oldest}

    def status(self, account_id: int, kind: Kind, row_id: int) -> str:
        return "online" if str(row_id) in self.online(account_id, kind) else "offline"
