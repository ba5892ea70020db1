"""Who asks: a bearer token for everything, a cookie for nothing but a new bearer token."""

import logging
from collections.abc import Callable
from http.cookies import Morsel
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from ninja.security.base import AuthBase

from chat import embedding, sessions
from chat.clock import moment
from chat.conversations import Conversations
from chat.gate import Gate
from chat.models import Inbox, Session
from chat.sessions import Opened
from chat.wire.errors import Code, Refusal

logger = logging.getLogger(__name__)


class ApiRequest(HttpRequest):
    """What the operations find on their request; set by the guard, ``Bearer`` and ``check_origin``."""

    auth: Session
    conversations: Callable[[], Conversations]
    gate: Callable[[], Gate]
    is_welcome: bool  # whether its origin may use the inbox that it is about; unset until that is known


class Bearer(AuthBase):
    """ninja's own writes what it does not understand to the log."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    async def __call__(self, request: HttpRequest) -> Session:
        session = await bearer(request)
        if session is None:
            raise sessions.UnknownToken
        inbox = session.contact.inbox
        check_origin(request, inbox)
        gate = cast(ApiRequest, request).gate()
        gate.call(peer_of(request), session_id=session.pk, contact_id=session.contact_id, slug=inbox.slug)
        return session


def peer_of(request: HttpRequest) -> str:
    """The client's address (``chatproxy.client_address``)."""
    peer: str = request.META.get("REMOTE_ADDR", "")
    return peer


def count_message(request: ApiRequest) -> None:
    """Before whatever agents get to see of it. Raises Refusal."""
    request.gate().message(request.auth.contact_id, request.auth.contact.inbox.slug)


def count_transcript(request: ApiRequest, recipient: str) -> None:
    """Before a conversation goes to this e-mail address. Raises Refusal."""
    session, gate = request.auth, request.gate()
    slug = session.contact.inbox.slug
    gate.transcript(recipient, session_id=session.pk, contact_id=session.contact_id, slug=slug)


def foreign_origin(request: HttpRequest) -> str | None:
    """The Origin of a page that is not ours; None for our own pages and for apps, which have none."""
    origin = request.headers.get("Origin")
    own = origin is None or embedding.is_own(origin, request.get_host(), secure=request.is_secure())
    return None if own else origin


async def bearer(request: HttpRequest) -> Session | None:
    """The session whose access token came along; None when none did. Raises UnknownToken."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    devices = cast(ApiRequest, request).conversations().devices
    session = await devices.check_access(token.strip())
    if generation := sessions.news(token.strip(), session):
        devices.confirm(session.pk, generation)
    return session


def check_origin(request: HttpRequest, inbox: Inbox) -> None:
    """Raise Refusal(foreign_origin) for a page that may not use this inbox. Apps send no Origin."""
    origin = request.headers.get("Origin")
    is_welcome = embedding.is_welcome(
        origin, host=request.get_host(), inbox=inbox.slug, allowed=inbox.allowed_origins, secure=request.is_secure()
    )
    cast(ApiRequest, request).is_welcome = is_welcome
    if not is_welcome:
        raise Refusal(Code.FOREIGN_ORIGIN)


def check_own_page(request: HttpRequest) -> None:
    """Raise Refusal(foreign_origin) unless a page of ours asks."""
    if not is_own_page(request):
        logger.warning(
            "refused a refresh by cookie from origin %r at host %r: only our own pages may ask for it; "
            "a page elsewhere sends the refresh_token that it got when its session began; "
            "if this is one of ours, a proxy in front of us must pass on the Host header unchanged",
            request.headers.get("Origin", "")[:200],
            request.get_host(),
        )
        raise Refusal(Code.FOREIGN_ORIGIN)


def is_own_page(request: HttpRequest) -> bool:
    """Whether a page of ours asks. The cookie comes with every request to us, whoever caused it: nobody else's counts.

    Sites that embed the chat are not ours; what they may show is our frame, which then asks itself.
    """
    origin, site = request.headers.get("Origin", ""), request.headers.get("Sec-Fetch-Site", "same-origin")
    return site == "same-origin" and embedding.is_own(origin, request.get_host(), secure=request.is_secure())


def cookie(request: HttpRequest, inbox: Inbox) -> str:
    """The refresh token of this browser, if a page of ours asks; else empty."""
    return (
        request.COOKIES.get(sessions.cookie_name(inbox.slug, secure=request.is_secure()), "")
        if is_own_page(request)
        else ""
    )


def set_cookie(request: HttpRequest, response: HttpResponse, opened: Opened) -> None:
    """Over https it also works inside a frame, one jar per embedding site."""
    age_s = max(0, int((opened.session.expires_at - moment()).total_seconds()))
    _set(request, response, opened.session.contact.inbox.slug, opened.refresh_token, age_s)


def clear_cookie(request: HttpRequest, response: HttpResponse, slug: str) -> None:
    _set(request, response, slug, "", 0)  # the same attributes, or a browser would keep it


def _set(request: HttpRequest, response: HttpResponse, slug: str, token: str, age_s: int) -> None:
    secure = request.is_secure()
    name = sessions.cookie_name(slug, secure=secure)
    response.set_cookie(
        name, token, max_age=age_s, path="/", httponly=True, secure=secure, samesite="None" if secure else "Lax"
    )
    if secure:
        response.cookies[name] = _Partitioned(response.cookies[name])


class _Partitioned(Morsel[str]):
    """http.cookies knows the attribute from Python 3.14 on."""

    def __init__(self, plain: "Morsel[str]") -> None:
        super().__init__()
        self.update(plain)
        self.set(plain.key, plain.value, plain.coded_value)

    def OutputString(self, attrs: Any = None) -> str:
        return f"{super().OutputString(attrs)}; Partitioned"
