import asyncio
import logging
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from chatproxy.asgi import Application, build


class Served:
    """Routes that note what stood when they were called, and a start that can be held up."""

    def __init__(self) -> None:
        self.starts = 0
        self.is_started = asyncio.Event()
        self.seen: list[bool] = []

    async def routes(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.seen.append(self.is_started.is_set())

    async def start(self) -> None:
        self.starts += 1
        await asyncio.sleep(0)
        self.is_started.set()

    async def fail(self) -> None:
        self.starts += 1
        raise ImproperlyConfigured("There is no inbox")

    async def fail_once(self) -> None:
        await (self.start() if self.starts else self.fail())


class Sent(list[dict[str, Any]]):
    async def __call__(self, message: dict[str, Any]) -> None:
        self.append(message)


async def nothing(*_: Any) -> None:
    return None


async def test_the_first_scopes_start_the_runtime_once_and_wait_for_it() -> None:
    served = Served()
    application = Application(served.routes, start=served.start)
    await asyncio.gather(*(application({"type": "http"}, nothing, nothing) for _ in range(3)))
    assert served.starts == 1
    assert served.seen == [True, True, True]


async def test_a_visitor_who_leaves_does_not_stop_the_start() -> None:
    served = Served()
    application = Application(served.routes, start=served.start)
    leaving = asyncio.ensure_future(application({"type": "http"}, nothing, nothing))
    await asyncio.sleep(0)
    leaving.cancel()
    await application({"type": "http"}, nothing, nothing)
    assert served.starts == 1
    assert served.seen == [True]


async def test_a_start_that_failed_says_why_and_serves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    served, page, socket = Served(), Sent(), Sent()
    application = Application(served.routes, start=served.fail, again_after_s=60)
    await application({"type": "http"}, nothing, page)
    await application({"type": "websocket"}, nothing, socket)
    assert (page[0]["status"], socket) == (503, [{"type": "websocket.close", "code": 1012}])
    assert served.starts == 1
    assert served.seen == []
    assert caplog.record_tuples == [("chatproxy.asgi", logging.CRITICAL, "cannot start: There is no inbox")]
    assert caplog.records[0].exc_info is None


async def test_a_start_that_failed_is_tried_again() -> None:
    served, sent = Served(), Sent()
    application = Application(served.routes, start=served.fail_once, again_after_s=0)
    for _ in range(3):
        await application({"type": "http"}, nothing, sent)
    assert served.starts == 2
    assert served.seen == [True, True]
    assert [message["status"] for message in sent if "status" in message] == [503]


def test_the_real_routes_are_put_together_for_both_protocols() -> None:
    assert build().application_mapping.keys() == {"http", "websocket"}
