"""An inbox that asks for consent gets no first word, and no file, from anybody who has not given it."""

import io
import uuid
from pathlib import Path
from typing import Any

import pytest

from chat import acceptance, profile
from chat.audience import Audience
from chat.models import Contact, Conversation, Inbox, Message
from chat.reader import Reader
from chat.uploads import Uploads
from chat.wire.errors import Code, Refusal
from chat.wire.profile import MAX_ATTRIBUTES
from chat.writer import Writer
from tests.fixtures.people import NOW, Person, cabled, hear, say, write
from tests.fixtures.world import World

DAY_MS = 86_400_000


def asking(version: str) -> dict[str, Any]:
    return {"ask": {"consent": {"text": "I agree.", "version": version}}}


def ask(version: str) -> None:
    Inbox.objects.update(policy=asking(version))


def agree(person: Person, version: str | None, *, now: int = NOW, **wanted: Any) -> None:
    write(profile.change, person.id, wanted={"consent": version, **wanted}, of=person, now=now)


def begin(person: Person, **options: Any) -> None:
    write(acceptance.begin, person.id, new_id=uuid.uuid4(), of=person, **options)


def begin_with_a_message(person: Person) -> None:
    said = {"echo_id": uuid.uuid4(), "conversation_id": None, "text": "hello", "new_id": uuid.uuid4()}
    write(acceptance.accept, person.id, of=person, **said)


WAYS = [lambda person: say(person, "hello"), begin, begin_with_a_message]


@pytest.mark.parametrize("start", WAYS, ids=["a message", "an empty conversation", "both"])
@pytest.mark.parametrize("agreed", [None, "1"], ids=["to nothing", "to the former version"])
def test_nobody_begins_who_has_not_agreed(alice: Person, start: Any, agreed: str | None) -> None:
    if agreed:
        ask(agreed)
        agree(alice, agreed)
    ask("2")
    with pytest.raises(Refusal) as refused:
        start(alice)
    assert (refused.value.code, refused.value.status) == (Code.CONSENT_REQUIRED, 403)
    assert (Message.objects.count(), Conversation.objects.count()) == (0, 0)
    agree(alice, "2")
    start(alice)


def test_an_inbox_that_asks_for_nothing_insists_on_nothing(alice: Person) -> None:
    Inbox.objects.update(policy={"ask": {"fields": [{"name": "email", "required": True}]}})
    say(alice, "hello")


def test_a_new_version_and_a_withdrawal_interrupt_no_conversation(alice: Person, bob: Person) -> None:
    ask("1")
    agree(alice, "1")
    say(alice, "hello")
    ask("2")
    say(alice, "again")
    agree(alice, None)
    begin(alice, now=NOW + DAY_MS)
    hear(bob, cabled(5, "may I help?", of=bob))
    say(bob, "yes, please")


@pytest.mark.parametrize("asked", [None, "1", "3"])
def test_only_what_is_asked_can_be_agreed_to(alice: Person, asked: str | None) -> None:
    if asked:
        ask(asked)
    with pytest.raises(Refusal, match="that version") as refused:
        agree(alice, "2", name="Ada")
    assert refused.value.code == Code.PROFILE_INVALID
    contact = Contact.objects.get(id=alice.id)
    assert (contact.name, contact.attributes) == ("", {})


FULL = {f"a{number}": number for number in range(MAX_ATTRIBUTES)}


def test_consent_takes_no_place_of_the_other_attributes(alice: Person) -> None:
    ask("1")
    agree(alice, "1", attributes=FULL)
    agree(alice, "1", name="Ada")
    say(alice, "hello")
    with pytest.raises(Refusal, match="too_many_attributes"):
        agree(alice, "1", attributes={"one": "more"})


@pytest.mark.parametrize("later", ["nameless", "named"])
def test_whoever_signs_in_keeps_the_newer_consent(alice: Person, bob: Person, later: str) -> None:
    people = (bob, alice) if later == "nameless" else (alice, bob)
    for number, person in enumerate(people):
        ask(str(number))
        agree(person, str(number), now=NOW + number * DAY_MS)
    nameless, named = Contact.objects.get(id=alice.id), Contact.objects.get(id=bob.id)
    named.attributes |= FULL
    profile.take_along(nameless, to=named)
    kept = Contact.objects.get(id=bob.id).attributes
    assert kept == FULL | {"consent": "1, 2027-01-16T08:00:00Z"}
    assert Contact.objects.get(id=alice.id).attributes == {}


async def test_no_file_comes_before_consent(world: World, tmp_path: Path) -> None:
    writer, reader = Writer(Audience()), Reader(threads=1)
    writer.start()
    uploads = Uploads(writer, reader, folder=tmp_path / "uploads", disk=lambda _: (10**9, 10**9), most_bytes=1_000)
    alice = await world.person()
    await world.ask(ask, "1")
    source = io.BytesIO(b"a parcel list")
    with pytest.raises(Refusal) as refused:
        await uploads.keep(alice.contact_id, name="a", source=source)
    assert (refused.value.code, source.tell()) == (Code.CONSENT_REQUIRED, 0)
    await world.ask(lambda: Contact.objects.update(attributes={"consent": "1, 2027-01-16T08:00:00Z"}))
    await uploads.keep(alice.contact_id, name="a", source=source)
    await writer.stop()
    await reader.stop()
