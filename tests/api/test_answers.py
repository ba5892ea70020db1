"""What an operator reads when a call fails."""

import logging
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.http import HttpRequest
from django.test import AsyncClient
from django.urls import path
from ninja import NinjaAPI

from chat.api.answers import add_handlers
from chat.devices import Devices
from chat.sessions import Opened
from tests.api.conftest import Addresses, ApiClient
from tests.fixtures.fake_conversations import FakeConversations
from tests.fixtures.stumbling import FULL

api = NinjaAPI(urls_namespace="answers", docs_url=None)
add_handlers(api)


@api.get("full")
async def full(request: HttpRequest) -> None:
    raise OperationalError("database or disk is full")


@api.get("faulty")
async def faulty(request: HttpRequest) -> None:
    raise LookupError("a fault of ours")


urlpatterns = [path("", api.urls)]
pytestmark = pytest.mark.urls(__name__)


@pytest.mark.parametrize(("name", "status", "has_traceback"), [("full", 503, False), ("faulty", 500, True)])
async def test_a_call_that_fails_is_logged_once(
    async_client: AsyncClient, caplog: pytest.LogCaptureFixture, name: str, status: int, has_traceback: bool
) -> None:
    assert (await async_client.get(f"/{name}")).status_code == status
    (record,) = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert record.getMessage().startswith(f"GET /{name}")
    assert bool(record.exc_info) == has_traceback


class Troubled(FakeConversations):
    """Its database answers so many reads of a session, and none after them."""

    def __init__(self, *, answers: int) -> None:
        super().__init__()
        self.answers = answers

    @property
    def devices(self) -> Devices:
        nobody: Any = self
        return Devices(nobody, nobody, nobody, nobody)

    async def ask(self, read: Any, *args: Any) -> Any:
        self.answers -= 1
        if self.answers < 0:
            raise FULL
        return await sync_to_async(read)(*args)

    def post(self, *_: Any, **__: Any) -> None:
        """Nobody waits for that."""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("answers", [0, 1])
async def test_while_the_database_cannot_be_read_who_calls_is_refused_in_words_and_it_is_not_said_for_each(
    settings: Any, opened: Opened, caplog: pytest.LogCaptureFixture, answers: int
) -> None:
    """The first read tells whose token it is, the last whether they are still here. The reader says why (its tests)."""
    settings.ROOT_URLCONF = Addresses(Troubled(answers=answers))
    client = ApiClient()
    client.token = opened.access_token
    response = await client.call("GET", "conversations")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "unavailable")
    assert caplog.records == []
