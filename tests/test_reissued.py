"""A Chatwoot that was restored from its backup gives numbers out again."""

from typing import Any

import pytest

from chat import acceptance
from chat.acceptance import Accepted
from chat.chatwoot import resources
from chat.chatwoot.resources import MessageType
from chat.models import Conversation, Delivery, Message
from tests.fixtures.people import NOW, Person, cabled, create_upstream, hear, say, told, write
from tests.fixtures.progress import due, taken

pytestmark = pytest.mark.django_db
LATER = NOW // 1000 + 60
MINUTES = 60_000


@pytest.fixture
def hello(alice: Person) -> Accepted:
    said = say(alice, "hello")
    create_upstream(alice, said=said)
    return said


def after_the_restore(number: int, text: str, *, of: Person, **values: Any) -> resources.Message:
    return cabled(number, text, of=of, ms=60_000, created_at=LATER, **values)


def numbered() -> dict[str, int | None]:
    return dict(Message.objects.values_list("content", "chatwoot_id"))


def test_another_message_with_a_known_number_is_shown_beside_the_one_that_had_it(
    alice: Person, hello: Accepted, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (10, 11, 12):
        hear(alice, cabled(number, f"reply {number}", of=alice))
    hear(alice, after_the_restore(11, "after the restore", of=alice))
    assert numbered() == {
        "hello": None,
        "reply 10": 10,
        "reply 11": None,
        "after the restore": 11,
        "reply 12": None,
    }
    assert "Chatwoot gave number 11 out again" in caplog.text
    assert "It has lost 2 messages that we know" in caplog.text


def test_a_number_that_comes_back_in_another_conversation_reaches_who_it_is_for(
    alice: Person, bob: Person, hello: Accepted
) -> None:
    create_upstream(bob, 2, said=say(bob, "hello from bob"))
    hear(alice, cabled(11, "to alice", of=alice))
    hear(bob, after_the_restore(11, "to bob", of=bob, conversation=2))
    assert numbered() == {"hello": None, "hello from bob": None, "to alice": None, "to bob": 11}
    assert Message.objects.get(content="to bob").contact_id == bob.id


def test_our_own_message_that_gets_a_known_number_has_arrived(alice: Person, hello: Accepted) -> None:
    hear(alice, cabled(11, "lost by the restore", of=alice))
    claim = taken(alice, hello)
    ours = after_the_restore(11, "hello", of=alice, message_type=MessageType.INCOMING, echo_id=claim.echo_id)
    hear(alice, ours)
    assert numbered() == {"hello": 11, "lost by the restore": None}
    assert Delivery.objects.get(message=hello.message_id).state == Delivery.State.SENT


def test_what_is_looked_for_and_compared_from_then_on_counts_from_that_number(alice: Person, hello: Accepted) -> None:
    hear(alice, cabled(11, "lost by the restore", of=alice))
    taken(alice, hello)
    Conversation.objects.update(verified_id=11)
    assert Delivery.objects.get(message=hello.message_id).baseline_id == 11
    hear(alice, after_the_restore(11, "after the restore", of=alice))
    assert Delivery.objects.get(message=hello.message_id).baseline_id == 10
    assert Conversation.objects.get().verified_id == 10


@pytest.mark.parametrize(
    ("text", "created_at"), [("edited", NOW // 1000), ("reply", LATER)], ids=["edited", "a clock that was set back"]
)
def test_a_message_that_changes_remains_the_same(
    alice: Person, hello: Accepted, caplog: pytest.LogCaptureFixture, text: str, created_at: int
) -> None:
    hear(alice, cabled(11, "reply", of=alice))
    hear(alice, cabled(11, text, of=alice, ms=60_000, created_at=created_at))
    assert numbered() == {"hello": None, text: 11}
    assert "out again" not in caplog.text


def test_without_a_time_of_chatwoots_own_only_ten_minutes_are_beyond_doubt(alice: Person, hello: Accepted) -> None:
    hear(alice, told(11, "by a list"), read_started=NOW)
    known = Message.objects.get(chatwoot_id=11)
    hear(alice, told(11, "soon", created_at=NOW // 1000 + 300), now=NOW + 5 * MINUTES, read_started=NOW + 5 * MINUTES)
    assert Message.objects.get(chatwoot_id=11).id == known.id
    hear(alice, told(11, "much later", created_at=NOW // 1000 + 1_200), now=NOW + 20 * MINUTES, read_started=NOW)
    assert Message.objects.get(chatwoot_id=11).id != known.id


def test_a_message_that_is_deleted_while_our_clock_is_far_behind_remains_the_same(
    alice: Person, hello: Accepted, caplog: pytest.LogCaptureFixture
) -> None:
    an_hour_ahead = NOW // 1000 + 3_600
    hear(alice, told(11, "taken back", created_at=an_hour_ahead), read_started=NOW)
    hear(alice, cabled(11, "This message was deleted", of=alice, deleted=True, created_at=an_hour_ahead))
    assert [row.deleted for row in Message.objects.filter(chatwoot_id=11)] == [True]
    assert not Message.objects.filter(content="taken back").exists()
    assert "out again" not in caplog.text


def test_a_conversation_number_that_comes_back_takes_it_from_whoever_had_it(
    alice: Person, bob: Person, hello: Accepted, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = say(alice, "and another thing")
    create_upstream(bob, 1, said=say(bob, "hello from bob"))
    assert Conversation.objects.get(contact=bob.id).chatwoot_id == 1
    assert Conversation.objects.get(contact=alice.id).chatwoot_id is None
    assert "conversation number 1 out again" in caplog.text
    opening = Delivery.objects.get(kind=Delivery.Kind.CONVERSATION, state=Delivery.State.ACCEPTED)
    assert opening.conversation_id == waiting.conversation_id


def test_a_lost_conversation_in_which_nothing_waits_begins_again_with_the_next_message(
    alice: Person, bob: Person, hello: Accepted
) -> None:
    Delivery.objects.filter(message=hello.message_id).update(state=Delivery.State.SENT)
    create_upstream(bob, 1, said=say(bob, "hello from bob"))
    opening = Delivery.objects.filter(kind=Delivery.Kind.CONVERSATION, state=Delivery.State.ACCEPTED)
    assert not opening.exists()
    said = say(alice, "still there?")
    assert opening.get().conversation_id == said.conversation_id


def test_what_failed_in_a_lost_conversation_begins_it_again_when_it_is_sent_again(
    alice: Person, bob: Person, hello: Accepted
) -> None:
    Delivery.objects.filter(message=hello.message_id).update(state=Delivery.State.FAILED)
    create_upstream(bob, 1, said=say(bob, "hello from bob"))
    write(acceptance.retry, alice.id, hello.message_id, of=alice)
    assert "conversation" in due()
    create_upstream(alice, 2, said=hello)
    assert "hello" in due()
