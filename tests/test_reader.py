"""Reads on threads of their own, each with a connection that is not kept once it is broken."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator

import pytest
from django.db import DataError, Error, OperationalError, connection

from chat.models import Contact
from chat.reader import Reader
from chat.writer import BUSY


@pytest.fixture
async def reader(transactional_db: None) -> AsyncIterator[Reader]:
    reader = Reader(threads=1)
    yield reader
    await reader.stop()


def lose() -> None:
    """What happens when the server goes: the connection is closed under us."""
    connection.ensure_connection()
    connection.connection.close()


def fail_as_the_database() -> int:
    return Contact.objects.count()


def fail_as_the_driver() -> int:
    with connection.wrap_database_errors:
        raise connection.Database.InterfaceError("connection already closed")


async def test_a_read_on_a_lost_connection_is_done_again_on_a_fresh_one(reader: Reader) -> None:
    await reader.run(lose)
    assert await reader.run(fail_as_the_database) == 0


async def test_a_read_that_fails_again_is_not_done_for_ever(reader: Reader) -> None:
    reads = 0

    def read() -> int:
        nonlocal reads
        reads += 1
        lose()
        return fail_as_the_database()

    with pytest.raises(Error):
        await reader.run(read)
    assert reads == 2
    assert await reader.run(Contact.objects.count) == 0


async def test_a_broken_connection_is_not_kept(reader: Reader) -> None:
    await reader.run(lose)
    with pytest.raises(Error):
        await reader.run(fail_as_the_driver)
    assert await reader.run(Contact.objects.count) == 0


async def test_a_sound_connection_is_kept_whatever_a_read_raises(reader: Reader) -> None:
    def of() -> int:
        connection.ensure_connection()
        return id(connection.connection)

    before = await reader.run(of)
    with pytest.raises(Contact.DoesNotExist):
        await reader.run(Contact.objects.get)
    assert await reader.run(of) == before


async def test_a_stopped_reader_says_so_and_leaves_no_thread(transactional_db: None) -> None:
    before, reader = set(threading.enumerate()), Reader(threads=2)
    assert await reader.run(Contact.objects.count) == 0
    await reader.stop()
    with pytest.raises(OperationalError):
        await reader.run(Contact.objects.count)
    assert {each for each in threading.enumerate() if each.name.startswith("reader")} <= before


async def test_who_waits_is_refused_soon_when_the_database_answers_nobody_and_that_is_said_once(
    transactional_db: None, caplog: pytest.LogCaptureFixture
) -> None:
    """A frozen server keeps its connections, and says nothing on them."""
    reader, thaws = Reader(threads=2, hangs_s=0.2, calm_s=0), threading.Event()
    hung = [asyncio.create_task(reader.ask(thaws.wait)) for _ in range(2)]
    late = [asyncio.create_task(reader.ask(Contact.objects.count)) for _ in range(3)]  # they wait for those threads
    began = time.monotonic()
    for each in (*hung, *late):
        with pytest.raises(BUSY, match="the database has not answered for"):
            await each
    assert time.monotonic() - began < 2
    (said,) = caplog.records
    assert said.levelname == "ERROR"
    assert said.getMessage().startswith("the database refuses reads: OperationalError: the database has not answered")
    thaws.set()
    assert await reader.ask(Contact.objects.count) == 0
    assert caplog.records[-1].getMessage().startswith("the database can be read again after")
    await reader.stop()


async def test_one_read_that_hangs_is_refused_while_others_are_answered(transactional_db: None) -> None:
    """One table is locked."""
    reader, unlocked = Reader(threads=2, hangs_s=0.3), threading.Event()
    hung = asyncio.create_task(reader.ask(unlocked.wait))
    began = time.monotonic()
    while not hung.done() and time.monotonic() < began + 5:
        assert await reader.ask(Contact.objects.count) == 0
    unlocked.set()
    with pytest.raises(BUSY):
        await hung
    await reader.stop()


async def test_a_queue_that_moves_by_failures_alone_is_no_reason_to_wait(transactional_db: None) -> None:
    """Each new connection to a frozen server fails after its own time."""

    def fail() -> None:
        time.sleep(0.2)
        raise OperationalError("connection timeout expired")

    reader = Reader(threads=1, hangs_s=0.3)
    failing = [asyncio.create_task(reader.run(fail)) for _ in range(15)]
    await asyncio.sleep(0)
    began = time.monotonic()
    with pytest.raises(BUSY, match="has not answered for"):
        await reader.ask(Contact.objects.count)
    assert time.monotonic() - began < 2
    for each in failing:
        each.cancel()
    await asyncio.gather(*failing, return_exceptions=True)
    await reader.stop()


async def test_while_others_are_answered_a_long_queue_is_no_reason_to_refuse(transactional_db: None) -> None:
    reader = Reader(threads=1, hangs_s=0.3)
    assert len(await asyncio.gather(*(reader.ask(time.sleep, 0.05) for _ in range(20)))) == 20
    await reader.stop()


async def test_who_asks_for_what_is_wrong_is_no_trouble_of_the_database(
    reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Contact.DoesNotExist):
        await reader.ask(Contact.objects.get)
    with pytest.raises(DataError):
        await reader.ask(refuse_the_value)
    assert caplog.records == []


def refuse_the_value() -> None:
    raise DataError("out of range")


async def test_a_database_that_hangs_holds_nobody_up_for_ever(transactional_db: None) -> None:
    reader, answers = Reader(threads=1, answer_s=0.2), threading.Event()
    with pytest.raises(BUSY, match="the database has not answered a read for"):
        await reader.run(answers.wait)
    with pytest.raises(BUSY):
        await reader.run(Contact.objects.count)  # it waits for the same thread
    answers.set()
    assert await reader.run(Contact.objects.count) == 0
    await reader.stop()
