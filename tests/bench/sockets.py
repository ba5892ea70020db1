"""Both ends that are measured: visitors behind the application, and one direct subscriber of the same cable."""

import asyncio
import time
from dataclasses import dataclass, field
from itertools import cycle, islice

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from chat.bridge.connection import Connection
from chat.bridge.dial import CableDown, CableSocket, dial_websocket
from chat.bridge.timing import Timing
from chat.chatwoot.cable_events import Confirmed, Received, SubscriptionEvent
from chat.chatwoot.identity import cable_identifier
from tests.bench.people import EVENT, Person

ACK_ROWS, ACK_S = 16, 1.0  # as static/chat/receipts.js
PING_S = 20.0


@dataclass
class Arrivals:
    """When each event was there, by its number."""

    at: dict[int, float] = field(default_factory=dict)

    def note(self, text: bytes) -> None:
        now = time.perf_counter()
        for found in EVENT.finditer(text):
            self.at.setdefault(int(found[1]), now)


class Visitor:
    """One open chat: says hello, notes events, acknowledges and pings as the page does."""

    def __init__(self, person: Person, arrivals: Arrivals) -> None:
        self.person = person
        self.ready = asyncio.Event()
        self._arrivals = arrivals
        self._connection: ClientConnection | None = None
        self._cursor = ""
        self._rows = 0

    async def run(self, url: str) -> None:
        self._connection = await connect(url, compression=None, proxy=None, ping_interval=None, close_timeout=1)
        await self._say(type="hello", token=self.person.access_token, since=None, visible=True)
        try:
            while True:
                text = await self._connection.recv(decode=False)
                live = self.ready.is_set()
                if live:
                    self._arrivals.note(text)
                await self._follow(text)
        except ConnectionClosed as closed:
            raise AssertionError(f"a visitor was closed: {closed}") from None

    async def _follow(self, text: bytes) -> None:
        frame = orjson.loads(text)
        if frame["type"] in ("changes", "reset"):
            self.ready.set()
            self._cursor = frame["cursor"]
            self._rows += 1
            if self._rows >= ACK_ROWS:
                await self.acknowledge()
        elif frame["type"] in ("error", "reconnect"):
            raise AssertionError(f"a visitor was told {frame}")

    async def acknowledge(self) -> None:
        if self._rows and self._connection:
            self._rows = 0
            await self._say(type="ack", cursor=self._cursor)

    async def ping(self) -> None:
        if self._connection:
            await self._say(type="ping", visible=True)

    async def _say(self, **frame: object) -> None:
        assert self._connection is not None
        await self._connection.send(orjson.dumps(frame), text=True)


class Crowd:
    """Visitors that arrive some at a time, and whoever acknowledges and pings for them."""

    def __init__(self, url: str) -> None:
        self.arrivals = Arrivals()
        self.visitors: list[Visitor] = []
        self._url = url
        self._tasks: list[asyncio.Task[None]] = []

    async def join(self, people: list[Person]) -> None:
        """Open a socket for each; returns when all have their start state."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._acknowledge()), asyncio.create_task(self._ping())]
        for start in range(0, len(people), 25):
            some = [Visitor(each, self.arrivals) for each in people[start : start + 25]]
            self._tasks += [asyncio.create_task(each.run(self._url)) for each in some]
            self.visitors += some
            async with asyncio.timeout(30):
                for visitor in some:
                    await visitor.ready.wait()

    def check(self) -> None:
        """Raise what ended a visitor, if something did."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _acknowledge(self) -> None:
        while True:
            await asyncio.sleep(ACK_S)
            for visitor in self.visitors:
                await visitor.acknowledge()

    async def _ping(self) -> None:
        for n in cycle(range(100)):  # a hundredth of the crowd at a time
            await asyncio.sleep(PING_S / 100)
            for visitor in islice(self.visitors, n, None, 100):
                await visitor.ping()


class Direct:
    """Subscribed at the cable itself, on one socket, with TCP_QUICKACK as the hub has it."""

    def __init__(self) -> None:
        self.arrivals = Arrivals()
        self._confirmed = self._expected = 0
        self._complete = asyncio.Event()
        self._connection: Connection | None = None
        self._socket: CableSocket | None = None
        self._pump: asyncio.Task[None] | None = None

    async def open(self, url: str) -> None:
        self._socket = await dial_websocket(url)
        self._connection = Connection(
            self._socket, clock=time.monotonic, timing=Timing(), heard=self._heard, ticked=lambda now: None
        )
        self._pump = asyncio.create_task(self._connection.run())

    async def join(self, people: list[Person]) -> None:
        assert self._connection is not None
        self._expected += len(people)
        self._complete.clear()
        for person in people:
            self._connection.subscribe(cable_identifier(person.token), retries=0)
        async with asyncio.timeout(60):
            await self._complete.wait()

    async def leave(self) -> None:
        assert self._pump is not None
        assert self._socket is not None
        await self._socket.close()
        try:
            await self._pump
        except CableDown:
            return

    def _heard(self, event: SubscriptionEvent) -> None:
        if isinstance(event, Confirmed):
            self._confirmed += 1
            if self._confirmed == self._expected:
                self._complete.set()
        elif isinstance(event, Received) and event.message.get("event") == "message.created":
            self.arrivals.note(event.message["data"]["content"].encode())
