import uuid
from typing import Any

import pytest

from chat import acceptance, lanes, outbox
from chat.acceptance import Accepted
from chat.models import Conversation, Delivery, Inbox, Message
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


def test_t33_two_people_may_use_the_same_echo_id(alice: Person, bob: Person):
    echo_id = uuid.uuid4()
    assert say(alice, "a", echo_id=echo_id).message_id != say(bob, "b", echo_id=echo_id).message_id


@pytest.mark.parametrize("status", Conversation.Status.values)
@pytest.mark.parametrize("resolved", ["reopen", "new", "ask", "nonsense"])
def test_a_closed_conversation_is_written_to_again_unless_the_inbox_wants_a_new_one(
    alice: Person, resolved: str, status: str
):
    first = say(alice, "hello")
    Conversation.objects.update(status=status)
    Inbox.objects.update(policy={"resolved": resolved})
    begins = resolved == "new" and status == Conversation.Status.RESOLVED
    second, third = say(alice, "me again"), say(alice, "and more")
    assert (second.conversation_id != first.conversation_id) is begins
    assert third.conversation_id == second.conversation_id
    assert say(alice, "to that one", to=first.conversation_id).conversation_id == first.conversation_id


def test_what_names_no_conversation_goes_to_the_one_spoken_in_last_as_the_page_shows_it(alice: Person):
    first = say(alice, "order 17", now=NOW)
    create_upstream(alice, said=first)
    later = begin_another(alice, now=NOW + 1_000)
    say(alice, "another matter", to=later, now=NOW + 2_000)
    assert say(alice, "and more", now=NOW + 3_000).conversation_id == later
    hear(alice, told(5, created_at=NOW // 1000 + 4))
    assert say(alice, "to that one", now=NOW + 5_000).conversation_id == first.conversation_id


def test_one_that_was_just_begun_is_the_current_one_until_something_is_said_elsewhere(alice: Person):
    first = say(alice, "hello", now=NOW)
    create_upstream(alice, said=first)
    begun = begin_another(alice, now=NOW)
    assert acceptance.find_conversation(alice.id, None).id == begun
    hear(alice, told(5, created_at=NOW // 1000 + 1))
    assert say(alice, "to that one", now=NOW + 2_000).conversation_id == first.conversation_id


def test_one_that_an_agent_began_without_a_word_is_not_the_current_one(alice: Person):
    first = say(alice, "hello", now=NOW)
    empty = begin_another(alice, now=NOW + 1_000)
    Conversation.objects.filter(id=empty).update(chatwoot_id=2)
    assert say(alice, "to that one", now=NOW + 2_000).conversation_id == first.conversation_id


def begin_another(person: Person, *, now: int) -> uuid.UUID:
    write(acceptance.begin, person.id, of=person, now=now, new_id=(new_id := uuid.uuid4()))
    return new_id


def test_where_chatwoot_has_one_conversation_for_each_contact_no_other_is_begun(alice: Person):
    first = say(alice, "hello")
    Conversation.objects.update(status=Conversation.Status.RESOLVED)
    Inbox.objects.update(policy={"resolved": "new"}, locks_to_single=True)
    assert say(alice, "me again").conversation_id == first.conversation_id


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


def begin(person: Person, *, now: int) -> Accepted:
    """A conversation after all earlier ones were emptied into others."""
    Conversation.objects.filter(contact=person.id).update(deleted=True)
    return say(person, "hello", now=now)


def test_t35_a_visitor_begins_three_conversations_a_day(alice: Person, bob: Person):
    hour = 3_600_000
    for number in range(3):
        begin(alice, now=NOW + number * hour)
    with pytest.raises(Refusal) as refused:
        begin(alice, now=NOW + 3 * hour)
    assert (refused.value.code, refused.value.retry_after) == (Code.TOO_FAST, 21 * 3_600)
    begin(bob, now=NOW + 3 * hour)
    begin(alice, now=NOW + 24 * hour)


def test_an_inbox_may_allow_other_numbers_of_conversations(alice: Person):
    Inbox.objects.update(limits={"conversations": "1/h"})
    begin(alice, now=NOW)
    with pytest.raises(Refusal):
        begin(alice, now=NOW + 1_000)
    Inbox.objects.update(limits={"conversations": "off"})
    for number in range(5):
        begin(alice, now=NOW + 2_000 + number)


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


# What was lost


def lose(person: Person, said: Accepted, state: str, *, reason: str = "no") -> None:
    Delivery.objects.filter(message=said.message_id).update(state=state, attempt=3, crashes=8, permanent=True)
    Message.objects.filter(id=said.message_id).update(state=state, reason=reason)


def delivery(said: Accepted) -> Delivery:
    return Delivery.objects.get(message=said.message_id)


def test_a_failed_message_is_sent_again_after_what_waits_and_keeps_its_place_in_the_thread(alice: Person):
    lost, later = say(alice, "lost"), say(alice, "later")
    lose(alice, lost, "failed")
    write(acceptance.retry, alice.id, lost.message_id, of=alice, now=NOW + 5)
    row = delivery(lost)
    assert (row.state, row.attempt, row.crashes, row.permanent) == ("accepted", 3, 0, False)
    assert (row.created_at, row.due_at) == (NOW + 5, NOW + 5)  # it gets its full time again
    assert row.position > delivery(later).position
    assert [message["state"] for message in alice.messages()] == ["accepted", "accepted"]
    assert alice.messages()[0]["reason"] is None


def test_an_unconfirmed_message_is_sent_again_in_its_place(alice: Person):
    lost, later = say(alice, "lost"), say(alice, "later")
    lose(alice, lost, "unconfirmed")
    lease_no = delivery(lost).lease_no
    write(acceptance.retry, alice.id, lost.message_id, of=alice)
    assert delivery(lost).position < delivery(later).position
    assert delivery(lost).lease_no == lease_no + 1  # who is just looking for it decides nothing more


@pytest.mark.parametrize("state", ["failed", "unconfirmed"])
def test_a_discarded_message_is_removed_and_the_lane_goes_on(alice: Person, state: str):
    lost = say(alice, "my secret")
    create_upstream(alice, said=lost)
    later = say(alice, "later")
    lose(alice, lost, state)
    head = alice.head()
    write(acceptance.discard, alice.id, lost.message_id, of=alice)
    assert alice.head() == head + 1
    assert alice.messages()[0]["deleted"] and "my secret" not in str([*Message.objects.values()])
    assert [each.delivery_id for each in lanes.due(NOW, limit=9)] == [delivery(later).id]


@pytest.mark.parametrize("act", [acceptance.retry, acceptance.discard])
def test_only_what_was_lost_is_retried_or_discarded(alice: Person, bob: Person, act: Any):
    waiting, foreign = say(alice, "waiting"), say(bob, "bob's")
    lose(bob, foreign, "failed")
    gone = say(alice, "gone")
    lose(alice, gone, "failed")
    write(acceptance.discard, alice.id, gone.message_id, of=alice)
    create_upstream(alice, said=waiting)
    hear(alice, told(5))
    agents = Message.objects.get(chatwoot_id=5).id
    refused = []
    for message_id in (waiting.message_id, gone.message_id, agents, foreign.message_id, uuid.uuid4()):
        with pytest.raises(Refusal) as caught:
            write(act, alice.id, message_id, of=alice)
        refused.append(caught.value.code)
    assert refused == [Code.NOT_LOST] * 3 + [Code.NO_SUCH_MESSAGE] * 2


def test_retrying_what_failed_counts_as_waiting(alice: Person):
    lost = say(alice, "lost")
    lose(alice, lost, "failed")
    for number in range(acceptance.MAX_WAITING):
        say(alice, str(number))
    with pytest.raises(Refusal) as refused:
        write(acceptance.retry, alice.id, lost.message_id, of=alice)
    assert refused.value.code is Code.TOO_MANY_WAITING


def test_an_operator_cannot_requeue_what_was_discarded(alice: Person):
    lost = say(alice, "lost")
    lose(alice, lost, "failed")
    write(acceptance.discard, alice.id, lost.message_id, of=alice)
    assert not write(outbox.requeue, delivery(lost), of=alice)


# Resolving and answering


def test_resolving_waits_behind_what_was_said_and_only_once(alice: Person):
    said = say(alice, "thanks")
    for _ in range(2):
        write(acceptance.resolve, alice.id, conversation_id=said.conversation_id, of=alice)
    assert lane(said.conversation_id) == [Kind.MESSAGE, Kind.RESOLVE]
    say(alice, "one more thing", to=said.conversation_id)
    write(acceptance.resolve, alice.id, conversation_id=said.conversation_id, of=alice)
    assert lane(said.conversation_id) == [Kind.MESSAGE, Kind.RESOLVE, Kind.MESSAGE, Kind.RESOLVE]


def test_what_was_begun_absorbs_nothing(alice: Person):
    said = say(alice, "thanks")
    write(acceptance.resolve, alice.id, conversation_id=said.conversation_id, of=alice)
    Delivery.objects.filter(kind=Kind.RESOLVE).update(attempt=1)
    write(acceptance.resolve, alice.id, conversation_id=said.conversation_id, of=alice)
    assert lane(said.conversation_id) == [Kind.MESSAGE, Kind.RESOLVE, Kind.RESOLVE]


def asked(person: Person, number: int = 5) -> tuple[Accepted, uuid.UUID]:
    said = say(person, "hello")
    create_upstream(person, said=said)
    hear(person, told(number, "which one?", content_type="input_select"))
    return said, Message.objects.get(chatwoot_id=number).id


def answer(person: Person, message_id: uuid.UUID, value: str = "a") -> None:
    write(acceptance.answer, person.id, message_id=message_id, submitted_values=[{"value": value}], of=person)


def test_a_later_answer_replaces_one_that_waits(alice: Person):
    said, question = asked(alice)
    answer(alice, question, "a")
    answer(alice, question, "b")
    assert lane(said.conversation_id) == [Kind.MESSAGE, Kind.ANSWER]
    kept = Delivery.objects.get(kind=Kind.ANSWER)
    assert kept.payload == {"message_id": 5, "submitted_values": [{"value": "b"}]}
    Delivery.objects.update(attempt=1)
    answer(alice, question, "c")
    assert lane(said.conversation_id) == [Kind.MESSAGE, Kind.ANSWER, Kind.ANSWER]


def test_two_questions_have_two_answers(alice: Person):
    said, first = asked(alice)
    hear(alice, told(6, "and where?", content_type="form"))
    answer(alice, first)
    answer(alice, Message.objects.get(chatwoot_id=6).id)
    assert lane(said.conversation_id) == [Kind.MESSAGE, Kind.ANSWER, Kind.ANSWER]


def test_only_an_agents_message_of_ones_own_is_a_question(alice: Person, bob: Person):
    """Chatwoot would answer with the text of whatever message is named, a private note's, too."""
    said, question = asked(alice)
    hear(alice, told(6, "", deleted=True))
    refused = []
    deleted = Message.objects.get(chatwoot_id=6).id
    for person, message_id in ((alice, said.message_id), (alice, deleted), (bob, question), (alice, uuid.uuid4())):
        with pytest.raises(Refusal) as caught:
            answer(person, message_id)
        refused.append(caught.value.code)
    assert refused == [Code.NO_QUESTION] * 2 + [Code.NO_SUCH_MESSAGE] * 2
