"""What every call passes before and after its operation: size and kind of the body, one shape of error, no caching."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, cast

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from chat import wire
from chat.api.access import ApiRequest
from chat.api.answers import refuse, refused
from chat.conversations import Conversations
from chat.gate import Gate
from chat.models import Session
from chat.sessions import UnknownToken
from chat.wire.errors import Code, Refusal

READING = ("GET", "PATCH")  # what answers with what is known of somebody
View = Callable[..., Awaitable[HttpResponseBase]]


def guarded(
    view: View, conversations: Callable[[], Conversations], gate: Callable[[], Gate], *, takes_files: bool = False
) -> View:
    """``takes_files``: the body is none of JSON, and the operation bounds it as it reads."""

    @functools.wraps(view)
    async def guard(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.conversations = conversations  # type: ignore[attr-defined]  # declared by ApiRequest
        request.gate = gate  # type: ignore[attr-defined]
        refusal = _knock(request, gate()) or (None if takes_files else _check_body(request))
        response = refuse(refusal) if refusal else await view(request, *args, **kwargs)
        if request.method in READING and (left := await _left(request, response)):
            response = refused(left)
        if response.status_code == 405:
            allowed, response = response["Allow"], refuse(Refusal(Code.METHOD_NOT_ALLOWED))
            response["Allow"] = allowed
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return guard


async def _left(request: HttpRequest, response: HttpResponseBase) -> Refusal | None:
    """The session has ended while something was read for it: somebody else may sit there now. Files end with a page.

    Where that cannot be told, nothing that was read is.
    """
    session = getattr(request, "auth", None)
    is_told = response.status_code == 200 and not response.streaming
    if not (is_told and isinstance(session, Session)):
        return None
    try:
        is_alive = await cast(ApiRequest, request).conversations().devices.is_alive(session.pk)
    except Refusal as refusal:
        return refusal
    return None if is_alive else UnknownToken()


def _knock(request: HttpRequest, gate: Gate) -> Refusal | None:
    try:
        gate.knock(request.META.get("REMOTE_ADDR", ""))
    except Refusal as refusal:
        return refusal
    return None


def _check_body(request: HttpRequest) -> Refusal | None:
    if request.method not in ("POST", "PUT", "PATCH"):
        return None
    try:
        size_bytes = len(request.body)
    except RequestDataTooBig:
        return Refusal(Code.TOO_BIG)
    except Refusal as refusal:  # the server's
        return refusal
    if size_bytes > wire.MAX_FRAME_BYTES:
        return Refusal(Code.TOO_BIG)
    if size_bytes and request.content_type != "application/json":
        # A form of any other site can send everything else without asking first.
        return Refusal(Code.NOT_JSON)
    return None


async def not_found(request: HttpRequest, **_: str) -> HttpResponse:
    return refuse(Refusal(Code.NOT_FOUND))
