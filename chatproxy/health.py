"""GET /healthz: 200 while this process answers and its database does, 503 otherwise."""

from asgiref.sync import sync_to_async
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse


async def health(request: HttpRequest) -> HttpResponse:
    try:
        await sync_to_async(_ask_database)()
    except DatabaseError as error:
        return HttpResponse(f"database: {type(error).__name__}\n", status=503, content_type="text/plain")
    return HttpResponse("ok\n", content_type="text/plain")


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
