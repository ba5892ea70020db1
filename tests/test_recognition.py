import logging
import uuid
from typing import Any

import pytest

from chat import outbox
from chat.acceptance import Accepted
from chat.models import Delivery, Duplicate, Message
from chat.outbox import Claim
from tests.fixtures.people import NOW, Person, create_upstream, hear, say, told, write
from tests.fixtures.progress import due, echoed, incoming, state, taken

pytestmark = pytest.mark.django_db
Kind, State = Delivery.Kind, Delivery.State
UNKNOWN = "00000000-0000-4000-8000-000000000001"


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


# By its marker


def marked(number: int, text: str, claimed: Claim, attempt: int = 1) -> Any:
    """As the Client API lists what was written through the bot."""
    return incoming(number, text, marker=f"{claimed.delivery_id}.{attempt}")


@pytest.mark.parametrize("was", [State.ACCEPTED, State.SENDING, State.UNSURE, State.UNCONFIRMED, State.FAILED])
def test_a_marker_is_recognised_at_any_time(alice: Person, hello: Accepted, was: str):
    claimed = taken(alice, hello)
    Delivery.objects.filter(kind=Kind.MESSAGE).update(state=was, marked=True)
    hear(alice, marked(9, "hello (as Chatwoot changed it)", claimed))
    assert state(hello) == (State.SENT, State.SENT)
    assert len(alice.messages()) == 1


def test_while_every_attempt_was_marked_content_proves_nothing(alice: Person, hello: Accepted):
    taken(alice, hello)
    Delivery.objects.update(marked=True)
    hear(alice, incoming(9))
    assert state(hello)[0] == State.SENDING
    assert len(alice.messages()) == 2


def test_a_row_that_a_list_showed_as_somebodys_is_ours_once_it_is_named(alice: Person, hello: Accepted):
    """Its words had been changed, so that only the echo told."""
    claimed = taken(alice, hello)
    hear(alice, incoming(9, "hello, as Chatwoot changed it"))
    assert len(alice.messages()) == 2
    hear(alice, echoed(9, "hello, as Chatwoot changed it", of=alice, delivery=claimed))
    assert state(hello) == (State.SENT, State.SENT)
    assert [message["deleted"] for message in alice.messages()] == [False, True]
    assert Message.objects.get(chatwoot_id=9).id == hello.message_id


# Twice


def deleted(number: int) -> Any:
    """As a list shows it: without text, and without the marker."""
    return incoming(number, "", deleted=True)


@pytest.mark.parametrize("was", [State.SENDING, State.UNSURE, State.UNCONFIRMED])
@pytest.mark.parametrize("has_files", [False, True])
def test_a_deleted_row_is_what_was_in_doubt(alice: Person, hello: Accepted, was: str, has_files: bool):
    """An agent was quicker than our look: sent again it would come back."""
    Delivery.objects.filter(id=taken(alice, hello).delivery_id).update(state=was, marked=True)
    Message.objects.update(has_files=has_files)
    hear(alice, deleted(9))
    assert state(hello) == (State.SENT, State.SENT)
    (row,) = alice.messages()
    assert row["deleted"] and "hello" not in str(row)
    hear(alice, deleted(9))
    assert Message.objects.count() == 1 and not Duplicate.objects.exists()


@pytest.mark.parametrize("was", [State.ACCEPTED, State.SENT, State.FAILED])
def test_a_deleted_row_is_nothing_that_was_not_in_doubt(alice: Person, hello: Accepted, was: str):
    Delivery.objects.filter(id=taken(alice, hello).delivery_id).update(state=was)
    hear(alice, deleted(9))
    assert [row["deleted"] for row in alice.messages()] == [False, True]
    assert Delivery.objects.get(message=hello.message_id).state == was


def test_a_row_that_was_deleted_before_the_attempt_is_not_ours(alice: Person, hello: Accepted):
    hear(alice, told(9, "agent"))
    taken(alice, hello)
    hear(alice, deleted(8))
    assert state(hello)[0] == State.SENDING


def sent_at_the_second_attempt(person: Person, said: Accepted) -> Claim:
    first = taken(person, said)
    write(outbox.later, of=person, claim=first, reason="absent", due_at=NOW)
    second = taken(person, said)
    hear(person, echoed(9, "hello", of=person, delivery=second, attempt=2))
    return second


def test_a_second_row_with_the_same_words_is_a_duplicate(alice: Person, hello: Accepted):
    """A frozen Chatwoot let an attempt through after all; the cable was away, and a list names no attempt."""
    claimed = sent_at_the_second_attempt(alice, hello)
    head = alice.head()
    hear(alice, incoming(10))
    assert (len(alice.messages()), alice.head()) == (1, head)
    assert list(Duplicate.objects.values_list("delivery", "chatwoot_id")) == [(claimed.delivery_id, 10)]


def test_there_are_no_more_duplicates_than_attempts(alice: Person, hello: Accepted):
    sent_at_the_second_attempt(alice, hello)
    hear(alice, incoming(10))
    hear(alice, incoming(11))
    assert (Duplicate.objects.count(), len(alice.messages())) == (1, 2)


@pytest.mark.parametrize(
    "values",
    [
        {"number": 8},  # older than the attempts, if only the baseline says so
        {"text": "something else"},
        {"created_at": NOW // 1000 + 2 * 86_400},
    ],
)
def test_what_is_only_like_it_is_somebodys_words(alice: Person, hello: Accepted, values: dict[str, Any]):
    hear(alice, told(8, "before"))
    sent_at_the_second_attempt(alice, hello)
    Message.objects.filter(chatwoot_id=8).update(chatwoot_id=7)
    hear(alice, incoming(**({"number": 10, "text": "hello"} | values)))
    assert Duplicate.objects.count() == 0
    assert len(alice.messages()) == 3


def test_a_message_of_one_attempt_has_no_duplicate(alice: Person, hello: Accepted):
    taken(alice, hello)
    hear(alice, incoming(9))
    hear(alice, incoming(10))
    assert (Duplicate.objects.count(), len(alice.messages())) == (0, 2)


def test_the_next_with_the_same_words_comes_before_a_duplicate(alice: Person, hello: Accepted):
    sent_at_the_second_attempt(alice, hello)
    twin = say(alice, "hello", to=hello.conversation_id)
    taken(alice, twin)
    hear(alice, incoming(10))
    assert state(twin) == (State.SENT, State.SENT)
    assert Duplicate.objects.count() == 0


def test_a_given_up_message_that_turns_up_is_shown_as_sent(alice: Person, hello: Accepted):
    claimed = taken(alice, hello)
    write(outbox.fail, of=alice, claim=claimed, reason="500", shown="no")
    hear(alice, incoming(9))
    assert state(hello) == (State.SENT, State.SENT)
    assert len(alice.messages()) == 1


def test_a_discarded_message_that_turns_up_stays_removed(alice: Person, hello: Accepted):
    claimed = taken(alice, hello)
    write(outbox.fail, of=alice, claim=claimed, reason="500", shown="no")
    write(outbox.discard, Delivery.objects.get(id=claimed.delivery_id), of=alice)
    hear(alice, echoed(9, "hello", of=alice, delivery=claimed))
    assert [(message["deleted"], message["text"]) for message in alice.messages()] == [(True, [])]
    assert Message.objects.get(chatwoot_id=9).id == hello.message_id
