"""The fence: a time after which Chatwoot itself refuses a request of ours (docs/architecture.md; measured: PROBES §1).

Chatwoot's rack-timeout drops a request whose `X-Request-Start` is older than a window (90 s with a body). A start that
is set back makes it drop ours at a moment of our choice. Only with a body, never on reads: their window is another.

A load balancer may overwrite the header, and an operator may set or switch off the window: `probe` finds out.
"""

import logging
import secrets
from dataclasses import dataclass
from typing import Literal

import httpx

from chat.chatwoot.answers import ask_nothing
from chat.chatwoot.errors import Ambiguous, NotFound
from chat.chatwoot.upstream_clock import UpstreamClock

USUAL_S = 90  # wait_timeout 30 s + wait_overtime 60 s: what rack-timeout does unless it is told otherwise
LEAST_S, MOST_S = 10, 200
STEP_S = 2
SLOW_MS = 1000  # what waited that long in a queue was refused at another age than we believe

log = logging.getLogger(__name__)


def header(fence_at: int, window_ms: int) -> dict[str, str]:
    """Let a request be refused after `fence_at`, by Chatwoot's clock in ms; `window_ms` as a probe found it."""
    return {"X-Request-Start": f"t={fence_at - window_ms}"}


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of a request that pretended to be this old."""

    age_s: int
    refused: bool


@dataclass(frozen=True, slots=True)
class Probe:
    """`window_ms`: a request with a body that is older than this is refused for certain; 0 when unfenced.

    `hides_runtime`: Rails answers, but somebody in between takes the stamp away by which we know that.
    """

    verdict: Literal["fenced", "unfenced"]
    window_ms: int
    readings: tuple[Reading, ...]
    hides_runtime: bool = False


async def probe(http: httpx.AsyncClient, clock: UpstreamClock) -> Probe:
    """Find out whether Chatwoot refuses what is too old: two requests as a rule, a dozen at most.

    They ask for an inbox that does not exist, so they change nothing; each refusal is one error in Chatwoot's log. Let
    the clock learn before: ages count by it, and one that is far off makes a fence look like none.
    Raises ChatwootError when there is no verdict: Chatwoot is not there, or answers in some third way.
    """
    return await _Prober(http, clock).run()


class _Prober:
    def __init__(self, http: httpx.AsyncClient, clock: UpstreamClock) -> None:
        self._http, self._clock = http, clock
        self._readings: list[Reading] = []
        self._hides_runtime = False

    async def run(self) -> Probe:
        young, old = not await self._refused(USUAL_S - 1), await self._refused(USUAL_S + 1)
        if young and old:
            return self._found("fenced", USUAL_S * 1000)
        if young:
            if not await self._refused(MOST_S):
                return self._found("unfenced", 0)
            return await self._between(USUAL_S + 1, MOST_S)
        if not old or await self._refused(LEAST_S):
            raise Ambiguous("requests are refused for something else than their age", status=500)
        return await self._between(LEAST_S, USUAL_S - 1)

    async def _between(self, passed_s: int, refused_s: int) -> Probe:
        """The refused age is the safe one: a window taken too long only makes the fence come earlier."""
        while refused_s - passed_s > STEP_S:
            middle_s = (passed_s + refused_s) // 2
            if await self._refused(middle_s):
                refused_s = middle_s
            else:
                passed_s = middle_s
        return self._found("fenced", refused_s * 1000)

    def _found(self, verdict: Literal["fenced", "unfenced"], window_ms: int) -> Probe:
        return Probe(verdict, window_ms, tuple(self._readings), self._hides_runtime)

    async def _refused(self, age_s: int) -> bool:
        start, sent = header(self._clock.now(), age_s * 1000), self._clock.base()
        path = f"/public/api/v1/inboxes/{secrets.token_hex(12)}/contacts"
        try:
            await ask_nothing(self._http, "POST", path, json={"name": "fence"}, headers=start)
        except NotFound as error:
            if not error.finished and not error.detail:  # a proxy's own page; Chatwoot says it in words (contract §0.3)
                raise
            refused = False
            self._hides_runtime |= not error.finished
        except Ambiguous as error:  # Rails' own 500 proves nothing: it may have run out of time, or be broken.
            if error.status != 500 or error.finished:
                raise
            refused = True
            if self._clock.base() - sent > SLOW_MS:
                raise Ambiguous("too slow to tell how old a request was when it was refused", status=500) from None
        else:
            raise Ambiguous("an inbox that cannot exist was found")
        self._readings.append(Reading(age_s, refused))
        log.debug("a request %d s old was %s", age_s, "refused" if refused else "taken")
        return refused
