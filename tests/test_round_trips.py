"""Statements that bring nothing back wait for the next: on PostgreSQL, which is asked fewer times."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import Error, connection, transaction

from chat import statements
from chat.models import Inbox
from tests.fixtures.people import Person

pytestmark = pytest.mark.django_db
AWKWARD = "100 % %s '; -- \\ é"


def rename(alice: Person, name: str) -> None:
    statements.execute("UPDATE chat_inbox SET name = %s WHERE id = %s", (name, alice.inbox_id))


def name_of(alice: Person) -> str:
    query = "SELECT name FROM chat_inbox WHERE id = %(id)s"
    return str(statements.fetch(query, {"id": alice.inbox_id})[0][0])


def asked(run: Callable[[], object]) -> list[str]:
    """What went to the database, one for each time that it was asked."""
    found: list[str] = []

    def note(execute: Callable[..., Any], statement: str, *rest: Any) -> Any:
        found.append(statement)
        return execute(statement, *rest)

    with connection.execute_wrapper(note):
        run()
    return found


def test_what_is_held_goes_with_the_next_that_brings_something_back(alice: Person) -> None:
    def run() -> None:
        with statements.held():
            rename(alice, "first")
            rename(alice, AWKWARD)
            assert name_of(alice) == AWKWARD

    assert len(asked(run)) == (1 if connection.vendor == "postgresql" else 3)


def test_the_orm_finds_what_is_held(alice: Person) -> None:
    with statements.held():
        rename(alice, AWKWARD)
        assert Inbox.objects.get(pk=alice.inbox_id).name == AWKWARD
        rename(alice, "later")
        assert Inbox.objects.filter(name="later").update(name="found") == 1


def test_what_is_held_last_is_run_at_the_end(alice: Person) -> None:
    with statements.held():
        rename(alice, "at last")
    assert name_of(alice) == "at last"


def test_after_a_block_that_failed_nothing_of_it_is_left(alice: Person) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic(), statements.held():
        rename(alice, "never")
        raise ZeroDivisionError
    assert name_of(alice) != "never"


def test_one_that_is_wrong_fails_at_the_end_at_the_latest(alice: Person) -> None:
    with pytest.raises(Error), transaction.atomic(), statements.held():
        rename(alice, "rolled back")
        statements.execute("UPDATE chat_inbox SET no_such_column = %s", (1,))
    assert name_of(alice) != "rolled back"


@pytest.mark.django_db(transaction=True)
def test_the_end_of_a_transaction_goes_with_what_is_held_last(alice: Person) -> None:
    with transaction.atomic():
        with statements.held(commits=True):
            rename(alice, "for good")
        if connection.vendor == "postgresql":
            assert connection.connection.info.transaction_status.name == "IDLE"
    connection.close()
    assert name_of(alice) == "for good"


@pytest.mark.django_db(transaction=True)
def test_one_that_is_wrong_keeps_its_transaction_from_ending(alice: Person) -> None:
    with pytest.raises(Error), transaction.atomic(), statements.held(commits=True):
        rename(alice, "rolled back")
        statements.execute("UPDATE chat_inbox SET no_such_column = %s", (1,))
    assert name_of(alice) != "rolled back"


def test_without_such_a_block_nothing_waits(alice: Person) -> None:
    assert len(asked(lambda: rename(alice, "now"))) == 1
