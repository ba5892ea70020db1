"""Answers of the JSON API: encoded once, never cached, and of one shape when something is refused."""

import logging
from collections.abc import Callable
from typing import Any

import orjson
from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from chat.logged import logged
from chat.wire.errors import Code, Refusal

logger = logging.getLogger(__name__)


def answer(body: bytes, *, status: int = 200) -> HttpResponse:
    return HttpResponse(body, status=status, content_type="application/json")


def refuse(refusal: Refusal) -> HttpResponse:
    response = answer(orjson.dumps(refusal.body), status=refusal.status)
    if refusal.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if refusal.retry_after is not None:
        response["Retry-After"] = str(refusal.retry_after)
    return response


def add_handlers(api: NinjaAPI) -> None:
    """Everything that can go wrong, in one table."""
    handlers: dict[type[Exception], Callable[[HttpRequest, Any], HttpResponse]] = {
        Refusal: lambda request, exc: refused(exc),
        AuthenticationError: lambda request, exc: refuse(Refusal(Code.UNKNOWN_TOKEN)),
        Http404: lambda request, exc: refuse(Refusal(Code.NOT_FOUND)),
        ValidationError: _invalid,
        HttpError: _unreadable,
        Error: _unavailable,
        Exception: _fault,
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)


def refused(refusal: Refusal) -> HttpResponse:
    """A database in trouble is said once by writer or reader, and not for everybody who is turned away."""
    response = refuse(refusal)
    return logged(response) if refusal.code == Code.UNAVAILABLE else response


def _invalid(request: HttpRequest, exc: Any) -> HttpResponse:
    """Says where and what; never the value, which may be a token or a visitor's text."""
    first = exc.errors[0]
    where = ".".join(str(part) for part in first["loc"][1:] if part != "body")
    return refuse(Refusal(Code.BAD_REQUEST, f"{where or 'The body'}: {first['msg']}."))


def _unreadable(request: HttpRequest, exc: Any) -> HttpResponse:
    refusal = Refusal(Code.BAD_REQUEST, "The body is not JSON.")
    refusal.status = exc.status_code
    return refuse(refusal)


def _unavailable(request: HttpRequest, exc: Exception) -> HttpResponse:
    logger.error("%s %s: the database cannot be used: %s", request.method, request.path, type(exc).__name__)
    return logged(refuse(Refusal(Code.UNAVAILABLE)))


def _fault(request: HttpRequest, exc: Exception) -> HttpResponse:
    logger.error("%s %s failed", request.method, request.path, exc_info=exc)
    return logged(refuse(Refusal(Code.FAULT)))
