"""Addresses of the chat: pages, the embedding script, the JSON API."""

from django.urls import path

from chat import runtime, views, webhooks
from chat.api import app

urlpatterns = [
    path("", views.start),
    path("demo/", views.demo),
    path("chat/<slug:slug>/", views.chat),
    path("frame/<slug:slug>/", views.frame),
    path("sdk.js", views.sdk),
    path("element.js", views.embedded, {"name": "element"}),
    path("compat.js", views.embedded, {"name": "compat"}),
    path("robots.txt", views.robots),
    path("favicon.ico", views.no_icon),
    *app.urls(lambda: runtime.current().conversations, runtime.gate),
    *webhooks.urls(lambda: runtime.current().hints, runtime.gate),
]
