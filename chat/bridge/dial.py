"""One cable socket, as the bridge sees it; the only place that knows websockets."""

import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

SUBPROTOCOL = Subprotocol("actioncable-v1-json")
MAX_FRAME_BYTES = 1024 * 1024
OPEN_S = 5.0
CLOSE_S = 2.0
TCP_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux only

_log = logging.getLogger("chat.bridge.websocket")


class CableDown(Exception):
    """The socket is closed, or could not be opened. `refused`: by an answer that will hardly change soon."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused


class CableStale(CableDown):
    """We gave it up: no frame came for too long, or no welcome."""


class CableDeaf(CableDown):
    """We gave it up: it pings, but nothing that is published comes through."""


class CableSocket(Protocol):
    """An open socket. `send` and `receive` raise CableDown when it is closed."""

    async def send(self, frame: str) -> None: ...

    async def receive(self) -> str | bytes: ...

    async def close(self) -> None:
        """Close with a handshake where the other side takes part; never raises, takes 2 s at most."""


Dial = Callable[[str], Awaitable[CableSocket]]


async def dial_websocket(url: str) -> CableSocket:
    """Open a cable socket. Raises CableDown."""
    _log.setLevel(logging.WARNING)  # At DEBUG websockets logs frames, and they hold tokens.
    try:
        connection = await _Connect(
            url,
            subprotocols=[SUBPROTOCOL],
            compression=None,
            proxy=None,
            max_size=MAX_FRAME_BYTES,
            open_timeout=OPEN_S,
            close_timeout=CLOSE_S,
            ping_interval=None,  # ActionCable pings every 3 s; its silence is what counts.
            logger=_log,
            create_connection=_Connection,
        )
    except InvalidStatus as exc:
        status = exc.response.status_code
        raise CableDown(f"answered {status}", refused=400 <= status < 500 and status != 429) from exc
    except (OSError, TimeoutError, InvalidHandshake, InvalidURI, EOFError) as exc:
        raise CableDown(type(exc).__name__) from exc
    return _WebSocket(connection)


class _Connect(connect):
    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc  # Tokens go to the configured host only.


class _Connection(ClientConnection):
    """Acknowledges at once: Puma's sockets wait for it (Nagle), which costs 36 ms at p99 (performance.md §4)."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if TCP_QUICKACK is not None and (sock := self.transport.get_extra_info("socket")) is not None:
            with suppress(OSError):  # The peer may just have gone; the read will tell.
                sock.setsockopt(socket.IPPROTO_TCP, TCP_QUICKACK, 1)  # The kernel forgets it after each read.


class _WebSocket:
    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, frame: str) -> None:
        try:
            await self._connection.send(frame)
        except ConnectionClosed as exc:
            raise CableDown(_reason(exc)) from exc

    async def receive(self) -> bytes:
        try:
            return await self._connection.recv(decode=False)
        except ConnectionClosed as exc:
            raise CableDown(_reason(exc)) from exc

    async def close(self) -> None:
        await self._connection.close()


def _reason(exc: ConnectionClosed) -> str:
    return f"closed with {exc.rcvd.code}" if exc.rcvd else "cut"
