"""The one gate of every request to a Chatwoot: budget, pause, breaker."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from chat import breaker
from chat.budget import Urgency
from chat.chatwoot.errors import (
    Ambiguous,
    ChatwootError,
    Crowded,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    Refused,
    Throttled,
    Unreachable,
)
from chat.clock import now_ms
from chat.link import Link, is_failure
from chat.models import Chatwoot, upsert_inbox
from chat.reader import Reader
from chat.runtime import Runtime
from chat.upstreams import Unavailable, Upstream, Upstreams
from tests.eventually import eventually
from tests.fixtures.fake_hub import CountingChatwoot


@pytest.fixture
async def reader(transactional_db: None) -> AsyncIterator[Reader]:
    reader = Reader(threads=2)
    yield reader
    await reader.stop()


@pytest.fixture
async def here(reader: Reader) -> AsyncIterator[Upstream]:
    """An inbox, as this process reaches it."""
    async for upstream in reached(reader):
        yield upstream


@pytest.fixture
async def there(reader: Reader, here: Upstream) -> AsyncIterator[Upstream]:
    """The same one, as another process reaches it."""
    async for upstream in reached(reader):
        yield upstream


@pytest.fixture
async def unasked(reader: Reader) -> AsyncIterator[Upstream]:
    """Nobody has asked it for clock and fence yet."""
    async for upstream in reached(reader, opened=lambda link: None):
        yield upstream


async def reached(reader: Reader, *, opened: Callable[[Link], None] = Link.asked) -> AsyncIterator[Upstream]:
    chatwoot = CountingChatwoot()
    upstreams = Upstreams(reader, open_http=chatwoot.open_http, open_hub=chatwoot.open_hub)
    upstreams.opened = opened
    upstreams.listener = Runtime().holding
    inbox = await reader.run(
        upsert_inbox, slug="main", url="https://here.example", cable_url="wss://here.example", inbox_identifier="abc"
    )
    yield await upstreams.of(inbox.pk)
    await upstreams.close()


async def end_with(upstream: Upstream, error: ChatwootError | None) -> None:
    """One request that ends like this."""
    try:
        async with upstream.turn(Urgency.REST):
            if error:
                raise error
    except ChatwootError as raised:
        if raised is not error:
            raise


async def learn(upstream: Upstream, reader: Reader) -> None:
    """Read the row again, as a heartbeat does."""
    row = await reader.run(Chatwoot.objects.get, pk=upstream.chatwoot_pk)
    upstream.link.learn(row, now=upstream.link.paused_until - round(upstream.link.paused_s * 1000))


async def test_who_does_not_answer_is_left_alone(here: Upstream) -> None:
    for _ in range(breaker.FAILURES):
        assert here.available
        await end_with(here, Unreachable("ConnectError"))
    assert not here.available
    with pytest.raises(Unavailable) as raised:
        async with here.turn(Urgency.DELIVERY):
            pytest.fail("a request was made")
    assert 0 < raised.value.after_s <= 5


async def test_an_answer_in_between_begins_the_count_again(here: Upstream) -> None:
    for _ in range(breaker.FAILURES):
        await end_with(here, Unreachable("ConnectError"))
        await end_with(here, Ambiguous("", status=500, finished=True))
    assert here.available


async def test_our_own_crowding_says_nothing_of_chatwoot(here: Upstream) -> None:
    for _ in range(breaker.FAILURES - 1):
        await end_with(here, Unreachable("ConnectError"))
    for _ in range(breaker.FAILURES):
        await end_with(here, Crowded("PoolTimeout"))
    assert here.available
    await end_with(here, Unreachable("ConnectError"))
    assert not here.available
    await here.link.heard(Crowded("PoolTimeout"))
    assert not here.available


@pytest.mark.parametrize(
    ("error", "failed"),
    [
        (None, False),
        (Unreachable("ConnectError"), True),
        (Crowded("PoolTimeout"), False),
        (Unavailable("paused", after_s=1), False),
        (Ambiguous("ReadTimeout"), True),
        (Ambiguous("", status=502), True),
        (Malformed("not JSON", status=200), True),
        (Ambiguous("", status=500, finished=True), False),
        (NotFound("", status=404, finished=True), False),
        (NotFound("", status=404), False),
        (Invalid("Content is too long", permanent=True), False),
        (Forbidden(status=401), False),
        (Refused(status=413), False),
        (Throttled(retry_after_s=1), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_what_neither_rails_nor_a_4xx_answers_is_a_failure(error: ChatwootError | None, failed: bool) -> None:
    assert is_failure(error) is failed


async def test_a_429_pauses_all_processes(here: Upstream, there: Upstream, reader: Reader) -> None:
    await end_with(here, Throttled(retry_after_s=60))
    assert not here.available and 59 < here.link.paused_s <= 60
    assert there.available
    await learn(there, reader)
    assert not there.available and 58 < there.link.paused_s <= 60
    with pytest.raises(Unavailable, match="paused"):
        async with there.turn(Urgency.VISIBLE):
            pytest.fail("a request was made")


async def test_a_shorter_pause_does_not_end_a_longer_one(here: Upstream, there: Upstream, reader: Reader) -> None:
    await end_with(here, Throttled(retry_after_s=60))
    await end_with(there, Throttled(retry_after_s=1))
    await learn(there, reader)
    assert there.link.paused_s > 50


async def test_a_pause_from_before_the_clock_was_put_back_is_none(
    here: Upstream, there: Upstream, reader: Reader
) -> None:
    hour_ms = 3_600_000
    await reader.run(Chatwoot.objects.update, paused_until=now_ms() + hour_ms)
    await learn(there, reader)
    assert there.available
    await end_with(here, Throttled(retry_after_s=60))
    await learn(there, reader)
    assert 50 < there.link.paused_s <= 60


async def test_a_pause_ends(here: Upstream) -> None:
    await end_with(here, Throttled(retry_after_s=0.05))
    await eventually(lambda: here.available)
    await end_with(here, None)


async def test_who_waited_for_the_budget_asks_nothing_of_a_chatwoot_that_was_paused_meanwhile(here: Upstream) -> None:
    here.link.budget.share(1)
    await end_with(here, None)
    waiting = asyncio.ensure_future(end_with(here, None))
    await asyncio.sleep(0)
    await here.link.pause(60)
    with pytest.raises(Unavailable):
        await waiting


async def test_nothing_is_begun_before_clock_and_fence_were_asked_for(unasked: Upstream) -> None:
    ready = asyncio.ensure_future(unasked.ready())
    await asyncio.sleep(0)
    assert not (ready.done() or unasked.available)
    unasked.link.asked()
    assert await ready and unasked.available


async def test_what_was_paused_before_it_was_asked_is_asked_before_anything_is_begun(unasked: Upstream) -> None:
    await unasked.link.pause(0.05)
    unasked.link.asked()
    assert not await unasked.ready()
    await eventually(lambda: not unasked.link.paused_s)
    assert not unasked.available
    unasked.link.asked()
    assert unasked.available


async def test_a_fence_counts_only_with_a_clock(here: Upstream) -> None:
    row = Chatwoot(pk=here.chatwoot_pk, fence=Chatwoot.Fence.FENCED, fence_window_ms=90_000)
    here.link.learn(row, now=0)
    assert here.link.fence_window_ms is None
    base = here.link.clock.base()
    here.link.clock.sample(sent=base, received=base, told_ms=1_000_000)
    assert here.link.fence_window_ms == 90_000
    row.fence = Chatwoot.Fence.UNFENCED
    here.link.learn(row, now=0)
    assert here.link.fence_window_ms is None
