"""What this process says of itself with each heartbeat, for the admin: a small JSON, nothing of a visitor.

Other processes, perhaps of another release, read it: a name keeps its meaning, and what is missing is said to be so.
"""

import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from chat.audience import Audience
from chat.bridge.hub import HubStatus
from chat.holding import Holding
from chat.link import Link
from chat.resync import Resyncs
from chat.socket import Socket
from chat.upstreams import Upstreams

LATELY_S = 60.0
MOST_KEPT = 64  # counts, one for each heartbeat
MOST = 50  # Chatwoots, and inboxes


class Vitals:
    """Counts are since the start; what ends in ``_lately`` is of the last minute, what ends in ``_s`` in seconds."""

    def __init__(
        self,
        upstreams: Upstreams,
        holding: Holding,
        resyncs: Resyncs,
        audience: Audience,
        *,
        redis_away: Callable[[], bool] = lambda: False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._upstreams = upstreams
        self._holding = holding
        self._resyncs = resyncs
        self._audience = audience
        self._redis_away = redis_away
        self._now = now
        self._counts: deque[tuple[float, Counter[str]]] = deque([(now(), Counter())], maxlen=MOST_KEPT)

    def tell(self) -> dict[str, Any]:
        """To be called on the loop, at each heartbeat."""
        missed, done = self._holding.liveness.status().missed, self._resyncs.done
        links = self._upstreams.links()[:MOST]
        counts = Counter({"resyncs": done, "missed": missed})
        for link in links:
            counts[_asked(link)] += link.budget.taken
        lately, span_s = self._lately(counts)
        listeners = self._audience.listeners()
        sockets = sum(isinstance(each, Socket) for each in listeners)
        return {
            "sockets": sockets,
            "polls": len(listeners) - sockets,
            "resyncs": done,
            "resyncs_waiting": self._resyncs.waiting,
            "resyncs_lately": lately["resyncs"],
            "missed": missed,
            "missed_lately": lately["missed"],
            "redis_away": self._redis_away(),
            "chatwoots": {str(link.chatwoot_pk): _of_chatwoot(link, lately[_asked(link)] / span_s) for link in links},
            "inboxes": {str(pk): heard for pk, heard in list(self._holding.heard().items())[:MOST]},
        }

    def _lately(self, counts: Counter[str]) -> tuple[Counter[str], float]:
        """What was added, and in how many seconds; what was closed meanwhile takes nothing away."""
        now = self._now()
        while len(self._counts) > 1 and self._counts[0][0] < now - LATELY_S:
            self._counts.popleft()
        since, before = self._counts[0]
        self._counts.append((now, counts))
        return counts - before, max(1.0, now - since)


def _asked(link: Link) -> str:
    return f"asked {link.chatwoot_pk}"


def _of_chatwoot(link: Link, asked_per_s: float) -> dict[str, Any]:
    cable: HubStatus = link.hub.status()
    return {
        "lines": cable.sockets,
        "deaf": cable.deaf,
        "wanted": cable.subscriptions,
        "confirmed": cable.confirmed,
        "canary_s": None if cable.canary_s is None else round(cable.canary_s, 3),
        "asked_per_s": round(asked_per_s, 2),
        "rate_per_s": round(link.budget.rate_per_s, 2),
        "waiting": link.budget.waiting,
        "oldest_s": round(link.oldest_s, 1),
        "open": link.available,
    }
