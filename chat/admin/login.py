"""Where operators sign in: Django's page, behind the gate."""

from collections.abc import Callable

from asgiref.sync import sync_to_async
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, path

from chat.gate import Gate
from chat.wire.errors import Refusal


def login_url(gate: Callable[[], Gate]) -> URLPattern:
    """To stand before the admin's own addresses, of which it takes the place of one."""

    async def login(request: HttpRequest) -> HttpResponseBase:
        peer = request.META.get("REMOTE_ADDR", "")
        try:
            gate().knock(peer)
            if request.method == "POST":
                gate().log_in(peer)
        except Refusal as refusal:
            return _refused(request, refusal)
        return await sync_to_async(admin.site.login)(request)

    return path("admin/login/", login)


def _refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    response = render(request, "429.html", {"reason": refusal.message, "seconds": refusal.retry_after}, status=429)
    response["Retry-After"] = str(refusal.retry_after)
    response["Cache-Control"] = "no-store"
    return response
