import uuid
from typing import Any

import pytest
from django.db import connection

from chat import acceptance, outbox, sql
from chat.acceptance import Accepted
from chat.models import Delivery, Inbox
from tests.fixtures.people import CHATWOOT_INBOX, NOW, Person, cabled, hear, say, told, write
from tests.fixtures.progress import answered, claim, doubt, due, incoming, look, state, taken

pytestmark = pytest.mark.django_db
Kind, State = Delivery.Kind, Delivery.State
DAY = 24 * 3_600_000


def test_an_answer_with_our_row_is_the_end_of_it(alice: Person, hello: Accepted):
    answered(alice, taken(alice, hello), 9)
    assert state(hello) == (State.SENT, State.SENT)
    assert Delivery.objects.get(message=hello.message_id).reason == ""


@pytest.mark.parametrize("told", [{"conversation_id": 2}, {"id": 5, "message_type": 1}], ids=["elsewhere", "another's"])
def test_an_answer_that_is_not_taken_for_ours_is_looked_into_at_once(
    alice: Person, hello: Accepted, told: dict[str, Any]
):
    hear(alice, cabled(5, "from an agent", of=alice))
    answered(alice, taken(alice, hello), 9, **told)
    assert state(hello) == (State.UNSURE, State.UNSURE)
    assert Delivery.objects.get(message=hello.message_id).reason == "its answer was not recognised"
    assert due() == ["hello"]


def test_not_sent_is_tried_again_later_without_a_word(alice: Person, hello: Accepted):
    claimed = taken(alice, hello)
    head = alice.head()
    write(outbox.later, of=alice, claim=claimed, reason="unreachable", due_at=NOW + 5)
    assert state(hello) == (State.ACCEPTED, State.ACCEPTED)
    assert alice.head() == head
    assert (due(), due(NOW + 5)) == ([], ["hello"])


def test_every_state_that_a_visitor_can_see_takes_a_number(alice: Person, hello: Accepted):
    head = alice.head()
    doubt(alice, taken(alice, hello))
    look(alice, taken(alice, hello), over=True)
    write(outbox.fail, of=alice, claim=taken(alice, hello, now=NOW + 2_000), reason="422", shown="too long")
    assert state(hello) == (State.FAILED, State.FAILED)
    assert alice.head() == head + 3
    assert alice.messages()[0]["reason"] == "too long"


def test_a_look_that_proves_nothing_leaves_it_unsure(alice: Person, hello: Accepted):
    doubt(alice, taken(alice, hello))
    look(alice, taken(alice, hello), over=False)
    assert state(hello) == (State.UNSURE, State.UNSURE)
    assert (due(), due(NOW + 500)) == ([], ["hello"])


def test_absent_for_certain_is_sent_again_or_has_failed(alice: Person, hello: Accepted):
    doubt(alice, taken(alice, hello))
    look(alice, taken(alice, hello), over=True)
    assert state(hello) == (State.ACCEPTED, State.ACCEPTED)
    again = taken(alice, hello, now=NOW + 2_000)
    doubt(alice, again, permanent=True, finished=True, reason="422 not taken")
    look(alice, taken(alice, hello, now=NOW + 2_001), over=False)
    assert (again.attempt, state(hello)) == (2, (State.FAILED, State.FAILED))
    assert alice.messages()[0]["reason"] == "not_accepted"
    assert Delivery.objects.get(message=hello.message_id).reason == "422 not taken"


def test_a_new_attempt_forgets_how_the_last_one_ended(alice: Person, hello: Accepted):
    doubt(alice, taken(alice, hello), finished=True, permanent=True)
    Delivery.objects.update(state=State.ACCEPTED)
    taken(alice, hello)
    delivery = Delivery.objects.get(message=hello.message_id)
    assert (delivery.finished, delivery.permanent, delivery.looks) == (False, False, 0)


def test_after_a_day_of_doubt_it_is_unconfirmed_and_looked_for_still(alice: Person, hello: Accepted):
    doubt(alice, taken(alice, hello))
    look(alice, taken(alice, hello), now=NOW + DAY, over=False)
    assert state(hello) == (State.UNSURE, State.UNSURE)
    look(alice, taken(alice, hello, now=NOW + DAY + 5_000), now=NOW + DAY + 5_000, over=False)
    assert state(hello) == (State.UNCONFIRMED, State.UNCONFIRMED)
    taken(alice, hello, now=NOW + DAY + 65_000)
    hear(alice, incoming(9))
    assert state(hello) == (State.SENT, State.SENT)


def test_a_look_at_what_was_found_meanwhile_changes_nothing(alice: Person, hello: Accepted):
    doubt(alice, taken(alice, hello))
    looking = taken(alice, hello)
    hear(alice, incoming(9))
    head = alice.head()
    look(alice, looking, over=True)
    assert state(hello) == (State.SENT, State.SENT)
    assert alice.head() == head


# Moving


def test_moved_deliveries_go_on_after_what_waits_there(alice: Person, hello: Accepted):
    other = say(alice, "there")
    Delivery.objects.filter(message=other.message_id).update(lane="elsewhere", position=1)
    moved = Delivery.objects.get(message=other.message_id)
    outbox.move(uuid.uuid4(), to=hello.conversation_id)
    Delivery.objects.filter(id=moved.id).update(lane=(old := str(uuid.uuid4())))
    outbox.move(uuid.UUID(old), to=hello.conversation_id)
    lanes = Delivery.objects.filter(lane=str(hello.conversation_id)).order_by("position")
    assert [each.message_id for each in lanes] == [hello.message_id, other.message_id]


def test_the_newest_number_is_that_of_one_chatwoot(alice: Person, hello: Accepted):
    hear(alice, told(70))
    chatwoot = Inbox.objects.get(id=alice.inbox_id).chatwoot
    assert sql.newest_chatwoot_id(chatwoot.pk) == 70
    assert sql.newest_chatwoot_id(chatwoot.pk + 1) == 0
    assert CHATWOOT_INBOX


# What was answered to a form

IBAN = "DE-SECRET-42"


def everything() -> str:
    with connection.cursor() as cursor:
        rows = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            rows.append(cursor.fetchall())
    return repr(rows)


def answer(person: Person) -> Delivery:
    """To a form with the number 50."""
    form = hear(person, cabled(50, "Your IBAN?", of=person, content_type="form"))
    assert form is not None
    values = [{"name": "iban", "value": IBAN}]
    write(acceptance.answer, person.id, of=person, message_id=form.id, submitted_values=values)
    return Delivery.objects.get(kind=Kind.ANSWER)


@pytest.mark.parametrize("then", ["waits", "is tried", "is in doubt", "has failed", "has arrived"])
def test_t18_what_was_answered_to_a_deleted_form_leaves_the_database(alice: Person, hello: Accepted, then: str):
    Delivery.objects.update(state=State.SENT)
    delivery = answer(alice)
    if then != "waits":
        claimed = claim(alice, kind=Kind.ANSWER)
        assert claimed is not None
        if then == "is in doubt":
            doubt(alice, claimed)
        elif then == "has failed":
            write(outbox.fail, of=alice, claim=claimed, reason="422", shown="")
        elif then == "has arrived":
            write(outbox.done, of=alice, claim=claimed)
    told_back = {"submitted_values": [{"name": "iban", "value": IBAN}]}
    hear(alice, cabled(50, "Your IBAN?", of=alice, ms=5, content_type="form", content_attributes=told_back))
    assert IBAN in everything()
    hear(alice, cabled(50, "", of=alice, ms=9, deleted=True))
    assert IBAN not in everything()
    delivery.refresh_from_db()
    assert delivery.state == (State.SENT if then == "has arrived" else State.FAILED)
    assert not write(outbox.requeue, of=alice, delivery=delivery)
    say(alice, "next")
    assert due() == ["next"]


def test_an_answer_that_has_arrived_is_kept_at_its_form_only(alice: Person, hello: Accepted):
    Delivery.objects.update(state=State.SENT)
    answer(alice)
    claimed = claim(alice, kind=Kind.ANSWER)
    assert claimed is not None
    write(outbox.done, of=alice, claim=claimed)
    assert IBAN not in everything()


def test_an_answer_that_failed_may_be_sent_again(alice: Person, hello: Accepted):
    Delivery.objects.update(state=State.SENT)
    delivery = answer(alice)
    hear(alice, cabled(51, "", of=alice, ms=9, deleted=True))  # another message
    claimed = claim(alice, kind=Kind.ANSWER)
    assert claimed is not None
    write(outbox.fail, of=alice, claim=claimed, reason="422", shown="")
    delivery.refresh_from_db()
    assert write(outbox.requeue, of=alice, delivery=delivery)
    again = claim(alice, kind=Kind.ANSWER)
    assert again is not None and IBAN in str(again.payload)
