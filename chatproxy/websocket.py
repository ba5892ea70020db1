"""Daphne's WebSocket protocol with what it lacks: backpressure both ways, and close code 1012 (restart).

And without what it has too much of: the library below styles debug lines that nobody reads, for every frame.
"""

import time
from types import FunctionType
from typing import Any

from autobahn.websocket.types import ConnectionDeny
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet import reactor as _reactor
from twisted.internet.protocol import connectionDone

from chat import wire
from chat.window import Pace
from chatproxy.backlog import Backlog

MOST_FRAMES = 32  # that may wait for the application before reading pauses; more than twice as many are a flood
MOST_BYTES = 256 * 1024
LOOK_AGAIN_S = 0.05
RESTARTING = 503
reactor: Any = _reactor  # chosen at run time


class Protocol(WebSocketProtocol):
    transport: Any
    _paces: Pace | None = None  # of the peer's pings; browsers send none
    _waiting_bytes = 0
    _paused = False
    _flooded = False
    _said_hello = False
    _is_arriving = False  # its first frame has not been answered yet

    def connectionMade(self) -> None:
        super().connectionMade()
        self.transport.unregisterProducer()  # the one of the HTTP request that this was
        self._backlog = Backlog()
        self.transport.registerProducer(self._backlog, True)

    def dataReceived(self, data: bytes) -> None:
        self._dataReceived(data)

    # Outward

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        self._arrived()
        if sync or chopsize or self.send_queue:
            super().sendData(data, sync, chopsize)
        else:
            self.transport.write(data)

    async def writable(self) -> None:
        """Wait while more than the transport's buffer (64 KiB) is unread by the peer."""
        await self._backlog.cleared()

    def onPing(self, payload: bytes) -> None:
        """The library answers every one, whether or not the answers are read."""
        self._paces = self._paces or Pace()
        if not self._paces.take(now=time.monotonic()):
            self._flood()
        elif not self._backlog.full:
            super().onPing(payload)

    # Inward: the queue to the application has no bound of its own

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if self._flooded or self.state != self.STATE_OPEN:  # whoever is being closed is not taken in
            return
        if not self._said_hello:
            self._said_hello = self._is_arriving = True
            self.server.arrives()
        super().onMessage(payload, isBinary)
        self._waiting_bytes += len(payload)
        waiting = self.application_queue.qsize()
        if waiting > 2 * MOST_FRAMES:
            self._flood()
        elif not self._paused and (waiting >= MOST_FRAMES or self._waiting_bytes > MOST_BYTES):
            self._look()

    def _look(self) -> None:
        """Read on once the application has taken everything, and not before."""
        if self.application_queue.empty():
            self._waiting_bytes = 0
            if self._paused:
                self._paused = False
                self.transport.resumeProducing()
            return
        if not self._paused:
            self._paused = True
            self.transport.pauseProducing()
        reactor.callLater(LOOK_AGAIN_S, self._look)

    def _flood(self) -> None:
        if not self._flooded:
            self._flooded = True
            self.serverClose(wire.Close.TOO_FAST)

    def _arrived(self) -> None:
        if self._is_arriving:
            self._is_arriving = False
            self.server.arrived()

    # The end

    def connectionLost(self, reason: Any = connectionDone) -> None:
        super().connectionLost(reason)
        self.is_closed = None  # its result is this protocol: only a full collection would free both

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self._arrived()
        if hasattr(self, "server"):  # Daphne knows of it once hands were shaken
            super().onClose(wasClean, code, reason)

    def handle_reply(self, message: dict[str, Any]) -> None:
        is_restart = message["type"] == "websocket.close" and message.get("code") == wire.Close.RESTART
        if is_restart and self.state == self.STATE_CONNECTING:
            self._refuse()
        else:
            super().handle_reply(message)

    def serverClose(self, code: int | None = None) -> None:
        if code == wire.Close.RESTART:  # the library's sendClose takes no number of the protocol's own
            self.sendCloseFrame(code=int(code))
        else:
            super().serverClose(None if code is None else int(code))

    def _refuse(self) -> None:
        """As the library's serverReject, which says 403: that would tell a proxy to try no other process."""
        self.handshake_deferred.errback(ConnectionDeny(RESTARTING, reason="Restarting"))
        del self.handshake_deferred
        self.server.protocol_disconnected(self)


def protocol_with(factory: Any) -> type[Protocol]:
    """With the factory's options as the class's own.

    The library would copy all of them into each connection and pretty-print them for a debug line: a third of what a
    connect costs (measured: 0.6 of 1.7 ms).
    """
    options = {name: getattr(factory, name) for name in Protocol.CONFIG_ATTRS}
    own = {name: staticmethod(each) if isinstance(each, FunctionType) else each for name, each in options.items()}
    return type("Protocol", (Protocol,), own | {"CONFIG_ATTRS": ()})
