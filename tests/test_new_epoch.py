"""After a restore: cursors of the time after the backup are of another history than ours."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import QuerySet

from chat import feed
from chat.feed import Cursor
from chat.models import Contact, Conversation, Delivery, Message
from chat.sql import database_now
from tests.eventually import eventually
from tests.fixtures.people import Person, hear, say, told
from tests.fixtures.world import World

State = Delivery.State


def cursor_of(person: Person) -> Cursor:
    page = feed.read(person.id, None)
    assert page is not None
    return page.cursor


def run() -> str:
    said = StringIO()
    call_command("new_epoch", stdout=said)
    return said.getvalue()


@pytest.mark.django_db
def test_every_contact_gets_a_new_epoch(alice: Person, bob: Person):
    before = [cursor_of(each) for each in (alice, bob)]
    assert run().startswith("2 contacts have a new epoch: their devices start again within seconds.\n")
    (epoch,) = set(Contact.objects.values_list("epoch", flat=True))
    for person, cursor in zip((alice, bob), before, strict=True):
        page = feed.read(person.id, cursor)
        assert page is not None
        assert (page.reset, page.cursor) == ("epoch", Cursor(epoch, cursor.seq))
        assert cursor.epoch != epoch


@pytest.mark.django_db
def test_what_was_on_its_way_may_have_arrived_since(alice: Person, bob: Person):
    """It is looked for among whatever came after the newest message that the backup knows."""
    hello = say(alice, "hello")
    Conversation.objects.update(chatwoot_id=1)
    hear(alice, told(5))
    run()
    lane = Delivery.objects.exclude(kind=Delivery.Kind.CONTACT)
    assert {(row.state, row.attempt, row.baseline_id, row.marked) for row in lane} == {(State.UNSURE, 1, 5, False)}
    now = database_now()
    assert all(row.fence_at == 0 and now - 60_000 < row.started_at <= now for row in lane)  # as if unfenced, from now
    assert Message.objects.get(id=hello.message_id).state == State.UNSURE
    assert Delivery.objects.get(kind=Delivery.Kind.CONTACT).state == State.ACCEPTED  # asked for again, it is the same


@pytest.mark.django_db
def test_what_had_been_tried_keeps_its_baseline_and_what_was_over_stays(alice: Person):
    for text in ("tried", "sent", "failed", "unconfirmed"):
        delivery = Delivery.objects.filter(message=say(alice, text).message_id)
        delivery.update(attempt=3, baseline_id=2, state=text if text != "tried" else State.ACCEPTED)
    hear(alice, told(5))
    run()
    messages = Delivery.objects.filter(kind=Delivery.Kind.MESSAGE).order_by("position")
    found = list(messages.values_list("state", "attempt", "baseline_id"))
    assert found == [(state, 3, 2) for state in ("unsure", "sent", "failed", "unconfirmed")]


def forget(deliveries: "QuerySet[Delivery]") -> None:
    """As a backup has them that was made before."""
    deliveries.update(state=State.ACCEPTED, attempt=0, baseline_id=None, fence_at=0, started_at=0)
    Message.objects.filter(delivery__in=deliveries).update(chatwoot_id=None, state=State.ACCEPTED)


async def test_what_has_arrived_since_the_backup_is_not_sent_again(world: World, settings: Any):
    settings.DELIVERY_UNFENCED_S = 0.1
    runtime, alice = await world.start(), await world.person()
    await world.talk(runtime, alice, "before")
    await alice.say(runtime, "arrived")
    await world.settled()
    world.sandbox.faults.set("down")
    await alice.say(runtime, "never sent")
    await world.stop(runtime)
    await world.ask(lambda: forget(Delivery.objects.filter(message__content__in=["arrived", "never sent"])))
    await world.ask(run)
    world.sandbox.faults.clear()
    await world.start()
    await world.settled()
    await eventually(world.sees("before", "arrived", "never sent"))


async def test_a_conversation_that_began_since_the_backup_is_found_again(world: World, settings: Any):
    settings.DELIVERY_UNFENCED_S = 0.1
    runtime, alice = await world.start(), await world.person()
    await world.talk(runtime, alice, "hello")
    await world.stop(runtime)
    await world.ask(lambda: forget(Delivery.objects.all()))
    await world.ask(lambda: Conversation.objects.update(chatwoot_id=None, confirmed_at=0))
    await world.ask(run)
    await world.start()
    await world.settled()
    assert [len(row["messages"]) for row in world.conversations(alice)] == [1]
