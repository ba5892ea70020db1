"""Who is let in and how much of them is taken, whichever way they come."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.admin import AdminSite
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import IntegrityError, OperationalError

from chat import rules
from chat.admin.inboxes import InboxAdmin
from chat.challenge import challenge_of
from chat.gate import Gate
from chat.limits import DEFAULTS, Buckets, Limits
from chat.models import Block, Inbox
from chat.networks import parse, parse_network
from chat.rules import EVERYWHERE, Networks, Rules
from chat.wire.errors import Code, Refusal
from tests.fixtures.people import Person

HOME, OFFICE = "203.0.113.7", "2001:db8:1:2::7"
ALICE, BOB = uuid.UUID(int=1), uuid.UUID(int=2)


class Guest:
    """Somebody connected."""

    refusal: Refusal | None = None

    def turn_away(self, refusal: Refusal) -> None:
        self.refusal = refusal


def gate_of(**written: str) -> Gate:
    return Gate(limits=Limits.of(written))


def request_from(peer: str) -> Any:
    return SimpleNamespace(META={"REMOTE_ADDR": peer})


async def begins(gate: Gate, peer: str, slug: str = "main") -> bool:
    try:
        await gate.begin(request_from(peer), Inbox(slug=slug))
    except Refusal as refusal:
        assert refusal.code == Code.TOO_FAST
        assert refusal.retry_after is not None
        return False
    return True


def refused(call: Any, *args: Any, **kwargs: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call(*args, **kwargs)
    return caught.value


async def test_t35_ten_thousand_sessions_from_one_64_are_ten() -> None:
    still = Buckets(monotonic=lambda: 0.0)  # however long this takes
    gate, network = Gate(limits=Limits.of({}), buckets=still), "2001:db8:1:2"
    begun = [await begins(gate, f"{network}:{n:x}::{n:x}") for n in range(10_000)]
    assert sum(begun) == 10
    assert await begins(gate, "2001:db8:1:3::1"), "the neighbours are not meant"


async def test_t34_messages_are_counted_by_visitor_and_by_inbox() -> None:
    gate = gate_of(messages="2/min", inbox_messages="3/min")
    gate.message(ALICE, "main")
    gate.message(ALICE, "main")
    own = refused(gate.message, ALICE, "main")
    assert (own.code, own.status, own.retry_after) == (Code.TOO_FAST, 429, 30)
    gate.message(BOB, "main")
    everybodys = refused(gate.message, BOB, "main")
    assert everybodys.message != own.message
    gate.message(uuid.uuid4(), "other")


async def test_calls_and_uploads_are_counted() -> None:
    gate = gate_of(calls="2/min", uploads="3/min", upload_bytes="1k/min")
    for _ in range(2):
        gate.call(HOME, session_id=ALICE, contact_id=ALICE, slug="main")
    assert refused(gate.call, HOME, session_id=ALICE, contact_id=ALICE, slug="main").status == 429
    gate.upload(HOME, ALICE, "main", size=600)
    assert "much" in refused(gate.upload, HOME, ALICE, "main", size=600).message
    gate.upload(HOME, ALICE, "main", size=400)
    assert "many files" in refused(gate.upload, HOME, ALICE, "main", size=1).message


async def test_t29_a_picture_that_cannot_be_drawn_counts_as_five() -> None:
    """Of the visitor and of the address, whoever else is there."""
    gate = gate_of(uploads="6/min", address_uploads="8/min")
    gate.upload(HOME, ALICE, "main", size=1)
    gate.undrawable(HOME, ALICE, "main")
    gate.upload(HOME, ALICE, "main", size=1)
    assert "many files" in refused(gate.upload, HOME, ALICE, "main", size=1).message
    gate.upload(HOME, BOB, "main", size=1)
    assert "network" in refused(gate.upload, HOME, BOB, "main", size=1).message
    gate.upload("192.0.2.99", BOB, "main", size=1)


async def test_t36_sockets_are_counted_by_address_and_by_session() -> None:
    gate = gate_of(address_sockets="3", session_sockets="2")
    guests = [Guest() for _ in range(4)]
    for guest in guests[:3]:
        gate.enter(guest, HOME)
    assert "network" in refused(gate.enter, guests[3], f"::ffff:{HOME}").message
    gate.enter(guests[3], OFFICE)
    for guest in guests[:2]:
        gate.recognise(guest, session_id=ALICE, contact_id=ALICE, slug="main")
    refusal = refused(gate.recognise, guests[2], session_id=ALICE, contact_id=ALICE, slug="main")
    assert (refusal.code, refusal.retry_after) == (Code.TOO_FAST, 30)
    gate.leave(guests[0])
    gate.recognise(guests[2], session_id=ALICE, contact_id=ALICE, slug="main")
    gate.enter(guests[0], HOME)


async def test_t36_an_address_calls_and_dials_so_often() -> None:
    gate = gate_of(address_calls="3/min")
    gate.knock(HOME)
    gate.enter(Guest(), HOME)
    gate.knock(f"::ffff:{HOME}")
    assert refused(gate.enter, Guest(), HOME).retry_after == 20
    assert refused(gate.knock, HOME).status == 429
    gate.knock(OFFICE)


async def test_whoever_leaves_leaves_nothing_behind() -> None:
    gate, guests = gate_of(), [Guest() for _ in range(50)]
    for number, guest in enumerate(guests):
        gate.enter(guest, HOME)
        if number % 2 and number < 30:
            gate.recognise(guest, session_id=ALICE, contact_id=ALICE, slug="main")
    for guest in [*guests, *guests, Guest()]:
        gate.leave(guest)
    assert gate.guests == 0
    for number in range(int(DEFAULTS["session_sockets"])):
        gate.enter(guests[number], HOME)
        gate.recognise(guests[number], session_id=ALICE, contact_id=ALICE, slug="main")


async def test_an_inbox_has_limits_of_its_own() -> None:
    gate = gate_of(messages="1/min")
    gate.rules = Rules(limits={"busy": Limits.of({"messages": "3/min"})})
    for slug, most in (("main", 1), ("busy", 3)):
        who = uuid.uuid4()
        for _ in range(most):
            gate.message(who, slug)
        refused(gate.message, who, slug)


async def test_who_was_turned_away_is_said_once_and_not_each_time(caplog: pytest.LogCaptureFixture) -> None:
    async def nothing() -> Rules:
        return Rules()

    gate = Gate(limits=Limits.of({"messages": "1/min"}), read=nothing)
    gate.message(ALICE, "main")
    for _ in range(1_000):
        refused(gate.message, ALICE, "main")
    for _ in range(3):
        await gate.renew()
    (record,) = caplog.records
    assert record.getMessage() == f"turned away, most often: 1000 by messages ({ALICE})"


async def test_who_proves_who_they_are_takes_no_place_of_those_who_are_nobody() -> None:
    """A site's server signs in all its people from one address."""
    gate = gate_of(all="off", sessions="1/h", inbox_day_sessions="1/day")
    for number in range(10):
        await gate.begin(request_from(HOME), Inbox(slug="main"), proven=f"customer {number}")
    assert await begins(gate, HOME)
    assert not await begins(gate, HOME)
    await gate.begin(request_from(HOME), Inbox(slug="main"), proven="customer 11")


async def test_one_person_signs_in_so_often_wherever_they_are() -> None:
    gate = gate_of(sign_ins="2/h")
    for peer in (HOME, OFFICE):
        await gate.begin(request_from(peer), Inbox(slug="main"), proven="ada")
    with pytest.raises(Refusal, match="too_fast"):
        await gate.begin(request_from(HOME), Inbox(slug="main"), proven="ada")
    await gate.begin(request_from(HOME), Inbox(slug="other"), proven="ada")
    await gate.begin(request_from(HOME), Inbox(slug="main"), proven="bob")


# Caps of a day


class Book:
    """Where operators read which caps were reached."""

    def __init__(self) -> None:
        self.marks = list[tuple[str, str]]()
        self.troubles = 0

    async def mark(self, slug: str, name: str) -> None:
        if self.troubles:
            self.troubles -= 1
            raise OperationalError("locked")
        self.marks.append((slug, name))

    @staticmethod
    async def read() -> Rules:
        return Rules()


async def test_t35_a_site_takes_so_many_sessions_and_messages_a_day() -> None:
    gate = gate_of(all="off", inbox_day_sessions="3/day", inbox_day_messages="5/day")
    begun = [await begins(gate, f"203.0.113.{number}") for number in range(10)]
    assert sum(begun) == 3
    for _ in range(5):
        gate.message(uuid.uuid4(), "main")
    refusal = refused(gate.message, uuid.uuid4(), "main")
    assert (refusal.code, refusal.status, refusal.retry_after) == (Code.TOO_FAST, 429, 86_400 / 5)
    assert "today" in refusal.message
    gate.message(uuid.uuid4(), "other")
    assert await begins(gate, HOME, "other"), "the other sites of this server are not meant"


async def test_at_a_cap_nobody_asks_again_at_once_however_soon_there_is_one_more_place() -> None:
    gate = gate_of(all="off", inbox_day_messages="900k/day:1")
    gate.message(ALICE, "main")
    assert refused(gate.message, BOB, "main").retry_after == 60


async def test_a_cap_that_is_reached_is_an_alarm_once_and_not_each_time(caplog: pytest.LogCaptureFixture) -> None:
    book = Book()
    gate = Gate(limits=Limits.of({"inbox_day_messages": "1/day"}), read=book.read, mark=book.mark)
    gate.message(ALICE, "main")
    for number in range(100):
        refused(gate.message, uuid.UUID(int=number), "main")
    book.troubles = 1
    for _ in range(3):
        await gate.renew()
    alarms = [record.getMessage() for record in caplog.records if "has reached its cap" in record.getMessage()]
    assert alarms == ["inbox main has reached its cap inbox_day_messages: visitors are turned away; see docs/abuse.md"]
    assert book.marks == [("main", "inbox_day_messages")]


async def test_who_does_not_pass_the_challenge_takes_nobodys_place_of_the_day() -> None:
    limits = Limits.of({"all": "off", "inbox_day_sessions": "1/day"})
    gate = Gate(limits=limits, challenge=Challenge("no"))
    for _ in range(5):
        with pytest.raises(Refusal, match="challenged"):
            await gate.begin(request_from(HOME), Inbox(slug="main"))
    await gate.begin(request_from(HOME), Inbox(slug="main"), proven="ada")


def test_an_operator_reads_which_cap_was_reached_and_when(inbox: Inbox) -> None:
    rules.mark_cap(inbox.slug, "inbox_day_messages")
    inbox.refresh_from_db()
    shown = InboxAdmin(Inbox, AdminSite()).cap_is(inbox)
    assert shown == f"inbox_day_messages was reached on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"


# Blocks


@pytest.fixture
async def gate(transactional_db: None) -> Gate:
    return Gate(limits=Limits.of({}), read=sync_to_async(rules.read))


def block(**values: Any) -> Block:
    found = Block(**values)
    found.full_clean()
    found.save()
    return found


@pytest.mark.parametrize("network", ["203.0.113.7", "203.0.113.0/24", "0.0.0.0/0", "::ffff:203.0.113.0/120"])
async def test_a_blocked_network_is_turned_away_everywhere(gate: Gate, network: str) -> None:
    await sync_to_async(block)(network=network)
    await gate.ready()
    guest = Guest()
    with pytest.raises(Refusal) as caught:
        await gate.begin(request_from(HOME), Inbox(slug="main"))
    answers = [
        caught.value,
        refused(gate.enter, guest, HOME),
        refused(gate.call, HOME, session_id=ALICE, contact_id=ALICE, slug="main"),
        refused(gate.admit, HOME, contact_id=ALICE, slug="main"),
    ]
    assert {(each.code, each.status, each.message) for each in answers} == {
        (Code.BLOCKED, 403, "This chat is not available to you.")
    }
    await gate.begin(request_from(OFFICE), Inbox(slug="main"))
    gate.enter(guest, OFFICE)


async def test_a_blocked_contact_is_turned_away_wherever_they_are(gate: Gate, alice: Person, bob: Person) -> None:
    await sync_to_async(block)(contact_id=alice.id)
    await gate.ready()
    guest = Guest()
    gate.enter(guest, HOME)
    assert refused(gate.recognise, guest, session_id=ALICE, contact_id=alice.id, slug="main").code == Code.BLOCKED
    gate.recognise(guest, session_id=BOB, contact_id=bob.id, slug="main")
    gate.leave(guest)
    assert gate.guests == 0


async def test_a_block_cuts_who_is_here_and_its_end_lets_them_in_again(gate: Gate, alice: Person, bob: Person) -> None:
    await gate.ready()
    guests = [Guest() for _ in range(3)]
    for guest, peer, person in zip(guests, (HOME, HOME, OFFICE), (alice, bob, bob), strict=True):
        gate.enter(guest, peer)
        gate.recognise(guest, session_id=uuid.uuid4(), contact_id=person.id, slug="main")
    blocks = [await sync_to_async(block)(contact_id=alice.id), await sync_to_async(block)(network=f"{OFFICE}/64")]
    await gate.renew()
    assert [guest.refusal and guest.refusal.code for guest in guests] == [Code.BLOCKED, None, Code.BLOCKED]
    await sync_to_async(blocks[0].delete)()
    await sync_to_async(Block.objects.update)(until=datetime.now(UTC) - timedelta(seconds=1))
    await gate.renew()
    gate.call(OFFICE, session_id=ALICE, contact_id=alice.id, slug="main")


async def test_a_block_may_be_of_one_inbox(gate: Gate, inbox: Inbox) -> None:
    await sync_to_async(block)(network="203.0.113.0/24", inbox=inbox)
    await gate.ready()
    assert refused(gate.admit, HOME, contact_id=ALICE, slug=inbox.slug).code == Code.BLOCKED
    gate.admit(HOME, contact_id=ALICE, slug="other")


async def test_a_database_in_trouble_keeps_the_blocks_that_are_known() -> None:
    found: list[Any] = [Rules(contacts=frozenset({ALICE})), OperationalError("locked")]

    async def read() -> Rules:
        answer = found.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    gate = Gate(limits=Limits.of({}), read=read)
    await asyncio.gather(*(gate.ready() for _ in range(10)))
    await gate.renew()
    assert not found, "and ten who came first had read once"
    assert refused(gate.admit, HOME, contact_id=ALICE, slug="main").code == Code.BLOCKED


def test_networks_are_found_by_any_length_and_version() -> None:
    named = [("10.0.0.0/8", "a"), ("10.1.0.0/16", EVERYWHERE), ("10.0.0.0/8", "b"), ("2001:db8::/32", "a")]
    networks = Networks.of((parse_network(text), slug) for text, slug in named)
    expected = {("10.2.0.1", "a"): True, ("10.2.0.1", "b"): True, ("10.2.0.1", "c"): False, ("10.1.0.1", "c"): True}
    expected |= {("2001:db8::1", "a"): True, ("2001:db8::1", "b"): False, ("11.0.0.1", "a"): False}
    for (address, slug), blocked in expected.items():
        found = parse(address)
        assert found is not None
        assert networks.hold(found, slug) is blocked, address


@pytest.mark.parametrize("values", [{}, {"network": "10.0.0.0/8", "contact": True}, {"network": "an address"}])
def test_a_block_names_a_contact_or_a_network(alice: Person, values: dict[str, Any]) -> None:
    named = {"contact_id": alice.id, "network": values.get("network", "")} if "contact" in values else values
    with pytest.raises(ValidationError):
        Block(**named).full_clean()
    if values.get("network") != "an address":
        with pytest.raises(IntegrityError):
            Block(**named).save()


def test_limits_of_an_inbox_that_cannot_be_read_change_nothing(inbox: Inbox, caplog: Any, settings: Any) -> None:
    Inbox.objects.update(limits={"messages": "plenty"})
    assert rules.read().limits["main"] is settings.LIMITS
    assert "the limits of inbox main cannot be read" in caplog.text
    with pytest.raises(ValidationError, match="write it like 20/min:10"):
        Inbox.objects.get().clean()
    Inbox.objects.update(limits={"messages": "1/h"})
    assert rules.read().limits["main"].rates["messages"][0].per_s == 3_600


# The challenge


class Challenge:
    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, list[tuple[Any, str]]()

    async def __call__(self, request: Any, inbox: Inbox) -> str | None:
        self.asked.append((request.META["REMOTE_ADDR"], inbox.slug))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer  # type: ignore[no-any-return]


def challenged(answer: Any, after: int) -> tuple[Gate, Challenge]:
    challenge = Challenge(answer)
    return Gate(limits=Limits.of({"all": "off"}), challenge=challenge, challenge_after=after), challenge


async def test_after_some_sessions_of_an_address_a_newcomer_there_is_asked() -> None:
    gate, challenge = challenged(None, after=3)
    for peer in (HOME, HOME, HOME, OFFICE, HOME):
        await gate.begin(request_from(peer), Inbox(slug="main"))
    await gate.begin(request_from(HOME), Inbox(slug="main"), proven="ada")
    assert challenge.asked == [(HOME, "main")]


async def test_who_does_not_pass_is_told_why() -> None:
    gate, _ = challenged("Prove that you can read.", after=0)
    with pytest.raises(Refusal) as caught:
        await gate.begin(request_from(HOME), Inbox(slug="main"))
    assert (caught.value.code, caught.value.message) == (Code.CHALLENGED, "Prove that you can read.")


async def test_a_challenge_that_fails_is_logged_and_lets_nobody_in(caplog: pytest.LogCaptureFixture) -> None:
    gate, _ = challenged(RuntimeError("no answer"), after=0)
    with pytest.raises(Refusal) as caught:
        await gate.begin(request_from(HOME), Inbox(slug="main"))
    assert caught.value.code == Code.UNAVAILABLE
    assert "SESSION_CHALLENGE failed" in caplog.text


async def test_limits_come_before_the_challenge() -> None:
    challenge = Challenge("no")
    gate = Gate(limits=Limits.of({"sessions": "2/min"}), challenge=challenge)
    for _ in range(5):
        with pytest.raises(Refusal):
            await gate.begin(request_from(HOME), Inbox(slug="main"))
    assert len(challenge.asked) == 2


@pytest.mark.parametrize("path", ["nowhere.at.all", "chat.gate.missing", "chat.gate.SAY_S", "gate"])
def test_a_challenge_that_cannot_be_used_stops_the_start(path: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="SESSION_CHALLENGE"):
        challenge_of(path)


def test_without_a_name_there_is_no_challenge() -> None:
    assert challenge_of("") is None
    assert challenge_of("tests.test_gate.begins") is begins
    assert DEFAULTS["sessions"] == "10/min+100/h"
