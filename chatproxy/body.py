"""Django's handler, with a bound on what a request may bring, and an answer when the disk is full.

Its own stores a body of any size in the temporary folder before it looks at the request, and fails without an answer
when that is full.
"""

import tempfile
from collections.abc import Awaitable, Callable
from typing import IO, Any

import django
from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler

from chatproxy.request import written

IN_MEMORY_BYTES = 256 * 1024
Receive = Callable[[], Awaitable[dict[str, Any]]]


class Kept:
    """Messages of a request whose body our server has in a file already."""

    def __init__(self, receive: Receive, body: IO[bytes]) -> None:
        self._receive, self.body = receive, body

    def __call__(self) -> Awaitable[dict[str, Any]]:
        return self._receive()


class Handler(ASGIHandler):
    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        body = scope.get("body")
        await super().handle(scope, receive if body is None else Kept(receive, body), send)

    async def read_body(self, receive: Receive) -> IO[bytes]:  # type: ignore[override]
        """What is beyond the bound is read and forgotten, so that the request still looks too big."""
        if isinstance(receive, Kept):
            await receive()  # an empty one
            return receive.body
        body: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - Django closes it
        size, most = 0, max(settings.UPLOAD_MAX_BYTES, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                body.close()
                raise RequestAborted
            chunk, more = message.get("body", b""), message.get("more_body", False)
            if size <= most:
                body = written(body, chunk, is_small=size < IN_MEMORY_BYTES)
            size += len(chunk)
        body.seek(0)
        return body


def get_handler() -> Handler:
    django.setup(set_prefix=False)
    return Handler()
