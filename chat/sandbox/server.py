"""The sandbox under Daphne: HTTP and WebSocket on one port."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from autobahn.exception import Disconnected
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.server import Server
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet import defer, reactor

NEVER_S = 1_000_000


class SandboxRequest(WebRequest):
    def process(self) -> Any:
        """Daphne drops header names with underscores, Puma does not; Chatwoot reads both spellings alike."""
        for value in self.requestHeaders.getRawHeaders(b"api_access_token") or []:
            self.requestHeaders.addRawHeader(b"api-access-token", value)
        self.requestHeaders.removeHeader(b"api_access_token")
        return super().process()

    def handle_reply(self, message: dict[str, Any]) -> None:
        if message["type"] != "sandbox.cut":
            super().handle_reply(message)
        elif self.channel is not None:
            _abort(self.channel.transport)


class SandboxHTTPFactory(HTTPFactory):
    def buildProtocol(self, addr: Any) -> Any:
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = SandboxRequest
        return protocol


class SandboxWebSocket(WebSocketProtocol):
    def handle_reply(self, message: dict[str, Any]) -> None:
        if message["type"] == "sandbox.cut":
            _abort(self.transport)
        else:
            with suppress(Disconnected):  # hung up just now; the application will hear of it
                super().handle_reply(message)


def _abort(transport: Any) -> None:
    """A reset, as when the server's machine is gone."""
    transport.abortConnection()


class SandboxServer(Server):
    """Tells `on_listening` the port it got, or keeps in `failure` why there is none."""

    def __init__(self, application: Any, host: str, port: int, on_listening: Callable[[int], None]) -> None:
        self.failure: str | None = None
        self._on_listening = on_listening
        super().__init__(
            application,
            endpoints=[f"tcp:{port}:interface={host.replace(':', chr(92) + ':')}"],
            ping_interval=NEVER_S,
            application_close_timeout=NEVER_S,
            websocket_timeout=-1,
            websocket_max_message_size=64 * 1024 * 1024,
            websocket_max_frame_size=64 * 1024 * 1024,
            request_buffer_size=1024 * 1024,
            ready_callable=self._use_own_protocols,
            verbosity=0,
        )

    def _use_own_protocols(self) -> None:
        self.http_factory.__class__ = SandboxHTTPFactory
        self.ws_factory.protocol = SandboxWebSocket

    def kill_all_applications(self) -> defer.Deferred[Any]:
        """Daphne's own fails at a kept-alive connection, which has no application."""
        instances = [details.get("application_instance") for details in self.connections.values()]
        running = [instance for instance in instances if instance and not instance.done()]
        for instance in running:
            instance.cancel()
        return defer.Deferred.fromFuture(asyncio.gather(*running, return_exceptions=True))

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
        reactor.callWhenRunning(self._announce, port.getHost().port)

    def _announce(self, port: int) -> None:
        try:
            self._on_listening(port)
        except OSError as error:
            self.fail(f"cannot write the world file: {error}")

    def listen_error(self, failure: Any) -> None:
        self.fail(failure.getErrorMessage())

    def fail(self, words: str) -> None:
        self.failure = words
        self.stop()
