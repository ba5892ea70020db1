"""GET /healthz: 200 while this process answers and its database can be read and written, 503 otherwise."""

from asgiref.sync import sync_to_async
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse

from chat import runtime


async def health(request: HttpRequest) -> HttpResponse:
    try:
        await sync_to_async(_ask_database)()
    except Error as error:
        return _text(f"database: {type(error).__name__}", status=503)
    if broken := runtime.broken():
        return _text(f"database: nothing can be written, {broken}", status=503)
    return _text("ok")


def _text(line: str, *, status: int = 200) -> HttpResponse:
    return HttpResponse(f"{line}\n", status=status, content_type="text/plain")


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
