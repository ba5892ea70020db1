import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat import sql
from chat.models import ContactInbox, Conversation, Message, Webhook
from chat.records import ConversationRecord, MessageRecord
from tests.fixtures.people import NOW, Person, cabled, create_upstream, hear, say, told

pytestmark = pytest.mark.django_db
ELSEWHERE = {  # read by what needs them
    *("created_at", "verified_id", "confirmed_at", "transcript_at", "transcript_to", "attributes", "labels"),
    "placed",
}


@pytest.mark.parametrize(("record", "model"), [(MessageRecord, Message), (ConversationRecord, Conversation)])
def test_a_record_has_the_columns_of_its_table(record: Any, model: Any):
    columns = {field.column for field in model._meta.concrete_fields}
    assert set(record._fields) <= columns
    assert columns - set(record._fields) <= ELSEWHERE


def test_a_message_reads_as_the_orm_reads_it(alice: Person):
    create_upstream(alice, said=say(alice, "hello", echo_id=uuid.uuid4()))
    hear(
        alice,
        cabled(5, "é 😀 ' %s \\ \"", of=alice, content_attributes={"items": [{"title": "é", "deep": [None, 1.5]}]}),
    )
    for row in Message.objects.all():
        found = sql.message(row.id)
        assert found == MessageRecord.of(row)
        assert found == sql.message_by_chatwoot_id(alice.inbox_id, row.chatwoot_id) or row.chatwoot_id is None
        if row.echo_id:
            assert found == sql.message_by_echo_id(alice.id, row.echo_id)


def test_a_conversation_reads_as_the_orm_reads_it(alice: Person):
    said = say(alice, "hello")
    create_upstream(alice, 9, said=said)
    row = Conversation.objects.get()
    expected = ConversationRecord.of(row)
    assert sql.conversation(said.conversation_id) == sql.conversation_by_chatwoot_id(alice.inbox_id, 9) == expected


def test_a_contact_inbox_that_chatwoot_knows_reads_as_the_orm_reads_it(alice: Person):
    create_upstream(alice, said=say(alice, "hello"))
    row = ContactInbox.objects.get(contact=alice.id)
    assert row.pubsub_token
    assert sql.known(alice.id) == [sql.Known(row.pk, alice.inbox_id, row.source_id, row.pubsub_token)]
    ContactInbox.objects.create(contact_id=alice.id, inbox_id=alice.inbox_id, source_id="not told yet")
    assert [each.id for each in sql.known(alice.id)] == [row.pk]


def test_a_conversation_and_a_message_are_found_by_their_numbers_together(alice: Person, bob: Person):
    create_upstream(alice, 9, said=say(alice, "hello"))
    create_upstream(bob, 8, said=say(bob, "hi"))
    hear(alice, told(5, conversation=9))
    talk, said = sql.conversation_by_chatwoot_id(alice.inbox_id, 9), sql.message_by_chatwoot_id(alice.inbox_id, 5)
    assert talk and said
    elsewhere = sql.conversation_by_chatwoot_id(alice.inbox_id, 8)
    assert sql.around(alice.inbox_id, 9, 5)[:2] == (talk, said)
    assert sql.around(alice.inbox_id, 8, 5)[:2] == (elsewhere, said)
    assert sql.around(alice.inbox_id, 9, 6)[:2] == (talk, None)
    assert sql.around(alice.inbox_id, 7, 5)[:2] == (None, said)
    nowhere = sql.around(alice.inbox_id + 1, 9, 5)
    assert nowhere == (None, None, (0, 0, None), False)


def test_around_a_message_are_the_newest_of_its_conversation_and_whoever_is_told(alice: Person):
    said = say(alice, "hello")
    create_upstream(alice, 9, said=said)
    hear(alice, told(5, conversation=9))
    around = sql.around(alice.inbox_id, 9, 6)
    assert around.newest == sql.newest(said.conversation_id) == around.newest_of(said.conversation_id)
    assert around.newest.other is not None and around.newest.other[0] == 5
    assert around.newest_of(uuid.uuid4()) == (0, 0, None)
    assert not around.has_webhook
    webhook = Webhook.objects.create(inbox_id=alice.inbox_id, url="https://shop.example/")
    assert sql.around(alice.inbox_id, 9, 6).has_webhook
    Webhook.objects.filter(pk=webhook.pk).update(is_on=False)
    assert not sql.around(alice.inbox_id, 9, 6).has_webhook


def test_an_update_touches_its_row_alone(alice: Person):
    said = say(alice, "hello")
    other = say(alice, "other", to=said.conversation_id)
    record = sql.message(said.message_id)
    assert record is not None
    changed = record._replace(content="changed", deleted=True, content_attributes={"items": []}, seq=77)
    sql.update_message(changed)
    assert sql.message(said.message_id) == changed
    assert Message.objects.get(id=other.message_id).content == "other"


def test_what_is_not_there_is_none(alice: Person):
    nobody = uuid.uuid4()
    assert sql.message(nobody) is sql.conversation(nobody) is sql.feed_position(nobody) is None
    assert sql.message_by_echo_id(alice.id, nobody) is sql.message_by_chatwoot_id(alice.inbox_id, 5) is None
    assert sql.conversation_by_chatwoot_id(alice.inbox_id, 5) is None
    assert sql.neighbours(nobody, 5, own=True) == (None, None)


def test_locks_give_the_heads_of_those_who_exist(alice: Person, bob: Person):
    say(bob, "hi")
    assert sql.lock_contacts([bob.id, uuid.uuid4(), alice.id]).heads == {alice.id: 0, bob.id: 2}
    assert sql.lock_contacts([]).heads == {}


def test_locks_bring_the_databases_clock_along(alice: Person, bob: Person):
    for ids in ([alice.id, bob.id], [uuid.uuid4()], []):
        before, now, after = sql.database_now(), sql.lock_contacts(ids).now, sql.database_now()
        assert before <= now <= after


def test_locks_are_taken_in_the_order_of_ids(alice: Person, bob: Person):
    """Two processes that lock the same contacts in any other order wait for each other (PostgreSQL)."""
    ids = sorted([alice.id, bob.id])
    with CaptureQueriesContext(connection) as sent:
        sql.lock_contacts(reversed(ids))
    (query,) = (each["sql"] for each in sent.captured_queries)
    where, _, order = query.partition(" ORDER BY ")
    places = [where.replace("-", "").index(each.hex) for each in ids]
    assert places == sorted(places)
    assert order == ("id FOR UPDATE" if connection.features.has_select_for_update else "id")


def test_neighbours_are_the_nearest_of_either_kind(alice: Person):
    said = say(alice, "hello")
    create_upstream(alice, said=said)
    Message.objects.update(chatwoot_id=20, at=NOW + 1)
    for number in (10, 30, 40):
        hear(alice, told(number))
    at = dict(Message.objects.values_list("chatwoot_id", "at"))
    conversation_id = said.conversation_id
    assert sql.neighbours(conversation_id, 25, own=False) == ((10, at[10]), (30, at[30]))
    assert sql.neighbours(conversation_id, 25, own=True) == ((20, at[20]), None)
    assert sql.neighbours(conversation_id, 15, own=True) == (None, (20, at[20]))
    assert sql.neighbours(conversation_id, 99, own=False) == ((40, at[40]), None)


def test_the_databases_clock_is_in_milliseconds():
    assert sql.database_now() == pytest.approx(__import__("time").time() * 1000, abs=60_000)


@pytest.mark.parametrize(
    ("call", "index"),
    [
        (lambda: sql.changed_messages(uuid.uuid4(), after=1, upto=9, limit=9), "contact_id"),
        (lambda: sql.changed_conversations(uuid.uuid4(), after=1, upto=9, limit=9), "contact_id"),
        (lambda: sql.message_page(uuid.uuid4(), before=(1, uuid.uuid4()), limit=9), "conversation_id"),
        (lambda: sql.message_by_chatwoot_id(1, 1), "inbox_id"),
        (lambda: sql.message_by_echo_id(uuid.uuid4(), uuid.uuid4()), "contact_id"),
        (lambda: sql.neighbours(uuid.uuid4(), 1, own=False), "conversation_id"),
        (lambda: sql.newest_chatwoot_id(1), "inbox_id"),
        (lambda: sql.current_conversation(uuid.uuid4()), "contact_id"),
        (lambda: sql.listening_webhooks(1), "inbox_id"),
        (lambda: sql.around(1, 1, 1), "inbox_id"),
    ],
)
def test_a_hot_statement_searches_by_an_index(db: None, call: Any, index: str):
    if connection.vendor != "sqlite":
        pytest.skip("plans of an empty table say nothing on PostgreSQL")
    statements: list[tuple[str, Any]] = []
    with connection.execute_wrapper(
        lambda run, query, params, *rest: statements.append((query, params)) or run(query, params, *rest)
    ):
        call()
    for query, params in statements:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query}", params)
            plan = [row[3] for row in cursor.fetchall()]
        assert any(f"({index}=?" in step and "chat_" in step for step in plan), plan
        assert not any(step.startswith("SCAN chat_message") for step in plan), plan
