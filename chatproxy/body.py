"""Django's handler, with a bound on what a request may bring, and an answer when the disk is full.

Its own stores a body of any size in the temporary folder before it looks at the request, and fails without an answer
when that is full.
"""

import io
import tempfile
from collections.abc import Awaitable, Callable
from typing import IO, Any

import django
from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler

IN_MEMORY_BYTES = 256 * 1024


class Handler(ASGIHandler):
    async def read_body(self, receive: Callable[[], Awaitable[dict[str, Any]]]) -> IO[bytes]:  # type: ignore[override]
        """What is beyond the bound is read and forgotten, so that the request still looks too big."""
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
                body = _written(body, chunk)
            size += len(chunk)
        body.seek(0)
        return body


def _written(body: IO[bytes], chunk: bytes) -> IO[bytes]:
    try:
        body.write(chunk)
    except OSError as error:
        body.close()
        return _Unstored(error)
    return body


class _Unstored(io.BytesIO):
    """In place of a body that the disk would not take; whoever reads it is told."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error

    def read(self, size: int | None = -1, /) -> bytes:
        raise self._error


def get_handler() -> Handler:
    django.setup(set_prefix=False)
    return Handler()
