"""The cables of the bench: Rails' own, and a frame generator for loads that Rails cannot make."""

import asyncio
import contextlib
import os
import shutil
import socket
import time
from collections import defaultdict
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import httpx
import orjson
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.fixtures.actioncable import ActionCable

IDLE_S = 5  # Puma closes kept-alive connections after 20 s
SENDERS = 4  # ActionCable's worker threads; one POST at a time on each connection


class Cable(Protocol):
    """Something to subscribe at, and a way to make it broadcast."""

    name: str
    url: str

    async def broadcast(self, token: str, message: bytes) -> None: ...

    async def sockets(self) -> int: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def rackup() -> Path | None:
    """The kit's ActionCable, if it and puma are here."""
    folder = Path(os.environ.get("SHARED") or Path(__file__).resolve().parents[3] / "shared")
    file = folder / "actioncable/config.ru"
    return file if file.is_file() and shutil.which("puma") else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RailsCable:
    """Puma with ActionCable; events enter by POST, as Sidekiq's do by Redis."""

    name = "ActionCable"

    def __init__(self, file: Path) -> None:
        port = free_port()
        self._http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False)
        self._server = ActionCable(file, port, self._http)
        self._posters: asyncio.Queue[Poster] = asyncio.Queue()
        self.url = self._server.cable_url

    async def __aenter__(self) -> Self:
        await self._server.start()
        for _ in range(SENDERS):
            self._posters.put_nowait(Poster(self._server.port))
        return self

    async def __aexit__(self, *_: object) -> None:
        while not self._posters.empty():
            self._posters.get_nowait().close()
        await self._http.aclose()
        await self._server.stop()

    async def broadcast(self, token: str, message: bytes) -> None:
        poster = await self._posters.get()
        try:
            await poster.post(f"/broadcast?token={token}", message)
        finally:
            self._posters.put_nowait(poster)

    async def sockets(self) -> int:
        return int((await self._server.stats())["connections"])


class Poster:
    """One kept-alive connection; httpx would cost more than what is measured."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._used_at = 0.0

    async def post(self, path: str, body: bytes) -> None:
        reader, writer = await self._connected()
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200"), answer
        if b"chunked" in answer.lower():
            while await reader.readuntil(b"\r\n") != b"0\r\n":
                await reader.readuntil(b"\r\n")
            await reader.readuntil(b"\r\n")
        else:
            length = int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)

    def close(self) -> None:
        if self._streams:
            self._streams[1].close()
            self._streams = None

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        now = time.monotonic()
        if now - self._used_at > IDLE_S:
            self.close()
        self._used_at = now
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        return self._streams


class Generator:
    """Speaks enough ActionCable to be subscribed at, and sends frames as fast as it is told."""

    name = "frame generator"

    def __init__(self) -> None:
        self._streams: dict[str, dict[ServerConnection, bytes]] = defaultdict(dict)  # token → connection, identifier
        self._server: Server | None = None
        self._pinging: asyncio.Task[None] | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        subprotocols: Any = ["actioncable-v1-json"]
        self._server = await serve(self._talk, "127.0.0.1", 0, subprotocols=subprotocols, ping_interval=None)
        self.url = f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/cable"
        self._pinging = asyncio.create_task(self._ping())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        assert self._pinging is not None
        self._pinging.cancel()
        self._server.close()
        await self._server.wait_closed()

    async def broadcast(self, token: str, message: bytes) -> None:
        for connection, identifier in list(self._streams[token].items()):
            with contextlib.suppress(ConnectionClosed):
                await connection.send(b'{"identifier":%b,"message":%b}' % (identifier, message), text=True)

    async def sockets(self) -> int:
        assert self._server is not None
        return len(self._server.connections)

    def subscribed(self) -> int:
        """Visitors whom somebody listens for."""
        return sum(map(bool, self._streams.values()))

    async def restart(self) -> None:
        """What Rails says to everybody at a deploy, and the end of all connections."""
        assert self._server is not None
        self._streams.clear()
        await asyncio.gather(*(self._end(each) for each in list(self._server.connections)))

    async def _end(self, connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            await connection.send('{"type":"disconnect","reason":"server_restart","reconnect":true}')
            await connection.close()

    async def _talk(self, connection: ServerConnection) -> None:
        mine: set[str] = set()
        await connection.send('{"type":"welcome"}')
        try:
            async for text in connection:
                command = orjson.loads(text)
                token = orjson.loads(command["identifier"])["pubsub_token"]
                identifier = orjson.dumps(command["identifier"])
                if command["command"] == "subscribe":
                    mine.add(token)
                    self._streams[token][connection] = identifier
                    await connection.send(b'{"identifier":%b,"type":"confirm_subscription"}' % identifier, text=True)
                elif command["command"] == "message":
                    await self.broadcast(token, b'{"event":"presence.update","data":{"users":{"1":"online"}}}')
        except ConnectionClosed:
            pass
        finally:
            for token in mine:
                self._streams[token].pop(connection, None)

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(3)
            for connection in list(self._server.connections if self._server else ()):
                with contextlib.suppress(ConnectionClosed):
                    await connection.send('{"type":"ping","message":1}')
