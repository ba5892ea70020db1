"""One open cable socket: carries frames between CableSocket and CableProtocol until it goes down."""

import asyncio
from collections import deque
from collections.abc import Callable

from chat.bridge.dial import CableDown, CableSocket, CableStale
from chat.bridge.timing import Timing
from chat.chatwoot.cable import CableProtocol
from chat.chatwoot.cable_events import Closing, Stale, SubscriptionEvent, Unwelcome, Welcomed

Clock = Callable[[], float]


class Connection:
    """`heard` gets what concerns a subscription, `ticked` the time about once a second and whether we slept ourselves;
    both on the loop. What they raise ends the connection."""

    def __init__(
        self,
        socket: CableSocket,
        *,
        clock: Clock,
        timing: Timing,
        heard: Callable[[SubscriptionEvent], None],
        ticked: Callable[[float, bool], None],
    ) -> None:
        self.protocol = CableProtocol(now=clock(), timing=timing.cable)
        self.welcomed_at: float | None = None
        self._socket = socket
        self._clock = clock
        self._timing = timing
        self._heard = heard
        self._ticked = ticked
        self._outgoing: deque[str] = deque()
        self._wake = asyncio.Event()

    def subscribe(self, identifier: str, *, retries: int) -> None:
        self.protocol.subscribe(identifier, now=self._clock(), retries=retries)
        self._wake.set()

    def unsubscribe(self, identifier: str) -> None:
        self.protocol.unsubscribe(identifier, now=self._clock())
        self._wake.set()

    def perform(self, identifier: str, action: str) -> None:
        self.protocol.perform(identifier, action)
        self._wake.set()

    async def run(self) -> None:
        """Pump until the socket goes down, then raise CableDown.

        Not a task group: before Python 3.13 it forgets that it was cancelled when a member fails in the same instant.
        """
        pumps = [
            asyncio.create_task(self._read(), name="cable read"),
            asyncio.create_task(self._write(), name="cable write"),
            asyncio.create_task(self._tick(), name="cable tick"),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            ends = await asyncio.gather(*pumps, return_exceptions=True)
        raise next(end for end in ends if isinstance(end, Exception))

    async def _read(self) -> None:
        while True:
            frame = await self._socket.receive()
            self.protocol.receive_frame(frame, now=self._clock())
            self._settle()

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._settle()
            while self._outgoing:
                await self._socket.send(self._outgoing.popleft())

    async def _tick(self) -> None:
        while True:
            slept_from = self._clock()
            await asyncio.sleep(self._timing.tick_s)
            now = self._clock()
            overslept = now - slept_from > self._timing.tick_s + self._timing.overslept_s
            if overslept:
                self.protocol.forgive(now=now)
            else:
                self.protocol.tick(now=now)
            self._ticked(now, overslept)
            self._settle()

    def _settle(self) -> None:
        for event in self.protocol.events_received():
            match event:
                case Welcomed():
                    self.welcomed_at = self._clock()
                case Stale():
                    raise CableStale("no frame for too long")
                case Unwelcome():
                    raise CableStale("it pings, but did not say welcome")
                case Closing():
                    raise CableDown(f"the server said {event.reason}", refused=not event.reconnect)
                case _:
                    self._heard(event)
        self._outgoing.extend(self.protocol.data_to_send())
        if self._outgoing:
            self._wake.set()
