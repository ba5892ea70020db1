"""The sandbox under Daphne: HTTP and WebSocket on one port."""

from collections.abc import Callable
from typing import Any

from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.server import Server
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet import reactor

NEVER_S = 1_000_000


class SandboxRequest(WebRequest):  # type: ignore[misc]  # Daphne has no types
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
            self.channel.transport.abortConnection()


class SandboxHTTPFactory(HTTPFactory):  # type: ignore[misc]  # as above
    def buildProtocol(self, addr: Any) -> Any:
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = SandboxRequest
        return protocol


class SandboxWebSocket(WebSocketProtocol):  # type: ignore[misc]  # as above
    def handle_reply(self, message: dict[str, Any]) -> None:
        if message["type"] == "sandbox.cut":
            self.transport.abortConnection()
        else:
            super().handle_reply(message)


class SandboxServer(Server):  # type: ignore[misc]  # as above
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

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
        reactor.callWhenRunning(self._on_listening, port.getHost().port)

    def listen_error(self, failure: Any) -> None:
        self.failure = failure.getErrorMessage()
        self.stop()
