"""Daphne's HTTP request with what it lacks: a body that stays on the disk, and answers no faster than they are read.

Twisted spools a body of any size and would parse a form of any size; Daphne puts all of a body into memory, never waits
for the peer that an answer goes to, ends each answer after a minute, and one that broke off as if it were whole.
"""

import asyncio
import io
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterable
from typing import IO, Any

from daphne.http_protocol import HTTPFactory, WebRequest
from django.conf import settings

STALLED_S = 30.0  # in which a peer has to take the transport's buffer (64 KiB)
IN_MEMORY_BYTES = 100_000  # Twisted's own bound: above it a body lies in a file
ABOVE = 10  # a disk keeps one part in so many free
log = logging.getLogger(__name__)


class Request(WebRequest):
    """Also the connection's producer (Twisted's ``IPushProducer``), once it streams: it learns when to wait.

    ``body``: what came, from its beginning; whoever takes it closes it.
    """

    body: IO[bytes]
    content: Any
    producer: Any
    channel: Any
    _size = 0
    _owed: int | None = None  # bytes that were promised and not written yet
    _unread: asyncio.Future[None] | None = None

    # Inward

    def handleContentChunk(self, data: bytes) -> None:
        """What is beyond the bound is read and forgotten, so that the request still looks too big."""
        if self._size <= max(settings.UPLOAD_MAX_BYTES, settings.DATA_UPLOAD_MAX_MEMORY_SIZE):
            self.content = written(self.content, data, is_small=self._size + len(data) < IN_MEMORY_BYTES)
        self._size += len(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        self.body, self.content = self.content, io.BytesIO()
        self.body.seek(0)
        super().requestReceived(command, path, version)

    # Outward

    def handle_reply(self, message: dict[str, Any]) -> None:
        if self.finished or self.channel is None:
            return
        if self._owed:
            self._owed -= len(message.get("body", b""))
        if message["type"] == "http.response.start":
            self._owed = _promised(message.get("headers", ()))
        elif message.get("more_body"):
            if self.producer is None:
                self.registerProducer(self, True)
        elif self.producer is not None:
            self.unregisterProducer()
            self.resumeProducing()
            if self._owed:
                log.warning("an answer broke off %d bytes before its end", self._owed)
                return self.cut()
        super().handle_reply(message)

    async def writable(self) -> None:
        """Wait while more than the transport's buffer is unread by the peer."""
        if self._unread is not None:
            _, stalled = await asyncio.wait([self._unread], timeout=STALLED_S)
            if stalled:
                log.info("an answer was not read for %.0f s", STALLED_S)
                self.cut()

    def cut(self) -> None:
        """End the connection, so that the peer does not take what it has for the whole."""
        if self.channel is not None:
            self.channel.transport.abortConnection()

    def pauseProducing(self) -> None:
        if self._unread is None:
            self._unread = asyncio.get_running_loop().create_future()

    def resumeProducing(self) -> None:
        unread, self._unread = self._unread, None
        if unread is not None and not unread.done():
            unread.set_result(None)

    stopProducing = resumeProducing

    def check_timeouts(self) -> None:
        if self.producer is None:  # a stream has bounds of its own
            super().check_timeouts()


class Factory(HTTPFactory):
    def buildProtocol(self, addr: Any) -> Any:
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = Request
        return protocol


def _disk() -> tuple[int, int]:
    """Bytes in all, and free for us, where temporary files lie."""
    usage = shutil.disk_usage(tempfile.gettempdir())
    return usage.total, usage.free


def written(file: IO[bytes], data: bytes, *, is_small: bool, disk: Callable[[], tuple[int, int]] = _disk) -> IO[bytes]:
    """The file with that at its end, or what stands in its place when the disk would not take it."""
    try:
        if not is_small and not isinstance(file, Unstored):
            total, free = disk()
            if free < total // ABOVE:
                raise OSError(f"less than a part in {ABOVE} of the disk for temporary files is free")
        file.write(data)
    except OSError as error:
        file.close()
        return Unstored(error)
    return file


class Unstored(io.BytesIO):
    """In place of a body that the disk would not take; whoever reads it is told."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error

    def write(self, data: Any, /) -> int:
        return len(data)

    def read(self, size: int | None = -1, /) -> bytes:
        raise self._error


def _promised(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    return next((int(value) for name, value in headers if name.lower() == b"content-length"), None)
