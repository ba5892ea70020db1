"""Resolving and answering over and over costs Chatwoot little, and the last wish counts."""

from typing import Any

import pytest

from chat import acceptance, annotations, mirror, order, outbox
from chat.acceptance import Accepted
from chat.models import Delivery, Inbox, Message
from tests.fixtures.people import NOW, Person, conversation, hear, say, told, write
from tests.fixtures.progress import claim

pytestmark = pytest.mark.django_db
Kind, State = Delivery.Kind, Delivery.State
FRAME_MS = 50  # between what a socket may send


@pytest.fixture
def hello(alice: Person, hello: Accepted) -> Accepted:
    Delivery.objects.update(state=State.SENT)
    return hello


def carry(person: Person, kind: str, *, now: int) -> int:
    """Do at Chatwoot what is due of this kind. How many."""
    due = Delivery.objects.filter(kind=kind, state=State.ACCEPTED, due_at__lte=now).order_by("position").first()
    if due is None:
        return 0
    claimed = claim(person, id=due.id, now=now)
    assert claimed is not None
    write(outbox.done, of=person, now=now, claim=claimed)
    return 1


def resolve(person: Person, said: Accepted, *, now: int) -> None:
    write(acceptance.resolve, person.id, of=person, now=now, conversation_id=said.conversation_id)


def show(person: Person, status: str, *, now: int) -> None:
    """Chatwoot's cable says so."""
    told_of = conversation(1, status=status, updated_at=now / 1000, source_id=person.source_id)
    write(mirror.apply_conversation, person.scope, told_of, of=person, now=now, read_started=None)


@pytest.mark.parametrize("hears", [True, False])
def test_resolving_over_and_over_is_resolving_once_in_a_while(alice: Person, hello: Accepted, hears: bool):
    asked = 0
    for now in range(NOW, NOW + 2 * order.PAUSE_MS, FRAME_MS):
        resolve(alice, hello, now=now)
        if carry(alice, Kind.RESOLVE, now=now):
            asked += 1
            if hears:
                show(alice, "resolved", now=now)
    assert asked == (1 if hears else 2)


def test_what_was_said_or_reopened_since_is_resolved_again(alice: Person, hello: Accepted):
    resolve(alice, hello, now=NOW)
    assert carry(alice, Kind.RESOLVE, now=NOW)
    show(alice, "resolved", now=NOW)
    say(alice, "one more thing", to=hello.conversation_id, now=NOW + 1)
    Delivery.objects.filter(kind=Kind.MESSAGE).update(state=State.SENT)
    resolve(alice, hello, now=NOW + 2)
    assert carry(alice, Kind.RESOLVE, now=NOW + 2)
    show(alice, "resolved", now=NOW + 3)
    show(alice, "open", now=NOW + 4)
    resolve(alice, hello, now=NOW + 5)
    assert not carry(alice, Kind.RESOLVE, now=NOW + 5)
    assert carry(alice, Kind.RESOLVE, now=NOW + 2 + order.PAUSE_MS)


def test_what_a_page_says_over_and_over_costs_little_and_its_last_word_counts(alice: Person, hello: Accepted):
    Inbox.objects.update(bot_token="token", account_id=1)
    asked = 0
    for number, now in enumerate(range(NOW, NOW + order.PAUSE_MS, FRAME_MS)):
        wanted = {"page": number, f"k{number % 5}": number}
        say_of = {"conversation_id": hello.conversation_id, "wanted": wanted}
        write(annotations.set_attributes, alice.id, of=alice, now=now, **say_of)
        asked += carry(alice, Kind.ATTRIBUTES, now=now)
    assert asked == annotations.MOST_AT_ONCE
    waiting = Delivery.objects.get(kind=Kind.ATTRIBUTES, state=State.ACCEPTED)
    assert waiting.due_at == NOW + order.PAUSE_MS
    assert waiting.payload == {
        "wanted": {"page": number} | {f"k{each % 5}": each for each in range(number - 4, number + 1)}
    }


def question(person: Person, number: int) -> Message:
    hear(person, told(number, "which one?", content_type="input_select"))
    return Message.objects.get(chatwoot_id=number)


def answer(person: Person, to: Message, value: int, *, now: int) -> None:
    values: Any = [{"value": str(value)}]
    write(acceptance.answer, person.id, of=person, now=now, message_id=to.id, submitted_values=values)


def test_a_few_answers_go_at_once_and_more_wait_with_the_last_one_said(alice: Person, hello: Accepted):
    form = question(alice, 5)
    at_once = 0
    for number, now in enumerate(range(NOW, NOW + order.PAUSE_MS, FRAME_MS)):
        answer(alice, form, number, now=now)
        at_once += carry(alice, Kind.ANSWER, now=now)
    assert at_once == order.MOST_AT_ONCE
    waiting = Delivery.objects.get(kind=Kind.ANSWER, state=State.ACCEPTED)
    assert waiting.payload["submitted_values"] == [{"value": str(number)}]
    assert waiting.due_at == NOW + order.PAUSE_MS
    assert carry(alice, Kind.ANSWER, now=NOW + order.PAUSE_MS)


def test_questions_that_follow_each_other_are_answered_at_once(alice: Person, hello: Accepted):
    for number in range(3 * order.MOST_AT_ONCE):
        now = NOW + number * order.PAUSE_MS // order.MOST_AT_ONCE
        answer(alice, question(alice, 5 + number), number, now=now)
        assert carry(alice, Kind.ANSWER, now=now)
