"""The composition root: Django for HTTP, Channels for sockets, one runtime per process behind both."""

import asyncio
import contextvars
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from chatproxy.body import get_handler
from chatproxy.client_address import ClientAddress
from chatproxy.request_id import RequestId

Scope = dict[str, Any]
Asgi = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]
log = logging.getLogger(__name__)


def build() -> Asgi:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproxy.settings")
    http = get_handler()  # sets Django up; what imports models comes after it
    from chat.routing import websocket_urlpatterns

    return ProtocolTypeRouter({"http": http, "websocket": URLRouter(websocket_urlpatterns)})


class Application:
    """Starts the runtime once: when Daphne's reactor runs, on other servers with the first scope.

    A start that failed is tried again with a later scope; until it succeeds, all are refused.
    """

    def __init__(
        self, routes: Asgi, *, start: Callable[[], Coroutine[Any, Any, None]], again_after_s: float = 1.0
    ) -> None:
        self._routes = routes
        self._start = start
        self._again_after_s = again_after_s
        self._failed_at = 0.0
        self._started: asyncio.Future[None] | None = None
        if "daphne.server" in sys.modules:
            from twisted.internet import reactor

            # Later, not at once: when this trigger fires, the asyncio loop is not running yet.
            reactor.callWhenRunning(reactor.callLater, 0, self.start)

    async def __call__(self, scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        started = self.start()
        await asyncio.wait([started])
        if started.exception():
            await _refuse(scope, send)
        else:
            await self._routes(scope, receive, send)

    def start(self) -> asyncio.Future[None]:
        """The start under way or done; a new one some time after one that failed."""
        loop = asyncio.get_running_loop()
        if self._started is None or self._is_to_be_repeated(loop.time()):
            # An empty context: what starts here belongs to the process and not to the request that came first.
            self._started = loop.create_task(self._start(), name="start", context=contextvars.Context())
            self._started.add_done_callback(self._report)
        return self._started

    def _is_to_be_repeated(self, now: float) -> bool:
        assert self._started is not None
        has_failed = self._started.done() and not self._started.cancelled() and self._started.exception()
        return bool(has_failed) and now - self._failed_at >= self._again_after_s

    def _report(self, started: asyncio.Future[None]) -> None:
        if started.cancelled() or not (error := started.exception()):
            return
        self._failed_at = asyncio.get_running_loop().time()
        is_foreseen = isinstance(error, ImproperlyConfigured)
        log.critical("cannot start: %s", error, exc_info=None if is_foreseen else error)


async def start_runtime() -> None:
    from asgiref.sync import sync_to_async

    from chat import runtime, starting

    await sync_to_async(starting.prepare_once)()
    runtime.current()


async def _refuse(scope: Scope, send: Callable[[Any], Awaitable[None]]) -> None:
    if scope["type"] == "http":
        headers = [(b"content-type", b"text/plain"), (b"cache-control", b"no-store"), (b"retry-after", b"5")]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": b"The chat could not be started; its log says why.\n"})
    elif scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1012})


application = RequestId(ClientAddress(Application(build(), start=start_runtime), trusted=settings.TRUSTED_PROXIES))
