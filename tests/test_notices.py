"""Which notice is stored, due, taken and closed, as far as the database decides that."""

import json
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from chat import acceptance, notices, sql
from chat.models import Message, Notice, Session, Webhook
from chat.notices import FAR_MS, KEPT_MS, Claim
from chat.sessions import open_anonymous
from tests.fixtures.people import NOW, Person, cabled, create_upstream, hear, say, write

pytestmark = pytest.mark.django_db
LEASE_MS = 30_000
DUE = NOW + 10_000  # NOTICE_DELAY_S


@pytest.fixture
def webhook(alice: Person) -> Webhook:
    return Webhook.objects.create(inbox_id=alice.inbox_id, url="https://app.example/")


def hears(person: Person, number: int, *, now: int = NOW, **values: Any) -> Message:
    hear(person, cabled(number, of=person, **values), now=now)
    return Message.objects.get(chatwoot_id=number)


def take(person: Person, *, now: int = DUE) -> Claim | None:
    notice = Notice.objects.first()
    assert notice is not None
    return write(notices.claim, of=person, now=now, notice_id=notice.pk, lease_ms=LEASE_MS)


def due(now: int, **options: Any) -> int:
    return len(notices.due(now, **{"limit": 10, "without": []} | options))


def listens(person: Person, *, at: int, until: int) -> Session:
    session = open_anonymous(person_inbox(person)).session
    values = {"contact_id": person.id, "connected_at": at, "connected_until": until}
    Session.objects.filter(pk=session.pk).update(**values)
    return session


def person_inbox(person: Person) -> Any:
    return Webhook.objects.get(inbox=person.inbox_id).inbox


def test_a_notice_is_stored_with_the_message_or_not_at_all(alice: Person, webhook: Webhook) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        hears(alice, 1)
        assert Notice.objects.count() == 1
        1 / 0  # noqa: B018
    assert (Notice.objects.count(), Message.objects.count()) == (0, 0)


def test_every_webhook_of_the_inbox_gets_one_and_no_other(alice: Person, webhook: Webhook) -> None:
    Webhook.objects.create(inbox_id=alice.inbox_id, url="https://other.example/")
    Webhook.objects.create(inbox_id=alice.inbox_id, url="https://off.example/", is_on=False)
    Webhook.objects.create(inbox_id=alice.inbox_id, url="https://ended.example/", gave_up_at=1)
    hears(alice, 1)
    assert Notice.objects.count() == 2


def test_what_the_visitor_writes_and_what_came_deleted_is_no_news(alice: Person, webhook: Webhook) -> None:
    create_upstream(alice, said=say(alice, "hello"))
    hears(alice, 1, deleted=True)
    assert not Notice.objects.exists()


def test_the_same_message_again_is_no_second_notice(alice: Person, webhook: Webhook) -> None:
    for ms in (0, 1):
        hears(alice, 1, ms=ms)
    claim = take(alice)
    assert claim is not None
    write(notices.told, of=alice, now=DUE, claim=claim)
    hears(alice, 1, ms=2, text="corrected")
    assert not Notice.objects.exists()


def test_one_is_open_for_each_contact_by_the_database_too(alice: Person, webhook: Webhook) -> None:
    message = hears(alice, 1)
    times = {"since": 1, "created_at": 1, "changed_at": 1, "due_at": 1}
    with pytest.raises(IntegrityError), transaction.atomic():
        Notice.objects.create(webhook=webhook, contact_id=alice.id, message=message, **times)


def test_it_is_due_after_the_delay_and_while_nobody_has_it(alice: Person, webhook: Webhook) -> None:
    hears(alice, 1)
    hears(alice, 2, now=NOW + 9_000)  # a burst does not push it away
    assert (due(DUE - 1), due(DUE), due(DUE, without=[webhook.pk])) == (0, 1, 0)
    assert take(alice) is not None
    assert (due(DUE), due(DUE + LEASE_MS - 1), due(DUE + LEASE_MS)) == (0, 0, 1)


def test_a_clock_that_was_set_back_delays_it_by_hours_at_most(alice: Person, webhook: Webhook) -> None:
    hears(alice, 1)
    assert take(alice) is not None
    earlier = NOW - 10 * FAR_MS
    assert due(earlier) == 1
    Notice.objects.update(lease_until=0, due_at=DUE)
    assert take(alice, now=earlier) is not None


def test_a_claim_that_lost_its_lease_settles_nothing(alice: Person, webhook: Webhook) -> None:
    hears(alice, 1)
    first, second = take(alice), take(alice, now=DUE + LEASE_MS)
    assert first is not None and second is not None and first.event_id == second.event_id
    for settle in (notices.told, notices.give_up, notices.failed):
        more = {"told": {}, "give_up": {"words": "late"}, "failed": {"words": "late", "again_ms": 1}}[settle.__name__]
        write(settle, of=alice, now=DUE, claim=first, **more)
    notice = Notice.objects.get()
    assert (notice.state, notice.reason, notice.lease_no) == ("open", "", second.lease_no)


def test_what_came_while_it_was_told_is_told_after_the_delay(alice: Person, webhook: Webhook) -> None:
    hears(alice, 1)
    claim = take(alice)
    assert claim is not None
    hears(alice, 2, now=DUE + 1)
    write(notices.told, of=alice, now=DUE + 2, claim=claim)
    notice = Notice.objects.get()
    assert (notice.attempt, notice.due_at) == (0, DUE + 2 + 10_000) and notice.event_id != claim.event_id


def test_a_device_marked_after_the_message_ends_it(alice: Person, webhook: Webhook) -> None:
    hears(alice, 1)
    listens(alice, at=NOW + 1, until=NOW + 45_001)
    assert take(alice) is None and not Notice.objects.exists()


def test_a_device_marked_before_the_message_delays_it_until_the_mark_has_run_out(
    alice: Person, webhook: Webhook
) -> None:
    hears(alice, 1)
    listens(alice, at=NOW - 1, until=NOW + 44_999)
    assert take(alice) is None
    assert (due(NOW + 44_999), due(NOW + 45_000)) == (0, 1)
    assert take(alice, now=NOW + 45_000) is not None


@pytest.mark.parametrize("mark", [{"at": NOW - 9, "until": DUE}, {"at": NOW + 9, "until": DUE + 2 * FAR_MS}])
def test_a_mark_that_has_run_out_or_cannot_be_is_none(alice: Person, webhook: Webhook, mark: dict[str, int]) -> None:
    hears(alice, 1)
    listens(alice, **mark)
    assert take(alice) is not None


def test_a_session_that_was_ended_listens_no_more(alice: Person, webhook: Webhook) -> None:
    hears(alice, 1)
    session = listens(alice, at=NOW + 1, until=NOW + 45_000)
    Session.objects.filter(pk=session.pk).update(revoked_at=session.created_at)
    assert take(alice) is not None


def test_unread_is_what_agents_wrote_after_what_was_seen_and_is_still_there(alice: Person, webhook: Webhook) -> None:
    first, second = hears(alice, 1), hears(alice, 2)
    hears(alice, 3)
    hears(alice, 4, conversation=2)
    hears(alice, 2, ms=1, deleted=True)
    see = {"contact_id": alice.id, "conversation_id": first.conversation_id, "message_id": first.pk}
    write(acceptance.see, of=alice, **see)
    claim = take(alice)
    assert claim is not None and json.loads(claim.body)["unread"] == 2
    assert sum(sql.unread(alice.id).values()) == 2 and second.pk


def test_what_was_unread_before_does_not_keep_alive_what_was_read(alice: Person, webhook: Webhook) -> None:
    """The older one, in another conversation, was told of long ago."""
    hears(alice, 1, conversation=2)
    Notice.objects.all().delete()
    newer = hears(alice, 2, created_at=NOW // 1000 + 5, now=NOW + 5_000)
    see = {"contact_id": alice.id, "conversation_id": newer.conversation_id, "message_id": newer.pk}
    write(acceptance.see, of=alice, **see)
    assert take(alice, now=DUE + 5_000) is None and not Notice.objects.exists()


def test_the_notices_of_a_webhook_that_was_given_up_are_closed_one_by_one(
    alice: Person, bob: Person, webhook: Webhook
) -> None:
    hears(alice, 1)
    assert notices.note_given_up(webhook.pk, "it answered 410", silent_since=2**62) == "webhook"
    assert notices.note_given_up(webhook.pk, "it answered 410", silent_since=2**62) == ""
    assert take(alice) is None
    assert Notice.objects.get().reason == "its webhook was given up" and due(DUE) == 0
    Notice.objects.update(changed_at=sql.database_now() - KEPT_MS - 1)
    notices.tidy()
    assert not Notice.objects.exists()


def test_a_claim_prints_neither_secrets_nor_addresses(alice: Person, webhook: Webhook) -> None:
    hears(alice, 1)
    claim = take(alice)
    assert claim is not None and claim.secrets == (webhook.secret,)
    assert webhook.secret not in repr(claim) and "app.example" not in repr(claim)
