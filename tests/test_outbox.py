import logging
import uuid
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from chat import lanes, outbox, sql
from chat.acceptance import Accepted
from chat.chatwoot.resources import MessageType
from chat.models import Chatwoot, Delivery, Duplicate, Inbox, Message
from chat.outbox import Claim
from chat.settling import Look, Settling, Timing
from tests.fixtures.people import (
    CHATWOOT_INBOX,
    NOW,
    Person,
    cabled,
    create_upstream,
    hear,
    make_inbox,
    make_person,
    say,
    told,
    write,
)

pytestmark = pytest.mark.django_db
Kind, State = Delivery.Kind, Delivery.State
DAY = 24 * 3_600_000
UNKNOWN = "00000000-0000-4000-8000-000000000001"


def due(now: int = NOW) -> list[str]:
    """Kinds, and texts of messages, of what may be claimed."""
    found = [Delivery.objects.get(id=each.delivery_id) for each in lanes.due(now, limit=100)]
    return [each.message.content if each.message else each.kind for each in found]


def claim(person: Person, said: Accepted | None = None, *, now: int = NOW, **which: Any) -> Claim | None:
    which = which or {"message": said.message_id if said else None}
    delivery = Delivery.objects.get(contact_inbox=person.contact_inbox_id, **which)
    if delivery.state == State.ACCEPTED:
        return write(lanes.claim_attempt, delivery.id, of=person, now=now, fence_at=now + 1_000)
    return write(lanes.claim_look, delivery.id, of=person, now=now)


def taken(person: Person, said: Accepted, *, now: int = NOW) -> Claim:
    found = claim(person, said, now=now)
    assert found is not None
    return found


def state(said: Accepted) -> tuple[str, str]:
    """Of the delivery, and as the visitor sees the message."""
    message = Message.objects.get(id=said.message_id)
    return (message.delivery.state, message.state)


def doubt(person: Person, claimed: Claim, **values: Any) -> None:
    wanted = {"reason": "502", "finished": False, "permanent": False, "due_at": NOW} | values
    write(outbox.doubt, of=person, claim=claimed, **wanted)


def look(person: Person, claimed: Claim, *, now: int = NOW, over: bool) -> None:
    """One that found nothing; ``over``: and nothing can come any more."""
    settling = Settling(Timing(), Random(1))
    for looks in (claimed.looks, 1):  # two prove it
        again = replace(claimed, looks=looks)
        write(settling.looked, of=person, now=now, claim=again, look=Look(over=over), over_in_ms=0 if over else 500)


@pytest.fixture
def hello(alice: Person) -> Accepted:
    """A message whose conversation exists at Chatwoot."""
    said = say(alice, "hello")
    create_upstream(alice, said=said)
    return said


def incoming(number: int, text: str = "hello", **values: Any) -> Any:
    return told(number, text, message_type=MessageType.INCOMING, sender=None, **values)


def echoed(number: int, text: str, *, of: Person, delivery: Delivery | Claim, attempt: int = 1) -> Any:
    name = delivery.delivery_id if isinstance(delivery, Claim) else delivery.id
    return cabled(number, text, of=of, message_type=MessageType.INCOMING, sender=None, echo_id=f"{name}.{attempt}")


# Lanes


def test_contact_then_conversation_then_message(alice: Person):
    said = say(alice, "hello")
    order = []
    for kind in (Kind.CONTACT, Kind.CONVERSATION, Kind.MESSAGE):
        order += due()
        if kind is Kind.CONVERSATION:
            create_upstream(alice, said=said)
        Delivery.objects.filter(kind=kind).update(state=State.SENT)
    assert order == [Kind.CONTACT, Kind.CONVERSATION, "hello"]
    assert due() == []


@pytest.mark.parametrize("first", Delivery.OPEN)
def test_only_the_oldest_open_delivery_of_a_lane_is_due(alice: Person, hello: Accepted, first: str):
    say(alice, "second", to=hello.conversation_id)
    Delivery.objects.filter(message=hello.message_id).update(state=first)
    assert due() == ["hello"]
    Delivery.objects.filter(message=hello.message_id).update(due_at=NOW + 1)
    assert due() == []


@pytest.mark.parametrize("first", [State.SENT, State.FAILED])
def test_the_next_is_due_when_the_first_is_closed(alice: Person, hello: Accepted, first: str):
    say(alice, "second", to=hello.conversation_id)
    Delivery.objects.filter(message=hello.message_id).update(state=first)
    assert due() == ["second"]


def test_lanes_do_not_wait_for_each_other(alice: Person, bob: Person, hello: Accepted):
    other = say(bob, "bob's")
    create_upstream(bob, 2, said=other)
    assert sorted(due()) == ["bob's", "hello"]


def test_what_is_leased_or_paused_is_not_due(alice: Person, hello: Accepted):
    for model, name in (
        (Delivery, "lease_until"),
        (Delivery, "due_at"),
        (Inbox, "paused_until"),
        (Chatwoot, "paused_until"),
    ):
        model.objects.all().update(**{name: NOW + 1})
        assert due() == []
        assert due(NOW + 1) == ["hello"]
        model.objects.all().update(**{name: 0})


# Claims


def test_a_claim_commits_the_attempt_and_leases_it(alice: Person, hello: Accepted):
    claimed = taken(alice, hello)
    delivery = Delivery.objects.get(message=hello.message_id)
    assert (claimed.attempt, claimed.content, claimed.chatwoot_id) == (1, "hello", 1)
    assert (delivery.state, delivery.attempt, delivery.fence_at) == (State.SENDING, 1, NOW + 1_000)
    assert claimed.echo_id == f"{delivery.id}.1"
    assert claim(alice, hello) is None
    assert claim(alice, hello, now=NOW + lanes.LEASE_MS - 1) is None


def test_a_claim_does_not_print_its_secrets(alice: Person, hello: Accepted):
    assert alice.source_id not in repr(taken(alice, hello))
    assert "hello" not in repr(taken(alice, hello, now=NOW + lanes.LEASE_MS))


def test_the_baseline_is_taken_once_over_all_inboxes_of_that_chatwoot(alice: Person, hello: Accepted):
    neighbour = make_person(make_inbox("other"))
    create_upstream(neighbour, said=say(neighbour, "hi"))
    hear(neighbour, told(70))
    first = taken(alice, hello)
    write(outbox.later, of=alice, claim=first, reason="unreachable", due_at=NOW)
    hear(neighbour, told(80))
    again = taken(alice, hello)
    assert (first.baseline_id, again.baseline_id, again.attempt) == (70, 70, 2)


def test_a_closed_delivery_cannot_be_claimed(alice: Person, hello: Accepted):
    Delivery.objects.update(state=State.SENT)
    assert claim(alice, hello) is None


def test_an_attempt_whose_end_nobody_saw_is_unsure(alice: Person, hello: Accepted):
    taken(alice, hello)
    head = alice.head()
    found = taken(alice, hello, now=NOW + lanes.LEASE_MS)
    assert found.attempt == 1
    assert state(hello) == (State.UNSURE, State.UNSURE)
    assert alice.head() == head + 1


@pytest.mark.parametrize("settle", ["later", "doubt", "fail", "done", "look_again", "release"])
def test_a_holder_whose_lease_was_taken_writes_nothing(alice: Person, hello: Accepted, settle: str):
    late = taken(alice, hello)
    taken(alice, hello, now=NOW + lanes.LEASE_MS)
    before = list(Delivery.objects.order_by("id").values())
    head = alice.head()
    write(
        getattr(outbox, settle),
        of=alice,
        claim=late,
        **{
            "later": {"reason": "x", "due_at": NOW},
            "doubt": {"reason": "x", "finished": True, "permanent": True, "due_at": NOW},
            "fail": {"reason": "x", "shown": "x"},
            "done": {},
            "look_again": {"looks": 2, "due_at": NOW},
            "release": {},
        }[settle],
    )
    assert list(Delivery.objects.order_by("id").values()) == before
    assert alice.head() == head


# Settling, and what the visitor sees of it


def test_not_sent_is_tried_again_later_without_a_word(alice: Person, hello: Accepted):
    claimed = taken(alice, hello)
    head = alice.head()
    write(outbox.later, of=alice, claim=claimed, reason="unreachable", due_at=NOW + 5)
    assert state(hello) == (State.ACCEPTED, State.ACCEPTED)
    assert alice.head() == head
    assert (due(), due(NOW + 5)) == ([], ["hello"])


def test_every_state_that_a_visitor_can_see_takes_a_number(alice: Person, hello: Accepted):
    head = alice.head()
    doubt(alice, taken(alice, hello))
    look(alice, taken(alice, hello), over=True)
    write(outbox.fail, of=alice, claim=taken(alice, hello, now=NOW + 2_000), reason="422", shown="too long")
    assert state(hello) == (State.FAILED, State.FAILED)
    assert alice.head() == head + 3
    assert alice.messages()[0]["reason"] == "too long"


def test_a_look_that_proves_nothing_leaves_it_unsure(alice: Person, hello: Accepted):
    doubt(alice, taken(alice, hello))
    look(alice, taken(alice, hello), over=False)
    assert state(hello) == (State.UNSURE, State.UNSURE)
    assert (due(), due(NOW + 500)) == ([], ["hello"])


def test_absent_for_certain_is_sent_again_or_has_failed(alice: Person, hello: Accepted):
    doubt(alice, taken(alice, hello))
    look(alice, taken(alice, hello), over=True)
    assert state(hello) == (State.ACCEPTED, State.ACCEPTED)
    again = taken(alice, hello, now=NOW + 2_000)
    doubt(alice, again, permanent=True, finished=True, reason="422 not taken")
    look(alice, taken(alice, hello, now=NOW + 2_001), over=False)
    assert (again.attempt, state(hello)) == (2, (State.FAILED, State.FAILED))
    assert alice.messages()[0]["reason"] == "This message was not accepted."
    assert Delivery.objects.get(message=hello.message_id).reason == "422 not taken"


def test_a_new_attempt_forgets_how_the_last_one_ended(alice: Person, hello: Accepted):
    doubt(alice, taken(alice, hello), finished=True, permanent=True)
    Delivery.objects.update(state=State.ACCEPTED)
    taken(alice, hello)
    delivery = Delivery.objects.get(message=hello.message_id)
    assert (delivery.finished, delivery.permanent, delivery.looks) == (False, False, 0)


def test_after_a_day_of_doubt_it_is_unconfirmed_and_looked_for_still(alice: Person, hello: Accepted):
    doubt(alice, taken(alice, hello))
    look(alice, taken(alice, hello), now=NOW + DAY, over=False)
    assert state(hello) == (State.UNSURE, State.UNSURE)
    look(alice, taken(alice, hello, now=NOW + DAY + 5_000), now=NOW + DAY + 5_000, over=False)
    assert state(hello) == (State.UNCONFIRMED, State.UNCONFIRMED)
    taken(alice, hello, now=NOW + DAY + 65_000)
    hear(alice, incoming(9))
    assert state(hello) == (State.SENT, State.SENT)


def test_a_look_at_what_was_found_meanwhile_changes_nothing(alice: Person, hello: Accepted):
    doubt(alice, taken(alice, hello))
    looking = taken(alice, hello)
    hear(alice, incoming(9))
    head = alice.head()
    look(alice, looking, over=True)
    assert state(hello) == (State.SENT, State.SENT)
    assert alice.head() == head


# Recognising


def test_the_answer_to_a_post_is_recognised_by_its_echo(alice: Person, hello: Accepted):
    claimed = taken(alice, hello)
    hear(alice, incoming(9, "hello (as Chatwoot changed it)", echo_id=claimed.echo_id))
    assert state(hello) == (State.SENT, State.SENT)
    (message,) = alice.messages()
    assert (message["id"], message["text"]) == (str(hello.message_id), [{"t": "p", "c": ["hello"]}])


@pytest.mark.parametrize("was", [State.ACCEPTED, State.SENDING, State.UNSURE, State.UNCONFIRMED, State.FAILED])
def test_an_echo_is_recognised_at_any_time(alice: Person, hello: Accepted, was: str):
    claimed = taken(alice, hello)
    Delivery.objects.filter(kind=Kind.MESSAGE).update(state=was, attempt=2)
    Message.objects.update(state=was, reason="we gave up")
    head = alice.head()
    hear(alice, echoed(9, "hello", of=alice, delivery=claimed))
    assert state(hello) == (State.SENT, State.SENT)
    assert alice.messages()[0]["reason"] is None
    assert alice.head() == head + 1
    assert due() == []


@pytest.mark.parametrize("was", [State.SENDING, State.UNSURE, State.UNCONFIRMED, State.ACCEPTED])
def test_a_listed_row_is_recognised_by_its_text(alice: Person, hello: Accepted, was: str):
    """Also while the next attempt is waiting: this one took effect after all."""
    taken(alice, hello)
    Delivery.objects.update(state=was)
    hear(alice, incoming(9))
    assert state(hello) == (State.SENT, State.SENT)
    assert len(alice.messages()) == 1


def test_a_row_that_was_there_before_the_attempt_is_not_ours(alice: Person, hello: Accepted):
    hear(alice, told(9))
    taken(alice, hello)
    hear(alice, incoming(8))
    assert state(hello)[0] == State.SENDING
    assert len(alice.messages()) == 3


def test_what_was_never_sent_is_not_recognised(alice: Person, hello: Accepted):
    hear(alice, incoming(9))
    assert state(hello)[0] == State.ACCEPTED


def test_a_row_that_was_claimed_is_not_claimed_again(alice: Person, hello: Accepted):
    twin = say(alice, "hello", to=hello.conversation_id)
    taken(alice, hello)
    hear(alice, incoming(9))
    taken(alice, twin)
    hear(alice, incoming(9))
    assert (state(hello)[0], state(twin)[0]) == (State.SENT, State.SENDING)
    hear(alice, incoming(10))
    assert state(twin)[0] == State.SENT
    numbers = dict(Message.objects.values_list("id", "chatwoot_id"))
    assert numbers == {hello.message_id: 9, twin.message_id: 10}


def test_an_agents_row_with_the_same_text_is_the_agents(alice: Person, hello: Accepted):
    taken(alice, hello)
    hear(alice, told(9, "hello"))
    assert state(hello)[0] == State.SENDING


def test_an_echo_of_another_conversation_is_not_ours(alice: Person, bob: Person, hello: Accepted):
    other = say(bob, "hello")
    create_upstream(bob, 2, said=other)
    claimed = taken(alice, hello)
    hear(bob, echoed(9, "hello", of=bob, delivery=claimed), now=NOW)
    assert state(hello)[0] == State.SENDING


def test_a_message_that_took_effect_twice_is_counted_and_said_and_not_shown_again(
    alice: Person, hello: Accepted, caplog: pytest.LogCaptureFixture
):
    claimed = taken(alice, hello)
    hear(alice, incoming(9))
    with caplog.at_level(logging.ERROR):
        hear(alice, echoed(10, "hello", of=alice, delivery=claimed, attempt=2))
    assert "took effect twice" in caplog.text
    head = alice.head()
    hear(alice, incoming(10), read_started=NOW + 1)  # as the list shows it, which names no attempt
    assert (len(alice.messages()), alice.head()) == (1, head)
    assert list(Duplicate.objects.values_list("chatwoot_id", "delivery")) == [(10, claimed.delivery_id)]


@pytest.mark.parametrize("text", ["", "x", "1.2", f"{UNKNOWN}", f"{UNKNOWN}.", f"{UNKNOWN}.x", "draft.1", None])
def test_a_foreign_echo_id_names_no_delivery(text: str | None):
    assert outbox.parse_echo_id(text) is None


def test_an_echo_of_nothing_we_know_is_a_message_like_any_other(alice: Person, hello: Accepted):
    """Another database of ours wrote it, before a restore."""
    hear(alice, incoming(9, "from before", echo_id=f"{uuid.uuid4()}.1"))
    assert len(alice.messages()) == 2


# Moving


def test_moved_deliveries_go_on_after_what_waits_there(alice: Person, hello: Accepted):
    other = say(alice, "there")
    Delivery.objects.filter(message=other.message_id).update(lane="elsewhere", position=1)
    moved = Delivery.objects.get(message=other.message_id)
    outbox.move(uuid.uuid4(), to=hello.conversation_id)
    Delivery.objects.filter(id=moved.id).update(lane=(old := str(uuid.uuid4())))
    outbox.move(uuid.UUID(old), to=hello.conversation_id)
    lanes = Delivery.objects.filter(lane=str(hello.conversation_id)).order_by("position")
    assert [each.message_id for each in lanes] == [hello.message_id, other.message_id]


def test_the_newest_number_is_that_of_one_chatwoot(alice: Person, hello: Accepted):
    hear(alice, told(70))
    chatwoot = Inbox.objects.get(id=alice.inbox_id).chatwoot
    assert sql.newest_chatwoot_id(chatwoot.pk) == 70
    assert sql.newest_chatwoot_id(chatwoot.pk + 1) == 0
    assert CHATWOOT_INBOX
