"""Who asks: a bearer token for everything, a cookie for nothing but a new bearer token."""

from collections.abc import Callable
from datetime import timedelta
from http.cookies import Morsel
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja.security.base import AuthBase

from chat import embedding, sessions
from chat.conversations import Conversations
from chat.models import Inbox, Session
from chat.wire.errors import Code, Refusal


class ApiRequest(HttpRequest):
    """What the operations find on their request; set by the guard and by ``Bearer``."""

    auth: Session
    conversations: Callable[[], Conversations]


class Bearer(AuthBase):
    """ninja's own writes what it does not understand to the log."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    async def __call__(self, request: HttpRequest) -> Session:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise sessions.UnknownToken
        return await sessions.acheck_access(token.strip())


def check_origin(request: HttpRequest, inbox: Inbox, *, required: bool = False) -> None:
    """Raise Refusal(foreign_origin) for a page that may not use this inbox. Apps send no Origin."""
    origin = request.headers.get("Origin", "" if required else None)
    if not embedding.is_welcome(
        origin, host=request.get_host(), inbox=inbox.slug, allowed=inbox.allowed_origins, secure=request.is_secure()
    ):
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
