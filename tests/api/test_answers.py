"""What an operator reads when a call fails."""

import logging

import pytest
from django.db import OperationalError
from django.http import HttpRequest
from django.test import AsyncClient
from django.urls import path
from ninja import NinjaAPI

from chat.api.answers import add_handlers

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
