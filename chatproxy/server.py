"""Daphne, tuned: no pings of its own, no trust in forwarded headers, a drain at SIGTERM within a bounded time."""

# First: importing it installs the reactor that everything after it has to find, asgi above all.
from chatproxy.endings import Endings  # isort: skip

import asyncio
import errno
import logging
import os
import resource
import signal
import threading
from typing import Any

from daphne.endpoints import build_endpoint_description_strings
from daphne.http_protocol import WebRequest
from django.conf import settings
from twisted.internet import defer
from twisted.internet import reactor as _reactor

from chat import runtime, wire
from chatproxy.asgi import application
from chatproxy.request import Factory
from chatproxy.websocket import protocol_with

# Shares of DRAIN_S: for visitors, requests and deliveries; for the runtime; the rest is the interpreter's.
LEAVE, STOP = 0.7, 0.25
BACKLOG = 4096  # Twisted's 50 drops the dials of a rush, which are repeated after 1, 3, 7 and 15 s
MOST_ARRIVING = 100  # sockets whose hello is not answered yet; meanwhile the others wait for an accept
GOODBYE_S = 1.5  # the library hangs up on a client that does not answer a close for one second
LOOK_AGAIN_S = 0.05
PING_INTERVAL_S = (
    600  # Daphne pings all sockets in one callback (438 ms at 5,000); clients have a heartbeat of their own
)
HTTP_TIMEOUT_S = 60  # a long poll takes 25
MAX_READ_BYTES = 16 * wire.MAX_FRAME_BYTES  # above our own limit, so that the consumer can answer 4413
reactor: Any = _reactor  # chosen at run time
log = logging.getLogger(__name__)


class Server(Endings):
    """`refusal` says after `run` why it could not listen, and what chooses another place; None when it could."""

    def __init__(self, *, bind: str, port: int) -> None:
        super().__init__(
            application,
            endpoints=[
                f"{each}:backlog={BACKLOG}" for each in build_endpoint_description_strings(host=bind, port=port)
            ],
            signal_handlers=False,  # Twisted's would end everything at once
            ping_interval=PING_INTERVAL_S,
            http_timeout=HTTP_TIMEOUT_S,
            websocket_max_message_size=MAX_READ_BYTES,
            websocket_max_frame_size=MAX_READ_BYTES,
            ready_callable=self._choose_protocol,
            server_name="chatproxy",
        )
        self.refusal: str | None = None
        self._arriving = 0
        self._ports: list[Any] = []
        _raise_file_limit()
        self._drain_s: float = settings.DRAIN_S
        self._draining: asyncio.Task[None] | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            reactor._asyncioEventloop.add_signal_handler(number, self._told_to_stop)
        reactor.addSystemEventTrigger("before", "shutdown", self._finish)

    def _choose_protocol(self) -> None:
        # Above its limit the library hangs up without a number unless it is told to close (1009).
        self.ws_factory.setProtocolOptions(failByDrop=False)
        self.ws_factory.protocol = protocol_with(self.ws_factory)

    @property
    def http_factory(self) -> Factory:
        """Daphne makes its own in ``run`` and has no other place to name one."""
        return self._http_factory

    @http_factory.setter
    def http_factory(self, theirs: object) -> None:
        self._http_factory = Factory(self)

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
        self._ports.append(port)
        log.info("serving on %s port %s", port.getHost().host, port.getHost().port)

    def listen_error(self, failure: Any) -> None:
        error = getattr(failure.value, "socketError", failure.value)
        # Everything else is about the address: it is not of this machine, or no address at all.
        is_ports = getattr(error, "errno", None) in (errno.EADDRINUSE, errno.EACCES)
        self.refusal = f"{error}. {'PORT or --port' if is_ports else 'BIND or --bind'} chooses another"
        self.stop()

    def arrives(self) -> None:
        """Taking in everybody at once would answer nobody before they have lost patience and dial again."""
        self._arriving += 1
        if self._arriving == MOST_ARRIVING:
            log.info("%d visitors arrive at once: the others wait to be accepted", MOST_ARRIVING)
            for port in self._ports:
                port.stopReading()

    def arrived(self) -> None:
        if self._arriving == MOST_ARRIVING:
            for port in self._ports:
                if port.connected:
                    port.startReading()
        self._arriving -= 1

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Daphne's never waits, however much the peer has not read."""
        await super().handle_reply(protocol, message)
        if message["type"] in ("websocket.send", "http.response.body"):
            await protocol.writable()

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        scope["root_path"] = self.root_path  # and not what anybody's Daphne-Root-Path says: proxies decide by paths
        if scope["type"] == "http":
            scope["body"] = protocol.body
        return super().create_application(protocol, scope)

    # The end

    def _told_to_stop(self) -> None:
        if self._draining is not None:
            log.warning("told a second time: ending at once; what was in flight is looked for at the next start")
            os._exit(1)
        guard = threading.Timer(self._drain_s, os._exit, (1,))  # whatever still runs then, even this loop
        guard.daemon = True
        guard.start()
        self._draining = asyncio.get_running_loop().create_task(self._drain(), name="drain")

    async def _drain(self) -> None:
        limit_s = self._drain_s * LEAVE
        jitter_s = min(settings.RECONNECT_JITTER_S, max(0.0, limit_s - GOODBYE_S))
        log.info("draining: %d visitors are sent elsewhere", runtime.drain().guests)
        try:
            async with asyncio.timeout(limit_s):
                await runtime.drain_current(jitter_s=jitter_s)
                while self._in_flight():  # noqa: ASYNC110 - Daphne tells nobody that it has answered
                    await asyncio.sleep(LOOK_AGAIN_S)
        except TimeoutError:
            log.error("not all have left or been answered within %s s", limit_s)
        except Exception:
            log.exception("the drain failed")
        self.stop()

    def _in_flight(self) -> list[Any]:
        """Requests that have not been answered yet."""
        return [protocol for protocol in self._running() if isinstance(protocol, WebRequest)]

    def _running(self) -> dict[Any, asyncio.Future[None]]:
        return {
            protocol: instance
            for protocol, details in self.connections.items()
            if (instance := details.get("application_instance")) and not instance.done()
        }

    def kill_all_applications(self) -> defer.Deferred[Any]:
        """Daphne's own fails at a kept-alive connection, which has no application."""
        running = self._running()
        for protocol, instance in running.items():
            if isinstance(protocol, WebRequest) and protocol.application_queue:
                # Django, when it is cancelled, leaves two tasks behind; when its visitor leaves, none.
                protocol.application_queue.put_nowait({"type": "http.disconnect"})
            else:
                instance.cancel()
        return defer.Deferred.fromFuture(asyncio.ensure_future(self._settled(list(running.values()))))

    async def _settled(self, instances: list[asyncio.Future[None]]) -> None:
        if instances:
            await asyncio.wait(instances, timeout=self._drain_s * STOP)

    def _finish(self) -> defer.Deferred[Any]:
        return defer.Deferred.fromFuture(asyncio.ensure_future(self._stop()))

    async def _stop(self) -> None:
        log.info("stopping")
        limit_s = self._drain_s * STOP
        try:
            async with asyncio.timeout(limit_s):
                await runtime.stop_current()
        except TimeoutError:
            log.error(
                "the runtime did not stop within %s s; what was in flight is looked for at the next start", limit_s
            )


def _raise_file_limit() -> None:
    """Each socket is a file, and the usual soft limit is 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
