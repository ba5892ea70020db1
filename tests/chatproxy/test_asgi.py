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
    served = Served()
    application = Application(served.routes, start=served.fail)
    for _ in range(2):
        with pytest.raises(ImproperlyConfigured):
            await application({"type": "http"}, nothing, nothing)
    assert served.starts == 1
    assert served.seen == []
    assert ("chatproxy.asgi", logging.CRITICAL, "cannot start: There is no inbox") in caplog.record_tuples


def test_the_real_routes_are_put_together_for_both_protocols() -> None:
    assert build().application_mapping.keys() == {"http", "websocket"}
