"""What becomes of a visitor who proves who they are: one Contact on all devices, and nothing of anybody else's."""

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chat import acceptance, feed, lanes, outbox, sessions, signin, sql
from chat.identity import BadIdentity, Identity
from chat.models import Attachment, Contact, ContactInbox, Conversation, Delivery, Inbox, Message, Session, UsedClaim
from chat.sessions import Opened
from chat.signin import Device, SignedIn
from tests.fixtures import people
from tests.fixtures.people import Person, create_upstream, say, write, writing

pytestmark = pytest.mark.django_db
NOW = timezone.now()
LATER = people.NOW + 1_000  # ms
ALICE, BOB = Identity("alice-7"), Identity("bob-8")


def enter(inbox: Inbox, who: Identity, on: Opened | None = None, *, by_cookie: bool = True, now: Any = NOW) -> SignedIn:
    """Somebody signs in on a device that has this session, or none."""
    session = on.session if on else None
    device = Device("browser", session, on.refresh_token if on and by_cookie else None)
    with writing() as block:
        block.pen.hold(signin.parties(inbox, who, device))
        return signin.sign_in(block.pen, inbox, who, device, now=now)


def person_of(opened: Opened) -> Person:
    row = ContactInbox.objects.filter(contact=opened.session.contact_id).order_by("id")[0]
    return Person(row.contact_id, row.pk, row.inbox_id, row.source_id)


def shown(opened: Opened) -> list[str]:
    """The texts that a device gets when it starts, in order."""
    person = person_of(opened)
    return [row["text"][0]["c"][0] for row in person.messages()]


def is_alive(opened: Opened) -> bool:
    return sessions.is_alive(opened.session.pk)


def test_the_same_person_is_one_contact_on_all_devices(inbox: Inbox) -> None:
    phone, laptop = enter(inbox, ALICE).opened, enter(inbox, ALICE).opened
    assert phone.session.contact_id == laptop.session.contact_id
    assert phone.session != laptop.session
    assert Contact.objects.get().identifier == "alice-7"
    assert not Delivery.objects.exists()


def test_the_same_identifier_at_another_inbox_is_another_contact(inbox: Inbox, alice: Person) -> None:
    other = Inbox.objects.create(slug="other", chatwoot=inbox.chatwoot, inbox_identifier="other")
    assert enter(inbox, ALICE).opened.session.contact_id != enter(other, ALICE).opened.session.contact_id


def test_somebody_new_keeps_what_they_said_before_they_signed_in(inbox: Inbox) -> None:
    nameless = sessions.open_anonymous(inbox)
    say(person_of(nameless), "before")
    signed_in = enter(inbox, ALICE, nameless)
    assert signed_in.opened.session.contact_id == nameless.session.contact_id
    assert shown(signed_in.opened) == ["before"]
    assert Contact.objects.count() == 1


def test_t6_signing_in_gives_new_tokens_and_ends_the_old_ones(inbox: Inbox) -> None:
    """Whoever planted or knew the session of before does not become somebody by it."""
    planted = sessions.open_anonymous(inbox)
    signed_in = enter(inbox, ALICE, planted)
    assert [each.pk for each in signed_in.ended] == [planted.session.pk]
    assert not is_alive(planted)
    with pytest.raises(sessions.UnknownToken):
        sessions.refresh(planted.refresh_token)
    with pytest.raises(sessions.UnknownToken):
        sessions.check_access(planted.access_token)
    assert is_alive(signed_in.opened)


def test_what_was_said_without_a_name_moves_to_somebody_known(inbox: Inbox) -> None:
    laptop = enter(inbox, ALICE).opened
    say(person_of(laptop), "at home")
    nameless = sessions.open_anonymous(inbox)
    say(person_of(nameless), "in the shop", now=LATER)
    say(person_of(nameless), "still there", now=LATER)
    head = person_of(laptop).head()
    phone = enter(inbox, ALICE, nameless)
    assert phone.opened.session.contact_id == laptop.session.contact_id
    assert shown(phone.opened) == ["at home", "in the shop", "still there"]
    assert [each.pk for each in phone.ended] == [nameless.session.pk]
    news = feed.read(laptop.session.contact_id, feed.Cursor(laptop.session.contact.epoch, head))
    assert news is not None
    assert [row.kind for row in news.rows] == ["conversation", "message", "message"]
    assert [row.seq for row in news.rows] == sorted({row.seq for row in news.rows})
    assert news.rows[0].seq > head
    assert feed.read(nameless.session.contact_id, None).rows == ()  # type: ignore[union-attr]


def test_devices_that_listen_look_when_an_adoption_and_another_change_share_a_transaction(inbox: Inbox) -> None:
    """A row told with the whole step of the head would make them skip what has moved."""
    laptop = enter(inbox, ALICE).opened
    said, nameless = say(person_of(laptop), "at home"), sessions.open_anonymous(inbox)
    say(person_of(nameless), "in the shop")
    device = Device("browser", nameless.session)
    with writing() as block:
        block.pen.hold(signin.parties(inbox, ALICE, device))
        signin.sign_in(block.pen, inbox, ALICE, device)
        record = sql.message(said.message_id)
        assert record is not None
        block.pen.change_message(record._replace(state="failed"))
    (change,) = [each for each in block.changes if each.contact_id == laptop.session.contact_id]
    assert (change.head_before, change.head_after, change.rows) == (2, 5, ())


def test_what_is_on_its_way_goes_on(inbox: Inbox) -> None:
    laptop, nameless = enter(inbox, ALICE).opened, sessions.open_anonymous(inbox)
    person = person_of(nameless)
    create_upstream(person, said=say(person, "sent"))
    say(person, "on its way")
    before = list(Delivery.objects.order_by("id").values())
    enter(inbox, ALICE, nameless)
    assert list(Delivery.objects.order_by("id").values()) == before
    assert set(Message.objects.values_list("contact", flat=True)) == {laptop.session.contact_id}
    assert set(Conversation.objects.values_list("contact", flat=True)) == {laptop.session.contact_id}


def test_how_an_attempt_ended_that_began_before_is_told_to_who_has_adopted_it(inbox: Inbox) -> None:
    """Whoever carries it still goes by the former contact, and holds that one's lock."""
    laptop, nameless = enter(inbox, ALICE).opened, sessions.open_anonymous(inbox)
    person = person_of(nameless)
    create_upstream(person, said=say(person, "on its way"))
    delivery = Delivery.objects.get(kind=Delivery.Kind.MESSAGE)
    attempt = write(lanes.claim_attempt, delivery.id, of=person, fence_at=0)
    enter(inbox, ALICE, nameless)
    head = person_of(laptop).head()
    write(outbox.doubt, attempt, of=person, reason="cut", finished=False, permanent=False, due_at=people.NOW)
    assert [row["state"] for row in person_of(laptop).messages()] == ["unsure"]
    assert person_of(laptop).head() == head + 1


def test_a_conversation_that_was_asked_for_before_comes_into_being_for_who_has_adopted_it(inbox: Inbox) -> None:
    laptop, nameless = enter(inbox, ALICE).opened, sessions.open_anonymous(inbox)
    person = person_of(nameless)
    said = say(person, "on its way")
    enter(inbox, ALICE, nameless)
    create_upstream(person, said=said)
    found = Conversation.objects.get()
    assert (found.chatwoot_id, found.contact_id) == (1, laptop.session.contact_id)


def test_a_file_that_waits_to_be_sent_moves_along(inbox: Inbox) -> None:
    laptop, nameless = enter(inbox, ALICE).opened, sessions.open_anonymous(inbox)
    Attachment.objects.create(contact=nameless.session.contact, name="a.png", file_type="image")
    enter(inbox, ALICE, nameless)
    assert Attachment.objects.get().contact_id == laptop.session.contact_id


def test_a_message_sent_again_after_signing_in_is_still_one(inbox: Inbox) -> None:
    laptop, nameless, echo_id = enter(inbox, ALICE).opened, sessions.open_anonymous(inbox), uuid.uuid4()
    said = say(person_of(nameless), "hello", echo_id=echo_id)
    phone = enter(inbox, ALICE, nameless).opened
    again = say(person_of(phone), "hello", echo_id=echo_id)
    assert (again.message_id, again.replayed) == (said.message_id, True)
    assert phone.session.contact_id == laptop.session.contact_id


def test_one_echo_id_for_two_people_keeps_nobody_out(inbox: Inbox) -> None:
    laptop, nameless, echo_id = enter(inbox, ALICE).opened, sessions.open_anonymous(inbox), uuid.uuid4()
    say(person_of(laptop), "at home", echo_id=echo_id)
    say(person_of(nameless), "in the shop", echo_id=echo_id, now=LATER)
    assert shown(enter(inbox, ALICE, nameless).opened) == ["at home", "in the shop"]
    assert Message.objects.exclude(echo_id=None).count() == 2


def test_nobody_elses_words_are_adopted(inbox: Inbox, bob: Person) -> None:
    laptop, nameless = enter(inbox, ALICE).opened, sessions.open_anonymous(inbox)
    say(bob, "my own")
    say(person_of(nameless), "in the shop")
    head = bob.head()
    enter(inbox, ALICE, nameless)
    assert shown(laptop) == ["in the shop"]
    assert bob.head() == head
    assert len(bob.messages()) == 1


def test_t7_at_a_shared_computer_the_next_one_sees_nothing_of_the_one_before(inbox: Inbox) -> None:
    alice = enter(inbox, ALICE).opened
    say(person_of(alice), "my account number is 12")
    bob = enter(inbox, BOB, alice)
    assert [each.pk for each in bob.ended] == [alice.session.pk]
    assert shown(bob.opened) == []
    assert not is_alive(alice)
    assert bob.opened.session.contact_id != alice.session.contact_id
    assert shown(enter(inbox, ALICE).opened) == ["my account number is 12"]


def test_t7_only_this_device_changes_hands(inbox: Inbox) -> None:
    phone, shared = enter(inbox, ALICE).opened, enter(inbox, ALICE).opened
    enter(inbox, BOB, shared)
    assert is_alive(phone)


def test_a_second_tab_goes_on_with_the_same_session(inbox: Inbox) -> None:
    first = enter(inbox, ALICE).opened
    second = enter(inbox, ALICE, first)
    assert (second.opened.session, second.ended) == (first.session, ())
    assert is_alive(first)


def test_a_second_proof_without_a_refresh_token_gives_a_session_of_its_own(inbox: Inbox) -> None:
    first = enter(inbox, ALICE).opened
    second = enter(inbox, ALICE, first, by_cookie=False)
    assert second.opened.session != first.session
    assert [each.pk for each in second.ended] == [first.session.pk]


def test_a_session_that_was_ended_meanwhile_takes_nothing_along(inbox: Inbox) -> None:
    nameless = sessions.open_anonymous(inbox)
    say(person_of(nameless), "before")
    sessions.end(nameless.session)
    assert shown(enter(inbox, ALICE, nameless).opened) == []


def test_what_the_site_signed_is_kept_and_what_it_does_not_say_stays(inbox: Inbox) -> None:
    enter(inbox, replace(ALICE, name="Alice", email="alice@shop.example"))
    enter(inbox, replace(ALICE, phone="+4930123456"))
    contact = Contact.objects.get()
    assert contact.name == "Alice"
    assert contact.signed == {"email": "alice@shop.example", "phone": "+4930123456"}


# By which contact inbox Chatwoot hears who this is


def introduced() -> list[bool]:
    return list(ContactInbox.objects.order_by("id").values_list("identified", flat=True))


def test_who_was_verified_from_the_start_is_introduced_by_name(inbox: Inbox) -> None:
    enter(inbox, ALICE)
    assert introduced() == [True]


def test_whom_chatwoot_has_not_heard_of_yet_is_introduced_by_name(inbox: Inbox) -> None:
    nameless = sessions.open_anonymous(inbox)
    say(person_of(nameless), "on its way")
    enter(inbox, ALICE, nameless)
    assert introduced() == [True]


@pytest.mark.parametrize("known", [{"pubsub_token": "token"}, {}], ids=["known", "perhaps known"])
def test_whom_chatwoot_knows_as_nobody_begins_the_next_conversation_by_name(
    inbox: Inbox, known: dict[str, str]
) -> None:
    nameless = sessions.open_anonymous(inbox)
    say(person_of(nameless), "hello")
    ContactInbox.objects.update(**known)
    if not known:
        Delivery.objects.filter(kind=Delivery.Kind.CONTACT).update(attempt=1)
    opened = enter(inbox, ALICE, nameless).opened
    assert introduced() == [False, True]
    Conversation.objects.update(deleted=True)
    say(person_of(opened), "again")
    assert Conversation.objects.get(deleted=False).contact_inbox.identified


def test_an_adopted_one_of_whom_chatwoot_has_not_heard_yet_is_introduced_by_name(inbox: Inbox) -> None:
    enter(inbox, ALICE)
    enter(inbox, ALICE, sessions.open_anonymous(inbox))
    assert introduced() == [True, True]


def test_who_has_adopted_somebody_nameless_begins_the_next_conversation_by_name(inbox: Inbox) -> None:
    laptop, nameless = enter(inbox, ALICE).opened, sessions.open_anonymous(inbox)
    ContactInbox.objects.filter(contact=nameless.session.contact_id).update(pubsub_token="known as nobody's")
    enter(inbox, ALICE, nameless)
    assert introduced() == [True, False]
    say(person_of(laptop), "hello")
    assert Conversation.objects.get().contact_inbox.identified


# A claim that works only once


@pytest.fixture
def once(inbox: Inbox) -> Inbox:
    inbox.claims_once = True
    inbox.save()
    return inbox


def claim(jti: str = "n1", *, lives: timedelta = timedelta(minutes=5)) -> Identity:
    return Identity("alice-7", jti=jti, expires_at=(NOW + lives).timestamp())


def test_t8_a_claim_is_not_taken_twice_where_each_works_only_once(once: Inbox) -> None:
    first = enter(once, claim()).opened
    for device in (None, first, sessions.open_anonymous(once)):
        with pytest.raises(BadIdentity):
            enter(once, claim(), device)
    assert enter(once, claim("n2")).opened.session.contact_id == first.session.contact_id


@pytest.mark.parametrize("who", [Identity("alice-7"), claim("")], ids=["a hash", "no jti"])
def test_t8_what_cannot_be_told_apart_is_not_taken_there(once: Inbox, who: Identity) -> None:
    with pytest.raises(BadIdentity):
        enter(once, who)
    assert not Session.objects.exists()


def test_elsewhere_a_claim_may_be_used_again(inbox: Inbox) -> None:
    enter(inbox, claim())
    enter(inbox, claim())
    assert not UsedClaim.objects.exists()


def test_used_claims_are_forgotten_when_they_have_expired(once: Inbox) -> None:
    enter(once, claim("n1"))
    enter(once, claim("n2", lives=timedelta(hours=1)), now=NOW + timedelta(minutes=7))
    assert UsedClaim.objects.count() == 1


# What Chatwoot hears of it


def known_at_chatwoot(opened: Opened, number: int = 12) -> Person:
    """Somebody who has written, so that Chatwoot has a contact."""
    person = person_of(opened)
    create_upstream(person, said=say(person, "hello"))
    ContactInbox.objects.filter(pk=person.contact_inbox_id).update(chatwoot_contact_id=number, pubsub_token="t")
    return person


def told() -> dict[int, dict[str, Any]]:
    """What is on its way to Chatwoot of each contact inbox."""
    return dict(Delivery.objects.filter(kind=Delivery.Kind.PROFILE).values_list("contact_inbox", "payload"))


SIGNED = replace(ALICE, name="Alice", email="alice@shop.example", phone="+4930123")
AS_TOLD = {
    "name": "Alice",
    "custom_attributes": {"signed_email": "alice@shop.example", "signed_phone": "+4930123"},
}


def test_who_becomes_somebody_is_told_to_chatwoot_where_it_knows_them(inbox: Inbox) -> None:
    nameless = sessions.open_anonymous(inbox)
    person = known_at_chatwoot(nameless)
    enter(inbox, SIGNED, nameless)
    assert told() == {person.contact_inbox_id: AS_TOLD}


def test_what_is_adopted_is_told_who_it_belongs_to_now_and_nothing_else_is(inbox: Inbox) -> None:
    laptop = enter(inbox, SIGNED).opened
    at_home = known_at_chatwoot(laptop, 1)
    nameless = sessions.open_anonymous(inbox)
    person = known_at_chatwoot(nameless, 2)
    enter(inbox, ALICE, nameless)
    assert told() == {person.contact_inbox_id: AS_TOLD}
    assert at_home.contact_inbox_id != person.contact_inbox_id


def test_what_a_site_signs_anew_is_told_once_and_what_is_the_same_is_not(inbox: Inbox) -> None:
    person = known_at_chatwoot(enter(inbox, ALICE).opened)
    for _ in range(3):
        enter(inbox, replace(SIGNED, name="A. Lice"))
        enter(inbox, SIGNED)
    assert told() == {person.contact_inbox_id: AS_TOLD}
    Delivery.objects.filter(kind=Delivery.Kind.PROFILE).delete()
    enter(inbox, SIGNED)
    enter(inbox, ALICE)
    assert told() == {}


def test_of_somebody_whom_chatwoot_does_not_know_it_hears_with_the_first_message(inbox: Inbox) -> None:
    nameless = sessions.open_anonymous(inbox)
    enter(inbox, SIGNED, nameless)
    enter(inbox, SIGNED)
    assert not Delivery.objects.exists()


def test_what_was_said_without_a_name_fills_what_is_not_known_and_stays_nowhere_else(inbox: Inbox) -> None:
    laptop = enter(inbox, SIGNED).opened
    Contact.objects.filter(pk=laptop.session.contact_id).update(attributes={"plan": "pro"})
    nameless = sessions.open_anonymous(inbox)
    said = {"attributes": {"plan": "free", "seats": 3}, "claims": {"email": "a@b.example"}, "name": "me"}
    Contact.objects.filter(pk=nameless.session.contact_id).update(**said)
    enter(inbox, ALICE, nameless)
    alice = Contact.objects.get(pk=laptop.session.contact_id)
    assert (alice.name, alice.attributes) == ("Alice", {"plan": "pro", "seats": 3})
    assert alice.claims == {"email": "a@b.example"}
    left = Contact.objects.get(pk=nameless.session.contact_id)
    assert (left.name, left.attributes, left.claims, left.signed) == ("", {}, {}, {})


def test_the_sixth_news_within_ten_seconds_waits_and_no_new_conversation_waits_for_it(inbox: Inbox) -> None:
    opened = enter(inbox, ALICE).opened
    person, kind = known_at_chatwoot(opened), Delivery.Kind.PROFILE
    for number in range(5):
        enter(inbox, replace(ALICE, name=f"Alice {number}"))
        Delivery.objects.filter(kind=kind).update(state="sent", started_at=people.NOW - number)
    enter(inbox, SIGNED)
    waiting = Delivery.objects.get(kind=kind, state="accepted")
    assert waiting.due_at == people.NOW - 4 + 10_000
    values = {"echo_id": uuid.uuid4(), "conversation_id": None, "text": "something else", "new_id": uuid.uuid4()}
    write(acceptance.accept, person.id, of=person, **values)
    creation = Delivery.objects.get(kind="conversation", state="accepted")
    waiting.refresh_from_db()
    assert creation.position < waiting.position
