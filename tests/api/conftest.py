"""The JSON API on a feed in memory or on the real use cases, and clients of it."""

import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.test import AsyncClient

from chat.api import app
from chat.conversations import Conversations
from chat.gate import Gate
from chat.models import Inbox
from chat.runtime import Runtime
from chat.sessions import Opened
from tests.fixtures.fake_conversations import FakeConversations
from tests.fixtures.the_porter import Porter
from tests.fixtures.world import World


class Addresses:
    """A root URLconf of the test's own."""

    def __init__(self, feed: FakeConversations | Conversations, gate: Gate | None = None) -> None:
        self.urlpatterns = app.urls(lambda: feed, (lambda: gate) if gate else None)


class ApiClient(AsyncClient):
    """Speaks JSON; with a bearer token unless told otherwise."""

    token: str | None = None
    contact_id: uuid.UUID

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


@pytest.fixture
async def runtime(world: World, settings: Any) -> Runtime:
    """The real use cases upon a sandbox, at the addresses of the API."""
    started = await world.start()
    settings.ROOT_URLCONF = Addresses(started.conversations)
    return started


@pytest.fixture
async def newcomer(world: World, runtime: Runtime) -> Callable[[], Awaitable[ApiClient]]:
    """Makes visitors with a session, whom Chatwoot does not know yet."""

    async def make() -> ApiClient:
        inbox = await world.ask(Inbox.objects.get, pk=world.inbox_id)
        opened = await runtime.conversations.devices.open(inbox, kind="app")
        client = ApiClient()
        client.token, client.contact_id = opened.access_token, opened.session.contact_id
        return client

    return make


@pytest.fixture
async def alice(newcomer: Callable[[], Awaitable[ApiClient]]) -> ApiClient:
    return await newcomer()


@pytest.fixture
async def bob(newcomer: Callable[[], Awaitable[ApiClient]]) -> ApiClient:
    return await newcomer()
