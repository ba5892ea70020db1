"""What a supervisor or a proxy asks: does this process live, should it get visitors, is all well with it?

GET /livez: 200 while it answers at all. GET /readyz: 200 while it takes visitors; 503 from the moment it drains, and
while its database is ill. GET /healthz: 200 while its database can be read and written.
"""

from asgiref.sync import sync_to_async
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse

from chat import runtime
from chat.logged import logged


async def lives(request: HttpRequest) -> HttpResponse:
    return _text("ok")


async def is_ready(request: HttpRequest) -> HttpResponse:
    if runtime.drain().begun:
        return _text("draining: this process is about to stop", status=503)
    return await health(request)


async def health(request: HttpRequest) -> HttpResponse:
    try:
        await sync_to_async(_ask_database)()
    except Error as error:
        return _text(f"database: {type(error).__name__}", status=503)
    if broken := runtime.broken():
        return _text(f"database: nothing can be written, {broken}", status=503)
    return _text("ok")


def _text(line: str, *, status: int = 200) -> HttpResponse:
    """An answer in words; what it is about is in the log already, and whoever asks does so every few seconds."""
    return logged(HttpResponse(f"{line}\n", status=status, content_type="text/plain"))


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
