"""Gives every request and socket the id under which the log follows it, and says it in the answer (X-Request-Id)."""

from collections.abc import Awaitable, Callable
from typing import Any

from chat import trail

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
NAME = b"x-request-id"


class RequestId:
    """Wraps an ASGI application, which runs each request in a task of its own."""

    def __init__(self, inner: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._inner(scope, receive, send)
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == NAME), "")
        chosen = trail.begin(given)

        async def say(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (NAME, chosen.encode())]}
            await send(message)

        await self._inner(scope, receive, say)
