"""The JSON API on a feed in memory, and clients of it."""

import json
from typing import Any

import pytest
from django.test import AsyncClient

from chat.api import app
from chat.gate import Gate
from chat.sessions import Opened
from tests.fixtures.fake_conversations import FakeConversations
from tests.fixtures.the_porter import Porter


class Addresses:
    """A root URLconf of the test's own."""

    def __init__(self, feed: FakeConversations, gate: Gate) -> None:
        self.urlpatterns = app.urls(lambda: feed, lambda: gate)


class ApiClient(AsyncClient):
    """Speaks JSON; with a bearer token unless told otherwise."""

    token: str | None = None

    async def call(self, method: str, path: str, body: Any = None, **extra: Any) -> Any:
        headers = dict(extra.pop("headers", {}))
        if self.token:
            headers.setdefault("authorization", f"Bearer {self.token}")
        kind = extra.pop("content_type", "application/json")
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.generic(
            method, f"/api/v1/{path}", b"" if body is None else content, kind, headers=headers, **extra
        )


@pytest.fixture
async def anybody(settings: Any, feed: FakeConversations, porter: Porter, transactional_db: None) -> ApiClient:
    settings.ROOT_URLCONF = Addresses(feed, porter.gate)
    return ApiClient()


@pytest.fixture
async def visitor(anybody: ApiClient, opened: Opened) -> ApiClient:
    anybody.token = opened.access_token
    return anybody
