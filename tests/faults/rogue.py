"""Something between us and Chatwoot that answers in its place, as no Rails would: proxies, portals, broken servers.

    async with Rogue(rig) as rogue:              # all requests go through it from now on
        rogue.answers += [status(502), Answer(head(200), b"<html>", commits=True)]

One connection for each request; what it has no answer for is passed on.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Self

import orjson

from tests.faults.ports import HOST
from tests.faults.rig import Rig

LOST = (OSError, asyncio.IncompleteReadError, ValueError)


@dataclass(frozen=True)
class Answer:
    """Bytes in pieces, `pause_s` between them. `commits`: Chatwoot gets the request, and its own answer is dropped."""

    pieces: Callable[[], Iterable[bytes]]
    commits: bool = False
    pause_s: float = 0


def answer(status: int, body: bytes = b"", *, commits: bool = False, **headers: str) -> Answer:
    """A whole answer, and the end of the connection. `headers`: `retry_after="6"`."""
    named = {"content-length": str(len(body)), "content-type": "text/html"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} Whatever", "connection: close", *(f"{name}: {text}" for name, text in named.items())]
    return Answer(lambda: [("\r\n".join(lines) + "\r\n\r\n").encode() + body], commits=commits)


def by_rails(status: int, value: object, *, commits: bool = False) -> Answer:
    """As Rails itself would, JSON and all: this attempt is over."""
    return answer(status, orjson.dumps(value), commits=commits, content_type="application/json", x_runtime="0.01")


class Rogue:
    """`seen`: when what was asked, as (monotonic seconds, "POST /path"). `answers` are used up, `forever` is not."""

    def __init__(self, rig: Rig, *, wants: Callable[[str], bool] | None = None) -> None:
        """`wants` says of "POST /path" whether it is to be answered here; writing a message is, by default."""
        self.answers: list[Answer] = []
        self.forever: Answer | None = None
        self.given = 0
        self.seen: list[tuple[float, str]] = []
        self._rig, self._wants = rig, wants or (lambda asked: asked.startswith("POST") and asked.endswith("/messages"))
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        self._rig.rest.targets = [self._server.sockets[0].getsockname()[1]]
        self._rig.rest.cut("close")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._rig.rest.targets = [self._rig.chatwoot.port]
        self._rig.rest.cut("reset")
        self._server.close()
        for task in self._links:
            task.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        try:
            with contextlib.suppress(*LOST):
                await self._serve(reader, writer)
        finally:
            self._links.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked, request = await _request(reader)
        self.seen.append((time.monotonic(), asked))
        own = self._own(asked)
        if own is None or own.commits:
            async for data in self._passed_on(request):
                if own is None:
                    writer.write(data)
                    await writer.drain()
        if own is not None:
            self._rig.injected(f"rogue answer to {asked.partition('?')[0]}")
            for piece in own.pieces():
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(own.pause_s)

    def _own(self, asked: str) -> Answer | None:
        if not self._wants(asked):
            return None
        own = self.answers.pop(0) if self.answers else self.forever
        self.given += own is not None
        return own

    async def _passed_on(self, request: bytes) -> AsyncIterator[bytes]:
        reader, writer = await asyncio.open_connection(HOST, self._rig.chatwoot.port)
        try:
            writer.write(request)
            while data := await reader.read(65_536):
                yield data
        finally:
            writer.close()


async def _request(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """("POST /path", all of it), told to be the only one on its connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    kept = [line for line in lines if not line.lower().startswith("connection:")]
    return first.rpartition(" ")[0], "\r\n".join([first, *kept, "Connection: close", "", ""]).encode("latin-1") + body
