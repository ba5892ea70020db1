"""The fence's probe, against the stand-in and against servers with other settings of rack-timeout."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from chat.chatwoot.answers import ask_nothing
from chat.chatwoot.errors import Ambiguous, ChatwootError, NotFound, Throttled, Unreachable
from chat.chatwoot.fence import STEP_S, Reading, header, probe
from chat.chatwoot.status import chatwoot_status
from chat.chatwoot.transport import open_http
from chat.chatwoot.upstream_clock import UpstreamClock
from tests.fixtures.sandbox import SandboxProcess

NOW = 1_795_356_290_123
NOBODY = "/public/api/v1/inboxes/nobody/contacts"
Handler = Callable[[httpx.Request], httpx.Response]


def puma(status: int = 500) -> httpx.Response:
    return httpx.Response(status, text="An unhandled lowlevel error occurred.")


def rails(status: int) -> httpx.Response:
    return httpx.Response(status, json={"status": status}, headers={"X-Runtime": "0.001"})


def age_ms(request: httpx.Request) -> int:
    return NOW - int(request.headers["x-request-start"].removeprefix("t="))


def with_window(window_ms: int) -> Handler:
    return lambda request: puma() if age_ms(request) > window_ms else rails(404)


async def probed(handler: Handler, clock: UpstreamClock | None = None):
    async with open_http("http://chatwoot.test", transport=httpx.MockTransport(handler)) as http:
        return await probe(http, clock or UpstreamClock(wall=lambda: NOW))


@pytest.fixture
async def http(sandbox: SandboxProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with open_http(sandbox.base_url) as http:
        yield http


def test_the_header_is_set_back_by_the_window():
    assert header(1_795_356_310_123, 90_000) == {"X-Request-Start": "t=1795356220123"}


async def test_the_stand_in_is_fenced(http: httpx.AsyncClient):
    found = await probe(http, UpstreamClock())
    assert (found.verdict, found.window_ms) == ("fenced", 90_000)
    assert found.readings == (Reading(89, False), Reading(91, True))


async def test_without_rack_timeout_there_is_no_fence(http: httpx.AsyncClient, sandbox: SandboxProcess):
    sandbox.settings(rack_timeout=False)
    found = await probe(http, UpstreamClock())
    assert (found.verdict, found.window_ms) == ("unfenced", 0)


@pytest.mark.parametrize("skew_s", [3600, -3600])
async def test_ages_count_by_chatwoots_clock(http: httpx.AsyncClient, sandbox: SandboxProcess, skew_s: int):
    sandbox.settings(skew_s=skew_s)
    clock = UpstreamClock()
    for _ in range(3):
        await chatwoot_status(http, clock)
    assert abs(clock.skew_ms() - skew_s * 1000) <= clock.error_ms + 1
    found = await probe(http, clock)
    assert (found.verdict, found.window_ms) == ("fenced", 90_000)


async def test_an_expired_request_is_answered_by_puma(http: httpx.AsyncClient):
    now = UpstreamClock().now()
    answer = await http.post(NOBODY, json={"name": "x"}, headers=header(now - 1000, 90_000))
    assert answer.status_code == 500
    assert answer.text.startswith("An unhandled lowlevel error occurred.")
    assert not {"content-type", "x-runtime"} & answer.headers.keys()


async def test_a_request_runs_only_before_its_fence(http: httpx.AsyncClient):
    now = UpstreamClock().now()
    with pytest.raises(NotFound):
        await ask_nothing(http, "POST", NOBODY, json={"name": "x"}, headers=header(now + 20_000, 90_000))
    with pytest.raises(Ambiguous) as refused:
        await ask_nothing(http, "POST", NOBODY, json={"name": "x"}, headers=header(now - 1000, 90_000))
    assert (refused.value.status, refused.value.finished) == (500, False)


@pytest.mark.parametrize("window_ms", [11_000, 30_500, 60_000, 88_000, 92_000, 120_000, 199_000])
async def test_another_window_is_found_to_two_seconds_and_never_too_short(window_ms: int):
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return with_window(window_ms)(request)

    found = await probed(handler)
    assert found.verdict == "fenced"
    assert window_ms <= found.window_ms <= window_ms + STEP_S * 1000
    assert len(asked) == len(found.readings) <= 12
    assert all(request.method == "POST" and request.content for request in asked)
    assert len({request.url for request in asked}) == len(asked)


@pytest.mark.parametrize("hides", [False, True])
async def test_who_hides_the_stamp_of_rails_is_found_out(hides: bool):
    def handler(request: httpx.Request) -> httpx.Response:
        stamp = {} if hides else {"X-Runtime": "0.001"}
        answer = httpx.Response(404, json={"status": 404, "error": "Not Found"}, headers=stamp)
        return puma() if age_ms(request) > 90_000 else answer

    found = await probed(handler)
    assert (found.verdict, found.window_ms, found.hides_runtime) == ("fenced", 90_000, hides)


async def test_a_window_beyond_all_use_is_none():
    assert (await probed(with_window(300_000))).verdict == "unfenced"


@pytest.mark.parametrize(
    "answer",
    [puma(), rails(500), puma(502), httpx.Response(200), httpx.Response(302), httpx.Response(404, text="not found")],
    ids=["all refused", "broken", "bad gateway", "yes", "elsewhere", "a proxy's page"],
)
async def test_what_is_no_answer_to_the_question_is_no_verdict(answer: httpx.Response):
    with pytest.raises(ChatwootError):
        await probed(lambda request: answer)


async def test_a_deadline_met_while_running_is_no_verdict():
    with pytest.raises(Ambiguous):
        await probed(lambda request: rails(500) if age_ms(request) > 88_000 else rails(404))


async def test_what_is_refused_after_a_long_wait_is_no_verdict():
    """It stood in Chatwoot's queue, and was older than it said when it was judged."""
    base = [0]

    def slow(request: httpx.Request) -> httpx.Response:
        base[0] += 8_000
        return puma() if age_ms(request) + 8_000 > 90_000 else rails(404)

    with pytest.raises(Ambiguous, match="too slow"):
        await probed(slow, UpstreamClock(base=lambda: base[0], wall=lambda: NOW))


async def test_ages_that_contradict_each_other_are_no_verdict():
    with pytest.raises(Ambiguous, match="something else"):
        await probed(lambda request: puma() if age_ms(request) < 90_000 else rails(404))


async def test_no_chatwoot_is_no_verdict():
    def gone(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(Unreachable):
        await probed(gone)
    with pytest.raises(Throttled):
        await probed(lambda request: httpx.Response(429))
