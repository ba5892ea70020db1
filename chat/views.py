"""The pages: start, demo, chat, frame, and the script that hosts embed. They read one row and write nothing."""

import logging
import secrets
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Protocol

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from chat import embedding, published, runtime, sessions, speaking
from chat.clock import moment
from chat.frontend import first_files, lazy_modules, lazy_styles, script
from chat.logged import logged
from chat.models import Inbox
from chat.wire.errors import Refusal

AGAIN_S = 30  # after which a page may be asked for again
# The script may be fetched: whoever renders a host's page, as search engines do, would complain.
ROBOTS = (
    "User-agent: *\nAllow: /$\nAllow: /sdk.js$\nAllow: /sdk.js?\nAllow: /element.js$\nAllow: /compat.js$\nDisallow: /\n"
)

logger = logging.getLogger(__name__)


View = Callable[..., Coroutine[Any, Any, HttpResponse]]


def _page_view(view: View) -> View:
    """A page for reading only; while the database cannot be asked it says so, and one line does in the log. From an
    address that asks for very much it is not asked."""

    @require_safe
    @wraps(view)
    async def safe(request: HttpRequest, **named: str) -> HttpResponse:
        try:
            _knock(request)
            return await view(request, **named)
        except Refusal as refusal:
            return _away(request, refusal.status, refusal.retry_after or AGAIN_S)
        except Error as error:
            logger.error("%s: the database cannot be used: %s", request.path, type(error).__name__)
            return _away(request, 503, AGAIN_S)

    return safe


def _knock(request: HttpRequest) -> None:
    """Raises Refusal (too_fast)."""
    runtime.gate().knock(request.META.get("REMOTE_ADDR", ""))


def _away(request: HttpRequest, status: int, again_s: int) -> HttpResponse:
    response = page(request, "503.html", {}, status=status)
    response["Retry-After"] = str(again_s)
    return logged(response)


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
    if not _is_welcome(request, inbox):
        # To be read by whoever tries it there; a browser that refuses the frame itself says less.
        return page(request, "refused.html", {}, status=403, ancestors="*")
    ancestors = embedding.Origins.of(inbox.allowed_origins).frame_ancestors()
    return _chat_page(request, "frame.html", inbox, ancestors=ancestors)


@require_safe
async def sdk(request: HttpRequest) -> HttpResponseBase:
    """With `?inbox=…` it begins with that inbox's look and words."""
    response = script(request, "chat/sdk.js", before=await _prelude(request))
    if "inbox" in request.GET:
        patch_vary_headers(response, ["Accept-Language"])
    return response


@require_safe
async def embedded(request: HttpRequest, name: str) -> HttpResponseBase:
    """Another script that pages of other people load."""
    return script(request, f"chat/{name}.js")


async def _prelude(request: HttpRequest) -> bytes:
    """Nothing, where the inbox is unknown or cannot be asked for: the launcher comes as it is."""
    slug = request.GET.get("inbox", "")
    try:
        _knock(request)
        inbox = await Inbox.objects.filter(slug=slug).afirst() if slug.isprintable() else None
    except Refusal:
        return b""
    except Error:
        logger.error("/sdk.js: the database cannot be used: the look of the launcher is left out")
        return b""
    return speaking.prelude(request, inbox).encode() if inbox else b""


@require_safe
async def robots(request: HttpRequest) -> HttpResponse:
    return HttpResponse(ROBOTS, content_type="text/plain", headers={"Cache-Control": "public, max-age=86400"})


@require_safe
async def no_icon(request: HttpRequest) -> HttpResponse:
    """Browsers ask for one wherever no page names one; a 404 each time would be a line in every log and console."""
    return HttpResponse(status=204, headers={"Cache-Control": "public, max-age=86400"})


def missing(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Nothing here, in words; also Django's ``handler404``."""
    return page(request, "404.html", {}, status=404)


async def _default_inbox() -> Inbox | None:
    """The environment's, else the first there is."""
    named = await Inbox.objects.filter(slug=settings.CHATWOOT_INBOX_SLUG).afirst()
    return named or await Inbox.objects.order_by("pk").afirst()


def _outward(inbox: Inbox) -> dict[str, str]:
    return {"slug": inbox.slug, "name": published.name(inbox)}


def _chat_page(request: HttpRequest, template: str, inbox: Inbox, *, ancestors: str = "'none'") -> HttpResponse:
    if running := runtime.running():
        running.conversations.team.looked(inbox)
    response = page(request, template, chat_context(request, inbox), ancestors=ancestors)
    patch_vary_headers(response, ["Accept-Language"])
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def chat_context(request: HttpRequest, inbox: Inbox) -> dict[str, Any]:
    """What the templates of the chat's pages are filled with."""
    config = _config(request, inbox)
    said = speaking.shell(config["language"], name=config["name"])
    return {"inbox": _outward(inbox), "config": config, "said": said, "files": first_files()}


def _config(request: HttpRequest, inbox: Inbox) -> dict[str, Any]:
    """What the scripts of a page need to know; nothing of Chatwoot."""
    return (
        {
            "inbox": inbox.slug,
            "name": published.name(inbox),
            "api": "/api/v1",
            "socket": "/ws/v1",
            "host_origins": _host_origins(request, inbox),
            "modules": lazy_modules(),
            "styles": lazy_styles(),
            # Where a browser lets a frame keep its cookie but no flag in storage, the page learns of its session here.
            "begun": sessions.cookie_name(inbox.slug, secure=request.is_secure()) in request.COOKIES,
        }
        | speaking.manner(request, inbox)
        | published.for_page(inbox, now=moment())
    )


def _host_origins(request: HttpRequest, inbox: Inbox) -> list[str]:
    """The one origin the frame may talk to: the page around it, as it names itself, if it is allowed."""
    origin, host = request.GET.get("origin"), request.get_host()
    own = origin is None or embedding.is_own(origin, host, secure=request.is_secure())
    return ["*self"] if own or not _is_welcome(request, inbox) else [embedding.parse(origin or "")]


def _is_welcome(request: HttpRequest, inbox: Inbox) -> bool:
    origin, host, secure = request.GET.get("origin"), request.get_host(), request.is_secure()
    return embedding.is_welcome(origin, host=host, inbox=inbox.slug, allowed=inbox.allowed_origins, secure=secure)


class Asked(Protocol):
    """As much of a request as decides about the policy of its page."""

    def get_host(self) -> str: ...

    def is_secure(self) -> bool: ...


def page(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200, ancestors: str = "'none'"
) -> HttpResponse:
    nonce = secrets.token_urlsafe(16)
    request.csp_nonce = nonce  # type: ignore[attr-defined]  # for templates
    response = render(request, template, context, status=status)
    response["Content-Security-Policy"] = content_policy(request, nonce, ancestors)
    response["Cache-Control"] = "no-cache"
    response["Referrer-Policy"] = "strict-origin"
    response["X-Content-Type-Options"] = "nosniff"
    if ancestors == "'none'":
        response["X-Frame-Options"] = "DENY"  # for browsers older than frame-ancestors
    return response


def content_policy(request: Asked, nonce: str, ancestors: str) -> str:
    """What a page of ours may load and run: itself."""
    host = request.get_host()
    socket = f"{'wss' if request.is_secure() else 'ws'}://{host}"  # Safari's 'self' was http only until 15.4.
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}'",
            "style-src 'self'",
            "img-src 'self' blob:",  # of a picture that is about to be sent
            "media-src 'self' blob:",
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
