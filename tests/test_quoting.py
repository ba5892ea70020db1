"""Replies name what they answer by our id, and never what is not this person's, or was deleted."""

from typing import Any

import pytest

from chat.acceptance import Accepted
from chat.models import Message
from chat.quoting import MAX_WORDS
from tests.fixtures.people import Person, cabled, hear, told

pytestmark = pytest.mark.django_db


def reply(person: Person, to: Any) -> dict[str, Any]:
    """The attributes of a message that answers Chatwoot's message of this number."""
    hear(person, told(9, "Yes", content_attributes={"in_reply_to": to}))
    attributes: dict[str, Any] = person.messages()[-1]["attributes"]
    return attributes


def test_a_reply_carries_our_id_and_the_words_it_answers(alice: Person, hello: Accepted):
    hear(alice, told(5, "Is **this** the `one`?"))
    assert reply(alice, 5) == {
        "reply_to": {"id": str(Message.objects.get(chatwoot_id=5).id), "text": "Is this the one?", "own": False}
    }


def test_long_words_are_cut(alice: Person, hello: Accepted):
    hear(alice, told(5, "word " * 100))
    text = reply(alice, 5)["reply_to"]["text"]
    assert len(text) <= MAX_WORDS and text.endswith("word…")


@pytest.mark.parametrize("number", [404, "5", True, None, 2**70, {"id": 5}])
def test_what_is_not_known_is_not_quoted(alice: Person, hello: Accepted, number: Any):
    hear(alice, told(5, "Is this the one?"))
    assert reply(alice, number) == {}


def test_deleted_words_are_quoted_nowhere(alice: Person, hello: Accepted):
    hear(alice, cabled(5, "My number is 7", of=alice))
    hear(alice, cabled(5, "", of=alice, ms=9, deleted=True))
    assert reply(alice, 5) == {}


def test_somebody_elses_words_are_quoted_nowhere(alice: Person, bob: Person, hello: Accepted):
    hear(alice, told(5, "For Alice"))
    Message.objects.filter(chatwoot_id=5).update(contact=bob.id)
    assert reply(alice, 5) == {}
