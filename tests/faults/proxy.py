"""A TCP proxy whose line can be made bad, in either direction, while it runs.

    proxy = await Proxy([port]).open()
    proxy.up.latency_s = 0.2                 # up: towards the server, down: back from it
    proxy.down.cut_after, proxy.down.cut = 0, "reset"
    proxy.cut("reset")                       # every connection there is, now
    await proxy.refuse()                     # and no new ones
    await proxy.heal()

Bytes are held or lost with their connection, never dropped from the middle: TCP does not do that either.
"""

import asyncio
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, fields
from random import Random
from typing import Literal, Self

from tests.faults.ports import HOST, Port

CHUNK_BYTES = 65_536
Cut = Literal["close", "reset", "hang"]


@dataclass
class Toxics:
    """What is wrong with one direction; read anew for every chunk, so changes are felt at once.

    `cut_after` so many bytes of a connection the line is cut: closed, reset, or (hang) open and dead for good.
    `black_hole` holds all bytes while it is set. `half_open` keeps the end of this direction from the other side: a
    client that hangs up (up) or a server (down). `replace` puts other bytes in the place of some, as a proxy does that
    strips a header.
    """

    latency_s: float = 0
    jitter_s: float = 0
    bytes_per_s: float | None = None
    cut_after: int | None = None
    cut: Cut = "close"
    black_hole: bool = False
    half_open: bool = False
    replace: tuple[bytes, bytes] | None = None

    def clear(self) -> None:
        for field in fields(self):
            setattr(self, field.name, field.default)


class Proxy:
    """Each new connection goes to the next of `targets` (ports of this machine) that takes it."""

    def __init__(self, targets: Iterable[int], *, random: Random | None = None) -> None:
        self.targets = list(targets)
        self.up, self.down = Toxics(), Toxics()
        self._random = random or Random(7)
        self._reserved = Port()
        self.port = self._reserved.number
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self._turn = 0

    async def open(self) -> Self:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, HOST, self.port, backlog=1024)
        return self

    async def refuse(self) -> None:
        """New connections are refused, as by a machine on which nobody listens."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def cut(self, how: Cut = "reset") -> None:
        """Every connection; "hang" leaves them open and dead."""
        for link in list(self._links):
            link.cut(how)

    async def heal(self) -> None:
        """No toxics, and a listener; connections that a toxic has ruined are reset."""
        self.up.clear()
        self.down.clear()
        for link in list(self._links):
            if link.dead:
                link.cut("reset")
        await self.open()

    async def close(self) -> None:
        await self.refuse()
        self.cut("reset")
        await asyncio.gather(*(link.task for link in list(self._links)), return_exceptions=True)
        self._reserved.close()

    @property
    def connections(self) -> int:
        return len(self._links)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far = await self._dial()
        if far is None:
            _close(writer, "reset")
            return
        task = asyncio.current_task()
        assert task is not None
        link = _Link((reader, writer), far, self, task)
        self._links.add(link)
        try:
            await link.run()
        finally:
            self._links.discard(link)
            link.cut("close")

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for _ in self.targets:
            self._turn += 1
            with suppress(OSError):
                return await asyncio.open_connection(HOST, self.targets[self._turn % len(self.targets)])
        return None

    def delay_s(self, toxics: Toxics) -> float:
        return max(0.0, toxics.latency_s + self._random.uniform(-1, 1) * toxics.jitter_s)


class _Link:
    """One connection through the proxy."""

    def __init__(
        self,
        near: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        far: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        proxy: Proxy,
        task: "asyncio.Task[None]",
    ) -> None:
        self.near, self.far, self.proxy, self.task = near, far, proxy, task
        self.dead = False
        self._cut = asyncio.Event()

    async def run(self) -> None:
        (near_in, near_out), (far_in, far_out) = self.near, self.far
        pumps = {
            asyncio.create_task(self._pump(near_in, far_out, self.proxy.up)),
            asyncio.create_task(self._pump(far_in, near_out, self.proxy.down)),
        }
        cut = asyncio.create_task(self._cut.wait())
        both = asyncio.gather(*pumps, return_exceptions=True)
        try:
            await asyncio.wait({both, cut}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*pumps, cut):
                task.cancel()
            await asyncio.gather(*pumps, cut, return_exceptions=True)

    def cut(self, how: Cut) -> None:
        if how == "hang":
            self.dead = True
            return
        for _, writer in (self.near, self.far):
            _close(writer, how)
        self._cut.set()

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, toxics: Toxics) -> None:
        passed = 0
        with suppress(OSError):  # A reset is an end, too.
            while data := await source.read(CHUNK_BYTES):
                await self._held(toxics)
                if toxics.replace is not None:
                    data = data.replace(*toxics.replace)
                data, is_cut = _up_to(data, toxics, passed)
                passed += len(data)
                await self._write(data, target, toxics)
                if is_cut:
                    self.cut(toxics.cut)
                    await self._held(toxics)
        await self._held(toxics)
        if toxics.half_open:
            self.dead = True
            await self._cut.wait()
        with suppress(OSError):
            target.write_eof()

    async def _held(self, toxics: Toxics) -> None:
        """A dead link is held for good, a black hole while it is one."""
        if self.dead:
            await self._cut.wait()
        while True:
            if not toxics.black_hole:
                return
            await asyncio.sleep(0.02)

    async def _write(self, data: bytes, target: asyncio.StreamWriter, toxics: Toxics) -> None:
        if delay_s := self.proxy.delay_s(toxics):
            await asyncio.sleep(delay_s)
        while data:
            piece = len(data) if toxics.bytes_per_s is None else max(1, int(toxics.bytes_per_s * 0.05))
            target.write(data[:piece])
            await target.drain()
            if toxics.bytes_per_s is not None:
                await asyncio.sleep(min(piece, len(data)) / toxics.bytes_per_s)
            data = data[piece:]


def _up_to(data: bytes, toxics: Toxics, passed: int) -> tuple[bytes, bool]:
    if toxics.cut_after is None or passed + len(data) <= toxics.cut_after:
        return data, False
    return data[: max(0, toxics.cut_after - passed)], True


def _close(writer: asyncio.StreamWriter, how: Cut) -> None:
    if how == "reset":
        with suppress(OSError):  # It may be closed already.
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
    else:
        writer.close()
