"""Many contacts over few upstream sockets: one hub per Chatwoot and process (docs/architecture.md, Holding).

A cable delivers at most once, in any order, and is silent about what it missed. So the hub tells its listener of every
gap, and whoever cannot be heard is to be polled.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol, Self

from chat.bridge.connection import Clock
from chat.bridge.dial import Dial, dial_websocket
from chat.bridge.line import Line, Upstream, pause
from chat.bridge.subscription import Hold, Subscription
from chat.bridge.tasks import Tasks
from chat.bridge.timing import Timing
from chat.chatwoot import events
from chat.chatwoot.errors import Malformed
from chat.chatwoot.events import Event
from chat.chatwoot.identity import cable_identifier

log = logging.getLogger(__name__)


class Listener(Protocol):
    """Called on the loop; must not block. What it raises is logged and goes no further."""

    def subscribed(self, key: Hashable) -> None:
        """Confirmed, for the first time or again: there may have been a gap."""

    def lost(self, key: Hashable) -> None:
        """No longer live; the hub goes on trying."""

    def silent(self, key: Hashable) -> None:
        """Not confirmed in time, or on a deaf socket: poll it until `subscribed`."""

    def unanswered(self, key: Hashable) -> None:
        """Its own subscribe was met with silence on a socket that works: its token may not be Chatwoot's any more."""

    def canary_wanted(self, key: Hashable) -> None:
        """Nobody who may be called present is on the socket that carries this contact: give a token to `Hub.canary`.

        Asked again after a while; also when the token that was given is not confirmed.
        """

    def received(self, key: Hashable, event: Event) -> None:
        """Something happened. Order means nothing, and it may come twice."""


@dataclass(frozen=True, slots=True)
class HubStatus:
    sockets: int  # open and welcomed
    subscriptions: int
    confirmed: int
    silent: int  # to be polled
    deaf: int  # sockets that ping, but bring nothing that is published
    canary_s: float | None  # the latest canary of the slowest socket; None before any
    redials: int
    given_up_stale: int  # sockets, for want of any frame, or of the welcome
    given_up_deaf: int  # sockets, for want of an answer to two canaries
    malformed: int  # frames that could not be read
    stray: int  # frames for subscriptions that nobody wants any more


class Hub:
    """Holds subscriptions of contacts by any hashable key. Use it as `async with`; leaving closes the sockets."""

    def __init__(
        self,
        cable_url: str,
        listener: Listener,
        *,
        dial: Dial = dial_websocket,
        clock: Clock = time.monotonic,
        random: Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = pause,
        per_socket: int = 500,
        max_sockets: int = 40,
        linger_s: float = 60,
        timing: Timing | None = None,
    ) -> None:
        self._upstream = Upstream(cable_url, dial, clock, random or Random(), sleep, timing or Timing())
        self._listener = listener
        self._per_socket = per_socket
        self._max_sockets = max_sockets
        self._linger_s = linger_s
        self._subscriptions: dict[Hashable, Subscription] = {}
        self._lines: dict[Line, asyncio.Task[None]] = {}
        self._placed: dict[Subscription, Line] = {}
        self._lingering: dict[Subscription, float] = {}  # until when, soonest first
        self._tasks = Tasks()
        self._open = False
        self._opened_lines = 0
        self._canary_asked_at = -math.inf

    async def __aenter__(self) -> Self:
        self._open = True
        self._tasks.spawn(self._tick_forever(), name="hub tick")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._open = False
        await self._tasks.cancel()

    def hold(self, key: Hashable, pubsub_token: str) -> Hold:
        """Be subscribed to this contact until the Hold is released, and `linger_s` more.

        Tells nothing when the subscription is live already (`Hold.live`). Another token for the key replaces it.
        """
        if not self._open:
            raise RuntimeError("the hub is closed")
        identifier = cable_identifier(pubsub_token)
        subscription = self._subscriptions.get(key)
        if subscription is None:
            subscription = Subscription(key, identifier, waiting_since=self._upstream.clock())
            self._subscriptions[key] = subscription
            self._place(subscription)
        elif subscription.identifier != identifier:
            self._rename(subscription, identifier)
        subscription.holds += 1
        self._lingering.pop(subscription, None)
        return Hold(subscription, self._released)

    def canary(self, pubsub_token: str) -> None:
        """The token of a contact whom no visitor knows: sockets without anybody in view listen for its presence."""
        self._upstream.canary.identifier = cable_identifier(pubsub_token)
        self._upstream.canary.wanted = False

    def status(self) -> HubStatus:
        every, counts = self._subscriptions.values(), self._upstream.counts
        return HubStatus(
            sockets=sum(line.connected for line in self._lines),
            subscriptions=len(every),
            confirmed=sum(each.live for each in every),
            silent=sum(each.told_silent for each in every),
            deaf=sum(line.deaf for line in self._lines),
            canary_s=max((each for line in self._lines if (each := line.canary_s) is not None), default=None),
            redials=counts["redials"],
            given_up_stale=counts["stale"],
            given_up_deaf=counts["deaf"],
            malformed=counts["malformed"] + sum(line.malformed for line in self._lines),
            stray=counts["stray"] + sum(line.stray for line in self._lines),
        )

    # What lines report

    def subscribed(self, subscription: Subscription) -> None:
        self._tell(self._listener.subscribed, subscription.key)

    def lost(self, subscription: Subscription) -> None:
        self._tell(self._listener.lost, subscription.key)

    def silent(self, subscription: Subscription) -> None:
        self._tell(self._listener.silent, subscription.key)

    def unanswered(self, subscription: Subscription) -> None:
        self._tell(self._listener.unanswered, subscription.key)

    def received(self, subscription: Subscription, message: Mapping[str, Any]) -> None:
        try:
            event = events.parse(message)
        except Malformed as exc:
            self._upstream.counts["malformed"] += 1
            log.warning("a cable message for %r cannot be read: %s", subscription.key, exc)
            return
        if event is not None:
            self._tell(self._listener.received, subscription.key, event)

    def move(self, subscription: Subscription, line: Line) -> None:
        other = self._line_for(subscription, besides=line)
        if other is not None:
            line.remove(subscription)
            subscription.moved = True
            self._put(subscription, other)

    def _tell(self, call: Callable[..., None], key: Hashable, *args: Event) -> None:
        if not self._open:
            return
        try:
            call(key, *args)
        except Exception:  # One contact's trouble must not take the socket from five hundred others.
            log.exception("the listener failed on %s of %r", getattr(call, "__name__", "a call"), key)

    # Placing

    def _place(self, subscription: Subscription) -> None:
        line = self._line_for(subscription)
        if line is not None:
            self._put(subscription, line)

    def _put(self, subscription: Subscription, line: Line) -> None:
        self._placed[subscription] = line
        line.add(subscription)

    def _line_for(self, subscription: Subscription, *, besides: Line | None = None) -> Line | None:
        """The first with room, so that lines fill up and empty ones can close; None at the limit."""
        for line in self._lines:
            room = line.load < self._per_socket and subscription.identifier not in line.subscriptions
            if room and line is not besides:
                return line
        if len(self._lines) >= self._max_sockets:
            return None
        self._opened_lines += 1
        line = Line(self._opened_lines, self._upstream, self)
        self._lines[line] = self._tasks.spawn(line.run(), name=f"cable line {line.number}")
        return line

    def _rename(self, subscription: Subscription, identifier: str) -> None:
        was_live = subscription.live
        self._take_off(subscription)
        subscription.identifier = identifier
        subscription.waiting_since = self._upstream.clock()
        subscription.told_silent = subscription.moved = False
        if was_live:  # Soon, not now: whoever asks for a hold is not prepared to be called.
            asyncio.get_running_loop().call_soon(self.lost, subscription)
        self._place(subscription)

    def _released(self, subscription: Subscription) -> None:
        subscription.holds -= 1
        if subscription.holds == 0 and self._open:
            self._lingering[subscription] = self._upstream.clock() + self._linger_s

    def _take_off(self, subscription: Subscription) -> None:
        line = self._placed.pop(subscription, None)
        if line is not None:
            line.remove(subscription)

    # Time

    async def _tick_forever(self) -> None:
        while True:
            await asyncio.sleep(self._upstream.timing.tick_s)
            try:
                self._tick(self._upstream.clock())
            except Exception:  # The next tick may do better; without ticks nothing would ever end.
                log.exception("the hub's tick failed")

    def _tick(self, now: float) -> None:
        for subscription, until in list(self._lingering.items()):
            if until > now:
                break
            del self._lingering[subscription]
            del self._subscriptions[subscription.key]
            self._take_off(subscription)
        for subscription in [each for each in self._subscriptions.values() if each not in self._placed]:
            self._place(subscription)
            if subscription not in self._placed:
                self._impatient(subscription, now)
        for line in list(self._lines):
            if line.subscriptions:
                line.impatient(now)
            else:
                self._lines.pop(line).cancel()
        self._want_canary(now)

    def _want_canary(self, now: float) -> None:
        every_s = self._upstream.timing.canary_s
        if self._upstream.canary.wanted and now - self._canary_asked_at >= every_s and self._placed:
            self._canary_asked_at = now
            self._tell(self._listener.canary_wanted, next(iter(self._placed)).key)

    def _impatient(self, subscription: Subscription, now: float) -> None:
        """Beyond the last socket's room: to be polled."""
        waited_s = now - subscription.waiting_since
        if waited_s >= self._upstream.timing.down_patience_s and not subscription.told_silent:
            subscription.told_silent = True
            self.silent(subscription)
