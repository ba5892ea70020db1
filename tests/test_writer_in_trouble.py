"""A database that is locked, full, gone or in a deadlock: nobody waits long, nothing is lost, nothing is done twice."""

import asyncio
import sqlite3
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, connection

from chat import acceptance
from chat.audience import Audience
from chat.feed import Pen
from chat.models import Message
from chat.reader import Reader
from chat.writer import BUSY, Priority, Timing, Writer, WriterLate
from tests.eventually import eventually
from tests.fixtures.people import NOW, Person
from tests.fixtures.stumbling import locked

pytestmark = pytest.mark.django_db(transaction=True)
QUICK = Timing(accept_s=0.6, other_s=20, try_s=0.2, pause_s=0.05, idle_s=0.05, calm_s=0)
MakeWriter = Callable[..., Writer]


@pytest.fixture
async def make_writer(inbox: Any) -> AsyncIterator[MakeWriter]:
    made: list[Writer] = []

    def make(timing: Timing = QUICK) -> Writer:
        writer = Writer(Audience(), clock=lambda: NOW, timing=timing)
        writer.start()
        made.append(writer)
        return writer

    yield make
    for writer in made:
        await writer.stop()


@pytest.fixture
async def writer(make_writer: MakeWriter) -> Writer:
    return make_writer()


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    reader = Reader(threads=1)
    yield reader
    await reader.stop()


def say(writer: Writer, person: Person, text: str, priority: Priority = Priority.ACCEPT) -> asyncio.Task[Any]:
    echo_id = uuid.uuid5(uuid.NAMESPACE_URL, text)

    def run(pen: Pen) -> acceptance.Accepted:
        return acceptance.accept(pen, person.id, echo_id=echo_id, conversation_id=None, text=text)

    return asyncio.ensure_future(writer.write(run, contacts=(person.id,), priority=priority))


def do(writer: Writer, run: Callable[[Pen], Any], priority: Priority = Priority.MIRROR) -> asyncio.Task[Any]:
    return asyncio.ensure_future(writer.write(run, contacts=(), priority=priority))


def texts() -> list[str]:
    return list(Message.objects.order_by("at").values_list("content", flat=True))


class Stumbles:
    """Fails so many times, then does what it should."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.left, self.runs = error, times, 0

    def __call__(self, pen: Pen) -> str:
        self.runs += 1
        if self.left:
            self.left -= 1
            raise self.error
        return "done"


async def test_while_it_is_locked_visitors_are_told_in_time_and_all_others_wait(
    writer: Writer, reader: Reader, alice: Person, bob: Person, caplog: pytest.LogCaptureFixture
):
    with locked():
        patient = [say(writer, bob, f"from Chatwoot {number}", Priority.MIRROR) for number in range(20)]
        accepts = [say(writer, alice, str(number)) for number in range(20)]
        began = time.monotonic()
        results = await asyncio.gather(*accepts, return_exceptions=True)
        assert time.monotonic() - began < 5, "all together, and not one after another"
        assert all(isinstance(each, DatabaseError) for each in results)
        assert not any(each.done() for each in patient)
        assert writer.broken == "OperationalError"
    await asyncio.gather(*patient)
    assert sorted(await reader.run(texts)) == sorted(f"from Chatwoot {number}" for number in range(20))
    assert writer.broken == ""
    records = [record for record in caplog.records if record.name == "chat.writer"]
    assert [record.levelname for record in records] == ["WARNING", "ERROR", "WARNING"]
    refused, given_up, over = [record.getMessage() for record in records]
    assert refused == "the database refuses writes: OperationalError: database is locked"
    assert given_up.startswith(f"{refused}; given up so far: ")
    assert over.startswith("the database can be written again after") and over.endswith("given up: 20")


async def test_what_a_visitor_wrote_during_a_short_lock_is_kept(make_writer: MakeWriter, reader: Reader, alice: Person):
    writer = make_writer(Timing(accept_s=20, try_s=0.05, pause_s=0.01))
    with locked():
        waiting = say(writer, alice, "hello")
        await eventually(lambda: writer.broken)
    await waiting
    assert await reader.run(texts) == ["hello"]


@pytest.mark.parametrize("text", ["deadlock detected", "could not serialize access", "server closed the connection"])
async def test_a_transaction_that_was_certainly_not_stored_is_tried_again(writer: Writer, text: str):
    run = Stumbles(OperationalError(text), times=2)
    assert await do(writer, run) == "done"
    assert run.runs == 3


def of_sqlite(code: int) -> OperationalError:
    """As Django raises it: what the driver told stands behind."""
    cause = sqlite3.OperationalError()
    cause.sqlite_errorcode = code
    return caused(cause)


def of_postgresql(sqlstate: str) -> OperationalError:
    cause = Exception()
    cause.sqlstate = sqlstate  # type: ignore[attr-defined]
    return caused(cause)


def caused(cause: Exception) -> OperationalError:
    error = OperationalError("in trouble")
    error.__cause__ = cause
    return error


TROUBLES = {
    "full disk": partial(of_sqlite, sqlite3.SQLITE_FULL),
    "bad disk": partial(of_sqlite, sqlite3.SQLITE_IOERR_WRITE),
    "deadlock": partial(of_postgresql, "40P01"),
    "full disk of a server": partial(of_postgresql, "53100"),
}


@pytest.mark.parametrize("priority", [Priority.ATTEMPT, Priority.MIRROR])
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_what_the_courier_and_the_cable_write_waits_for_the_end_of_the_trouble(
    make_writer: MakeWriter, trouble: str, priority: Priority
):
    run = Stumbles(TROUBLES[trouble](), times=12)
    assert await do(make_writer(Timing(pause_s=0.01)), run, priority) == "done"
    assert run.runs == 13


async def test_what_waits_keeps_no_other_waiting(make_writer: MakeWriter):
    """A disk may have room for what is small."""
    writer = make_writer(Timing(pause_s=0.01))
    large = Stumbles(of_sqlite(sqlite3.SQLITE_FULL), times=10_000)
    waiting = do(writer, large)
    await eventually(lambda: large.runs > 2)
    assert await asyncio.gather(*(do(writer, lambda pen: "small") for _ in range(3))) == ["small"] * 3
    assert not waiting.done()
    large.left = 0
    assert await waiting == "done"


@pytest.mark.parametrize("fault", [partial(of_sqlite, sqlite3.SQLITE_ERROR), partial(of_postgresql, "54011")])
async def test_a_fault_of_the_write_itself_is_given_up_soon(make_writer: MakeWriter, fault: Callable[[], Exception]):
    run = Stumbles(fault(), times=99)
    with pytest.raises(OperationalError):
        await do(make_writer(Timing(pause_s=0.01)), run)
    assert run.runs == 3


async def test_what_the_database_fails_with_every_time_is_given_up_and_harms_no_other(
    writer: Writer, reader: Reader, alice: Person
):
    poison = Stumbles(OperationalError("too many SQL variables"), times=99)
    failing = do(writer, poison)
    await asyncio.gather(*(say(writer, alice, str(number)) for number in range(5)))
    with pytest.raises(OperationalError):
        await failing
    assert sorted(await reader.run(texts)) == ["0", "1", "2", "3", "4"]
    assert poison.runs <= 3


async def test_a_connection_lost_during_the_commit_is_not_tried_again(writer: Writer, reader: Reader, alice: Person):
    """It may have been stored; the visitor's page asks again with the same echo_id and gets the same message."""
    commits: list[str] = []

    def lose_the_answer(pen: Pen) -> None:
        real = connection.connection.commit if connection.vendor == "postgresql" else None

        def commit() -> None:
            commits.append("lost")
            connection._commit = before
            (real or before)()
            raise OperationalError("the connection was lost")

        before, connection._commit = connection._commit, commit

    busy, both_wait = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    before_them = do(writer, lambda pen: (loop.call_soon_threadsafe(busy.set), both_wait.wait(20)))
    await busy.wait()
    lost = do(writer, lose_the_answer, Priority.ACCEPT)
    together = say(writer, alice, "hello")
    await asyncio.sleep(0)
    both_wait.set()
    await before_them
    results = await asyncio.gather(lost, together, return_exceptions=True)
    assert all(isinstance(each, OperationalError) for each in results)
    again = await say(writer, alice, "hello")
    assert again.replayed
    assert (await reader.run(texts), commits) == (["hello"], ["lost"])


async def test_a_wrong_write_is_no_trouble_of_the_database(writer: Writer, caplog: pytest.LogCaptureFixture):
    run = Stumbles(IntegrityError("a fault of one write"), times=1)
    with pytest.raises(IntegrityError):
        await do(writer, run)
    assert (writer.broken, run.runs) == ("", 1)
    assert "write failed: IntegrityError" in caplog.text


async def test_who_stops_in_trouble_does_not_wait(make_writer: MakeWriter, alice: Person):
    writer = make_writer(Timing(accept_s=600, other_s=600, try_s=0.05, pause_s=600))
    with locked():
        waiting = [say(writer, alice, "hello"), do(writer, lambda pen: None)]
        await eventually(lambda: writer.broken)
        await writer.stop()
        results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(each, BUSY) for each in results)


async def test_a_database_that_does_not_answer_holds_no_caller(make_writer: MakeWriter):
    writer = make_writer(Timing(accept_s=0.05, try_s=0.05))
    with pytest.raises(WriterLate):
        await do(writer, lambda pen: time.sleep(0.5), Priority.ACCEPT)


async def test_a_full_disk_refuses_and_heals(writer: Writer, reader: Reader, alice: Person):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has its own disk")
    room = ["1"]  # page: cannot become less than there are, so no page more

    def limit(run: Callable[..., Any], query: str, *rest: Any) -> Any:
        if query.startswith("BEGIN"):
            connection.connection.execute(f"PRAGMA max_page_count = {room[0]}")
        return run(query, *rest)

    await reader.run(lambda: connection.cursor().execute("VACUUM"))  # what tests before have freed is room, too
    await do(writer, lambda pen: connection.execute_wrappers.append(limit))
    results = [await outcome(say(writer, alice, f"{number} {'x' * 9_000}")) for number in range(9)]
    assert "database or disk is full" in results
    refused = [number for number, each in enumerate(results) if each]
    room[0] = "1000000"
    await say(writer, alice, "after")
    assert writer.broken == ""
    kept = [text.split()[0] for text in await reader.run(texts)]
    assert kept == [str(number) for number in range(9) if number not in refused] + ["after"]


async def outcome(task: asyncio.Task[Any]) -> str:
    try:
        await task
    except OperationalError as error:
        return str(error)
    return ""


async def test_a_database_that_hangs_is_told_while_it_hangs(
    make_writer: MakeWriter, alice: Person, caplog: pytest.LogCaptureFixture
):
    """A frozen server keeps the connection and says nothing: there is no error until it thaws."""
    writer, hung, thawed = (
        make_writer(Timing(accept_s=0.1, other_s=0.1, try_s=0.1, calm_s=0)),
        asyncio.Event(),
        threading.Event(),
    )
    loop = asyncio.get_running_loop()

    def hang(pen: Pen) -> None:
        loop.call_soon_threadsafe(hung.set)
        thawed.wait(20)

    hangs = do(writer, hang)
    await hung.wait()
    refused = say(writer, alice, "is anybody there?")
    results = await asyncio.gather(hangs, refused, return_exceptions=True)
    assert [type(each) for each in results] == [WriterLate, WriterLate]
    assert writer.broken == "WriterLate"
    assert "the database refuses writes: WriterLate: the database has not answered for" in caplog.text
    assert "can be written again" not in caplog.text
    thawed.set()
    await eventually(lambda: not writer.broken)
    assert "the database can be written again after" in caplog.text
    assert "given up: 2" in caplog.text
