"""The composition root: Django for HTTP, Channels for sockets, one runtime per process behind both."""

import asyncio
import contextvars
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

Scope = dict[str, Any]
Asgi = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]
log = logging.getLogger(__name__)


def build() -> Asgi:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproxy.settings")
    http = get_asgi_application()  # sets Django up; what imports models comes after it
    from chat.routing import websocket_urlpatterns

    return ProtocolTypeRouter({"http": http, "websocket": URLRouter(websocket_urlpatterns)})


class Application:
    """Starts the runtime once: when Daphne's reactor runs, on other servers with the first scope."""

    def __init__(self, routes: Asgi, *, start: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._routes = routes
        self._start = start
        self._started: asyncio.Future[None] | None = None
        if "daphne.server" in sys.modules:
            from twisted.internet import reactor

            # Later, not at once: when this trigger fires, the asyncio loop is not running yet.
            reactor.callWhenRunning(reactor.callLater, 0, self.start)

    async def __call__(self, scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        await asyncio.shield(self.start())
        await self._routes(scope, receive, send)

    def start(self) -> asyncio.Future[None]:
        """The start under way or done. One that failed answers every scope with its reason."""
        if self._started is None:
            # An empty context: what starts here belongs to the process and not to the request that came first.
            loop = asyncio.get_running_loop()
            self._started = loop.create_task(self._start(), name="start", context=contextvars.Context())
            self._started.add_done_callback(_report)
        return self._started


async def start_runtime() -> None:
    from asgiref.sync import sync_to_async

    from chat import runtime, starting

    await sync_to_async(starting.prepare)()
    runtime.current()


def _report(started: asyncio.Future[None]) -> None:
    if not started.cancelled() and (error := started.exception()):
        log.critical("cannot start: %s", error)


application = Application(build(), start=start_runtime)
