from typing import Any

import httpx
import pytest

from chat.chatwoot.errors import Ambiguous, Malformed
from chat.chatwoot.status import ChatwootStatus, chatwoot_status
from chat.chatwoot.transport import open_http
from chat.chatwoot.upstream_clock import UpstreamClock
from tests.fixtures.sandbox import SandboxProcess

SAID = {"version": "4.10.0", "timestamp": "2026-11-22 14:04:50", "queue_services": "ok", "data_services": "ok"}


async def asked(body: Any, clock: UpstreamClock, status: int = 200) -> ChatwootStatus:
    transport = httpx.MockTransport(lambda request: httpx.Response(status, json=body))
    async with open_http("http://chatwoot.test", transport=transport) as http:
        return await chatwoot_status(http, clock)


async def test_the_stand_in_tells_its_version_and_its_time(sandbox: SandboxProcess):
    clock = UpstreamClock(wall=lambda: 0)
    async with open_http(sandbox.base_url) as http:
        status = await chatwoot_status(http, clock)
    assert (status.version, status.queue_ok, status.data_ok) == ("4.10.0", True, True)
    assert abs(clock.now() - UpstreamClock().now()) <= clock.error_ms + 1
    assert clock.jumps == 0


async def test_a_jump_of_its_clock_is_noticed_with_the_next_answer(sandbox: SandboxProcess):
    clock = UpstreamClock()
    async with open_http(sandbox.base_url) as http:
        await chatwoot_status(http, clock)
        sandbox.settings(skew_s=8)
        await chatwoot_status(http, clock)
    assert clock.jumps == 1
    assert abs(clock.skew_ms() - 8000) <= clock.error_ms + 1


async def test_its_time_is_utc_and_cut_to_the_second():
    clock = UpstreamClock(base=lambda: 1000)
    await asked(SAID, clock)
    assert (clock.now(), clock.error_ms) == (1_795_356_290_500, 500)


async def test_what_is_failing_is_told():
    status = await asked(SAID | {"queue_services": "failing"}, UpstreamClock())
    assert (status.queue_ok, status.data_ok) == (False, True)
    assert not (await asked(SAID | {"data_services": "failing"}, UpstreamClock())).data_ok


@pytest.mark.parametrize("timestamp", [None, 5, "", "yesterday", "2026-11-22T14:04:50Z", "2026-13-01 00:00:00"])
async def test_an_answer_without_a_time_teaches_nothing(timestamp: object):
    clock = UpstreamClock()
    with pytest.raises(Malformed):
        await asked(SAID | {"timestamp": timestamp}, clock)
    assert not clock.known


async def test_no_answer_teaches_nothing():
    clock = UpstreamClock()
    with pytest.raises(Ambiguous):
        await asked(SAID, clock, status=502)
    assert not clock.known
