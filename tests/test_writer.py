import asyncio
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection

from chat import acceptance, failpoints, sql
from chat.audience import Audience, Row
from chat.feed import Pen
from chat.models import Contact, Delivery, Message
from chat.patience import Timing
from chat.reader import Reader
from chat.wire.errors import Refusal
from chat.writer import Priority, Writer, WriterFull
from tests.fixtures.people import NOW, Person

pytestmark = pytest.mark.django_db(transaction=True)


class Heard:
    """A listener that remembers what it was told."""

    def __init__(self, person: Person) -> None:
        self.contact_id = person.id
        self.session_id = uuid.uuid4()
        self.changes: list[tuple[int, int, int]] = []

    def changed(self, head_before: int, head_after: int, rows: tuple[Row, ...]) -> None:
        self.changes.append((head_before, head_after, len(rows)))

    def hinted(self, head: int) -> None: ...

    def turned(self, epoch: str) -> None: ...

    def passing(self, frame: bytes) -> None: ...

    def revoked(self) -> None: ...


class Breaks(Heard):
    def changed(self, head_before: int, head_after: int, rows: tuple[Row, ...]) -> None:
        raise LookupError("a listener broke its promise")


class Gate:
    """Holds the writer thread inside a write until it is opened, so that others wait together."""

    def __init__(self) -> None:
        self._inside, self._open = threading.Event(), threading.Event()

    def __call__(self, pen: Pen) -> None:
        self._inside.set()
        assert self._open.wait(20)

    async def reached(self) -> None:
        assert await asyncio.to_thread(self._inside.wait, 20)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def audience() -> Audience:
    return Audience()


@pytest.fixture
async def make_writer(inbox: Any, audience: Audience) -> AsyncIterator[Callable[..., Writer]]:
    made: list[Writer] = []

    def make(**options: Any) -> Writer:
        writer = Writer(audience, **{"clock": lambda: NOW, "batch_ms": 10_000} | options)
        writer.start()
        made.append(writer)
        return writer

    yield make
    for writer in made:
        await writer.stop()


@pytest.fixture
async def writer(make_writer: Callable[..., Writer]) -> Writer:
    return make_writer()


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    reader = Reader(threads=1)
    yield reader
    await reader.stop()


@pytest.fixture
async def gate(writer: Writer, alice: Person, bob: Person) -> Gate:
    """The writer is inside it, and so has the database's lock."""
    gate = Gate()
    writer.post(gate, contacts=(), priority=Priority.ACCEPT, done=lambda *_: None)
    await gate.reached()
    return gate


def say(text: str, person: Person, *, echo_id: uuid.UUID | None = None) -> Callable[[Pen], acceptance.Accepted]:
    def run(pen: Pen) -> acceptance.Accepted:
        return acceptance.accept(
            pen, person.id, echo_id=echo_id or uuid.uuid5(uuid.NAMESPACE_URL, text), conversation_id=None, text=text
        )

    return run


def write(
    writer: Writer, run: Callable[[Pen], Any], *people: Person, priority: Priority = Priority.MIRROR
) -> asyncio.Task[Any]:
    return asyncio.ensure_future(writer.write(run, contacts=[each.id for each in people], priority=priority))


def texts() -> list[str]:
    return list(Message.objects.order_by("at").values_list("content", flat=True))


async def test_a_write_is_committed_when_it_returns(writer: Writer, reader: Reader, alice: Person):
    accepted = await write(writer, say("one", alice), alice)
    found = await reader.run(sql.message, accepted.message_id)
    assert found is not None and found.content == "one"


async def test_what_is_committed_is_on_the_disk_however_the_server_is_configured(writer: Writer):
    """The tests' PostgreSQL is told not to wait for its disk."""

    def durability(pen: Pen) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous" if connection.vendor == "sqlite" else "SHOW synchronous_commit")
            return cursor.fetchone()[0]

    assert await write(writer, durability) == (2 if connection.vendor == "sqlite" else "on")


async def test_writes_that_wait_together_share_a_transaction(
    writer: Writer, gate: Gate, audience: Audience, alice: Person
):
    audience.join(heard := Heard(alice))
    waiting = [write(writer, say(str(number), alice), alice) for number in range(5)]
    await asyncio.sleep(0)
    gate.open()
    await asyncio.gather(*waiting)
    assert heard.changes == [(0, 6, 6)]


async def test_one_failing_write_harms_no_other(writer: Writer, gate: Gate, reader: Reader, alice: Person, bob: Person):
    def fails(pen: Pen) -> None:
        say("never", bob)(pen)
        raise LookupError("mine alone")

    waiting = [
        write(writer, say("one", alice), alice),
        write(writer, fails, bob),
        write(writer, say("two", alice), alice),
        write(writer, lambda pen: connection.cursor().execute("SELECT nothing FROM nowhere"), alice),
        write(writer, say("three", bob), bob),
    ]
    await asyncio.sleep(0)
    gate.open()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in (results[1], results[3])] == [LookupError, results[3].__class__]
    assert isinstance(results[3], DatabaseError)
    assert [each.message_id for each in (results[0], results[2], results[4])]
    assert sorted(await reader.run(texts)) == ["one", "three", "two"]
    assert await reader.run(_heads, alice, bob) == [3, 2]


async def test_a_refusal_costs_its_neighbours_nothing(
    writer: Writer, gate: Gate, audience: Audience, alice: Person, bob: Person
):
    audience.join(heard := Heard(alice))
    runs: list[str] = []

    def counted(text: str, person: Person, **options: Any) -> Callable[[Pen], Any]:
        def run(pen: Pen) -> Any:
            runs.append(text)
            return say(text, person, **options)(pen)

        return run

    echo_id = uuid.uuid4()
    waiting = [
        write(writer, counted("one", alice, echo_id=echo_id), alice),
        write(writer, counted("other", alice, echo_id=echo_id), alice),
        write(writer, counted("two", alice), alice),
    ]
    await asyncio.sleep(0)
    gate.open()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in results] == [acceptance.Accepted, Refusal, acceptance.Accepted]
    assert runs == ["one", "other", "two"] and heard.changes == [(0, 3, 3)]


def _heads(*people: Person) -> list[int]:
    return [Contact.objects.get(id=person.id).head for person in people]


async def test_a_refused_write_leaves_the_feed_as_it_was(writer: Writer, reader: Reader, alice: Person):
    await write(writer, say("one", alice, echo_id=(echo_id := uuid.uuid4())), alice)
    with pytest.raises(Refusal):
        await write(writer, say("other", alice, echo_id=echo_id), alice)
    assert await reader.run(_heads, alice) == [2]


async def test_what_a_visitor_writes_goes_before_what_chatwoot_says(writer: Writer, gate: Gate, alice: Person):
    order: list[str] = []
    for name, priority in (
        ("mirror 1", Priority.MIRROR),
        ("attempt 1", Priority.ATTEMPT),
        ("accept 1", Priority.ACCEPT),
        ("mirror 2", Priority.MIRROR),
        ("accept 2", Priority.ACCEPT),
        ("attempt 2", Priority.ATTEMPT),
    ):
        waiting = write(writer, lambda pen, name=name: order.append(name), priority=priority)
    await asyncio.sleep(0)
    gate.open()
    await waiting
    await write(writer, lambda pen: None)
    assert order == ["accept 1", "accept 2", "attempt 1", "attempt 2", "mirror 1", "mirror 2"]


async def test_visitors_who_write_without_a_pause_keep_nothing_from_being_sent(
    make_writer: Callable[..., Writer],
):
    writer = make_writer(batch_ms=0, timing=Timing(head_start_s=0.05))
    sent = asyncio.Event()

    def write_on(*_: Any) -> None:
        if not sent.is_set():
            writer.post(lambda pen: None, contacts=(), priority=Priority.ACCEPT, done=write_on)

    for _ in range(1_000):  # there is always one that waits
        write_on()
    try:
        async with asyncio.timeout(20):
            await write(writer, lambda pen: None, priority=Priority.MIRROR)
    finally:
        sent.set()


async def test_more_writes_share_a_transaction_where_a_commit_takes_long(make_writer: Callable[..., Writer]):
    writer, gate, pens = make_writer(batch_ms=20), Gate(), []
    failpoints.configure("ingress.before_commit=sleep:0.1@1")

    def slow(pen: Pen) -> None:
        pens.append(pen)
        time.sleep(0.04)

    held = write(writer, gate, priority=Priority.ACCEPT)
    await gate.reached()
    waiting = [write(writer, slow) for _ in range(2)]
    await asyncio.sleep(0)
    gate.open()
    await asyncio.gather(held, *waiting)
    failpoints.configure("")
    assert pens[0] is pens[1]


async def test_too_many_waiting_writes_are_refused(make_writer: Callable[..., Writer], reader: Reader, alice: Person):
    writer, gate = make_writer(max_waiting=2), Gate()
    held = write(writer, gate)
    await gate.reached()
    waiting = [write(writer, say(text, alice), alice) for text in ("one", "two")]
    await asyncio.sleep(0)
    with pytest.raises(WriterFull):
        await writer.write(say("three", alice), contacts=(alice.id,), priority=Priority.ACCEPT)
    gate.open()
    await asyncio.gather(held, *waiting)
    assert await reader.run(texts) == ["one", "two"]


async def test_a_batch_ends_after_its_time_and_the_rest_follow(
    make_writer: Callable[..., Writer], audience: Audience, reader: Reader, alice: Person
):
    writer, gate = make_writer(batch_ms=0), Gate()
    audience.join(heard := Heard(alice))
    held = write(writer, gate)
    await gate.reached()
    waiting = [write(writer, say(str(number), alice), alice) for number in range(4)]
    await asyncio.sleep(0)
    gate.open()
    await asyncio.gather(held, *waiting)
    assert heard.changes == [(0, 2, 2), (2, 3, 1), (3, 4, 1), (4, 5, 1)]
    assert await reader.run(texts) == ["0", "1", "2", "3"]


async def test_stopping_finishes_what_waits_and_takes_nothing_more(
    make_writer: Callable[..., Writer], reader: Reader, alice: Person
):
    writer, gate = make_writer(batch_ms=0), Gate()
    held = write(writer, gate)
    await gate.reached()
    waiting = [write(writer, say(str(number), alice), alice) for number in range(3)]
    await asyncio.sleep(0)
    stopping = asyncio.ensure_future(writer.stop())
    await asyncio.sleep(0)
    with pytest.raises(WriterFull):
        await writer.write(say("late", alice), contacts=(alice.id,), priority=Priority.ACCEPT)
    gate.open()
    await asyncio.gather(held, stopping, *waiting)
    assert await reader.run(texts) == ["0", "1", "2"]


async def test_a_cancelled_caller_does_not_stop_the_write(writer: Writer, gate: Gate, reader: Reader, alice: Person):
    waiting = write(writer, say("kept", alice), alice)
    await asyncio.sleep(0)
    waiting.cancel()
    gate.open()
    await write(writer, lambda pen: None)
    assert waiting.cancelled()
    assert await reader.run(texts) == ["kept"]


async def test_a_listener_hears_of_changes_in_the_order_of_heads(
    make_writer: Callable[..., Writer], audience: Audience, alice: Person, bob: Person
):
    writer = make_writer(batch_ms=1)
    audience.join(heard := Heard(alice))
    await asyncio.gather(
        *(
            write(writer, say(f"{number}", alice if number % 3 else bob), alice, bob, priority=Priority(number % 3))
            for number in range(60)
        )
    )
    told = [change for change in heard.changes if change[0] != change[1]]
    assert [before for before, _, _ in told] == [0, *(after for _, after, _ in told[:-1])]
    assert told[-1][1] == 41


async def test_a_change_is_told_before_its_caller_goes_on(writer: Writer, audience: Audience, alice: Person):
    audience.join(heard := Heard(alice))
    await write(writer, say("one", alice), alice)
    assert heard.changes == [(0, 2, 2)]


async def test_a_no_op_is_told_too(writer: Writer, audience: Audience, alice: Person):
    audience.join(heard := Heard(alice))
    await write(writer, lambda pen: None, alice)
    assert heard.changes == [(0, 0, 0)]


async def test_a_listener_that_breaks_leaves_no_caller_waiting(writer: Writer, audience: Audience, alice: Person):
    audience.join(Breaks(alice))
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["exception"]))
    accepted = await asyncio.wait_for(write(writer, say("one", alice), alice), 20)
    assert accepted.message_id
    assert [type(each) for each in complaints] == [LookupError]


async def test_twenty_times_the_same_echo_id_is_one_message(writer: Writer, reader: Reader, alice: Person):
    echo_id = uuid.uuid4()
    answers = await asyncio.gather(*(write(writer, say("hello", alice, echo_id=echo_id), alice) for _ in range(20)))
    assert len({each.message_id for each in answers}) == 1
    assert sorted(each.replayed for each in answers) == [False] + [True] * 19
    assert await reader.run(texts) == ["hello"]
    assert await reader.run(Delivery.objects.filter(kind=Delivery.Kind.MESSAGE).count) == 1


async def test_two_writers_on_one_database_number_without_gaps(
    make_writer: Callable[..., Writer], audience: Audience, reader: Reader, alice: Person
):
    """Two processes, and one visitor who writes through both."""
    writers = [make_writer(), make_writer()]
    await write(writers[0], say("first", alice), alice)
    said = [
        write(writers[number % 2], say(str(number % 20), alice), alice, priority=Priority(number % 3))
        for number in range(40)
    ]
    await asyncio.gather(*said)
    assert len(await reader.run(texts)) == 21
    numbers = await reader.run(lambda: sorted(Message.objects.values_list("seq", flat=True)))
    assert numbers == list(range(2, 23))
    assert await reader.run(_heads, alice) == [22]
