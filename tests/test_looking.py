"""A conversation whose creation was in doubt is found again by elimination; and when a look proves something."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chat import lanes, sql
from chat.chatwoot.resources import MessageType
from chat.chatwoot.upstream_clock import UpstreamClock
from chat.clock import now_ms
from chat.files import Upload
from chat.looking import Looking, ours_among
from chat.models import Conversation, Delivery
from chat.settling import Look, ReadBack, Timing
from chat.writer import Priority
from tests.fixtures.people import CHATWOOT_INBOX, conversation, told
from tests.fixtures.world import World

HOUR = 3_600_000


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


async def look(
    world: World, clock: UpstreamClock, *, begun_ms_ago: int, fence_ms: int | None, **values: Any
) -> tuple[bool, int]:
    """Whether an attempt was over when this look began, and in how many ms it is. ``fence_ms``: ahead of our clock."""
    runtime, alice = await world.start(), await world.person()
    await world.talk(runtime, alice)
    await runtime.courier.close()
    said = await alice.say(runtime, "keep me")
    await world.ask(lambda: Conversation.objects.update(confirmed_at=0))
    delivery = await world.ask(Delivery.objects.get, message=said.message_id)
    now = await world.ask(sql.database_now)
    found = await world.ask(lanes.to_confirm, delivery.id, now)
    assert found is not None
    claim = replace(found, started_at=now - begun_ms_ago, fence_at=0 if fence_ms is None else now + fence_ms, **values)
    upstream = await runtime.upstreams.of(alice.inbox_id)
    upstream.link.clock = clock
    write = partial(runtime.writer.write, contacts=(alice.contact_id,), priority=Priority.ATTEMPT)
    looking = Looking(claim, upstream, runtime.reader, write, timing=Timing())
    seen = await looking.run()
    assert isinstance(seen, Look | ReadBack)
    return seen.over, looking.over_in_ms


BEGUN = pytest.mark.parametrize(("begun_ms_ago", "over"), [(0, False), (90_000, False), (126_000, True)])


@BEGUN
@pytest.mark.parametrize("fence_ms", [-HOUR, HOUR], ids=["clock behind", "clock ahead"])
async def test_without_chatwoots_clock_an_attempt_is_over_when_an_unfenced_one_would_be(
    world: World, begun_ms_ago: int, over: bool, fence_ms: int
) -> None:
    """Its fence was told in a time that we cannot read."""
    was_over, over_in_ms = await look(world, Unknown(), begun_ms_ago=begun_ms_ago, fence_ms=fence_ms)
    assert (was_over, over_in_ms <= 0) == (over, over)


@BEGUN
@pytest.mark.parametrize("skew_ms", [-HOUR, 0, HOUR])
async def test_an_unfenced_attempt_is_over_in_its_time_whatever_chatwoots_clock_says(
    world: World, begun_ms_ago: int, over: bool, skew_ms: int
) -> None:
    """It was not known yet when the attempt began, or was set since."""
    clock = UpstreamClock()
    clock.sample(sent=clock.base(), received=clock.base(), told_ms=now_ms() + skew_ms, whole_ms=1)
    was_over, over_in_ms = await look(world, clock, begun_ms_ago=begun_ms_ago, fence_ms=None)
    assert (was_over, over_in_ms <= 0) == (over, over)


@BEGUN
async def test_where_nothing_can_be_asked_for_an_attempt_is_over_in_its_time_too(
    world: World, begun_ms_ago: int, over: bool
) -> None:
    """Chatwoot has stored the message, but names no address for its file."""
    nameless = Upload(Path("gone"), "a.txt", "text/plain", 3, "")
    doubt = {"found": True, "files": (nameless,), "begun_ms_ago": begun_ms_ago, "fence_ms": None}
    was_over, _ = await look(world, Unknown(), **doubt)
    assert was_over is over
