"""The question whether this process lives, as a supervisor asks it."""

from collections.abc import AsyncIterator

import pytest
from django.db import OperationalError
from django.test import AsyncClient
from django.urls import path

from chat import runtime
from chat.feed import Pen
from chat.models import Inbox
from chat.runtime import Runtime
from chat.writer import Priority
from chatproxy.health import health
from tests.eventually import eventually

urlpatterns = [path("healthz", health)]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db(transaction=True)]


@pytest.fixture
async def running(inbox: Inbox) -> AsyncIterator[Runtime]:
    yield runtime.current()
    await runtime.stop_current()


def refuse(pen: Pen) -> None:
    raise OperationalError("database or disk is full")


async def test_a_database_that_cannot_be_written_is_ill_until_it_can(
    running: Runtime, async_client: AsyncClient
) -> None:
    assert (await async_client.get("/healthz")).content == b"ok\n"
    with pytest.raises(OperationalError):
        await running.writer.write(refuse, contacts=(), priority=Priority.ACCEPT)
    ill = await async_client.get("/healthz")
    assert (ill.status_code, ill.content) == (503, b"database: nothing can be written, OperationalError\n")
    await running.writer.write(lambda pen: None, contacts=(), priority=Priority.ACCEPT)
    assert (await async_client.get("/healthz")).status_code == 200


async def test_the_runtime_finds_out_by_itself_that_it_can_write_again(inbox: Inbox) -> None:
    running = Runtime(timing=runtime.Timing(watch_s=0.01, check_heads_s=0.01))
    running.start()
    with pytest.raises(OperationalError):
        await running.writer.write(refuse, contacts=(), priority=Priority.ACCEPT)
    await eventually(lambda: not running.writer.broken)
    await running.stop()
