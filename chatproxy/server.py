"""Daphne, tuned: no pings of its own, no trust in forwarded headers, a stop that takes a bounded time."""

# First: importing it installs the reactor that everything after it has to find, asgi above all.
from daphne.server import Server as DaphneServer  # isort: skip

import asyncio
import errno
import logging
import os
import threading
from typing import Any

from daphne.endpoints import build_endpoint_description_strings
from daphne.http_protocol import WebRequest
from twisted.internet import defer
from twisted.internet import reactor as _reactor

from chat import runtime, wire
from chatproxy.asgi import application

STOP_S = 8  # for the runtime to finish what is in flight
EXIT_S = 10  # after this the process ends whatever still runs
PING_INTERVAL_S = (
    600  # Daphne pings all sockets in one callback (438 ms at 5,000); clients have a heartbeat of their own
)
HTTP_TIMEOUT_S = 60  # a long poll takes 25
MAX_READ_BYTES = 16 * wire.MAX_FRAME_BYTES  # above our own limit, so that the consumer can answer 4413
reactor: Any = _reactor  # chosen at run time
log = logging.getLogger(__name__)


class Server(DaphneServer):
    """`refusal` says after `run` why it could not listen, and what chooses another place; None when it could."""

    def __init__(self, *, bind: str, port: int) -> None:
        super().__init__(
            application,
            endpoints=build_endpoint_description_strings(host=bind, port=port),
            ping_interval=PING_INTERVAL_S,
            http_timeout=HTTP_TIMEOUT_S,
            websocket_max_message_size=MAX_READ_BYTES,
            websocket_max_frame_size=MAX_READ_BYTES,
            ready_callable=self._prefer_closing,
            server_name="chatproxy",
        )
        self.refusal: str | None = None
        reactor.addSystemEventTrigger("before", "shutdown", self._stop_in_time)

    def _prefer_closing(self) -> None:
        """Above its limit the library hangs up without a number unless it is told to close (1009)."""
        self.ws_factory.setProtocolOptions(failByDrop=False)

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
        log.info("serving on %s port %s", port.getHost().host, port.getHost().port)

    def listen_error(self, failure: Any) -> None:
        error = getattr(failure.value, "socketError", failure.value)
        # Everything else is about the address: it is not of this machine, or no address at all.
        variable = "PORT" if getattr(error, "errno", None) in (errno.EADDRINUSE, errno.EACCES) else "BIND"
        self.refusal = f"{error}. {variable} chooses another"
        self.stop()

    def kill_all_applications(self) -> defer.Deferred[Any]:
        """Daphne's own fails at a kept-alive connection, which has no application."""
        running = {
            protocol: instance
            for protocol, details in self.connections.items()
            if (instance := details.get("application_instance")) and not instance.done()
        }
        for protocol, instance in running.items():
            if isinstance(protocol, WebRequest) and protocol.application_queue:
                # Django, when it is cancelled, leaves two tasks behind; when its visitor leaves, none.
                protocol.application_queue.put_nowait({"type": "http.disconnect"})
            else:
                instance.cancel()
        return defer.Deferred.fromFuture(asyncio.ensure_future(_settled(list(running.values()))))

    def _stop_in_time(self) -> defer.Deferred[Any]:
        log.info("stopping")
        guard = threading.Timer(EXIT_S, os._exit, (1,))
        guard.daemon = True
        guard.start()
        return defer.Deferred.fromFuture(asyncio.ensure_future(self._stop()))

    async def _stop(self) -> None:
        try:
            async with asyncio.timeout(STOP_S):
                await runtime.stop_current()
        except TimeoutError:
            log.error(
                "the runtime did not stop within %s s; what was in flight is looked for at the next start", STOP_S
            )


async def _settled(instances: list[asyncio.Future[None]]) -> None:
    if instances:
        await asyncio.wait(instances, timeout=STOP_S)
