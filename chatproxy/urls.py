"""Addresses: the chat's own, the admin, and what supervisors, proxies and Prometheus ask."""

from django.contrib import admin
from django.urls import include, path

from chat import runtime
from chat.admin.login import login_url
from chat.admin.status import status_url
from chatproxy.health import health, is_ready, lives
from chatproxy.metrics import metrics

handler404 = "chat.views.missing"

urlpatterns = [
    path("livez", lives),
    path("readyz", is_ready),
    path("healthz", health),
    path("metrics", metrics),
    login_url(runtime.gate),
    status_url(),
    path("admin/", admin.site.urls),
    path("", include("chat.urls")),
]
