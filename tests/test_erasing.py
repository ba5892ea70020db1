"""What is too old goes for good, and does not come back from Chatwoot."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from chat import erasing, feed, sessions
from chat.audience import Audience
from chat.clock import moment
from chat.feed import Cursor
from chat.models import Attachment, Contact, ContactInbox, Conversation, Delivery, Inbox, Message, Session
from chat.retention import DAY_MS, Retention
from chat.writer import Writer
from tests.fixtures.people import NOW, Person, create_upstream, hear, make_person, say, told, write
from tests.fixtures.world import World

pytestmark = pytest.mark.django_db
OLD, NEW = NOW, NOW + 100 * DAY_MS


def talk(person: Person) -> uuid.UUID:
    """Old words and new ones, all delivered."""
    said = say(person, "old", now=OLD)
    create_upstream(person, said=said)
    hear(person, told(5, "old answer"), now=OLD)
    hear(person, told(9, "new answer", created_at=NEW // 1000), now=NEW)
    Delivery.objects.update(state="sent")
    return said.conversation_id


def clear(person: Person, *, before: int = NEW) -> int:
    rows = erasing.old_messages(before, removed_before=before, most=100)
    return sum(write(erasing.remove_messages, each, ids, of=person) for each, ids in rows.items())


def texts() -> set[str]:
    return set(Message.objects.values_list("content", flat=True))


def test_what_is_old_is_removed_and_who_has_not_read_that_far_starts_again(alice: Person):
    talk(alice)
    behind = Cursor(Contact.objects.get(id=alice.id).epoch, 1)
    assert clear(alice) == 2
    assert texts() == {"new answer"}
    page = feed.read(alice.id, behind)
    assert page is not None and page.reset == "floor"
    up_to_date = feed.read(alice.id, behind._replace(seq=alice.head()))
    assert up_to_date is not None and up_to_date.reset is None


def test_what_is_still_on_its_way_is_kept_however_old(alice: Person):
    say(alice, "not sent yet", now=OLD)
    assert clear(alice) == 0


def test_what_was_removed_as_too_old_does_not_come_back_with_a_comparison(alice: Person):
    talk(alice)
    clear(alice)
    assert hear(alice, told(5, "old answer"), now=NEW, read_started=NEW) is None
    hear(alice, told(10, "news", created_at=NEW // 1000), now=NEW)
    assert texts() == {"new answer", "news"}


def test_a_removed_row_stays_until_every_device_may_have_learnt_of_it(alice: Person):
    talk(alice)
    hear(alice, told(9, "", deleted=True), now=NEW)
    assert erasing.old_messages(0, removed_before=NEW, most=100) == {}
    removed = erasing.old_messages(0, removed_before=NEW + 1, most=100)
    assert removed == {alice.id: [Message.objects.get(chatwoot_id=9).id]}


def test_sessions_that_are_long_over_go_and_others_stay(inbox: Inbox):
    opened = [sessions.open_anonymous(inbox).session for _ in range(3)]
    Session.objects.filter(pk=opened[0].pk).update(expires_at=moment() - timedelta(days=31))
    Session.objects.filter(pk=opened[1].pk).update(revoked_at=moment() - timedelta(days=31))
    assert erasing.forget_sessions(moment() - timedelta(days=30), most=100) == 2
    assert Session.objects.get().pk == opened[2].pk


def test_only_a_contact_without_anything_goes(inbox: Inbox, alice: Person):
    empty, has_file, has_session = make_person(inbox), make_person(inbox), sessions.open_anonymous(inbox).session
    say(alice, "hello")
    Attachment.objects.create(contact_id=has_file.id, name="a", file_type="file")
    later = moment() + timedelta(days=1)
    assert erasing.empty_contacts(moment() - timedelta(days=1), most=100) == []
    assert erasing.empty_contacts(later, most=100) == [empty.id]
    for person in (empty, alice, has_file):
        write(erasing.remove_contact, person.id, of=person, before=later)
    assert set(Contact.objects.values_list("id", flat=True)) == {alice.id, has_file.id, has_session.contact_id}


def test_who_was_erased_is_not_written_of_again(alice: Person):
    said = say(alice, "hello")
    create_upstream(alice, said=said)
    write(erasing.erase, alice.id, of=alice)
    assert hear(alice, told(5, source_id=alice.source_id, inbox_id=7)) is None
    assert not Contact.objects.exists() and not ContactInbox.objects.exists() and not Conversation.objects.exists()


@pytest.fixture
async def old_world(world: World) -> Any:
    """Messages of 40 days, of yesterday, and a session and a contact of long ago."""

    def prepare(person: Any) -> None:
        row = Conversation.objects.create(
            contact_id=person.contact_id,
            contact_inbox_id=person.contact_inbox_id,
            inbox_id=person.inbox_id,
            created_at=0,
            seq=1,
        )
        for days, text in ((40, "last month"), (1, "yesterday")):
            at = round(moment().timestamp() * 1000) - days * DAY_MS
            values = {"contact_id": person.contact_id, "inbox_id": person.inbox_id, "direction": "outgoing"}
            Message.objects.create(conversation=row, content=text, at=at, seq=days, **values)
        nobody = Contact.objects.create(inbox_id=person.inbox_id)
        Contact.objects.filter(id=nobody.id).update(created_at=moment() - timedelta(days=31))

    await world.ask(prepare, await world.person())
    return world


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("keep_days", "kept"), [(None, {"last month", "yesterday"}), (30, {"yesterday"})])
async def test_a_round_removes_what_the_setting_says(old_world: World, keep_days: int | None, kept: set[str]):
    writer = Writer(Audience())
    writer.start()
    await Retention(writer, old_world.reader, keep_days=keep_days, batch=1).clear()
    await writer.stop()
    assert await old_world.ask(texts) == kept
    assert await old_world.ask(Contact.objects.count) == 1
