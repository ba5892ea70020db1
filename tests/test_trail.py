"""One request id from the browser's call to the number that Chatwoot gave the message."""

import asyncio
import logging
import uuid
from typing import Any

import pytest

from chat import acceptance, trail
from chat.acceptance import Accepted
from chat.audience import Audience
from chat.leases import Leases
from chat.models import Delivery
from chat.outbox import Claim
from chat.writer import Priority, Writer
from tests.eventually import eventually
from tests.fixtures.people import NOW, Person, hear, say, write
from tests.fixtures.progress import claim, incoming, taken
from tests.fixtures.world import World

GIVEN = "4bf92f3577b34da6"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO, logger="chat.trail")
    return lambda: [each for each in caplog.records if each.name == "chat.trail"]


@pytest.mark.parametrize("given", [GIVEN, "a", "A.b_c-9", "x" * 64])
async def test_an_id_that_is_well_formed_is_kept(given: str) -> None:
    assert trail.begin(given) == given == trail.request_id.get()


@pytest.mark.parametrize("given", ["", "x" * 65, "-x", "a b", "a\nb", 'a"b', "a\x00", "é", "١", "a,b"])
async def test_any_other_is_replaced_by_one_of_ours(given: str) -> None:
    assert len(trail.begin(given)) == 32 and trail.begin(given) != trail.begin(given)


@pytest.mark.django_db
def test_a_delivery_keeps_the_id_and_what_was_sent_without_one_keeps_none(alice: Person) -> None:
    def accept() -> None:
        write(acceptance.accept, alice.id, of=alice, echo_id=uuid.uuid4(), conversation_id=None, text="hello")

    trail.request_id.set(GIVEN)
    accept()
    trail.request_id.set("")
    accept()
    kept = Delivery.objects.filter(kind=Delivery.Kind.MESSAGE).order_by("position")
    assert [each.payload for each in kept] == [{"request_id": GIVEN}, {}]


@pytest.mark.django_db
def test_the_creations_that_a_first_message_waits_for_have_its_id(alice: Person) -> None:
    trail.request_id.set(GIVEN)
    say(alice, "hello")
    trail.request_id.set("")
    taken_up = claim(alice, kind="contact")
    assert taken_up is not None and taken_up.payload == {"request_id": GIVEN, "custom_attributes": {}}
    assert Delivery.objects.get(kind="conversation").payload == {"request_id": GIVEN}


@pytest.mark.django_db
def test_what_arrives_is_told_with_the_id_of_its_delivery_and_not_of_whoever_brings_it(
    alice: Person, hello: Accepted, lines: Any
) -> None:
    claimed = taken(alice, hello)
    Delivery.objects.filter(id=claimed.delivery_id).update(payload={"request_id": GIVEN})
    trail.request_id.set("another")
    hear(alice, incoming(9))
    trail.request_id.set("")
    (line,) = lines()
    assert (line.request_id, line.chatwoot_message_id) == (GIVEN, 9)
    assert (line.message_id, line.delivery_id) == (hello.message_id, claimed.delivery_id)


@pytest.mark.django_db(transaction=True)
async def test_a_write_knows_for_whom_it_is_also_among_others(inbox: Any) -> None:
    writer = Writer(Audience(), clock=lambda: NOW)
    writer.start()

    async def write(given: str) -> str:
        trail.begin(given)
        return await writer.write(lambda pen: trail.request_id.get(), contacts=(), priority=Priority.ACCEPT)

    assert await asyncio.gather(*map(write, ["one", "two", "three"])) == ["one", "two", "three"]
    await writer.stop()


async def test_whoever_takes_a_delivery_up_goes_on_under_its_id(lines: Any) -> None:
    claim: Any = type("Claimed", (), {"attempt": 2, "payload": {"request_id": GIVEN}})

    async def write(take: Any, contact_id: uuid.UUID) -> Claim | None:
        found: Claim | None = take(None)
        return found

    delivery_id = uuid.uuid4()
    await Leases(write).take(lambda pen: claim, delivery_id, uuid.uuid4())
    assert trail.request_id.get() == GIVEN
    assert [line.delivery_id for line in lines()] == [delivery_id]
    claim.payload = {}
    await Leases(write).take(lambda pen: claim, delivery_id, uuid.uuid4())
    assert trail.request_id.get() == "" and len(lines()) == 1  # nobody wrote that


async def test_a_message_is_followed_from_the_browser_to_chatwoot(world: World, lines: Any) -> None:
    runtime, alice = await world.start(), await world.person()
    echo_id = uuid.uuid4()
    trail.begin(GIVEN)
    accepted = await alice.say(runtime, "hello", echo_id=echo_id)
    trail.request_id.set("")
    await eventually(lambda: any(hasattr(line, "chatwoot_message_id") for line in lines()))
    (message,) = [row for talk in world.conversations(alice) for row in talk["messages"]]
    ours = [line for line in lines() if "request_id" not in vars(line) or line.request_id == GIVEN]
    first, *_, last = ours
    assert (first.message_id, first.echo_id) == (accepted.message_id, echo_id)
    assert (last.message_id, last.chatwoot_message_id, last.request_id) == (accepted.message_id, message["id"], GIVEN)
    assert last.delivery_id in {line.delivery_id for line in ours[1:-1]}
