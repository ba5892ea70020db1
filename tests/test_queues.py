import uuid
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from django.db import connection

from chat import acceptance, queues
from chat.acceptance import Accepted
from chat.models import Delivery, Message
from chat.records import DeliveryRecord, MessageRecord
from tests.fixtures.people import NOW, Person, create_upstream, say, write
from tests.fixtures.progress import taken

pytestmark = pytest.mark.django_db

WAITING = 600
INSTRUCTIONS = 10  # of SQLite's, for a row
TIMES = {"now": NOW, "far": NOW + 1, "far_leased": NOW + 1}


def test_a_record_has_the_columns_of_its_table():
    assert set(DeliveryRecord._fields) == {field.column for field in Delivery._meta.concrete_fields}


def test_a_delivery_reads_as_the_orm_reads_it(alice: Person, hello: Accepted):
    taken(alice, hello)
    row = Delivery.objects.get(message=hello.message_id)
    expected = DeliveryRecord.of(row)
    assert (expected.state, expected.attempt, expected.permanent) == ("sending", 1, False)
    held = queues.held(row.id, queues.TO_CONFIRM, {}, lock=True)
    assert held is not None and held.delivery == expected
    stored = expected._replace(payload={"é": [None, 1.5]}, marked=True, lease_no=7, reason="502")
    queues.store(stored)
    assert DeliveryRecord.of(Delivery.objects.get(id=row.id)) == stored
    queues.close(row.id, "sent", "")
    assert DeliveryRecord.of(Delivery.objects.get(id=row.id)) == stored._replace(state="sent", reason="", lease_until=0)


def test_a_delivery_of_a_message_comes_with_it_for_its_conversation_alone(alice: Person, bob: Person, hello: Accepted):
    elsewhere = say(bob, "hi").conversation_id
    row = Delivery.objects.select_related("message").get(message=hello.message_id)
    expected = (DeliveryRecord.of(row), MessageRecord.of(row.message))
    assert queues.with_message(row.id, hello.conversation_id) == expected
    assert queues.with_message(row.id, elsewhere) is None
    assert queues.with_message(uuid.uuid4(), hello.conversation_id) is None


def test_counted_are_the_messages_of_a_person_that_are_under_way(alice: Person, bob: Person, hello: Accepted):
    say(bob, "hi")
    say(alice, "and", to=hello.conversation_id)
    write(acceptance.resolve, alice.id, of=alice, conversation_id=hello.conversation_id)
    assert queues.waiting_messages(alice.id) == 2
    Delivery.objects.filter(message=hello.message_id).update(state="sent")
    assert queues.waiting_messages(alice.id) == 1


def test_the_end_of_a_conversation_is_its_latest_place_and_the_last_in_its_lane(alice: Person):
    said = say(alice, "hello")
    create_upstream(alice, said=said)
    later = say(alice, "and", to=said.conversation_id)
    assert queues.end_of(said.conversation_id) == (NOW + 1, 2, "accepted")
    Message.objects.filter(id=said.message_id).update(at=NOW + 9)
    Delivery.objects.filter(message=said.message_id).update(state="unconfirmed")
    assert queues.end_of(said.conversation_id) == (NOW + 9, 2, "unconfirmed")
    Delivery.objects.filter(message=said.message_id).update(state="sent")
    assert queues.end_of(later.conversation_id).first == "accepted"
    Delivery.objects.update(state="failed")
    assert queues.end_of(said.conversation_id) == (NOW + 9, 2, None)


def test_a_queue_is_what_is_open_in_its_lane_in_order(alice: Person, bob: Person):
    said = say(alice, "hello")
    create_upstream(alice, said=said)
    lane = str(said.conversation_id)
    say(bob, "elsewhere")
    later = say(alice, "and", to=said.conversation_id)
    write(acceptance.resolve, alice.id, of=alice, conversation_id=said.conversation_id)
    Message.objects.filter(id=later.message_id).update(reason="behind")
    found = queues.queue(lane)
    assert [(each.message_id, each.reason) for each in found] == [
        (said.message_id, ""),
        (later.message_id, "behind"),
        (None, None),
    ]
    assert [each.id for each in found] == list(
        Delivery.objects.filter(lane=lane).order_by("position").values_list("id", flat=True)
    )
    Delivery.objects.filter(id=found[0].id).update(state="sent")
    assert queues.queue(lane) == found[1:]


def statements(call: Callable[[], object]) -> list[tuple[str, Any]]:
    found = list[tuple[str, Any]]()

    def note(run: Callable[..., Any], query: str, params: Any, *rest: Any) -> Any:
        found.append((query, params))
        return run(query, params, *rest)

    with connection.execute_wrapper(note):
        call()
    return found


@pytest.mark.parametrize(
    ("call", "index"),
    [
        (lambda: queues.queue("nobody's"), "open_deliveries_of_lane"),
        (lambda: queues.end_of(uuid.uuid4()), "open_deliveries_of_lane"),
        (lambda: queues.held(uuid.uuid4(), queues.TO_SEND, TIMES, lock=True), "open_deliveries_of_lane"),
        (lambda: queues.held(uuid.uuid4(), queues.TO_LOOK_FOR, TIMES, lock=True), "open_deliveries_of_lane"),
        (lambda: queues.waiting_messages(uuid.uuid4()), "open_deliveries_of_person"),
        (lambda: queues.due(TIMES, limit=9, without=[1], without_uploads=[2]), "open_deliveries_by_time"),
        (lambda: queues.due(TIMES, limit=9, without=[], without_uploads=[]), "open_deliveries_of_lane"),
    ],
)
def test_what_is_open_is_found_among_the_open(call: Callable[[], object], index: str):
    """Not among all that was ever sent. A database sees that it may only by the very words of the index."""
    if connection.vendor != "sqlite":
        pytest.skip("plans of an empty table say nothing on PostgreSQL")
    ((query, params),) = statements(call)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {query}", params)
        plan = [row[3] for row in cursor.fetchall()]
    assert any(f"USING INDEX {index}" in step for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan


def work(query: str, params: Any) -> int:
    """About how many rows the database looked at to answer it."""

    def of(node: dict[str, Any]) -> int:
        seen = sum(count for name, count in node.items() if name == "Actual Rows" or name.startswith("Rows Removed"))
        return int(seen * node["Actual Loops"]) + sum(map(of, node.get("Plans", ())))

    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            steps = count(1)
            cursor.connection.set_progress_handler(lambda: next(steps) and None, INSTRUCTIONS)
            cursor.execute(query, params).fetchall()
            cursor.connection.set_progress_handler(None, INSTRUCTIONS)
            return next(steps)
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", params)
        (plan,) = cursor.fetchone()[0]
    return of(plan["Plan"])


@pytest.mark.parametrize(
    ("call", "most"),
    [
        (lambda of: queues.due(TIMES | {"now": NOW + 9}, limit=9, without=[], without_uploads=[]), 20 * WAITING),
        (lambda of: queues.waiting_messages(of), 20),
    ],
)
def test_whoever_waits_is_not_compared_with_all_that_wait(
    alice: Person, bob: Person, call: Callable[[uuid.UUID], object], most: int
) -> None:
    """Least of all by PostgreSQL, whose statistics know of few that are open until an outage is long over."""
    create_upstream(alice, said=say(alice, "hello"))
    first = Delivery.objects.get(kind="message")
    names = {"kind": "message", "contact_inbox": first.contact_inbox, "conversation": first.conversation}
    at = {"due_at": NOW, "created_at": NOW, "state": "sent"}
    Delivery.objects.bulk_create(Delivery(lane=str(n // 2), position=n % 2, **at, **names) for n in range(WAITING))
    Delivery.objects.filter(lane__in=["1", "2"]).update(state="accepted")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE chat_delivery")
    Delivery.objects.update(state="accepted")
    assert sum(work(*each) for each in statements(lambda: call(bob.id))) < most
