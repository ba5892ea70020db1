"""What a message costs the database, stage by stage: whoever adds a statement to its way says so here.

One visitor whose conversation is at Chatwoot, and who has said something before. `make bench PARTS=statements` counts
the same over the whole application, with where each comes from; BEGIN and COMMIT are beside these.
"""

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection

from chat import acceptance, lanes, mirror
from chat.acceptance import Accepted
from chat.chatwoot.resources import Sender
from chat.feed import Pen
from chat.models import Delivery
from chat.outbox import Claim
from tests.fixtures.people import NOW, Person, cabled, conversation, hear, write
from tests.fixtures.progress import answered, echoed, taken

pytestmark = pytest.mark.django_db
FACE = "https://front.example/rails/active_storage/representations/redirect/eyJf--9c6a/eyJf--1b/gus.png"


def statements(run: Callable[[], object]) -> int:
    """How many; without those by which Django nests transactions."""
    found: list[str] = []

    def note(execute: Callable[..., Any], statement: str, *rest: Any) -> Any:
        if not statement.startswith(("SAVEPOINT", "RELEASE")):
            found.append(statement)
        return execute(statement, *rest)

    with connection.execute_wrapper(note):
        run()
    return len(found)


def accept(alice: Person, said: Accepted, text: str) -> Accepted:
    names = {"echo_id": uuid.uuid4(), "conversation_id": said.conversation_id}
    return write(acceptance.accept, alice.id, of=alice, text=text, **names)


def echo(alice: Person, claim: Claim, number: int) -> None:
    hear(alice, echoed(number, claim.content, of=alice, delivery=claim))


@pytest.fixture
def spoken(alice: Person, hello: Accepted) -> Accepted:
    """All is said in her conversation that was begun."""
    claim = taken(alice, hello)
    answered(alice, claim, 9)
    echo(alice, claim, 9)
    return hello


def test_what_a_visitor_says(alice: Person, spoken: Accepted) -> None:
    said: list[Accepted] = []
    took = {"accept": statements(lambda: said.append(accept(alice, spoken, "and")))}
    took["scan"] = statements(lambda: lanes.due(NOW, limit=16))
    delivery, claims = Delivery.objects.get(message=said[0].message_id), list[Claim]()
    attempt = partial(write, lanes.claim_attempt, delivery.id, of=alice, fence_at=NOW + 1_000)
    took["attempt"] = statements(lambda: claims.append(attempt()))
    took["answer"] = statements(lambda: answered(alice, claims[0], 10))
    took["its echo"] = statements(lambda: echo(alice, claims[0], 10))
    assert took == {"accept": 8, "scan": 1, "attempt": 4, "answer": 7, "its echo": 3}


def test_what_an_agent_says(alice: Person, spoken: Accepted) -> None:
    """Chatwoot tells of the conversation, too, with each message in it."""
    took = {"message": statements(lambda: hear(alice, cabled(10, "hi", of=alice)))}
    gus = Sender(kind="agent", id=1, name="Gus", avatar_url=FACE)
    took["one with a face"] = statements(lambda: hear(alice, cabled(11, "hi", of=alice, sender=gus)))
    news = conversation(status="resolved", updated_at=NOW / 1000, source_id=alice.source_id)
    apply = partial(write, mirror.apply_conversation, alice.scope, news, of=alice, read_started=None)
    took["conversation"] = statements(apply)
    assert took == {"message": 4, "one with a face": 5, "conversation": 4}


def test_a_transaction_begins_with_one_which_brings_the_clock_along(alice: Person) -> None:
    assert statements(lambda: Pen(None, [alice.id])) == 1
    pen = Pen(None, [alice.id])
    assert statements(lambda: pen.hold([alice.id])) == 0
