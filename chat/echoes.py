"""Whether what we wrote to one Chatwoot comes back by its cable, as pure state.

Presence is published by the web process itself, messages by a job. So a Chatwoot whose job queue stands still looks
well to every canary; only the echo of our own message tells (docs/architecture.md, Liveness).
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

MOST = 1_000  # echoes awaited, and ids remembered that came before their answer


@dataclass(frozen=True, slots=True)
class _Awaited:
    key: Hashable
    live_since: float
    until: float


class Echoes:
    """Times are seconds of any steady clock, message ids Chatwoot's."""

    def __init__(self, *, echo_s: float) -> None:
        self.stopped = False  # an echo was missing, and none has come since
        self.missing = 0
        self._echo_s = echo_s
        self._awaited: OrderedDict[int, _Awaited] = OrderedDict()
        self._heard: OrderedDict[int, None] = OrderedDict()

    def answered(self, message_id: int, *, key: Hashable, live_since: float, now: float) -> None:
        """A message of ours is this one; the subscription ``key`` was live before it was written and must bring it."""
        if message_id not in self._heard:  # the frame is often here before the answer
            self._awaited[message_id] = _Awaited(key, live_since, now + self._echo_s)
            _trim(self._awaited)

    def heard(self, message_id: int) -> bool:
        """A new message came, anybody's: jobs run. True when that is news."""
        self._heard[message_id] = None
        _trim(self._heard)
        self._awaited.pop(message_id, None)
        was_stopped, self.stopped = self.stopped, False
        return was_stopped

    def found_stopped(self, now: float, live_since: Callable[[Hashable], float | None]) -> bool:
        """Let time pass; True when an echo is missing although its subscription was live all the time, and that is
        news."""
        late = [message_id for message_id, each in self._awaited.items() if each.until <= now]
        missing = [
            each for message_id in late if live_since((each := self._awaited.pop(message_id)).key) == each.live_since
        ]
        self.missing += len(missing)
        was_stopped, self.stopped = self.stopped, self.stopped or bool(missing)
        return self.stopped and not was_stopped

    def forgive(self, now: float) -> None:
        """We slept ourselves: the echoes may be waiting to be read."""
        for message_id, each in self._awaited.items():
            self._awaited[message_id] = _Awaited(each.key, each.live_since, now + self._echo_s)


def _trim(ordered: OrderedDict[int, Any]) -> None:
    while len(ordered) > MOST:
        ordered.popitem(last=False)
