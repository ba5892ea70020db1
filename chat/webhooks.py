"""Where Chatwoot's webhook comes in: ``POST /hooks/chatwoot/{inbox}/{secret}``, answered at once and with nothing.

All of Chatwoot is one address, so it has a limit of its own. Beyond it, and beyond that of wrong ones, a hook is
forgotten and gets its yes all the same, as in ``chat.hints``: Chatwoot marks a message as failed whose hook gets a no.
"""

import logging
from collections.abc import Callable

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, re_path

from chat.api.access import peer_of
from chat.api.answers import refuse
from chat.gate import Gate
from chat.hints import Hints
from chat.logged import logged
from chat.wire.errors import Code, Refusal

log = logging.getLogger(__name__)

MOST_BYTES = 1024 * 1024


def urls(hints: Callable[[], Hints], gate: Callable[[], Gate]) -> list[URLPattern]:
    """Addresses of the hooks upon these hints, behind this gate."""

    async def chatwoot(request: HttpRequest, slug: str, secret: str) -> HttpResponse:
        try:
            gate().knock(peer_of(request), "hooks")
            gate().knock(peer_of(request), "wrong_hooks", 0)  # each is a query and a decryption
            known = request.method == "POST" and await hints().take(slug, secret, lambda: _body(request))
        except Refusal:
            known = True
        except Exception:  # Django would log the address
            log.exception("a hook of Chatwoot could not be taken")
            known = True
        return HttpResponse(status=204) if known else await nothing(request)

    async def nothing(request: HttpRequest) -> HttpResponse:
        try:
            gate().knock(peer_of(request), "wrong_hooks")
        except Refusal as refusal:
            return _refused(refusal)
        return _refused(Refusal(Code.NOT_FOUND))

    return [path("hooks/chatwoot/<str:slug>/<str:secret>", chatwoot), re_path("^hooks/", nothing)]


def _refused(refusal: Refusal) -> HttpResponse:
    return logged(refuse(refusal))  # the address may hold a secret that is right but for the inbox's name


def _body(request: HttpRequest) -> bytes | None:
    try:
        body: bytes = request.read(MOST_BYTES)  # what is longer is cut, and then no JSON
    except (OSError, RequestDataTooBig):  # it was not kept
        return None
    return body
