"""What is unread, and the last line of each conversation."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat import acceptance, overview
from chat.acceptance import Accepted
from chat.limits import Limits
from chat.models import Conversation, Delivery, Message
from chat.wire.errors import Code, Refusal
from tests.fixtures.people import NOW, Person, cabled, create_upstream, hear, say, told, write

pytestmark = pytest.mark.django_db


def talking(person: Person, *agents: int, text: str = "an answer") -> Accepted:
    """A conversation in which agents said something, in this order."""
    said = say(person, "hello")
    create_upstream(person, said=said)
    for number in agents:
        hear(person, told(number, text, created_at=NOW // 1000 + number))
    return said


def see(person: Person, said: Accepted, chatwoot_id: int) -> None:
    seen = Message.objects.get(chatwoot_id=chatwoot_id).id
    write(acceptance.see, person.id, conversation_id=said.conversation_id, message_id=seen, of=person)


def begin(person: Person, new_id: uuid.UUID | None = None, *, now: int = NOW) -> uuid.UUID:
    new_id = new_id or uuid.uuid4()
    write(acceptance.begin, person.id, new_id=new_id, of=person, now=now)
    return new_id


def test_unread_is_what_agents_said_after_what_was_seen(alice: Person, bob: Person):
    said = talking(alice, 5, 6, 7)
    assert overview.unread(alice.id) == {said.conversation_id: 3}
    see(alice, said, 6)
    assert overview.unread(alice.id) == {said.conversation_id: 1}
    say(alice, "my own words", to=said.conversation_id)
    assert overview.unread(alice.id) == {said.conversation_id: 1}
    see(alice, said, 7)
    assert overview.unread(alice.id) == overview.unread(bob.id) == {}


def test_an_edit_is_not_unread_again_and_what_is_deleted_is_not_unread(alice: Person):
    said = talking(alice, 5, 6)
    see(alice, said, 5)
    hear(alice, cabled(5, "an edited answer", of=alice, ms=1000))
    assert overview.unread(alice.id) == {said.conversation_id: 1}
    hear(alice, told(6, "", deleted=True))
    assert overview.unread(alice.id) == {}


def test_a_row_that_comes_late_is_unread_only_if_its_place_is_after_what_was_seen(alice: Person):
    said = talking(alice, 5, 9)
    see(alice, said, 5)
    hear(alice, told(4, "late, before it", created_at=NOW // 1000 + 4))
    assert overview.unread(alice.id) == {said.conversation_id: 1}
    hear(alice, told(7, "late, after it", created_at=NOW // 1000 + 7))
    assert overview.unread(alice.id) == {said.conversation_id: 2}


def test_what_is_unread_is_one_statement_over_the_ends_of_the_threads(alice: Person):
    talking(alice, 5)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        overview.unread(alice.id)
    (query,) = [each["sql"] for each in queries]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            plan = " ".join(row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {query}").fetchall())
        assert "SCAN" not in plan
        assert "(conversation_id=? AND at>?)" in plan


def test_the_list_is_newest_first_in_pages(alice: Person, bob: Person):
    ids = [begin(alice) for _ in range(3)]
    begin(bob)
    first, more = overview.page(alice.id, before=None, limit=2)
    assert ([each.id for each in first], more) == ([ids[2], ids[1]], True)
    second, more = overview.page(alice.id, before=first[-1].id, limit=2)
    assert ([each.id for each in second], more) == ([ids[0]], False)
    with pytest.raises(Refusal, match="no_such_conversation"):
        overview.page(bob.id, before=ids[0], limit=2)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("**Hi**\nthere, [a link](https://a.example)", "Hi there, a link"),
        ("- one\n- two\n\n```\ncode\n```\n> said `x`", "one two code said x"),
        ("x" * 300, "x" * 200),
    ],
)
def test_the_last_line_is_plain_text(alice: Person, text: str, line: str):
    said = talking(alice, 5, text=text)
    assert overview.one(alice.id, said.conversation_id).last == overview.Line(
        line, Message.objects.get(chatwoot_id=5).at, "outgoing", False
    )


def test_the_last_line_is_the_last_that_is_left(alice: Person):
    said = talking(alice, 5)
    hear(alice, told(5, "", deleted=True))
    last = overview.one(alice.id, said.conversation_id).last
    assert last is not None and (last.text, last.direction) == ("hello", "incoming")


def test_a_page_costs_the_same_however_much_is_on_it(alice: Person):
    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            overview.page(alice.id, before=None, limit=50)
        return len(queries)

    talking(alice, 5)
    few = statements()
    for _ in range(2):
        begin(alice)
    assert statements() == few


# A new conversation


def test_a_conversation_begins_without_chatwoot_and_is_created_there_with_its_first_message(alice: Person):
    new_id = begin(alice)
    assert Delivery.objects.count() == 0
    assert overview.one(alice.id, new_id).last is None
    said = say(alice, "hello")
    assert said.conversation_id == new_id
    say(alice, "again")
    assert sorted(Delivery.objects.values_list("kind", flat=True)) == ["contact", "conversation", "message", "message"]


def test_the_same_begin_is_the_same_conversation(alice: Person):
    new_id = begin(alice)
    head = alice.head()
    assert begin(alice, new_id) == new_id
    assert (Conversation.objects.count(), alice.head()) == (1, head)


def test_a_begin_with_a_message_is_one_of_each_however_often(alice: Person):
    options: dict[str, Any] = {"echo_id": uuid.uuid4(), "conversation_id": None, "text": "hello"}
    new_id = uuid.uuid4()
    old = say(alice, "another one")
    first = write(acceptance.accept, alice.id, of=alice, new_id=new_id, **options)
    again = write(acceptance.accept, alice.id, of=alice, new_id=new_id, **options)
    assert (first.conversation_id, again.message_id, again.replayed) == (new_id, first.message_id, True)
    assert old.conversation_id != new_id
    more = write(acceptance.accept, alice.id, of=alice, new_id=new_id, **options | {"echo_id": uuid.uuid4()})
    assert more.conversation_id == new_id


def test_conversations_begun_without_a_word_count_as_new_ones_too(alice: Person):
    begun = [begin(alice) for _ in range(3)]
    with pytest.raises(Refusal) as caught:
        begin(alice)
    assert (caught.value.code, caught.value.retry_after) == (Code.TOO_FAST, 86_400)
    for each in begun:
        say(alice, "hello", to=each)
    say(alice, "again", to=begun[0])
    with pytest.raises(Refusal):
        begin(alice)
    assert begin(alice, begun[0]) == begun[0]
    begin(alice, now=NOW + 86_401_000)


def test_a_conversation_that_chatwoot_began_counts_for_nobody(alice: Person):
    for number in range(4):
        hear(alice, cabled(20 + number, conversation=20 + number, of=alice))
    begin(alice)
    assert Conversation.objects.count() == 5


def test_nobody_begins_without_end(alice: Person, settings: Any):
    settings.LIMITS = Limits.of({"conversations": "off"})
    for _ in range(acceptance.MAX_EMPTY):
        begin(alice)
    with pytest.raises(Refusal) as caught:
        begin(alice)
    assert caught.value.code == Code.TOO_FAST


def test_an_empty_conversation_is_ended_without_chatwoot(alice: Person):
    new_id = begin(alice)
    for _ in range(2):
        write(acceptance.resolve, alice.id, conversation_id=new_id, of=alice)
    assert (overview.one(alice.id, new_id).status, Delivery.objects.count()) == ("resolved", 0)


# Surveys


def test_the_survey_of_a_conversation_is_its_newest(alice: Person, bob: Person):
    said = talking(alice, 5)
    with pytest.raises(Refusal, match="no_question"):
        overview.survey_of(alice.id, said.conversation_id)
    for number in (6, 7):
        hear(alice, told(number, "how was it?", content_type="input_csat", created_at=NOW // 1000 + number))
    newest = Message.objects.get(chatwoot_id=7).id
    assert overview.survey_of(alice.id, said.conversation_id) == newest
    with pytest.raises(Refusal, match="no_such_conversation"):
        overview.survey_of(bob.id, said.conversation_id)


def test_t45_only_a_question_that_was_shown_to_this_visitor_is_answered(alice: Person, bob: Person):
    talking(alice, 5)
    hear(alice, told(6, "which one?", content_type="input_select"))
    plain, question = (Message.objects.get(chatwoot_id=number).id for number in (5, 6))
    own = Message.objects.get(direction="incoming").id
    refusals = [(alice, plain, "no_question"), (alice, own, "no_question"), (bob, question, "no_such_message")]
    for person, message_id, code in [*refusals, (alice, uuid.uuid4(), "no_such_message")]:
        with pytest.raises(Refusal, match=code):
            write(acceptance.answer, person.id, message_id=message_id, submitted_values=[{"value": "a"}], of=person)
    assert not Delivery.objects.filter(kind="answer").exists()
    write(acceptance.answer, alice.id, message_id=question, submitted_values=[{"value": "a"}], of=alice)
    assert Delivery.objects.filter(kind="answer").exists()
