"""Addresses: the chat's own, the admin, and what supervisors and proxies ask."""

from django.contrib import admin
from django.urls import include, path

from chatproxy.health import health, is_ready, lives

urlpatterns = [
    path("livez", lives),
    path("readyz", is_ready),
    path("healthz", health),
    path("admin/", admin.site.urls),
    path("", include("chat.urls")),
]
