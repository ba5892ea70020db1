"""Daphne's HTTP request with what it lacks: a bounded body that stays on the disk, and answers no faster than they are
read.

Twisted spools a body of any size, for any time, and would parse a form of any size; Daphne puts all of a body into
memory, never waits for the peer that an answer goes to, ends each answer after a minute, and one that broke off as if
it were whole.
"""

import io
import logging
import shutil
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import IO, Any
from urllib.parse import unquote_to_bytes

from daphne.http_protocol import HTTPFactory, WebRequest
from django.conf import settings
from django.core.exceptions import RequestDataTooBig

from chat import networks
from chat.limits import AGAIN_S, WORDS
from chat.wire.errors import Code, Refusal
from chatproxy.backlog import Backlog

UPLOADS = b"/api/v1/uploads"
MOST_BYTES = 1024 * 1024  # of a body anywhere else; Chatwoot's hooks are the largest
PATIENT_S = 60.0
LEAST_BYTES_S = 8_192  # of a request that has not come whole after that
SILENT_S = 30.0  # between two parts of a body
UNDER_WAY = 5  # times UPLOAD_MAX_BYTES: of all bodies of one address that have not come whole
STALLED_S = 30.0  # in which a peer has to take the transport's buffer (64 KiB)
IN_MEMORY_BYTES = 100_000  # Twisted's own bound: above it a body lies in a file
CLOSE_WAIT = 8  # of the states of TCP in Linux (include/net/tcp_states.h)
ABOVE = 10  # a disk keeps one part in so many free
log = logging.getLogger(__name__)


class Request(WebRequest):
    """``body``: what came, from its beginning; whoever takes it closes it."""

    body: IO[bytes]
    content: Any
    channel: Any
    _most = MOST_BYTES
    _size = 0
    _kept = 0  # of it, while it is under way
    _heard_at: float | None = None  # since the body began
    _is_whole = False
    _owed: int | None = None  # bytes that were promised and not written yet
    _backlog: Backlog | None = None  # of a stream

    # Inward

    def __init__(self, *args: Any, under_way: Counter[str], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._under_way, self._address = under_way, ""
        self._monotonic = monotonic
        self._began = monotonic()
        super().__init__(*args)

    def gotLength(self, length: int | None) -> None:
        self._most = most_bytes(self.channel._path.partition(b"?")[0])
        self._address = networks.key(self._client())
        self._heard_at = self._monotonic()
        super().gotLength(length)

    def handleContentChunk(self, data: bytes) -> None:
        """What is beyond the bound is read and forgotten, so that its sender comes to read the answer."""
        self._size += len(data)
        self._heard_at = self._monotonic()
        if isinstance(self.content, Unstored):
            return
        if self._under_way[self._address] + len(data) > UNDER_WAY * settings.UPLOAD_MAX_BYTES:
            log.warning("more than %d bodies' worth is under way from one address: one is turned away", UNDER_WAY)
            self.content.close()
            self.content = Unstored(Refusal(Code.TOO_FAST, WORDS["address_calls"], retry_after_s=AGAIN_S))
        else:
            self._keep(len(data))
            self.content = written(self.content, data, size=self._size, most=self._most, small=IN_MEMORY_BYTES)
        if isinstance(self.content, Unstored):
            self._keep(-self._kept)

    def _keep(self, more: int) -> None:
        self._kept += more
        self._under_way[self._address] += more
        if not self._under_way[self._address]:
            del self._under_way[self._address]

    def _client(self) -> networks.Address | None:
        """As ``chatproxy.client_address`` finds it for the application."""
        peer = getattr(self.channel.getPeer(), "host", "")
        forwarded = self.requestHeaders.getRawHeaders(b"x-forwarded-for", [])
        return networks.client(peer, [each.decode("latin-1") for each in forwarded], settings.TRUSTED_PROXIES)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        self._is_whole = True
        self._keep(-self._kept)
        self.body, self.content = self.content, io.BytesIO()
        self.body.seek(0)
        channel = self.channel
        if self._wants_a_socket() and _has_hung_up(channel.transport):
            return self.cut()
        super().requestReceived(command, path, version)
        if self.transport is None:  # a WebSocket has taken it: nobody ends this request, which its channel would hold
            channel.requests.remove(self)

    def _wants_a_socket(self) -> bool:
        """As Daphne decides it."""
        wanted: bytes = self.requestHeaders.getRawHeaders(b"upgrade", [b""])[0]
        return wanted.lower() == b"websocket"

    def connectionLost(self, reason: Any) -> None:
        self._keep(-self._kept)
        super().connectionLost(reason)

    # Outward

    def handle_reply(self, message: dict[str, Any]) -> None:
        if self.finished or self.channel is None:
            return
        if self._owed:
            self._owed -= len(message.get("body", b""))
        if message["type"] == "http.response.start":
            self._owed = _promised(message.get("headers", ()))
        elif message.get("more_body"):
            if self._backlog is None:
                self._backlog = Backlog()
                self.registerProducer(self._backlog, True)
        elif self._backlog is not None:
            self.unregisterProducer()
            self._backlog.resumeProducing()
            if self._owed:
                log.warning("an answer broke off %d bytes before its end", self._owed)
                return self.cut()
        super().handle_reply(message)

    async def writable(self) -> None:
        """Wait while more than the transport's buffer is unread by the peer."""
        if self._backlog is not None and not await self._backlog.cleared(within_s=STALLED_S):
            log.info("an answer was not read for %.0f s", STALLED_S)
            self.cut()

    def handle_exception(self, exception: Exception) -> None:
        if self._response_started:
            self.cut()
        else:
            super().handle_exception(exception)

    def cut(self) -> None:
        """End the connection, so that the peer does not take what it has for the whole."""
        if self.channel is not None:
            self.channel.transport.abortConnection()

    def check_timeouts(self) -> None:
        if not self._is_whole:
            now = self._monotonic()
            is_silent = self._heard_at is not None and now - self._heard_at > SILENT_S
            if is_silent or now - self._began > PATIENT_S + self._size / LEAST_BYTES_S:
                log.warning("a request came too slowly: cut after %d bytes of its body", self._size)
                self.cut()
        elif self._backlog is None:  # a stream has bounds of its own
            super().check_timeouts()


class Factory(HTTPFactory):
    def __init__(self, server: Any, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(server)
        self._monotonic = monotonic
        self.under_way = Counter[str]()  # bytes, by address

    def buildProtocol(self, addr: Any) -> Any:
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = partial(Request, under_way=self.under_way, monotonic=self._monotonic)
        return protocol


def most_bytes(path: bytes) -> int:
    """Of the body of a request for it, before anybody has asked who sends it."""
    return settings.UPLOAD_MAX_BYTES if unquote_to_bytes(path) == UPLOADS else MOST_BYTES


def _disk() -> tuple[int, int]:
    """Bytes in all, and free for us, where temporary files lie."""
    usage = shutil.disk_usage(tempfile.gettempdir())
    return usage.total, usage.free


def written(
    file: IO[bytes], data: bytes, *, size: int, most: int, small: int, disk: Callable[[], tuple[int, int]] = _disk
) -> IO[bytes]:
    """The file with that at its end, ``size`` bytes long; or what stands in its place when that cannot be kept."""
    if isinstance(file, Unstored):
        return file
    try:
        if size > most:
            raise RequestDataTooBig(f"a body of more than {most} bytes")
        if size > small:
            total, free = disk()
            if free < total // ABOVE:
                raise OSError(f"less than a part in {ABOVE} of the disk for temporary files is free")
        file.write(data)
    except (OSError, RequestDataTooBig) as error:
        file.close()
        return Unstored(error.with_traceback(None))  # else what came last would be held
    return file


class Unstored(io.BytesIO):
    """In place of a body that is too big, or one too many, or that no disk would take; whoever reads it is told."""

    def __init__(self, error: OSError | RequestDataTooBig | Refusal) -> None:
        super().__init__()
        self.error = error

    def read(self, size: int | None = -1, /) -> bytes:
        raise self.error


def _has_hung_up(transport: Any) -> bool:
    """Where the system tells (Linux): who had to wait to be accepted may have dialled anew, and waits there again."""
    if sys.platform != "linux":
        return False
    state: bytes = transport.getHandle().getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return state[0] == CLOSE_WAIT


def _promised(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    return next((int(value) for name, value in headers if name.lower() == b"content-length"), None)
