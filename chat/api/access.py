"""Who asks: a bearer token for everything, a cookie for nothing but a new bearer token."""

import logging
from collections.abc import Callable
from datetime import timedelta
from http.cookies import Morsel
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from ninja.security.base import AuthBase

from chat import embedding, sessions
from chat.conversations import Conversations
from chat.gate import Gate
from chat.models import Inbox, Session
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
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise sessions.UnknownToken
        session: Session = await sessions.acheck_access(token.strip())
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


def foreign_origin(request: HttpRequest) -> str | None:
    """The Origin of a page that is not ours; None for our own pages and for apps, which have none."""
    origin = request.headers.get("Origin")
    own = origin is None or embedding.is_own(origin, request.get_host(), secure=request.is_secure())
    return None if own else origin


def check_own_origin(request: HttpRequest, inbox: Inbox) -> None:
    """For a cookie, which comes with every request to us, whoever caused it. Raises Refusal(foreign_origin)."""
    check_origin(request, inbox, required=True)
    if (origin := foreign_origin(request)) is not None:
        logger.warning(
            "refused origin %r: the cookie of inbox %r is taken from our own pages alone; a page elsewhere sends the"
            " refresh_token that it got when its session began",
            origin[:200],
            inbox.slug,
        )
        raise Refusal(Code.FOREIGN_ORIGIN)


def check_origin(request: HttpRequest, inbox: Inbox, *, required: bool = False) -> None:
    """Raise Refusal(foreign_origin) for a page that may not use this inbox. Apps send no Origin."""
    origin = request.headers.get("Origin", "" if required else None)
    is_welcome = embedding.is_welcome(
        origin, host=request.get_host(), inbox=inbox.slug, allowed=inbox.allowed_origins, secure=request.is_secure()
    )
    cast(ApiRequest, request).is_welcome = is_welcome
    if not is_welcome:
        raise Refusal(Code.FOREIGN_ORIGIN)


def cookie_name(request: HttpRequest, slug: str) -> str:
    # The prefix makes browsers refuse it from sub-domains and over plain http; locally there is no https.
    return f"__Host-chatproxy-{slug}" if request.is_secure() else f"chatproxy-{slug}"


def set_cookie(request: HttpRequest, response: HttpResponse, slug: str, token: str) -> None:
    """Over https it also works inside a frame, one jar per embedding site."""
    name, secure = cookie_name(request, slug), request.is_secure()
    age: timedelta = sessions.IDLE_FOR
    response.set_cookie(
        name, token, max_age=age, path="/", httponly=True, secure=secure, samesite="None" if secure else "Lax"
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
