"""Reads on threads of their own, each with a connection that is not kept once it is broken."""

import threading
from collections.abc import AsyncIterator

import pytest
from django.db import Error, OperationalError, connection

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


async def test_a_database_that_hangs_holds_nobody_up_for_ever(transactional_db: None) -> None:
    reader, answers = Reader(threads=1, answer_s=0.2), threading.Event()
    with pytest.raises(BUSY, match="the database has not answered a read for"):
        await reader.run(answers.wait)
    with pytest.raises(BUSY):
        await reader.run(Contact.objects.count)  # it waits for the same thread
    answers.set()
    assert await reader.run(Contact.objects.count) == 0
    await reader.stop()
