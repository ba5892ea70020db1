"""The contacts that share one upstream socket, and its supervision: dial, subscribe, lose, dial again."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from chat.backoff import full_jitter
from chat.bridge.connection import Clock, Connection
from chat.bridge.dial import CableDeaf, CableDown, CableStale, Dial
from chat.bridge.hearing import CanaryContact, Hearing
from chat.bridge.subscription import Subscription
from chat.bridge.timing import Timing
from chat.chatwoot.cable_events import Confirmed, Received, Rejected, Silent, SubscriptionEvent, Unanswered

log = logging.getLogger(__name__)


class Reports(Protocol):
    """What a line tells the hub."""

    def subscribed(self, subscription: Subscription) -> None: ...

    def lost(self, subscription: Subscription) -> None: ...

    def silent(self, subscription: Subscription) -> None: ...

    def unanswered(self, subscription: Subscription) -> None: ...

    def received(self, subscription: Subscription, message: Mapping[str, Any]) -> None: ...

    def move(self, subscription: Subscription, line: "Line") -> None: ...


@dataclass(frozen=True, slots=True)
class Upstream:
    """How to reach the cable, the seams of time and chance, and what all lines of a hub share."""

    url: str
    dial: Dial
    clock: Clock
    random: Random
    sleep: Callable[[float], Awaitable[None]]
    timing: Timing
    canary: CanaryContact = field(default_factory=CanaryContact)
    counts: Counter[str] = field(default_factory=Counter)  # redials, stale, deaf, malformed, stray


class Line:
    """Owns up to so many subscriptions as the hub gives it; `run` keeps a socket open for them."""

    def __init__(self, number: int, upstream: Upstream, reports: Reports) -> None:
        self.number = number
        self.subscriptions: dict[str, Subscription] = {}  # by exact identifier
        self.deaf = False  # its last connection was, and no canary has been answered since
        self._upstream = upstream
        self._reports = reports
        self._connection: Connection | None = None
        self._hearing: Hearing | None = None
        self._down_since = upstream.clock()
        self._broken_at: float | None = None  # since when there has been no welcome, if that was told
        self._healthy = False  # the last connection held for a while

    @property
    def connected(self) -> bool:
        return self._connection is not None and self._connection.welcomed_at is not None

    @property
    def load(self) -> int:
        """Subscriptions, those included that the server may still hold though nobody wants them."""
        return max(len(self.subscriptions), self._connection.protocol.load if self._connection else 0)

    @property
    def canary_s(self) -> float | None:
        """How long the latest canary of the open connection took; None before any."""
        return self._hearing.took_s if self._hearing and self.connected else None

    @property
    def malformed(self) -> int:
        """Of the open connection; what earlier ones counted is in ``Upstream.counts``."""
        return self._connection.protocol.malformed if self._connection else 0

    @property
    def stray(self) -> int:
        return self._connection.protocol.stray if self._connection else 0

    def add(self, subscription: Subscription) -> None:
        self.subscriptions[subscription.identifier] = subscription
        self._subscribe(subscription)

    def remove(self, subscription: Subscription) -> None:
        self.subscriptions.pop(subscription.identifier, None)
        subscription.live = subscription.confirmed = False
        if self._connection:
            self._connection.unsubscribe(subscription.identifier)

    def impatient(self, now: float) -> None:
        """Report those as silent that cannot even be asked for: no socket, or a slow server's window is full."""
        timing = self._upstream.timing
        down_s = 0.0 if self.connected else now - self._down_since
        for subscription in list(self.subscriptions.values()):
            if not subscription.live and not subscription.told_silent:
                waited_s = now - subscription.waiting_since
                if min(waited_s, down_s) >= timing.down_patience_s or waited_s >= timing.queue_patience_s:
                    self._silent(subscription)

    async def run(self) -> None:
        """Keep a socket open until cancelled; then close it properly."""
        timing, upstream = self._upstream.timing, self._upstream
        delays = full_jitter(timing.redial_base_s, timing.redial_cap_s, random=upstream.random)
        while True:
            refused = False
            try:
                await self._serve()
            except CableDown as down:
                refused = down.refused
                self._note(down)
                log.log(logging.ERROR if refused else logging.WARNING, "cable line %d: %s", self.number, down)
            except Exception:  # A fault of ours must not end the line; it is told, and the redial is paced.
                log.exception("cable line %d failed", self.number)
            if self._broken_at is None:
                self._broken_at = upstream.clock()
            if self._healthy:
                self._healthy = False
                delays = full_jitter(timing.redial_base_s, timing.redial_cap_s, random=upstream.random)
            slow_s = timing.refused_redial_s * upstream.random.uniform(0.5, 1) if refused else 0
            await upstream.sleep(max(slow_s, next(delays)))
            upstream.counts["redials"] += 1

    def _note(self, down: CableDown) -> None:
        if isinstance(down, CableStale):
            self._upstream.counts["stale"] += 1
        elif isinstance(down, CableDeaf):
            self._upstream.counts["deaf"] += 1

    async def _serve(self) -> None:
        """Dial once and serve until it goes down, which raises."""
        upstream = self._upstream
        socket = await upstream.dial(upstream.url)
        connection = Connection(
            socket, clock=upstream.clock, timing=upstream.timing, heard=self._heard, ticked=self._tick
        )
        self._hearing = Hearing(
            connection, self.subscriptions, upstream.canary, now=upstream.clock(), timing=upstream.timing
        )
        try:
            self._connection = connection
            # Those in view come first: the window makes the others wait.
            for subscription in sorted(self.subscriptions.values(), key=lambda each: each.visible_holds == 0):
                self._subscribe(subscription)
            await connection.run()
        except CableDeaf:
            self.deaf = True
            raise
        finally:
            self._connection = None
            since = connection.welcomed_at
            held = since is not None and upstream.clock() - since >= upstream.timing.healthy_s
            self._healthy = held and not self.deaf
            upstream.counts["malformed"] += connection.protocol.malformed
            upstream.counts["stray"] += connection.protocol.stray
            self._lose()
            await socket.close()

    def _subscribe(self, subscription: Subscription) -> None:
        if self._connection:
            self._connection.subscribe(subscription.identifier, retries=0 if subscription.moved else 1)

    def _lose(self) -> None:
        self._down_since = now = self._upstream.clock()
        for subscription in list(self.subscriptions.values()):
            subscription.moved = subscription.confirmed = False
            if subscription.live:
                subscription.live = False
                subscription.waiting_since = now
                self._reports.lost(subscription)
            if (
                self.deaf and subscription.identifier in self.subscriptions
            ):  # redialling may not help: it is Chatwoot's Redis, more often than this socket
                self._silent(subscription)

    def _heard(self, event: SubscriptionEvent) -> None:
        assert self._hearing is not None
        if self._hearing.answers(event, self._upstream.clock()) and self.deaf:
            self._hear_again()
        if self._hearing.takes(event):
            return
        subscription = self.subscriptions.get(event.identifier)
        if subscription is None:
            return  # removed by what was just told
        match event:
            case Received():
                self._reports.received(subscription, event.message)
            case Confirmed():
                subscription.confirmed = True
                if self.deaf:
                    self._silent(subscription)
                else:
                    self._live(subscription)
            case Silent() | Rejected():
                self._silent(subscription)
                self._reports.unanswered(subscription)
            case Unanswered():
                self._reports.move(subscription, self)

    def _live(self, subscription: Subscription) -> None:
        subscription.live, subscription.told_silent = True, False
        subscription.live_since = self._upstream.clock()
        self._reports.subscribed(subscription)

    def _hear_again(self) -> None:
        self.deaf = False
        log.info("cable line %d: what is published comes through again", self.number)
        for subscription in list(self.subscriptions.values()):
            if subscription.confirmed:
                self._live(subscription)

    def _silent(self, subscription: Subscription) -> None:
        if not subscription.told_silent:
            subscription.told_silent = True
            self._reports.silent(subscription)

    def _tick(self, now: float, overslept: bool) -> None:
        if self._broken_at is not None and self.connected:
            log.info("cable line %d: connected again after %.0f s", self.number, now - self._broken_at)
            self._broken_at = None
        assert self._hearing is not None
        self._hearing.tick(now, overslept)
        self._present(now)

    def _present(self, now: float) -> None:
        """Tell Chatwoot who is looking; spread, as each call takes one of its four cable threads."""
        due_at_most = max(20, len(self.subscriptions) // 5)
        for subscription in self.subscriptions.values():
            if (
                subscription.visible_holds
                and subscription.confirmed
                and subscription.presence_at <= now
                and self._connection
            ):
                self._connection.perform(subscription.identifier, "update_presence")
                subscription.presence_at = now + self._upstream.timing.presence_s * self._upstream.random.uniform(
                    0.8, 1
                )
                due_at_most -= 1
                if not due_at_most:
                    return


async def pause(seconds: float) -> None:
    """The default of `Upstream.sleep`."""
    await asyncio.sleep(seconds)
