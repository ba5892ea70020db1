"""What was answered to a question shows on every device from its acceptance on, and what became of it."""

import uuid
from typing import Any

import pytest

from chat import acceptance, outbox
from chat.acceptance import Accepted
from chat.models import Delivery, Message
from tests.fixtures.people import Person, cabled, hear, told, write
from tests.fixtures.progress import claim

pytestmark = pytest.mark.django_db
Kind = Delivery.Kind
A, B = [{"title": "A", "value": "a"}], [{"title": "B", "value": "b"}]


@pytest.fixture
def question(alice: Person, hello: Accepted) -> uuid.UUID:
    Delivery.objects.update(state=Delivery.State.SENT)
    hear(alice, told(5, "which one?", content_type="input_select"))
    return Message.objects.get(chatwoot_id=5).id


def answer(person: Person, question: uuid.UUID, values: Any) -> None:
    write(acceptance.answer, person.id, message_id=question, submitted_values=values, of=person)


def shown(person: Person, question: uuid.UUID) -> Any:
    return person.rows()[str(question)]["attributes"].get("answer")


def taken(person: Person) -> Any:
    claimed = claim(person, kind=Kind.ANSWER, state=Delivery.State.ACCEPTED)
    assert claimed is not None
    return claimed


def test_an_accepted_answer_shows_and_one_told_again_changes_nothing(alice: Person, question: uuid.UUID):
    answer(alice, question, A)
    assert shown(alice, question) == {"values": A, "state": "accepted"}
    head = alice.head()
    answer(alice, question, A)
    assert (alice.head(), Delivery.objects.filter(kind=Kind.ANSWER).count()) == (head, 1)


def test_what_arrived_shows_as_chatwoot_has_it_and_is_not_sent_again(alice: Person, question: uuid.UUID):
    answer(alice, question, A)
    claimed = taken(alice)
    told_back = {"submitted_values": A}
    hear(alice, cabled(5, "which one?", of=alice, ms=9, content_type="input_select", content_attributes=told_back))
    write(outbox.done, of=alice, claim=claimed)
    assert shown(alice, question) == {"values": A, "state": "sent"}
    answer(alice, question, A)
    assert Delivery.objects.filter(kind=Kind.ANSWER).count() == 1


def test_what_failed_says_so_and_may_be_answered_again(alice: Person, question: uuid.UUID):
    answer(alice, question, A)
    write(outbox.fail, of=alice, claim=taken(alice), reason="422", shown="no")
    assert shown(alice, question) == {"values": A, "state": "failed"}
    answer(alice, question, A)
    assert shown(alice, question) == {"values": A, "state": "accepted"}
    assert Delivery.objects.filter(kind=Kind.ANSWER).count() == 2


def test_a_later_answer_is_not_undone_by_the_arrival_of_the_one_before(alice: Person, question: uuid.UUID):
    answer(alice, question, A)
    claimed = taken(alice)
    answer(alice, question, B)
    write(outbox.done, of=alice, claim=claimed)
    assert shown(alice, question) == {"values": B, "state": "accepted"}


def test_an_edit_by_an_agent_keeps_what_waits_and_a_deletion_does_not(alice: Person, question: uuid.UUID):
    answer(alice, question, A)
    hear(alice, cabled(5, "which one, please?", of=alice, ms=9, content_type="input_select"))
    assert shown(alice, question) == {"values": A, "state": "accepted"}
    hear(alice, cabled(5, "", of=alice, ms=10, deleted=True))
    assert alice.rows()[str(question)]["attributes"] == {}
