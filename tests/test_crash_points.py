"""The failpoints of the writer stand where they say: what is stored when a process ends there."""

import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from chat import acceptance
from chat.audience import Audience
from chat.failpoints import Failed, configure
from chat.feed import Pen
from chat.models import Delivery, Message
from chat.reader import Reader
from chat.writer import Priority, Writer
from tests.fixtures.people import NOW, Person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _switched_off() -> Iterator[None]:
    yield
    configure("")


@pytest.fixture
async def writer(inbox: Any) -> AsyncIterator[Writer]:
    writer = Writer(Audience(), clock=lambda: NOW)
    writer.start()
    yield writer
    await writer.stop()


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    reader = Reader(threads=1)
    yield reader
    await reader.stop()


def hello(person: Person) -> Callable[[Pen], acceptance.Accepted]:
    echo_id = uuid.uuid5(uuid.NAMESPACE_URL, "hello")
    return lambda pen: acceptance.accept(pen, person.id, echo_id=echo_id, conversation_id=None, text="hello")


async def accept(writer: Writer, person: Person) -> acceptance.Accepted:
    return await writer.write(hello(person), contacts=[person.id], priority=Priority.ACCEPT)


def stored() -> tuple[int, int]:
    return Message.objects.count(), Delivery.objects.filter(kind=Delivery.Kind.MESSAGE).count()


async def test_before_the_commit_nothing_is_stored(writer: Writer, reader: Reader, alice: Person):
    configure("ingress.before_commit=raise@1")
    with pytest.raises(Failed):
        await accept(writer, alice)
    assert await reader.run(stored) == (0, 0)
    assert not (await accept(writer, alice)).replayed
    assert await reader.run(stored) == (1, 1)


async def test_after_the_commit_all_is_stored_and_a_repetition_is_told_so(
    writer: Writer, reader: Reader, alice: Person
):
    configure("ingress.after_commit=raise@1")
    with pytest.raises(Failed):
        await accept(writer, alice)
    assert await reader.run(stored) == (1, 1)
    assert (await accept(writer, alice)).replayed
    assert await reader.run(stored) == (1, 1)


async def test_what_chatwoot_says_is_not_what_visitors_write(writer: Writer, alice: Person):
    configure("mirror.before_commit=raise")
    await accept(writer, alice)
    with pytest.raises(Failed):
        await writer.write(nothing, contacts=[alice.id], priority=Priority.MIRROR)
    configure("ingress.before_commit=raise ingress.after_commit=raise")
    await writer.write(nothing, contacts=[alice.id], priority=Priority.MIRROR)


def nothing(pen: Pen) -> None: ...


async def test_writes_that_share_a_transaction_stand_or_fall_alone(
    writer: Writer, reader: Reader, alice: Person, bob: Person
):
    """The first time both are rolled back; then each is tried again, and nothing more happens."""
    configure("ingress.before_commit=raise@1")
    results: list[Any] = []
    for person in (alice, bob):
        writer.post(
            hello(person),
            contacts=[person.id],
            priority=Priority.ACCEPT,
            done=lambda result, error: results.append(error or result),
        )
    await writer.write(nothing, contacts=[], priority=Priority.MIRROR)
    assert len(results) == 2
    accepted = [each for each in results if isinstance(each, acceptance.Accepted)]
    assert await reader.run(stored) == (len(accepted), len(accepted))
