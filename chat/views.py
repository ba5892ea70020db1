"""The pages: start, demo, chat, frame, and the script that hosts embed. They read one row and write nothing."""

import hashlib
import logging
import secrets
from collections.abc import Callable, Coroutine
from functools import cache, wraps
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from chat import embedding, look
from chat.models import Inbox
from chat.wire import MAX_TEXT

SDK_MAX_AGE_S = 300
AGAIN_S = 30  # after which a page may be asked for again
# The script may be fetched: whoever renders a host's page, as search engines do, would complain.
ROBOTS = "User-agent: *\nAllow: /$\nAllow: /sdk.js$\nDisallow: /\n"

logger = logging.getLogger(__name__)


View = Callable[..., Coroutine[Any, Any, HttpResponse]]


def _page_view(view: View) -> View:
    """A page for reading only; while the database cannot be asked it says so, and one line does in the log."""

    @require_safe
    @wraps(view)
    async def safe(request: HttpRequest, **named: str) -> HttpResponse:
        try:
            return await view(request, **named)
        except Error as error:
            logger.error("%s: the database cannot be used: %s", request.path, type(error).__name__)
        response = page(request, "503.html", {}, status=503)
        response["Retry-After"] = str(AGAIN_S)
        response._has_been_logged = True  # type: ignore[attr-defined]  # Django's own mark, else it logs the status again
        return response

    return safe


@_page_view
async def start(request: HttpRequest) -> HttpResponse:
    inbox = await _default_inbox()
    return page(request, "start.html", {"inbox": inbox and _outward(inbox), "desk_url": settings.DESK_URL})


@_page_view
async def demo(request: HttpRequest) -> HttpResponse:
    """A shop's page with the chat in its corner, as a customer of ours would embed it."""
    inbox = await _default_inbox()
    return _chat_page(request, "demo.html", inbox) if inbox else missing(request)


@_page_view
async def chat(request: HttpRequest, slug: str) -> HttpResponse:
    inbox = await Inbox.objects.filter(slug=slug).afirst()
    return _chat_page(request, "chat.html", inbox) if inbox else missing(request)


@_page_view
async def frame(request: HttpRequest, slug: str) -> HttpResponse:
    """Only pages of the inbox's origins, and our own, may show it."""
    inbox = await Inbox.objects.filter(slug=slug).afirst()
    if inbox is None:
        return missing(request)
    ancestors = embedding.Origins.of(inbox.allowed_origins).frame_ancestors()
    return _chat_page(request, "frame.html", inbox, ancestors=ancestors)


@require_safe
async def sdk(request: HttpRequest) -> HttpResponseBase:
    content, etag = _sdk() if not settings.DEBUG else _sdk.__wrapped__()
    response = HttpResponse(content, content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = f"public, max-age={SDK_MAX_AGE_S}"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["ETag"] = etag
    return get_conditional_response(request, etag=etag, response=response) or response


@require_safe
async def robots(request: HttpRequest) -> HttpResponse:
    return HttpResponse(ROBOTS, content_type="text/plain", headers={"Cache-Control": "public, max-age=86400"})


def missing(request: HttpRequest) -> HttpResponse:
    """Nothing here, in words."""
    return page(request, "404.html", {}, status=404)


@cache
def _sdk() -> tuple[bytes, str]:
    found = finders.find("chat/sdk.js")
    if not isinstance(found, str):
        raise Http404("static/chat/sdk.js is not there")
    content = Path(found).read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:16]}"'


async def _default_inbox() -> Inbox | None:
    """The environment's, else the first there is."""
    named = await Inbox.objects.filter(slug=settings.CHATWOOT_INBOX_SLUG).afirst()
    return named or await Inbox.objects.order_by("pk").afirst()


def _outward(inbox: Inbox) -> dict[str, str]:
    return {"slug": inbox.slug, "name": str(inbox)}


def _chat_page(request: HttpRequest, template: str, inbox: Inbox, *, ancestors: str = "'none'") -> HttpResponse:
    context = {"inbox": _outward(inbox), "config": _config(request, inbox)}
    response = page(request, template, context, ancestors=ancestors)
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _config(request: HttpRequest, inbox: Inbox) -> dict[str, Any]:
    """What the scripts of a page need to know; nothing of Chatwoot."""
    return {
        "inbox": inbox.slug,
        "name": str(inbox),
        "accent": look.accent(inbox.look),
        "greeting": look.texts(inbox.texts).get("greeting", ""),
        "api": "/api/v1",
        "socket": "/ws/v1",
        "limits": {"text": MAX_TEXT},
        "host_origins": _host_origins(request, inbox),
        "locale": settings.LANGUAGE_CODE,
    }


def _host_origins(request: HttpRequest, inbox: Inbox) -> list[str]:
    """The one origin the frame may talk to: the page around it, as it names itself, if it is allowed."""
    origin, host = request.GET.get("origin"), request.get_host()
    own = origin is None or embedding.is_own(origin, host, secure=request.is_secure())
    if own or not embedding.is_welcome(origin, host=host, inbox=inbox.slug, allowed=inbox.allowed_origins):
        return ["*self"]
    return [embedding.parse(origin or "")]


def page(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200, ancestors: str = "'none'"
) -> HttpResponse:
    nonce = secrets.token_urlsafe(16)
    request.csp_nonce = nonce  # type: ignore[attr-defined]  # for templates
    response = render(request, template, context, status=status)
    response["Content-Security-Policy"] = _policy(request, nonce, ancestors)
    response["Cache-Control"] = "no-cache"
    response["Referrer-Policy"] = "strict-origin"
    response["X-Content-Type-Options"] = "nosniff"
    if ancestors == "'none'":
        response["X-Frame-Options"] = "DENY"  # for browsers older than frame-ancestors
    return response


def _policy(request: HttpRequest, nonce: str, ancestors: str) -> str:
    host = request.get_host()
    socket = f"{'wss' if request.is_secure() else 'ws'}://{host}"  # Safari's 'self' was http only until 15.4.
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}'",
            "style-src 'self'",
            "img-src 'self'",
            "font-src 'self'",
            f"connect-src 'self' {socket}",
            "frame-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "object-src 'none'",
            "require-trusted-types-for 'script'",
            f"frame-ancestors {ancestors}",
        )
    )
