"""What a process and its database say of themselves in numbers: each thing once, when it is committed."""

import asyncio
import uuid
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError

from chat import acceptance, figures, mirror, outbox
from chat.acceptance import Accepted
from chat.audience import Audience
from chat.bridge.subscription import Hold, Subscription
from chat.chatwoot.errors import Ambiguous, Crowded, Throttled
from chat.feed import Pen, Tally
from chat.figures import Outbox
from chat.liveness import Held, Liveness, Timing
from chat.models import Delivery
from chat.reader import Reader
from chat.resync import Resyncs
from chat.runtime import Runtime
from chat.settling import Settling
from chat.settling import Timing as Bounds
from chat.upstreams import Upstreams
from chat.writer import Priority, Writer
from tests.fixtures.fake_hub import CountingChatwoot
from tests.fixtures.people import NOW, Person, told, writing
from tests.fixtures.progress import echoed, incoming, taken
from tests.fixtures.world import Eager

pytestmark = pytest.mark.django_db(transaction=True)


def counted(person: Person, *calls: Any) -> Tally:
    with writing(person) as block:
        for call in calls:
            call(block.pen)
    return block.pen.tally


def accepts(person: Person, echo_id: uuid.UUID) -> Any:
    return lambda pen: acceptance.accept(pen, person.id, echo_id=echo_id, conversation_id=None, text="hello")


def hears(person: Person, message: Any) -> Any:
    return lambda pen: mirror.apply_message(pen, person.scope, message, read_started=None)


# What transactions count


def test_the_same_message_again_is_not_accepted_again(alice: Person) -> None:
    echo_id = uuid.uuid4()
    assert counted(alice, accepts(alice, echo_id), accepts(alice, echo_id)) == {("accepted",): 1}


def test_a_delivery_ends_once_and_what_comes_twice_is_a_duplicate(alice: Person, hello: Accepted) -> None:
    claimed = taken(alice, hello)
    assert counted(alice, hears(alice, incoming(9)), hears(alice, incoming(9))) == {("ended", "message", "sent"): 1}
    again = echoed(10, "hello", of=alice, delivery=claimed, attempt=2)
    assert counted(alice, hears(alice, again)) == {("duplicate", "message"): 1}
    assert counted(alice, hears(alice, again)) == {}


def test_what_its_visitor_removes_is_no_failure(alice: Person, hello: Accepted) -> None:
    Delivery.objects.filter(message=hello.message_id).update(state="unconfirmed")
    removes = partial(acceptance.discard, contact_id=alice.id, message_id=hello.message_id)
    assert counted(alice, removes) == {("ended", "message", "discarded"): 1}


def test_nor_is_an_answer_whose_form_was_deleted(alice: Person, hello: Accepted) -> None:
    names = {"contact_inbox_id": alice.contact_inbox_id, "conversation_id": hello.conversation_id}
    Delivery.objects.create(kind="answer", payload={"message_id": 9}, position=2, created_at=NOW, **names)
    forgets = partial(outbox.forget_answers, conversation_id=hello.conversation_id, to=9)
    assert counted(alice, forgets) == {("ended", "answer", "discarded"): 1}


def test_an_attempt_in_doubt_is_counted_by_its_kind(alice: Person, hello: Accepted) -> None:
    claimed, settling = taken(alice, hello), Settling(Bounds(), Eager())
    lost = Ambiguous("cut")
    assert counted(alice, lambda pen: settling.attempted(pen, claimed, lost, over_in_ms=0)) == {
        ("ambiguous", "message"): 1
    }


def test_what_no_visitor_may_see_is_counted_by_why(alice: Person, hello: Accepted) -> None:
    foreign = told(12, inbox_id=8, source_id=alice.source_id)
    unknown = told(13, conversation=99, inbox_id=7, source_id="somebody else's")
    calls = [hears(alice, each) for each in (told(11, private=True), foreign, unknown)]
    assert counted(alice, *calls) == {
        ("dropped", "private"): 1,
        ("dropped", "another_inbox"): 1,
        ("dropped", "unknown_conversation"): 1,
    }


async def test_what_was_rolled_back_is_not_counted(inbox: Any) -> None:
    writer = Writer(Audience(), clock=lambda: NOW)
    writer.start()

    def fail(pen: Pen) -> None:
        pen.count("accepted")
        raise ValueError("a mistake of ours")

    async def write(run: Any) -> None:
        await writer.write(run, contacts=(), priority=Priority.ACCEPT)

    await asyncio.gather(write(fail), write(lambda pen: pen.count("ended", "seen", "sent")), return_exceptions=True)
    await writer.stop()
    assert writer.tally == {("ended", "seen", "sent"): 1}


# What the database tells


def test_the_age_of_what_waits_counts_from_its_acceptance_and_in_doubt_from_its_attempt(
    alice: Person, hello: Accepted
) -> None:
    now = figures.sql.database_now()
    Delivery.objects.all().delete()
    row = {"contact_inbox_id": alice.contact_inbox_id, "kind": "seen", "lane": "x"}
    for position, (state, age_s) in enumerate([("accepted", 70), ("accepted", 10), ("unsure", 40), ("sent", 900)]):
        at = {"created_at": now - age_s * 1000, "started_at": now - age_s * 1000}
        if state == "unsure":
            at["created_at"] = now - 3_600_000
        Delivery.objects.create(**row, **at, state=state, position=position)
    found = figures.outbox()
    assert {state: each.count for state, each in found.items()} == {
        "accepted": 2,
        "sending": 0,
        "unsure": 1,
        "unconfirmed": 0,
    }
    assert 70 <= found["accepted"].oldest_s < 1_000 and 40 <= found["unsure"].oldest_s < 1_000
    assert found["sending"].oldest_s == 0


async def test_the_database_is_asked_seldom_and_of_one_that_fails_nothing_is_said(inbox: Any) -> None:
    reader, now, asked = Reader(), [0.0], []
    outbox = Outbox(fresh_s=5, now=lambda: now[0], ask=lambda: asked.append(len(asked)) or {})
    for now[0] in (0.0, 4.9, 5.0):
        assert await outbox.read(reader) == {}
    assert len(asked) == 2

    def fail() -> Any:
        raise OperationalError("gone")

    assert await Outbox(ask=fail).read(reader) is None
    await reader.stop()


# What objects count


async def test_an_agents_message_is_missed_if_the_cable_was_live_before_and_long_enough_after(inbox: Any) -> None:
    reader, writer, audience = Reader(), Writer(Audience()), Audience()
    upstreams = Upstreams(reader)
    resyncs = Resyncs(upstreams, writer, reader)
    liveness = Liveness(
        upstreams, writer, reader, audience, resyncs, timing=Timing(echo_s=10), refresh=lambda contact_id: None
    )
    subscription = Subscription(1, "identifier", waiting_since=0, live=True)
    subscription.live_since = asyncio.get_running_loop().time() - 60
    scope = Person(uuid.uuid4(), 1, 1, "source").scope
    liveness.add(Held(scope, None, Hold(subscription, lambda _: None), "token", 0))
    for age_s in (5, 30, 90):  # it may still come; it should have; it was written before
        resyncs.found(scope, age_s)
    assert liveness.status().missed == 1
    subscription.live = False
    resyncs.found(scope, 30)
    assert liveness.status().missed == 1
    await reader.stop()


async def test_what_came_of_requests_is_counted_by_link_and_what_was_not_asked_is_not(inbox: Any) -> None:
    chatwoot = CountingChatwoot()
    runtime = Runtime(open_http=chatwoot.open_http, open_hub=chatwoot.open_hub)
    runtime.start()
    upstream = await runtime.upstreams.of(inbox.pk)
    before = dict(upstream.link.answers)
    for error in (None, Ambiguous("cut"), Throttled(retry_after_s=1), Crowded("all busy")):
        await upstream.link.heard(error)
    (asked,) = figures.of(runtime).chatwoots
    assert {kind: count - before.get(kind, 0) for kind, count in asked.answers.items() if kind != "ok"} == {
        "Ambiguous": 1,
        "Throttled": 1,
    }
    assert (asked.number, asked.is_open) == (upstream.chatwoot_pk, False)  # it is paused
    await runtime.stop()
