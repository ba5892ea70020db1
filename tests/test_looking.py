"""A conversation whose creation was in doubt is found again by elimination; and when a look proves something."""

import uuid
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import transaction

from chat import lanes, sql
from chat.chatwoot.resources import MessageType
from chat.chatwoot.upstream_clock import UpstreamClock
from chat.claim import Claim
from chat.clock import now_ms
from chat.files import Upload
from chat.looking import Looking, ours_among
from chat.models import Conversation, Delivery, Message
from chat.settling import Look, ReadBack, Timing
from chat.writer import Priority
from tests.eventually import eventually
from tests.fixtures.people import CHATWOOT_INBOX, NOW, conversation, told
from tests.fixtures.world import World

HOUR = 3_600_000
MARGIN_MS = Timing().margin_ms


def test_an_empty_one_is_ours_rather_than_one_that_an_agent_began():
    begun_by_agent = conversation(8, messages=(told(80),))
    ours = conversation(7, messages=())
    assert ours_among((begun_by_agent, ours), known=set(), inbox_id=CHATWOOT_INBOX) is ours


def test_our_own_greeting_does_not_hide_it():
    greeted = conversation(7, messages=(told(70, message_type=MessageType.TEMPLATE),))
    assert ours_among((greeted,), known=set(), inbox_id=CHATWOOT_INBOX) is greeted


def test_known_ones_those_of_other_inboxes_and_those_with_a_visitors_words_are_not_ours():
    written_in = conversation(9, messages=(told(90, message_type=MessageType.INCOMING),))
    elsewhere = conversation(6, inbox_id=CHATWOOT_INBOX + 1)
    listed = (conversation(5), elsewhere, written_in)
    assert ours_among(listed, known={5}, inbox_id=CHATWOOT_INBOX) is None


class Unknown(UpstreamClock):
    def sample(self, **options: int) -> None:
        """Chatwoot tells no time."""


async def doubt(
    world: World,
    clock: UpstreamClock,
    *,
    begun_ms_ago: int = 0,
    replies: int = 0,
    transport: httpx.AsyncBaseTransport | None = None,
    **values: Any,
) -> Looking:
    """A look for a message that never left, after so many replies; unfenced unless ``values`` say so."""
    runtime, alice = await world.start(transport=transport), await world.person()
    device, talk = await world.talk(runtime, alice)
    for number in range(replies):
        world.sandbox.desk.reply(talk, f"reply {number}")
    await eventually(lambda: len(device.messages) == 1 + replies)
    await runtime.courier.close()
    said = await alice.say(runtime, "keep me")
    now = await world.ask(sql.database_now)
    found = await world.ask(_unconfirmed, said.message_id, now)
    claim = replace(found, **{"started_at": now - begun_ms_ago, "fence_at": 0} | values)
    upstream = await runtime.upstreams.of(alice.inbox_id)
    upstream.link.clock = clock
    write = partial(runtime.writer.write, contacts=(alice.contact_id,), priority=Priority.ATTEMPT)
    return Looking(claim, upstream, runtime.reader, write, timing=Timing())


def _unconfirmed(message_id: uuid.UUID, now: int) -> Claim:
    with transaction.atomic():  # a comparison under way would confirm the conversation again
        Conversation.objects.update(confirmed_at=0)
        found = lanes.to_confirm(Delivery.objects.get(message=message_id).id, now)
    assert found is not None
    return found


async def was_over(looking: Looking) -> bool:
    """Whether its attempt was over when this look began."""
    seen = await looking.run()
    assert isinstance(seen, Look | ReadBack)
    return seen.over


BEGUN = pytest.mark.parametrize(("begun_ms_ago", "over"), [(0, False), (90_000, False), (126_000, True)])


@BEGUN
@pytest.mark.parametrize("fence_ms", [-HOUR, HOUR], ids=["clock behind", "clock ahead"])
async def test_without_chatwoots_clock_an_attempt_is_over_when_an_unfenced_one_would_be(
    world: World, begun_ms_ago: int, over: bool, fence_ms: int
) -> None:
    """Its fence was told in a time that we cannot read."""
    looking = await doubt(world, Unknown(), begun_ms_ago=begun_ms_ago, fence_at=now_ms() + fence_ms)
    assert await was_over(looking) is over
    assert (looking.over_in_ms <= 0) is over


@BEGUN
@pytest.mark.parametrize("skew_ms", [-HOUR, 0, HOUR])
async def test_an_unfenced_attempt_is_over_in_its_time_whatever_chatwoots_clock_says(
    world: World, begun_ms_ago: int, over: bool, skew_ms: int
) -> None:
    """It was not known yet when the attempt began, or was set since."""
    clock = UpstreamClock()
    clock.sample(sent=clock.base(), received=clock.base(), told_ms=now_ms() + skew_ms, whole_ms=1)
    looking = await doubt(world, clock, begun_ms_ago=begun_ms_ago)
    assert await was_over(looking) is over
    assert (looking.over_in_ms <= 0) is over


@BEGUN
async def test_where_nothing_can_be_asked_for_an_attempt_is_over_in_its_time_too(
    world: World, begun_ms_ago: int, over: bool
) -> None:
    """Chatwoot has stored the message, but names no address for its file."""
    nameless = Upload(Path("gone"), "a.txt", "text/plain", 3, "")
    looking = await doubt(world, Unknown(), begun_ms_ago=begun_ms_ago, found=True, files=(nameless,))
    assert await was_over(looking) is over


class Standing(UpstreamClock):
    """Tells ``NOW``, to ``whole_ms``, until somebody moves ``at``."""

    def __init__(self, *, whole_ms: int = 1) -> None:
        self.at = 0
        super().__init__(base=lambda: self.at, wall=lambda: NOW)
        super().sample(sent=0, received=0, told_ms=NOW, whole_ms=whole_ms)

    def sample(self, **options: int) -> None:
        """Nothing more is told."""


class Slow(httpx.AsyncBaseTransport):
    """By this clock each list takes that long."""

    def __init__(self, clock: Standing, *, takes_ms: int) -> None:
        self._clock, self._takes_ms = clock, takes_ms
        self._inner = httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        self._clock.at += self._takes_ms * (request.method == "GET" and request.url.path.endswith("/messages"))
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


@pytest.mark.parametrize(("left_ms", "over"), [(0, True), (1, False), (1_000, False)])
async def test_what_counts_is_when_a_look_began_not_when_it_was_answered(
    world: World, left_ms: int, over: bool
) -> None:
    clock = Standing()
    late_ms = MARGIN_MS + clock.error_ms - left_ms
    slow = Slow(clock, takes_ms=2_000)
    looking = await doubt(world, clock, transport=slow, fence_at=clock.now() - late_ms)
    assert await was_over(looking) is over
    assert looking.over_in_ms <= 0


@pytest.mark.parametrize(("late_ms", "over"), [(0, False), (498, False), (500, True)])
async def test_how_wrong_chatwoots_clock_may_be_is_waited_for_too(world: World, late_ms: int, over: bool) -> None:
    clock = Standing(whole_ms=1_000)
    looking = await doubt(world, clock, fence_at=clock.now() - MARGIN_MS - late_ms)
    assert await was_over(looking) is over


async def test_a_look_goes_back_to_its_baseline_page_by_page(world: World) -> None:
    looking = await doubt(world, Unknown(), replies=45)
    replies = Message.objects.filter(direction="outgoing").order_by("chatwoot_id")
    forgotten = await world.ask(lambda: list(replies.values_list("chatwoot_id", flat=True)[:3]))
    await world.ask(lambda: Message.objects.filter(chatwoot_id__in=forgotten).delete())
    await looking.run()
    assert await world.ask(lambda: Message.objects.filter(chatwoot_id__in=forgotten).count()) == 3
