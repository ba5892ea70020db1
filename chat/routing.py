"""Socket addresses; the composition root includes them."""

from typing import Any

from django.urls import path, re_path

from chat.consumers import ChatConsumer


async def _nothing_here(scope: Any, receive: Any, send: Any) -> None:
    """Refused with 403 before it opens, without a word in the log: anybody may knock anywhere."""
    await send({"type": "websocket.close"})


nothing_here: Any = _nothing_here  # an ASGI application, not a view
websocket_urlpatterns = [path("ws/v1", ChatConsumer.as_asgi()), re_path("", nothing_here)]
