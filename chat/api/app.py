"""The JSON API under /api/v1, described at /api/v1/openapi.json (OpenAPI) and /api/v1/docs (a page)."""

from collections.abc import Callable
from functools import cache

from django.urls import URLPattern, URLResolver, include, path
from ninja import NinjaAPI

from chat.api import annotations, articles, attachments, avatars, cards, contact, inbox, overview, session, uploads
from chat.api import conversations as conversation_calls
from chat.api.answers import add_handlers
from chat.api.cors import across_origins
from chat.api.description import asyncapi
from chat.api.docs import Described
from chat.api.guard import View, guarded, not_found
from chat.conversations import Conversations
from chat.gate import Gate, unlimited

api = NinjaAPI(title="chatproxy", version="1", urls_namespace="api-v1", docs_url=None)
api.add_router("/session", session.router)
api.add_router("/contact", contact.router)
api.add_router("/inbox", inbox.router)
api.add_router("/inbox", articles.router)
api.add_router("/uploads", uploads.router)
api.add_router("/attachments", attachments.router)
api.add_router("/avatars", avatars.router)
api.add_router("/cards", cards.router)
api.add_router("", conversation_calls.router)
api.add_router("", overview.router)
api.add_router("", annotations.router)
add_handlers(api)
_patterns, _app_name, _namespace = api.urls
_described = Described(api)
# In place of ninja's own views: not coroutines, and one of them answers with a page of Django's.
_INSTEAD: dict[str | None, View] = {"openapi-json": _described.as_json, "api-root": not_found}


def urls(
    conversations: Callable[[], Conversations], gate: Callable[[], Gate] | None = None
) -> list[URLPattern | URLResolver]:
    """Addresses of the API upon these use cases, behind this gate; without one everybody comes in."""
    gate = gate or cache(unlimited)
    patterns = [_pattern(each, conversations, gate) for each in _patterns if isinstance(each, URLPattern)]
    return [
        path("api/v1/", include((patterns, _app_name), namespace=_namespace)),
        path("api/v1/asyncapi.json", asyncapi),
        path("api/v1/docs", _described.as_page),
        path("api/v1/<path:rest>", not_found),
    ]


def _pattern(ninjas: URLPattern, conversations: Callable[[], Conversations], gate: Callable[[], Gate]) -> URLPattern:
    view = _INSTEAD.get(ninjas.name)
    if view is None:
        view = guarded(ninjas.callback, conversations, gate, takes_files=ninjas.name == "upload")
        view = across_origins(view, gate)
    return URLPattern(ninjas.pattern, view, ninjas.default_args, ninjas.name)
