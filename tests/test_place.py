"""Where a message stands in the thread: by Chatwoot's numbers among Chatwoot's, by time among the visitor's own."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat import place, sql
from chat.models import Conversation, Message
from tests.fixtures.people import NOW, Person, create_upstream, hear, newcomer, say, told

pytestmark = pytest.mark.django_db
QUICK = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


def thread(person: Person) -> list[Message]:
    return list(Message.objects.filter(contact=person.id).order_by("at", "id"))


def begun(person: Person) -> Any:
    """A conversation at Chatwoot without a message of Chatwoot's in it."""
    said = say(person, "hello", now=NOW - 60_000)
    create_upstream(person, said=said)
    return said


def ids(person: Person) -> list[int]:
    return [each.chatwoot_id for each in thread(person) if each.chatwoot_id is not None]


bursts = st.lists(st.integers(1, 900), min_size=1, max_size=9, unique=True)


@given(arrival=bursts.flatmap(st.permutations), number=st.integers(1, 10**9))
@QUICK
def test_a_burst_of_one_second_keeps_chatwoots_order_however_it_arrives(db: None, arrival: list[int], number: int):
    person = newcomer()
    begun(person)
    for each in arrival:
        hear(person, told(number + each))
    assert ids(person) == sorted(ids(person))


@given(arrival=bursts.flatmap(st.permutations), seconds=st.lists(st.integers(-3, 3), min_size=9, max_size=9))
@QUICK
def test_the_order_holds_whatever_the_clocks_say(db: None, arrival: list[int], seconds: list[int]):
    person = newcomer()
    begun(person)
    placed: dict[int, int] = {}
    for each, shift in zip(arrival, seconds, strict=False):
        hear(person, told(each, created_at=NOW // 1000 + shift))
        now = {message.chatwoot_id: message.at for message in thread(person) if message.chatwoot_id}
        assert now.items() >= placed.items(), "`at` is written once"
        placed = now
    assert ids(person) == sorted(ids(person))


@given(arrival=st.permutations(range(8)), own=st.sets(st.integers(0, 7)))
@QUICK
def test_own_messages_between_them_do_not_disturb_the_order(db: None, arrival: list[int], own: set[int]):
    """The visitor's were placed when they were accepted, long before Chatwoot numbered them."""
    person = newcomer()
    said = begun(person)
    for each in sorted(own):
        accepted = say(person, f"own {each}", now=NOW + each, to=said.conversation_id)
        Message.objects.filter(id=accepted.message_id).update(chatwoot_id=each * 10)
    for each in arrival:
        hear(person, told(each * 10 + 5))
    others = [message.chatwoot_id for message in thread(person) if message.direction == "outgoing"]
    assert others == sorted(others)


def test_with_true_clocks_a_late_message_stands_at_its_time(alice: Person):
    begun(alice)
    for number, second in ((10, 0), (40, 60), (20, 20), (30, 40)):
        hear(alice, told(number, created_at=NOW // 1000 + second))
    assert [message.at - NOW for message in thread(alice)[1:]] == [0, 20_000, 40_000, 60_000]


def test_old_messages_that_come_after_the_newest_keep_their_day(alice: Person):
    """A conversation first heard of by its newest message; the list brings the rest."""
    begun(alice)
    Message.objects.all().delete()
    day = 86_400
    hear(alice, told(100, created_at=NOW // 1000))
    for number in (90, 91, 95):
        hear(alice, told(number, created_at=NOW // 1000 - day + number))
    assert [message.at - NOW for message in thread(alice)] == [(number - day) * 1000 for number in (90, 91, 95)] + [0]


def test_a_late_answer_stands_between_the_questions_it_was_written_between(alice: Person):
    """Also when Chatwoot's clock is behind ours."""
    said = begun(alice)
    first = say(alice, "first?", now=NOW + 1_000, to=said.conversation_id)
    second = say(alice, "second?", now=NOW + 5_000, to=said.conversation_id)
    Message.objects.filter(id=first.message_id).update(chatwoot_id=51)
    Message.objects.filter(id=second.message_id).update(chatwoot_id=53)
    hear(alice, told(52, "to the first", created_at=NOW // 1000 - 3_600))
    assert [message.content for message in thread(alice)[1:]] == ["first?", "to the first", "second?"]


def test_what_was_delivered_late_does_not_pull_back_what_an_agent_wrote_meanwhile(db: None):
    """Whether its id is known by then or not."""
    for known_first in (True, False):
        person = newcomer()
        said = begun(person)
        if known_first:
            Message.objects.filter(id=said.message_id).update(chatwoot_id=12)
        hear(person, told(11, created_at=NOW // 1000 + 60))
        hear(person, told(10, created_at=NOW // 1000))
        assert [message.at - NOW for message in thread(person)] == [-60_000, 0, 60_000]


def test_a_busy_chatwoot_leaves_room_for_a_page_in_descending_order(alice: Person):
    """Ids far apart, the clocks no help: the steps were cut, and the room is shared."""
    begun(alice)
    Message.objects.all().update(at=NOW + 10**7)
    for number in (10_000, 200_000, 150_000, 120_000, 100_000, 80_000, 50_000, 20_000):
        hear(alice, told(number))
    assert ids(alice) == sorted(ids(alice))


def test_the_newest_stands_after_what_waits_to_be_sent(alice: Person):
    begun(alice)
    say(alice, "still waiting", now=NOW + 90_000)
    hear(alice, told(5, created_at=NOW // 1000))
    assert [message.content for message in thread(alice)] == ["hello", "still waiting", "hello"]
    assert thread(alice)[-1].at == NOW + 90_001


def test_an_update_does_not_move_a_message(alice: Person):
    begun(alice)
    hear(alice, told(5))
    at = Message.objects.get(chatwoot_id=5).at
    hear(alice, told(5, "edited", created_at=NOW // 1000 + 500), now=NOW + 9, read_started=NOW + 5)
    assert Message.objects.get(chatwoot_id=5).content == "edited"
    assert Message.objects.get(chatwoot_id=5).at == at


def test_the_first_message_stands_at_its_time(alice: Person):
    begun(alice)
    conversation = Conversation.objects.get()
    Message.objects.all().delete()
    assert place.place(conversation.id, 5, NOW, newest=sql.newest(conversation.id)) == NOW
