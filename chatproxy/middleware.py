"""Middleware for asynchronous serving: a visitor's request reaches its view without a change of thread.

Django runs the synchronous halves of its own middleware in a thread, twice per request and middleware, and keeps a
thread for as long as a synchronous-only one waits for the view: a long poll would hold it for 25 s.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import Error
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.http.response import HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils.deprecation import MiddlewareMixin
from whitenoise.middleware import WhiteNoiseMiddleware

from chat.logged import logged
from chat.writer import OURS

log = logging.getLogger(__name__)

ADMIN = "/admin/"
HOST_ONLY = "__Host-"
ADMIN_POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'"
Answer = HttpResponseBase | Awaitable[HttpResponseBase]


class OnTheLoop(MiddlewareMixin):
    """For middleware whose two halves only look at headers."""

    async def __acall__(self: Any, request: HttpRequest) -> HttpResponseBase:
        response = self.process_request(request) or await self.get_response(request)
        answer: HttpResponseBase = self.process_response(request, response)
        return answer


class Security(OnTheLoop, SecurityMiddleware):
    pass


class Common(OnTheLoop, CommonMiddleware):
    pass


class Unframed(OnTheLoop):
    """What says nothing of what it loads, loads nothing; of who may frame it, nobody may."""

    def process_request(self, request: HttpRequest) -> None:
        pass

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        policy = response.get("Content-Security-Policy", "") or _policy(request)
        if "frame-ancestors" not in policy:
            response["Content-Security-Policy"] = "; ".join([*filter(None, [policy]), "frame-ancestors 'none'"])
            response.headers.setdefault("X-Frame-Options", "DENY")  # for browsers older than frame-ancestors
        return response


def _policy(request: HttpRequest) -> str:
    if request.path_info.startswith(ADMIN):
        return ADMIN_POLICY
    return (
        "" if settings.DEBUG else "default-src 'none'"
    )  # Django's pages for whoever develops have styles of their own


class OnlyAdmin(MiddlewareMixin):
    """For what the admin alone needs; everything else passes by, in either mode."""

    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info.startswith(ADMIN):
            return super().__call__(request)
        return self.get_response(request)


class AdminCookies(OnlyAdmin, OnTheLoop):
    """Over TLS the admin's cookies have a prefix, with which browsers take them from this very host alone.

    Without TLS browsers would not take such cookies; there they have Django's names.
    """

    def process_request(self, request: HttpRequest) -> None:
        if request.is_secure():
            for name in _own_cookies():
                request.COOKIES.pop(name, None)  # a neighbouring host may have set it
                if kept := request.COOKIES.get(HOST_ONLY + name):
                    request.COOKIES[name] = kept

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if request.is_secure():
            for name in _own_cookies():
                if cookie := response.cookies.pop(name, None):
                    cookie.set(HOST_ONLY + name, cookie.value, cookie.coded_value)
                    cookie["secure"] = True
                    response.cookies[cookie.key] = cookie
        return response


def _own_cookies() -> tuple[str, str]:
    return settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME


class AdminSession(OnlyAdmin, SessionMiddleware):
    pass


class AdminCsrf(OnlyAdmin, CsrfViewMiddleware):
    def process_view(self, request: HttpRequest, *args: Any) -> HttpResponseForbidden | None:
        if request.path_info.startswith(ADMIN):
            return super().process_view(request, *args)
        return None


class AdminAuthentication(OnlyAdmin, AuthenticationMiddleware):
    pass


class AdminMessages(OnlyAdmin, MessageMiddleware):
    pass


class AdminDatabase(OnlyAdmin):
    """Sessions are in the database, too: without it nobody is known, and a page of ours would be Django's bare 500."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        is_ill = isinstance(exception, Error) and not isinstance(exception, OURS)
        if not is_ill or not request.path_info.startswith(ADMIN):
            return None
        log.warning("%s was not shown: %s", request.path_info, exception)
        words = (
            f"The database cannot be used just now ({type(exception).__name__}), and without it nothing is shown here."
        )
        text = f"{words} The log says why; /healthz tells when it is back.\n"
        return logged(HttpResponse(text, status=503, content_type="text/plain", headers={"Retry-After": "10"}))


class AdminXFrameOptions(OnlyAdmin, XFrameOptionsMiddleware):
    pass


class StaticFiles(WhiteNoiseMiddleware):
    """whitenoise, answering at once: its own class is synchronous only."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Answer]) -> None:
        super().__init__(get_response)
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Answer:
        answer: Answer = super().__call__(request)
        return _at_once(answer) if self.is_async and isinstance(answer, HttpResponseBase) else answer

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:
        """The file as bytes: under ASGI Django warns about, and buffers, a file it has to iterate."""
        found = static_file.get_response(request.method, request.META)
        content = b""
        if found.file is not None:
            with found.file as file:
                content = file.read()
        response = HttpResponse(content, status=int(found.status))
        del response["content-type"]
        for name, value in found.headers:
            response[name] = value
        return response


async def _at_once(response: HttpResponseBase) -> HttpResponseBase:
    return response
