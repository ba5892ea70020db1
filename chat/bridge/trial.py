"""One cable socket on trial: what is confirmed on it, and whether what is published comes through.

The question is the canaries' (``chat.bridge.canary``), asked of each subscription until it is answered, and then the
socket is closed.
"""

import asyncio
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from chat.bridge.canary import ACTION, ENOUGH, EVENT, Canary
from chat.bridge.connection import Clock, Connection
from chat.bridge.dial import CableDown, CableSocket, Dial, dial_websocket
from chat.bridge.timing import Timing
from chat.chatwoot.cable_events import Confirmed, Received, Rejected, Silent, SubscriptionEvent


@dataclass(slots=True)
class Ear:
    """One subscription. ``account_id``: whose contact Chatwoot publishes this for; None until it was heard."""

    canary: Canary = field(repr=False)
    confirmed: bool = False
    refused: bool = False  # rejected, or not confirmed in time
    deaf: bool = False
    account_id: int | None = None

    @property
    def heard_s(self) -> float | None:
        """From the question to what was published."""
        return self.canary.took_s

    @property
    def settled(self) -> bool:
        return self.refused or self.deaf or self.heard_s is not None


@dataclass(frozen=True, slots=True)
class Trial:
    """``ears`` by identifier. ``down``: why the socket ended before all of them were settled."""

    ears: Mapping[str, Ear] = field(repr=False)
    down: str = ""

    @property
    def heard(self) -> int:
        return sum(ear.heard_s is not None for ear in self.ears.values())


async def try_cable(
    url: str,
    identifiers: Collection[str],
    *,
    timing: Timing,
    dial: Dial = dial_websocket,
    clock: Clock = time.monotonic,
) -> Trial:
    """Open one socket, and subscribe to all of these on it. Raises CableDown without a welcome.

    Takes a dial, and then at most four deadlines for confirms and two answers.
    """
    socket = await dial(url)
    try:
        return await _Trying(socket, identifiers, timing=timing, clock=clock).run()
    finally:
        await socket.close()


class _Over(Exception):
    """Everything is settled; ends the connection."""


class _Trying:
    def __init__(self, socket: CableSocket, identifiers: Collection[str], *, timing: Timing, clock: Clock) -> None:
        self._timing, self._clock, self._began_at = timing, clock, clock()
        self._connection = Connection(socket, clock=clock, timing=timing, heard=self._heard, ticked=self._ticked)
        self._ears = {identifier: Ear(self._canary()) for identifier in identifiers}

    def _canary(self) -> Canary:
        return Canary(now=self._began_at, every_s=self._timing.canary_s, answer_s=self._timing.canary_answer_s)

    async def run(self) -> Trial:
        for identifier in self._ears:
            self._connection.subscribe(identifier, retries=0)
        down = ""
        try:
            async with asyncio.timeout(self._most_s):
                await self._connection.run()
        except CableDown as error:
            if self._connection.welcomed_at is None:
                raise
            down = str(error)
        except TimeoutError:
            down = "not all was settled in time"
        except _Over:
            pass
        return Trial(self._ears, down)

    @property
    def _most_s(self) -> float:
        """A confirm counts from the one before it, so that many of them may take long; here they may not."""
        return 4 * self._timing.cable.confirm_deadline_s + ENOUGH * (self._timing.canary_answer_s + self._timing.tick_s)

    def _heard(self, event: SubscriptionEvent) -> None:
        ear, now = self._ears[event.identifier], self._clock()
        match event:
            case Confirmed():
                ear.confirmed, ear.refused = True, False
                self._ask(event.identifier, ear, now)
            case Rejected() | Silent():
                ear.refused = True
            case Received() if event.message.get("event") == EVENT and ear.canary.heard(event.identifier, now):
                ear.account_id = _account_id(event.message)
        self._end_if_settled()

    def _ask(self, identifier: str, ear: Ear, now: float) -> None:
        self._connection.perform(identifier, ACTION)
        ear.canary.ask(identifier, now)

    def _ticked(self, now: float, overslept: bool) -> None:
        if overslept:
            self._began_at = now
        if self._connection.welcomed_at is None:
            if now - self._began_at >= self._timing.cable.confirm_deadline_s:
                raise CableDown("no welcome came")
            return
        for identifier, ear in self._ears.items():
            if overslept:
                ear.canary.forgive(now)
            elif ear.confirmed and not ear.settled:
                ear.deaf = ear.canary.deaf(now)
                if ear.canary.due(now) and not ear.deaf:
                    self._ask(identifier, ear, now)
        self._end_if_settled()

    def _end_if_settled(self) -> None:
        if all(ear.settled for ear in self._ears.values()):
            raise _Over


def _account_id(message: Mapping[str, Any]) -> int | None:
    data = message.get("data")
    told = data.get("account_id") if isinstance(data, dict) else None
    return told if isinstance(told, int) else None
