"""Where Chatwoot's webhook comes in: ``POST /hooks/chatwoot/{inbox}/{secret}``, answered at once and with nothing."""

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, re_path

from chat.api.answers import refuse
from chat.hints import Hints
from chat.wire.errors import Code, Refusal

log = logging.getLogger(__name__)

MOST_BYTES = 1024 * 1024


def urls(hints: Callable[[], Hints]) -> list[URLPattern]:
    """Addresses of the hooks upon these hints."""

    async def chatwoot(request: HttpRequest, slug: str, secret: str) -> HttpResponse:
        try:
            known = request.method == "POST" and await hints().take(slug, secret, lambda: _body(request))
        except Exception:  # Django would log the address
            log.exception("a hook of Chatwoot could not be taken")
            known = True
        return HttpResponse(status=204) if known else _nothing_here()

    async def nothing(request: HttpRequest) -> HttpResponse:
        return _nothing_here()

    return [path("hooks/chatwoot/<str:slug>/<str:secret>", chatwoot), re_path("^hooks/", nothing)]


def _nothing_here() -> HttpResponse:
    response = refuse(Refusal(Code.NOT_FOUND))
    # Django would log the address, which may hold a secret that is right but for the inbox's name.
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django's own mark
    return response


def _body(request: HttpRequest) -> bytes | None:
    try:
        body: bytes = request.read(MOST_BYTES)  # what is longer is cut, and then no JSON
    except OSError:  # it could not be kept
        return None
    return body
