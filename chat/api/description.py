"""The description of the socket, beside that of the JSON API."""

from django.http import HttpRequest, HttpResponse, JsonResponse

from chat.api.answers import refuse
from chat.api.docs import CACHED
from chat.wire import asyncapi as described
from chat.wire.errors import Code, Refusal


async def asyncapi(request: HttpRequest) -> HttpResponse:
    """With the address at which it was asked for."""
    if request.method not in ("GET", "HEAD"):
        response = refuse(Refusal(Code.METHOD_NOT_ALLOWED))
        response["Allow"] = "GET, HEAD"
        return response
    server = {"host": request.get_host(), "protocol": "wss" if request.is_secure() else "ws"}
    response = JsonResponse({**described.document(), "servers": {"this": server}})
    response["Cache-Control"] = CACHED
    return response
