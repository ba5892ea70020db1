"""What only asking tells about a Chatwoot: its clock, whether its fence holds, whether it is back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from chat import breaker
from chat.chatwoot.errors import Unreachable
from chat.models import Chatwoot, upsert_inbox
from chat.probing import Probing, Timing, _claim
from chat.reader import Reader
from chat.runtime import Runtime
from chat.upstreams import Link, Upstream, Upstreams
from tests.eventually import eventually
from tests.fixtures.fake_hub import CountingChatwoot
from tests.fixtures.sandbox import SandboxProcess
from tests.fixtures.stumbling import LOST, locked
from tests.fixtures.world import quick_http

QUICK = Timing(every_s=0.2, retry_s=0.05, first_s=5, sample_s=0.02)
Reach = Callable[..., Any]


@pytest.fixture
async def reader(transactional_db: None) -> AsyncIterator[Reader]:
    reader = Reader(threads=2)
    yield reader
    await reader.stop()


@pytest.fixture
async def reach(reader: Reader) -> AsyncIterator[Reach]:
    """Reach a Chatwoot as one more process; the probing has begun."""
    made: list[tuple[Upstreams, Probing]] = []

    async def reach(url: str, *, timing: Timing = QUICK, transport: httpx.AsyncBaseTransport | None = None) -> Upstream:
        open_http = partial(quick_http, transport=transport)
        upstreams = Upstreams(reader, open_http=open_http, open_hub=CountingChatwoot().open_hub)
        upstreams.listener = Runtime().holding
        made.append((upstreams, Probing(upstreams, reader, timing=timing)))
        inbox = await reader.run(upsert_inbox, slug="main", url=url, cable_url="ws://c", inbox_identifier="abc")
        return await upstreams.of(inbox.pk)

    yield reach
    for upstreams, probing in made:
        await probing.close()
        await upstreams.close()


async def row(reader: Reader) -> Chatwoot:
    return await reader.run(Chatwoot.objects.get)


def probes(sandbox: SandboxProcess) -> int:
    routes = sandbox.stats()["routes"]
    return sum(count for route, count in routes.items() if route.startswith("POST") and route.endswith("/contacts"))


async def test_before_anything_is_sent_the_fence_is_known(
    reach: Reach, reader: Reader, sandbox: SandboxProcess, logged: Any
) -> None:
    upstream = await reach(sandbox.base_url)
    assert await upstream.ready()
    assert upstream.link.fence_window_ms == 90_000
    assert upstream.link.clock.known
    await eventually(lambda: "refuses requests older than 90 s: deliveries are fenced" in logged.text)
    found = await row(reader)
    assert (found.fence, found.fence_window_ms) == ("fenced", 90_000) and found.fence_checked_at > 0


async def test_a_chatwoot_without_a_fence_is_said_aloud(
    reach: Reach, reader: Reader, sandbox: SandboxProcess, logged: Any
) -> None:
    sandbox.settings(rack_timeout=False)
    upstream = await reach(sandbox.base_url)
    assert await upstream.ready()
    assert upstream.link.fence_window_ms is None
    assert "deliveries are not fenced" in logged.text
    assert (await row(reader)).fence == "unfenced"


class Hiding(httpx.AsyncBaseTransport):
    """A proxy that takes X-Runtime out of every answer."""

    def __init__(self) -> None:
        self._inner = httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        response.headers.pop("X-Runtime", None)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


async def test_a_proxy_that_hides_the_stamp_of_rails_is_said_aloud(
    reach: Reach, reader: Reader, sandbox: SandboxProcess, logged: Any
) -> None:
    upstream = await reach(sandbox.base_url, transport=Hiding())
    assert await upstream.ready()
    assert "X-Runtime is taken out of its answers" in logged.text
    found = await row(reader)
    assert (found.fence, found.hides_runtime) == ("fenced", True)


async def test_one_process_asks_for_the_fence_and_all_know_it(reach: Reach, sandbox: SandboxProcess) -> None:
    upstreams = [await reach(sandbox.base_url) for _ in range(3)]
    for each in upstreams:
        assert await each.ready()
        assert each.link.fence_window_ms == 90_000
    assert probes(sandbox) == 2


async def test_a_verdict_of_today_is_not_asked_for_again(reach: Reach, reader: Reader, sandbox: SandboxProcess) -> None:
    assert await (await reach(sandbox.base_url)).ready()
    sandbox.reset_stats()
    later = await reach(sandbox.base_url)
    assert await later.ready() and later.link.fence_window_ms == 90_000
    assert probes(sandbox) == 0
    await reader.run(Chatwoot.objects.update, fence_checked_at=(await row(reader)).fence_checked_at - QUICK.verdict_ms)
    await eventually(lambda: probes(sandbox) == 2)


async def test_a_verdict_of_a_time_to_come_is_asked_for_again(
    reach: Reach, reader: Reader, sandbox: SandboxProcess
) -> None:
    assert await (await reach(sandbox.base_url)).ready()
    sandbox.reset_stats()
    ahead = (await row(reader)).fence_checked_at + 365 * QUICK.verdict_ms
    await reader.run(Chatwoot.objects.update, fence_checked_at=ahead)  # our clock was put back
    await eventually(lambda: probes(sandbox) == 2)


async def test_a_verdict_that_is_known_waits_for_no_write(
    reach: Reach, reader: Reader, sandbox: SandboxProcess, logged: Any
) -> None:
    assert await (await reach(sandbox.base_url)).ready()
    await eventually(lambda: "is off ours" in logged.text and "deliveries are fenced" in logged.text)
    later = await reach(sandbox.base_url, timing=replace(QUICK, first_s=60))
    with locked():
        await eventually(lambda: later.link.tried.is_set())
        assert later.link.fence_window_ms == 90_000


class Astray(Reader):
    """Fails at first in a way that nobody thought of."""

    failures = 3

    async def run(self, read: Any, *args: Any, **kwargs: Any) -> Any:
        if (read is _claim or "skew_ms" in kwargs) and self.failures:
            self.failures -= 1
            raise RuntimeError("nobody thought of this")
        return await super().run(read, *args, **kwargs)


async def test_what_nobody_thought_of_does_not_end_the_asking(
    transactional_db: None, sandbox: SandboxProcess, logged: Any
) -> None:
    reader = Astray(threads=2)
    upstreams = Upstreams(reader, open_http=quick_http, open_hub=CountingChatwoot().open_hub)
    upstreams.listener = Runtime().holding
    asking = Probing(upstreams, reader, timing=QUICK)
    inbox = await reader.run(upsert_inbox, slug="main", url=sandbox.base_url, cable_url="ws://c", inbox_identifier="a")
    upstream = await upstreams.of(inbox.pk)
    await eventually(lambda: not reader.failures and upstream.link.fence_window_ms == 90_000)
    await give_up(upstream.link)
    await eventually(lambda: upstream.available)
    assert logged.text.count("for clock and fence failed") == 3
    await asking.close()
    await upstreams.close()
    await reader.stop()


class Forgetful(Reader):
    """The database refuses a verdict."""

    async def run(self, read: Any, *args: Any, **kwargs: Any) -> Any:
        if "fence" in kwargs:
            raise LOST
        return await super().run(read, *args, **kwargs)


async def test_a_verdict_is_stored_before_it_is_said(
    transactional_db: None, sandbox: SandboxProcess, logged: Any
) -> None:
    reader = Forgetful(threads=2)
    upstreams = Upstreams(reader, open_hub=CountingChatwoot().open_hub)
    upstreams.listener = Runtime().holding
    probing = Probing(upstreams, reader, timing=QUICK)
    inbox = await reader.run(upsert_inbox, slug="main", url=sandbox.base_url, cable_url="ws://c", inbox_identifier="a")
    assert await (await upstreams.of(inbox.pk)).ready()
    await probing.close()
    await upstreams.close()
    await reader.stop()
    assert -1 < logged.text.index("is not stored") < logged.text.index("deliveries are fenced")


async def test_a_chatwoot_that_is_not_there_holds_nobody_up(reach: Reach, reader: Reader, logged: Any) -> None:
    upstream = await reach("http://127.0.0.1:1")
    await upstream.ready()
    assert upstream.link.fence_window_ms is None
    assert (await row(reader)).fence == "unknown"
    await eventually(lambda: upstream.link.breaker.open)
    assert logged.text.count("does not tell its time") == 1


async def test_a_chatwoot_that_hangs_holds_deliveries_up_only_so_long(
    reach: Reach, sandbox: SandboxProcess, logged: Any
) -> None:
    with sandbox.faults.on("delay", seconds=2, method="GET", path="/api"):
        upstream: Upstream = await reach(sandbox.base_url, timing=replace(QUICK, first_s=0.2))
        assert await upstream.ready()
        assert not upstream.link.clock.known
        assert "unfenced until then" in logged.text


async def test_who_is_back_is_asked_again(
    reach: Reach, start_sandbox: Callable[..., SandboxProcess], tmp_path: Path
) -> None:
    sandbox = start_sandbox()
    upstream = await reach(sandbox.base_url)
    assert await upstream.ready()
    port = int(sandbox.base_url.rpartition(":")[2])
    sandbox.stop()
    await give_up(upstream.link)
    assert not upstream.available
    start_sandbox(port=port)
    await eventually(lambda: upstream.available)


async def give_up(link: Link) -> None:
    for _ in range(breaker.FAILURES):
        await link.heard(Unreachable("ConnectError"))


async def test_the_skew_is_stored_and_said(reach: Reach, reader: Reader, sandbox: SandboxProcess, logged: Any) -> None:
    upstream = await reach(sandbox.base_url)
    assert await upstream.ready()
    await eventually(lambda: upstream.link.clock.error_ms < 450)
    assert abs(upstream.link.clock.skew_ms()) < 1_000
    assert "off ours by" in logged.text
    assert 0 < (await row(reader)).skew_error_ms <= 1_000


class Unready(httpx.AsyncBaseTransport):
    """Says 429 the first time, or hangs up, then answers."""

    def __init__(self, *, hangs_up: bool = False) -> None:
        self._inner = httpx.AsyncHTTPTransport(trust_env=False)
        self._hangs_up = hangs_up
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if len(self.asked) > 1:
            return await self._inner.handle_async_request(request)
        if self._hangs_up:
            raise httpx.ReadError("it is just starting")
        return httpx.Response(429, headers={"Retry-After": "1"}, text="Retry later")

    async def aclose(self) -> None:
        await self._inner.aclose()


async def test_429_leaves_the_clock_alone_too_until_the_pause_is_over(reach: Reach, sandbox: SandboxProcess) -> None:
    busy = Unready()
    upstream = await reach(sandbox.base_url, timing=replace(QUICK, every_s=60, retry_s=0.3), transport=busy)
    await upstream.ready()
    assert upstream.link.paused_s > 0
    while upstream.link.paused_s:
        assert busy.asked == ["/api"]
        await asyncio.sleep(0.01)
    await eventually(lambda: upstream.available)
    assert upstream.link.fence_window_ms == 90_000, "asked before anything is sent"


async def test_a_chatwoot_that_is_just_starting_gets_no_delivery_before_its_clock_is_known(
    reach: Reach, sandbox: SandboxProcess
) -> None:
    upstream = await reach(sandbox.base_url, timing=replace(QUICK, every_s=60), transport=Unready(hangs_up=True))
    assert await upstream.ready()
    assert upstream.link.fence_window_ms == 90_000


class Silent(httpx.AsyncBaseTransport):
    """Nobody is at any address; ``asked``: where somebody was looked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.host)
        raise httpx.ConnectError("nobody is there")


async def test_a_former_address_is_asked_no_more(reader: Reader) -> None:
    silent = Silent()
    open_http = partial(quick_http, transport=silent)
    upstreams = Upstreams(reader, open_http=open_http, open_hub=CountingChatwoot().open_hub)
    upstreams.listener = Runtime().holding
    probing = Probing(upstreams, reader, timing=QUICK)
    names = {"slug": "main", "cable_url": "ws://c", "inbox_identifier": "abc"}
    await upstreams.of((await reader.run(upsert_inbox, url="http://former.example", **names)).pk)
    await eventually(lambda: silent.asked.count("former.example") > breaker.FAILURES)
    await reader.run(upsert_inbox, url="http://later.example", **names)
    for _ in range(2):
        await upstreams.renew()
    silent.asked.clear()
    await eventually(lambda: silent.asked.count("later.example") > breaker.FAILURES)
    assert "former.example" not in silent.asked
    await probing.close()
    await upstreams.close()
