"""What was written after a message that was never confirmed says that it waits, keeps its order, and is not lost."""

from dataclasses import replace
from random import Random

import pytest

from chat import acceptance, lanes
from chat.acceptance import Accepted
from chat.models import Delivery, Message
from chat.outcome import BEHIND
from chat.settling import Look, Settling, Timing
from tests.fixtures.people import NOW, Person, hear, say, write
from tests.fixtures.progress import doubt, due, incoming, taken

pytestmark = pytest.mark.django_db
State = Delivery.State
DAY = 24 * 3_600_000
LATER = NOW + 2 * DAY


def look(person: Person, *, found_nothing: bool = False, now: int = LATER) -> None:
    """Of what is first; without certainty, unless it ``found_nothing`` for certain."""
    (first,) = lanes.due(now, limit=9)
    claimed = write(lanes.claim_look, first.delivery_id, of=person, now=now)
    assert claimed is not None
    seen = Look(over=found_nothing, complete=found_nothing)
    claimed = replace(claimed, looks=1)  # two prove it
    write(Settling(Timing(), Random(1)).looked, of=person, now=now, claim=claimed, look=seen, over_in_ms=0)


@pytest.fixture
def second(alice: Person, hello: Accepted) -> Accepted:
    """Written after one that has become unconfirmed since."""
    doubt(alice, taken(alice, hello))
    said = say(alice, "second")
    assert shown(alice) == {"hello": ("unsure", None), "second": ("accepted", None)}
    look(alice)
    return said


def shown(person: Person) -> dict[str, tuple[str, str | None]]:
    found = [row for row in person.messages() if row["text"]]
    return {row["text"][0]["c"][0]: (row["state"], row["reason"]) for row in found}


def test_behind_an_unconfirmed_one_nobody_waits_in_silence(alice: Person, hello: Accepted, second: Accepted):
    say(alice, "third", now=LATER)
    waits = ("accepted", BEHIND)
    assert shown(alice) == {"hello": ("unconfirmed", None), "second": waits, "third": waits}
    head = alice.head()
    look(alice, now=LATER + 60_000)
    assert alice.head() == head, "nothing new to tell"
    assert due(LATER + DAY) == ["hello"]


def test_when_it_is_sent_again_all_go_out_in_order(alice: Person, hello: Accepted, second: Accepted):
    write(acceptance.retry, alice.id, hello.message_id, of=alice, now=LATER)
    assert shown(alice) == {"hello": ("accepted", None), "second": ("accepted", None)}
    assert due(LATER) == ["hello"]
    taken(alice, hello, now=LATER)
    hear(alice, incoming(9, "hello"), now=LATER)
    assert due(LATER) == ["second"]


def test_when_it_is_discarded_the_next_goes_out(alice: Person, hello: Accepted, second: Accepted):
    write(acceptance.discard, alice.id, hello.message_id, of=alice, now=LATER)
    assert shown(alice) == {"second": ("accepted", None)}
    assert due(LATER) == ["second"]


def test_when_it_turns_up_the_next_goes_out(alice: Person, hello: Accepted, second: Accepted):
    hear(alice, incoming(9, "hello"), now=LATER)
    assert shown(alice) == {"hello": ("sent", None), "second": ("accepted", None)}
    assert due(LATER) == ["second"]


def test_when_it_has_certainly_failed_the_next_goes_out(alice: Person, hello: Accepted, second: Accepted):
    look(alice, found_nothing=True, now=LATER + 60_000)
    assert (shown(alice)["hello"][0], shown(alice)["second"]) == ("failed", ("accepted", None))
    assert due(LATER + 60_000) == ["second"]


def test_what_has_waited_gets_its_full_time(alice: Person, hello: Accepted, second: Accepted):
    write(acceptance.discard, alice.id, hello.message_id, of=alice, now=LATER)
    assert Delivery.objects.get(message=second.message_id).created_at == LATER


def test_what_failed_and_is_sent_again_waits_behind_it_too(alice: Person, hello: Accepted, second: Accepted):
    Delivery.objects.filter(message=second.message_id).update(state=State.FAILED)
    Message.objects.filter(id=second.message_id).update(state=State.FAILED, reason="Too long.")
    write(acceptance.retry, alice.id, second.message_id, of=alice, now=LATER)
    assert shown(alice)["second"] == ("accepted", BEHIND)
