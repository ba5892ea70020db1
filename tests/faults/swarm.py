"""Thousands of pages in one process: sockets on bare asyncio, which resume as `static/chat/connection.js` does."""

import asyncio
import contextlib
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

import orjson

from tests.faults.ports import HOST

TEXT, CLOSE = 1, 8
BASE_S, CAP_S = 0.5, 30.0  # static/chat/backoff.js
DIAL_S = 10.0  # static/chat/connection.js
HEALTHY_S = 10.0
PING_S = 20.0
ACK_S = 1.0
MUCH, SOON_S = 16_384, 0.1  # so many bytes in one frame are acknowledged so soon
TOLD = re.compile(rb"say-(\d+)-")


@dataclass
class Person:
    """Somebody who has written once; `talk` is the display id of their conversation."""

    talk: int
    token: str = field(repr=False)


class Line(asyncio.Protocol):
    """One socket: unmasked frames in, frames masked with zeros out."""

    def __init__(self, page: "Page") -> None:
        self._page, self._data, self._open = page, bytearray(), False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        head = f"GET /ws/v1 HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        transport.write((head + key).encode())

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._open:
            head, found, rest = bytes(self._data).partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                self.transport.abort()
                return
            self._open, self._data = True, bytearray(rest)
            self._page.opened(self)
        while (frame := self._take()) is not None:
            opcode, payload = frame
            if opcode == TEXT:
                self._page.heard(payload)
            elif opcode == CLOSE:
                self._page.code = int.from_bytes(payload[:2], "big")
                self.transport.close()

    def _take(self) -> tuple[int, bytes] | None:
        data = self._data
        if len(data) < 2:
            return None
        size, start = data[1] & 127, 2
        if size >= 126:
            start = 4 if size == 126 else 10
            if len(data) < start:
                return None
            size = int.from_bytes(data[2:start], "big")
        if len(data) < start + size:
            return None
        payload = bytes(data[start : start + size])
        opcode = data[0] & 15
        del data[: start + size]
        return opcode, payload

    def tell(self, **frame: object) -> None:
        payload = orjson.dumps(frame)
        size = len(payload)
        head = bytes((0x81, 0x80 | size)) if size < 126 else bytes((0x81, 0xFE)) + size.to_bytes(2, "big")
        self.transport.write(head + bytes(4) + payload)

    def connection_lost(self, exc: Exception | None) -> None:
        self._page.lost()


class Page:
    """One open chat. `told`: the numbers of what it heard (`say-<n>-`)."""

    def __init__(self, person: Person, swarm: "Swarm") -> None:
        self.person, self._swarm = person, swarm
        self.told: set[int] = set()
        self.cursor: str | None = None
        self.code = self.told_to_go = 0
        self.codes: list[int] = []  # 0: it left by itself, or the line was cut
        self.resumed_at: float | None = None
        self.resets = 0
        self._unacknowledged = False
        self._line: Line | None = None
        self._gone, self._settled = asyncio.Event(), asyncio.Event()
        self._come_back_s: float | None = None

    async def stay(self, first_s: float) -> None:
        await asyncio.sleep(first_s)
        attempt, chance = 0, self._swarm.chance
        while True:
            since = time.monotonic()
            self._gone.clear()
            self._settled.clear()
            self.code, self._come_back_s = 0, None
            with contextlib.suppress(OSError, TimeoutError):
                loop = asyncio.get_running_loop()
                async with asyncio.timeout(DIAL_S):
                    await loop.create_connection(lambda: Line(self), HOST, self._swarm.port)
                await self._wait()
            if self.resumed_at is not None and time.monotonic() - since > HEALTHY_S:
                attempt = 0
            self.resumed_at = None
            self.codes.append(self.code)
            ceiling_s = min(CAP_S, BASE_S * 2**attempt)
            attempt += 1
            pause_s = chance.uniform(0, 5) if self.code == 1012 else chance.uniform(0, ceiling_s)
            await asyncio.sleep(pause_s if self._come_back_s is None else self._come_back_s)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(DIAL_S):
                await self._settled.wait()
        except TimeoutError:
            self._swarm.timeouts += 1
            self.drop()
        await self._gone.wait()

    def opened(self, line: Line) -> None:
        self._line = line
        line.tell(type="hello", token=self.person.token, since=self.cursor, visible=True)
        line.tell(type="ping", visible=True)

    def heard(self, payload: bytes) -> None:
        frame = orjson.loads(payload)
        self._swarm.bytes += len(payload)
        match frame["type"]:
            case "reset" | "changes":
                self.resets += frame["type"] == "reset"
                self.cursor, self._unacknowledged = frame["cursor"], True
                self.told |= {int(each) for each in TOLD.findall(payload)}
                if len(payload) > MUCH:
                    asyncio.get_running_loop().call_later(SOON_S, self.acknowledge)
            case "pong" if self.resumed_at is None:
                self.resumed_at = time.monotonic()
                self._settled.set()
            case "reconnect":
                self.told_to_go += 1
                self._come_back_s = 0.0
                asyncio.get_running_loop().call_later(frame["in_ms"] / 1000, self.drop)
            case "error":
                self._swarm.errors.append(payload.decode())

    def lost(self) -> None:
        self._line = None
        self._gone.set()
        self._settled.set()

    def drop(self) -> None:
        """Hang up without a word."""
        if self._line is not None:
            self._line.transport.abort()

    def acknowledge(self) -> None:
        if self._line and self._unacknowledged:
            self._unacknowledged = False
            self._line.tell(type="ack", cursor=self.cursor)

    def ping(self) -> None:
        if self._line and self.resumed_at is not None:
            self._line.tell(type="ping", visible=True)


class Swarm:
    """All pages of a storm, and whoever acknowledges and pings for them."""

    def __init__(self, people: Iterable[Person] = (), *, port: int, seed: int = 1) -> None:
        self.port, self.chance = port, Random(seed)
        self.errors: list[str] = []
        self.bytes = self.timeouts = 0
        self.pages = [Page(each, self) for each in people]
        self._tasks: list[asyncio.Task[None]] = []

    def arrive(self, *, within_s: float) -> None:
        self._tasks = [asyncio.create_task(each.stay(self.chance.uniform(0, within_s))) for each in self.pages]
        self._tasks += self.minders()

    def minders(self) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self._acknowledge()), asyncio.create_task(self._ping())]

    def drop(self) -> None:
        for each in self.pages:
            each.drop()

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.drop()
        await asyncio.sleep(0.1)  # for the transports to notice

    @property
    def here(self) -> int:
        return sum(each.resumed_at is not None for each in self.pages)

    def check(self) -> None:
        """Raise what ended a page, if something did."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def _acknowledge(self) -> None:
        while True:
            await asyncio.sleep(ACK_S)
            for each in self.pages:
                each.acknowledge()

    async def _ping(self) -> None:
        while True:
            for n in range(100):  # a hundredth of them at a time
                await asyncio.sleep(PING_S / 100)
                for each in self.pages[n::100]:
                    each.ping()
