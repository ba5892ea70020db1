"""Addresses: the chat's own, the admin, and the question whether this process lives."""

from django.contrib import admin
from django.urls import include, path

from chatproxy.health import health

urlpatterns = [
    path("healthz", health),
    path("admin/", admin.site.urls),
    path("", include("chat.urls")),
]
