"""Whether what we wrote to one Chatwoot comes back by its cable, as pure state.

Presence is published by the web process itself, messages by a job. So a Chatwoot whose job queue stands still looks
well to every canary; only the echo of our own message tells (docs/architecture.md, Liveness).
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any

MOST = 1_000  # echoes awaited, and ids remembered that came before their answer


@dataclass(frozen=True, slots=True)
class _Awaited:
    key: Hashable
    live_since: float
    until: float


class Echoes:
    """Times are seconds of any steady clock, message ids Chatwoot's.

    An echo that is late is a doubt, for the line may be deaf: after ``proof_s`` a canary has proved that it is not, or
    the subscription is another one.
    """

    def __init__(self, *, echo_s: float, proof_s: float) -> None:
        self.stopped = False  # an echo was missing on a line that hears, and none has come since
        self.missing = 0
        self._echo_s, self._proof_s = echo_s, proof_s
        self._awaited: OrderedDict[int, _Awaited] = OrderedDict()
        self._late: OrderedDict[int, _Awaited] = OrderedDict()
        self._heard: OrderedDict[int, None] = OrderedDict()

    @property
    def doubted(self) -> bool:
        """What Chatwoot stores may not come by cable."""
        return self.stopped or bool(self._late)

    def answered(self, message_id: int, *, key: Hashable, live_since: float, now: float) -> None:
        """A message of ours is this one; the subscription ``key`` was live before it was written and must bring it."""
        if message_id not in self._heard:  # the frame is often here before the answer
            self._awaited[message_id] = _Awaited(key, live_since, now + self._echo_s)
            _trim(self._awaited)

    def heard(self, message_id: int) -> bool:
        """A new message came, anybody's: jobs run. True when that was doubted."""
        self._heard[message_id] = None
        _trim(self._heard)
        self._awaited.pop(message_id, None)
        was_doubted, self.stopped = self.doubted, False
        self._late.clear()
        return was_doubted

    def found_stopped(self, now: float, live_since: Callable[[Hashable], float | None]) -> bool:
        """Let time pass; True when an echo is missing although its subscription was live all the time, and that is
        news."""
        for message_id, each in _over(self._awaited, now, live_since):
            self._late[message_id] = replace(each, until=now + self._proof_s)
        missing = _over(self._late, now, live_since)
        self.missing += len(missing)
        was_stopped, self.stopped = self.stopped, self.stopped or bool(missing)
        return self.stopped and not was_stopped

    def forgive(self, now: float) -> None:
        """We slept ourselves: the echoes may be waiting to be read."""
        for message_id, each in (self._late | self._awaited).items():
            self._awaited[message_id] = replace(each, until=now + self._echo_s)
        self._late.clear()


def _over(
    waiting: OrderedDict[int, _Awaited], now: float, live_since: Callable[[Hashable], float | None]
) -> list[tuple[int, _Awaited]]:
    """Those whose time is over, taken out; those whose subscription is another one go and prove nothing."""
    gone = [number for number, each in waiting.items() if live_since(each.key) != each.live_since]
    for number in gone:
        del waiting[number]
    over = [(number, each) for number, each in waiting.items() if each.until <= now]
    for number, _ in over:
        del waiting[number]
    return over


def _trim(ordered: OrderedDict[int, Any]) -> None:
    while len(ordered) > MOST:
        ordered.popitem(last=False)
