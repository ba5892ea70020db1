from typing import Any

import pytest

from chat import gone, lanes, outbox
from chat.acceptance import Accepted
from chat.models import Chatwoot, ContactInbox, Conversation, Delivery, Inbox, Message
from tests.fixtures.people import NOW, Person, create_upstream, hear, make_inbox, make_person, say, told, write
from tests.fixtures.progress import claim, due, incoming, state, taken

pytestmark = pytest.mark.django_db
Kind, State = Delivery.Kind, Delivery.State


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


@pytest.mark.parametrize("first", Delivery.OPEN)
def test_a_claim_takes_only_the_first_of_its_lane(alice: Person, hello: Accepted, first: str):
    """It may have been read as due before an earlier one was opened again, or moved ahead of it."""
    second = say(alice, "second", to=hello.conversation_id)
    Delivery.objects.filter(message=hello.message_id).update(state=first)
    assert claim(alice, second) is None
    Delivery.objects.filter(message=second.message_id).update(state=State.UNSURE)
    assert claim(alice, second) is None
    Delivery.objects.filter(message=hello.message_id).update(state=State.SENT)
    assert claim(alice, second) is not None


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


@pytest.mark.parametrize("found_gone", [gone.contact_gone, gone.conversation_gone])
@pytest.mark.parametrize("lost", ["to another", "settled"])
def test_what_a_look_finds_gone_after_its_lease_was_lost_changes_nothing(
    alice: Person, hello: Accepted, found_gone: Any, lost: str
):
    taken(alice, hello)
    late = taken(alice, hello, now=NOW + lanes.LEASE_MS)
    if lost == "settled":
        hear(alice, incoming(9))
    else:
        taken(alice, hello, now=NOW + 2 * lanes.LEASE_MS)
    models = (Delivery, Conversation, ContactInbox)
    before = [list(model.objects.order_by("pk").values()) for model in models]
    write(found_gone, of=alice, claim=late)
    assert [list(model.objects.order_by("pk").values()) for model in models] == before


# Turns


def arrive(person: Person, said: Accepted, number: int, *, now: int) -> None:
    taken(person, said, now=now)
    hear(person, incoming(number, Message.objects.get(id=said.message_id).content), now=now)


def test_lanes_take_turns(alice: Person, bob: Person, hello: Accepted):
    """Who wrote a hundred messages first does not keep the others back."""
    second = say(alice, "second", to=hello.conversation_id)
    other = say(bob, "bob's", now=NOW + 1)
    create_upstream(bob, 2, said=other)
    assert due(NOW + 10) == ["hello", "bob's"]
    arrive(alice, hello, 9, now=NOW + 10)
    assert due(NOW + 10) == ["bob's", "second"]
    assert second


def test_a_lane_whose_head_failed_queues_up_too(alice: Person, bob: Person, hello: Accepted):
    say(alice, "second", to=hello.conversation_id)
    other = say(bob, "bob's", now=NOW + 1)
    create_upstream(bob, 2, said=other)
    write(outbox.fail, of=alice, claim=taken(alice, hello, now=NOW + 10), now=NOW + 10, reason="413", shown="no")
    assert due(NOW + 10) == ["bob's", "second"]


def test_what_a_full_chatwoot_waits_for_hides_nothing_of_another(alice: Person, hello: Accepted):
    elsewhere = make_person(make_inbox("other", url="https://other.example"))
    create_upstream(elsewhere, said=say(elsewhere, "there", now=NOW + 1))
    full = Inbox.objects.get(id=alice.inbox_id).chatwoot_id
    (first,) = lanes.due(NOW + 1, limit=1)
    (other,) = lanes.due(NOW + 1, limit=1, without=[full])
    assert (first.chatwoot_pk, first.contact_id) == (full, alice.id)
    assert other.contact_id == elsewhere.id


# Our clock jumps


HOUR = 3_600_000


@pytest.mark.parametrize(
    ("model", "name", "nobody_waits_so_long"),
    [
        (Delivery, "lease_until", lanes.LEASE_MS + lanes.SLACK_MS),
        (Delivery, "due_at", lanes.LONGEST_MS),
        (Inbox, "paused_until", lanes.LONGEST_MS),
        (Chatwoot, "paused_until", lanes.LONGEST_MS),
    ],
)
def test_a_clock_that_was_set_back_keeps_nothing_waiting(
    alice: Person, hello: Accepted, model: Any, name: str, nobody_waits_so_long: int
):
    model.objects.update(**{name: NOW + nobody_waits_so_long})
    assert due() == []
    model.objects.update(**{name: NOW + nobody_waits_so_long + 1})
    assert due() == ["hello"]
    assert claim(alice, hello) is not None


def test_of_two_holders_by_a_jump_only_the_younger_writes(alice: Person, hello: Accepted):
    late = taken(alice, hello, now=NOW + HOUR)
    found = taken(alice, hello, now=NOW)
    assert found.lease_no == late.lease_no + 1
    write(outbox.fail, of=alice, claim=late, reason="413", shown="no")
    assert state(hello) == (State.UNSURE, State.UNSURE)


# The marker


def marked(person: Person, said: Accepted, *, now: int = NOW, marker: bool = True) -> tuple[bool, bool]:
    """Whether this attempt carries it, and every attempt did."""
    delivery = Delivery.objects.get(message=said.message_id)
    got = write(lanes.claim_attempt, delivery.id, of=person, now=now, fence_at=now, marker=marker)
    assert got is not None
    write(outbox.later, of=person, now=now, claim=got, reason="unreachable", due_at=now)
    return got.through_bot, Delivery.objects.get(id=delivery.id).marked


@pytest.mark.parametrize("age", [0, lanes.CONFIRMED_MS])
def test_a_conversation_that_was_lately_confirmed_is_written_to_with_a_marker(alice: Person, hello: Accepted, age: int):
    Conversation.objects.update(confirmed_at=NOW - age)
    assert marked(alice, hello) == (True, True)


@pytest.mark.parametrize("confirmed_at", [0, NOW - lanes.CONFIRMED_MS - 1, NOW + HOUR])
def test_one_that_was_not_gets_none(alice: Person, hello: Accepted, confirmed_at: int):
    Conversation.objects.update(confirmed_at=confirmed_at)
    assert marked(alice, hello) == (False, False)
    delivery = Delivery.objects.get(message=hello.message_id)
    found = lanes.to_confirm(delivery.id, NOW)
    assert found is not None and found.chatwoot_id == 1


def test_an_inbox_whose_marker_is_switched_off_gets_none_whatever_a_process_remembers(alice: Person, hello: Accepted):
    Conversation.objects.update(confirmed_at=NOW)
    Inbox.objects.update(marker_off="a message went elsewhere")
    assert marked(alice, hello) == (False, False)


def test_marked_is_what_always_was(alice: Person, hello: Accepted):
    Conversation.objects.update(confirmed_at=NOW)
    assert [marked(alice, hello, marker=marker) for marker in (True, False, True)] == [
        (True, True),
        (False, False),
        (True, False),
    ]


def test_only_a_message_carries_a_marker(alice: Person):
    said = say(alice, "hello")
    Conversation.objects.update(confirmed_at=NOW)
    got = claim(alice, kind=Kind.CONTACT)
    assert got is not None and not got.through_bot
    assert lanes.to_confirm(got.delivery_id, NOW) is None
    assert said


# Contacts


@pytest.mark.parametrize("found", [State.SENDING, State.UNSURE])
def test_a_contact_in_doubt_is_simply_asked_for_again(alice: Person, found: str):
    say(alice, "hello")
    Delivery.objects.filter(kind=Kind.CONTACT).update(state=found, attempt=1)
    (first,) = lanes.due(NOW, limit=1)
    assert not first.is_doubtful
    got = write(lanes.claim_attempt, first.delivery_id, of=alice, fence_at=NOW)
    assert got is not None and got.attempt == 2
