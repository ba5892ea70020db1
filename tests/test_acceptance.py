import uuid

import pytest

from chat import acceptance
from chat.acceptance import Accepted
from chat.models import Conversation, Delivery, Message
from chat.wire.errors import Code, Refusal
from tests.fixtures.people import NOW, Person, create_upstream, hear, say, told, write

pytestmark = pytest.mark.django_db
Kind = Delivery.Kind


def lane(name: object) -> list[str]:
    return list(Delivery.objects.filter(lane=str(name)).order_by("position").values_list("kind", flat=True))


def test_the_first_message_asks_for_contact_and_conversation_before_it(alice: Person):
    said = say(alice, "hello")
    assert lane(f"contact_inbox:{alice.contact_inbox_id}") == [Kind.CONTACT, Kind.CONVERSATION]
    assert lane(said.conversation_id) == [Kind.MESSAGE]


def test_the_second_message_waits_in_the_same_lane(alice: Person):
    said = say(alice, "hello")
    again = say(alice, "again")
    assert again.conversation_id == said.conversation_id
    assert lane(said.conversation_id) == [Kind.MESSAGE, Kind.MESSAGE]
    assert lane(f"contact_inbox:{alice.contact_inbox_id}") == [Kind.CONTACT, Kind.CONVERSATION]


def test_the_same_echo_id_answers_the_same(alice: Person):
    echo_id = uuid.uuid4()
    first, second = say(alice, "hello", echo_id=echo_id), say(alice, "hello", echo_id=echo_id)
    assert second == Accepted(first.message_id, first.conversation_id, replayed=True)
    assert Message.objects.count() == 1
    assert alice.head() == 2


def test_the_same_echo_id_with_another_text_is_refused(alice: Person):
    echo_id = uuid.uuid4()
    say(alice, "hello", echo_id=echo_id)
    with pytest.raises(Refusal) as refused:
        say(alice, "other", echo_id=echo_id)
    assert refused.value.code is Code.ECHO_ID_MISMATCH
    assert [message["text"][0]["c"] for message in alice.messages()] == [["hello"]]


def test_a_deleted_message_is_still_the_answer_to_its_echo_id(alice: Person):
    echo_id = uuid.uuid4()
    first = say(alice, "hello", echo_id=echo_id)
    Message.objects.update(deleted=True, content="")
    assert say(alice, "hello", echo_id=echo_id).message_id == first.message_id


def test_two_people_may_use_the_same_echo_id(alice: Person, bob: Person):
    echo_id = uuid.uuid4()
    assert say(alice, "a", echo_id=echo_id).message_id != say(bob, "b", echo_id=echo_id).message_id


def test_only_so_many_messages_may_wait(alice: Person, bob: Person):
    for number in range(acceptance.MAX_WAITING):
        say(alice, str(number))
    with pytest.raises(Refusal) as refused:
        say(alice, "one too many")
    assert refused.value.code is Code.TOO_MANY_WAITING
    assert Message.objects.filter(contact=alice.id).count() == acceptance.MAX_WAITING
    say(bob, "not my problem")
    Delivery.objects.filter(kind=Kind.MESSAGE, contact_inbox=alice.contact_inbox_id, position=1).update(state="sent")
    say(alice, "one more")


def test_a_repeated_message_is_answered_even_when_too_many_wait(alice: Person):
    first = say(alice, "0", echo_id=(echo_id := uuid.uuid4()))
    for number in range(1, acceptance.MAX_WAITING):
        say(alice, str(number))
    assert say(alice, "0", echo_id=echo_id).message_id == first.message_id


@pytest.mark.parametrize("whose", ["nobody's", "bob's"])
def test_only_an_own_conversation_takes_messages(alice: Person, bob: Person, whose: str):
    said = say(bob if whose == "bob's" else alice, "hello")
    conversation_id = uuid.uuid4() if whose == "nobody's" else said.conversation_id
    with pytest.raises(Refusal) as refused:
        say(alice, "knock", to=conversation_id)
    assert refused.value.code is Code.NO_SUCH_CONVERSATION


def test_what_is_said_in_an_emptied_conversation_goes_where_its_messages_went(alice: Person):
    emptied = say(alice, "hello").conversation_id
    Conversation.objects.update(deleted=True)
    moved = say(alice, "to the new one").conversation_id
    assert moved != emptied
    assert say(alice, "knock", to=emptied).conversation_id == moved


def test_messages_accepted_at_the_same_time_keep_their_order(alice: Person):
    for text in ("one", "two", "three"):
        say(alice, text)
    assert [message["text"][0]["c"][0] for message in alice.messages()] == ["one", "two", "three"]
    assert [message["at"] - NOW for message in alice.messages()] == [0, 1, 2]


def test_a_message_stands_after_an_agents_of_a_clock_that_is_ahead(alice: Person):
    said = say(alice, "hello")
    create_upstream(alice, said=said)
    hear(alice, told(5, created_at=NOW // 1000 + 3600))
    say(alice, "answer", to=said.conversation_id)
    assert [message["direction"] for message in alice.messages()] == ["incoming", "outgoing", "incoming"]


def see(person: Person, said: Accepted, *, message_id: uuid.UUID | None = None) -> None:
    write(
        acceptance.see,
        person.id,
        of=person,
        conversation_id=said.conversation_id,
        message_id=message_id or said.message_id,
    )


def test_seeing_is_shown_and_delivered_once(alice: Person):
    said = say(alice, "hello")
    see(alice, said)
    head = alice.head()
    see(alice, said)
    assert alice.head() == head
    assert alice.rows()[str(said.conversation_id)]["contact_seen"] == NOW
    assert lane(said.conversation_id) == [Kind.MESSAGE, Kind.SEEN]


def test_seeing_more_while_the_first_waits_is_one_delivery(alice: Person):
    first, second = say(alice, "one"), say(alice, "two")
    see(alice, first)
    see(alice, second)
    assert lane(first.conversation_id) == [Kind.MESSAGE, Kind.MESSAGE, Kind.SEEN]


def test_seeing_does_not_go_back(alice: Person):
    first, second = say(alice, "one"), say(alice, "two")
    see(alice, second)
    see(alice, first)
    assert alice.rows()[str(first.conversation_id)]["contact_seen"] == NOW + 1


def test_only_a_message_of_that_conversation_can_be_seen(alice: Person, bob: Person):
    said, other = say(alice, "hello"), say(bob, "hi")
    for message_id in (other.message_id, uuid.uuid4()):
        with pytest.raises(Refusal) as refused:
            see(alice, said, message_id=message_id)
        assert refused.value.code is Code.NO_SUCH_MESSAGE
    with pytest.raises(Refusal) as refused:
        see(alice, other)
    assert refused.value.code is Code.NO_SUCH_CONVERSATION
