"""Django's handler, with bounds on what requests take, and an answer when the disk is full.

Its own stores a body of any size in the temporary folder before it looks at the request, and fails without an answer
when that is full. It also gives each request a thread, and by that a connection to the database, of its own.
"""

import tempfile
from collections.abc import Awaitable, Callable
from itertools import cycle
from typing import IO, Any

import django
import orjson
from asgiref.sync import SyncToAsync, ThreadSensitiveContext
from django.core.exceptions import RequestAborted, RequestDataTooBig
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse

from chat.wire.errors import Code, Refusal
from chatproxy.request import Unstored, most_bytes, written

IN_MEMORY_BYTES = 256 * 1024
THREADS = 4  # for whatever of requests is not asynchronous: pages and the admin
SAY_THEMSELVES = ("/api/", "/hooks/")  # a page of another site may read why; Chatwoot needs a yes
Receive = Callable[[], Awaitable[dict[str, Any]]]


class Incoming:
    """Messages of a request. ``body``: that it has ``most`` bytes, where our server has it in a file already."""

    def __init__(self, receive: Receive, *, most: int, body: IO[bytes] | None = None) -> None:
        self._receive, self.most, self.body = receive, most, body

    def __call__(self) -> Awaitable[dict[str, Any]]:
        return self._receive()


class Handler(ASGIHandler):
    def __init__(self) -> None:
        super().__init__()
        self._threads = cycle([ThreadSensitiveContext() for _ in range(THREADS)])

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        SyncToAsync.thread_sensitive_context.set(next(self._threads))  # Django makes another only where there is none
        await super().__call__(scope, receive, send)

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        most = most_bytes(scope["path"].encode())
        await super().handle(scope, Incoming(receive, most=most, body=scope.get("body")), send)

    async def read_body(self, receive: Incoming) -> IO[bytes]:  # type: ignore[override]
        """What is beyond the bound is read and forgotten."""
        if receive.body is not None:
            await receive()  # an empty one
            return receive.body
        body: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - Django closes it
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                body.close()
                raise RequestAborted
            chunk, more = message.get("body", b""), message.get("more_body", False)
            size += len(chunk)
            body = written(body, chunk, size=size, most=receive.most, small=IN_MEMORY_BYTES)
        body.seek(0)
        return body

    def create_request(self, scope: Any, body_file: IO[bytes]) -> Any:
        refusal = _refusal(body_file)
        if refusal and not scope["path"].startswith(SAY_THEMSELVES):
            again = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
            return None, HttpResponse(orjson.dumps(refusal.body), "application/json", refusal.status, headers=again)
        return super().create_request(scope, body_file)


def _refusal(body: IO[bytes]) -> Refusal | None:
    error = body.error if isinstance(body, Unstored) else None
    if isinstance(error, RequestDataTooBig):
        return Refusal(Code.TOO_BIG, "This is too big.")
    return error if isinstance(error, Refusal) else None


def get_handler() -> Handler:
    django.setup(set_prefix=False)
    return Handler()
