"""What this process and its database can say of themselves in numbers, as plain values.

Metrics ask here; the admin's status page reads what every process has written down of itself (`vitals`). Counts begin
with the process; nothing in here holds anything of a visitor.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db.models import Count, Min

from chat import hints, liveness, notifying, sql
from chat.budget import Budget
from chat.link import Link
from chat.models import Delivery
from chat.reader import Reader
from chat.runtime import Runtime
from chat.socket import Socket
from chat.writer import BUSY

Counts = Mapping[tuple[str, ...], int]
State = Delivery.State
FRESH_S = 5.0
ANSWER_S = 5.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """Deliveries of one state, in the whole database. ``oldest_s``: since it was accepted, of those in doubt since
    their latest attempt began; 0 without any."""

    count: int
    oldest_s: float


@dataclass(frozen=True, slots=True)
class Asked:
    """One Chatwoot, as this process asks it; ``number`` is its row. ``fenced``: None before that is known."""

    number: int
    taken: int
    waiting: int
    rate_per_s: float
    answers: Mapping[str, int]  # "ok", or the class of the error
    is_open: bool  # False: it is left alone, paused or because it does not answer
    fenced: bool | None
    skew_s: float | None  # its clock minus ours; None before that is known
    skew_error_s: float
    oldest_s: float  # of the requests under way


@dataclass(frozen=True, slots=True)
class Figures:
    """One process. ``counts``: what it has committed, by name and kinds, such as ("accepted",), ("ended", kind, state),
    ("ambiguous", kind), ("duplicate", kind), ("dropped", reason)."""

    counts: Counts
    draining: bool
    processes: int
    sockets: int
    polls: int
    unacknowledged_bytes: int
    closed: Mapping[str, int]  # sockets, by number
    turned_away: Mapping[str, int]  # visitors, by limit
    files_refused: Mapping[str, int]  # by code
    writes_waiting: int
    is_writable: bool
    redis_usable: bool | None  # None: there is to be none
    hearing: liveness.Status
    hinted: hints.Status
    told: notifying.Status
    resyncs: int
    walks: int
    resyncs_waiting: int
    chatwoots: tuple[Asked, ...]


def of(runtime: Runtime) -> Figures:
    """To be called on its loop; asks nobody."""
    listeners = runtime.audience.listeners()
    sockets = [each for each in listeners if isinstance(each, Socket)]
    return Figures(
        counts=dict(runtime.writer.tally),
        draining=runtime.drain.begun,
        processes=runtime.processes.live,
        sockets=len(sockets),
        polls=len(listeners) - len(sockets),
        unacknowledged_bytes=sum(each.sender.window.outstanding_bytes for each in sockets),
        closed=dict(runtime.drain.closed),
        turned_away=dict(runtime.gate.turned_away),
        files_refused=dict(runtime.conversations.files_refused),
        writes_waiting=len(runtime.writer.waiting),
        is_writable=not runtime.writer.broken,
        redis_usable=runtime.neighbours.is_usable,
        hearing=runtime.holding.liveness.status(),
        hinted=runtime.hints.status(),
        told=runtime.notifying.status(),
        resyncs=runtime.resyncs.done,
        walks=runtime.resyncs.walked,
        resyncs_waiting=runtime.resyncs.waiting,
        chatwoots=tuple(_asked(link, link.budget) for link in runtime.upstreams.links()),
    )


def _asked(link: Link, budget: Budget) -> Asked:
    is_known = link.clock.known
    return Asked(
        number=link.chatwoot_pk,
        taken=budget.taken,
        waiting=budget.waiting,
        rate_per_s=budget.rate_per_s,
        answers=dict(link.answers),
        is_open=link.available,
        fenced=link.fenced,
        skew_s=link.clock.skew_ms() / 1000 if is_known else None,
        skew_error_s=link.clock.error_ms / 1000,
        oldest_s=link.oldest_s,
    )


def outbox() -> dict[str, Waiting]:
    """What is on its way, by state; one query over what is open, for a thread that may ask the database."""
    now = sql.database_now()
    found = Delivery.objects.filter(state__in=Delivery.OPEN).values_list("state")
    rows = found.annotate(Count("id"), Min("created_at"), Min("started_at"))
    waiting = dict.fromkeys(map(str, Delivery.OPEN), Waiting(0, 0.0))
    for state, count, created_at, started_at in rows:
        since = created_at if state == State.ACCEPTED else started_at
        waiting[state] = Waiting(count, max(0, now - since) / 1000)
    return waiting


Ask = Callable[[], dict[str, Waiting]]


class Outbox:
    """``outbox``, asked at most every few seconds, however many ask. ``now``: seconds of any steady clock."""

    def __init__(
        self, *, fresh_s: float = FRESH_S, now: Callable[[], float] = time.monotonic, ask: Ask = outbox
    ) -> None:
        self._fresh_s, self._now, self._ask = fresh_s, now, ask
        self._known: dict[str, Waiting] | None = None
        self._asked_at = -math.inf

    async def read(self, reader: Reader) -> dict[str, Waiting] | None:
        """None: the database does not answer, or was not asked before."""
        if self._now() >= self._asked_at + self._fresh_s:
            self._asked_at = self._now()
            try:
                async with asyncio.timeout(ANSWER_S):
                    self._known = await reader.run(self._ask)
            except (*BUSY, TimeoutError):
                self._known = None
        return self._known
