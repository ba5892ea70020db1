"""F47–F49: the database is locked, gone or in a deadlock, or its disk is full."""

import asyncio
import resource
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.faults.conftest import MakeRig
from tests.faults.database import Database
from tests.faults.processes import Process
from tests.faults.rig import Rig, during
from tests.faults.visitors import Visitor
from tests.fixtures.the_postgres import PostgresServer

pytestmark = pytest.mark.faults
LOCKED_S = 10.0
UNTIL_REFUSED_S = 9.0  # five seconds, and a busy machine's time for the rest
LONG_LEASE_S = "300"  # so that nobody heals in time by waiting for one to end
WORDS = (
    r"the database refuses writes",
    r"Service Unavailable",
    r"not checked|waits|held later|not stored|not be (read|written)|could not read what is due",
    r": OperationalError\b",  # whoever asks the database in that moment says so
)


async def say_once(visitor: Visitor, text: str) -> httpx.Response:
    """Without trying again; nobody keeps count of it."""
    return await visitor.call("PUT", f"/messages/{uuid4()}", json={"text": text})


@contextmanager
def locked(database: Database) -> Iterator[None]:
    with closing(sqlite3.connect(database.path, timeout=30, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


async def test_f47_a_locked_database_refuses_in_time_and_loses_nothing(make_rig: MakeRig) -> None:
    rig = await make_rig(DELIVERY_LEASE_S=LONG_LEASE_S)
    await rig.visit()
    await rig.introduce()
    talk = rig.talk_of(rig.visitors[0])
    await rig.write(every_s=0.02)
    with locked(rig.database):
        rig.injected("the database is locked")
        await rig.agent.reply(talk.id, f"{rig.run}/agent/0")
        async with asyncio.timeout(UNTIL_REFUSED_S):
            refused = await say_once(rig.visitors[1], "nobody hears this")
        assert refused.status_code == 503, refused.text
        await asyncio.sleep(rig.s(LOCKED_S) if rig.scale.short else LOCKED_S - UNTIL_REFUSED_S)

    await rig.healed(expected_errors=WORDS)
    assert rig.application.starts == 1
    said = [line for line in rig.application.text().splitlines() if "the database refuses writes" in line]
    assert len(said) <= 3, "one line now and then, not one for each write"


@contextmanager
def full_disk(process: Process) -> Iterator[None]:
    """No file of this process may become longer than this; what it has written already stays."""
    _, most = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4096, most))
    yield
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, most))


async def test_f49_a_full_disk_refuses_and_heals_by_itself(make_rig: MakeRig) -> None:
    """The log is on that disk, too."""
    rig = await make_rig(DELIVERY_LEASE_S=LONG_LEASE_S)
    await rig.visit()
    await rig.introduce()
    talk = rig.talk_of(rig.visitors[0])
    await rig.write(2)
    with full_disk(rig.application):
        rig.injected("the disk is full")
        await rig.agent.reply(talk.id, f"{rig.run}/agent/0")
        await rig.write(2)
        async with asyncio.timeout(UNTIL_REFUSED_S):
            refused = await say_once(rig.visitors[1], "nobody hears this")
        assert refused.status_code == 503, refused.text
        page = await rig.visitors[0].call("GET", "/sync")
        assert page.status_code == 200, "what was said can still be read"
    await rig.write(2)

    await rig.healed(expected_errors=(*WORDS, "Traceback|Logging error"))
    assert (rig.application.alive, rig.application.starts) == (True, 1)


@asynccontextmanager
async def holding(database: Database, statement: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """A transaction of somebody else's."""
    other = await psycopg.AsyncConnection.connect(database.url)
    async with other:
        await other.execute(statement)  # type: ignore[arg-type]
        yield other
        await other.rollback()


async def cut_connections(rig: Rig, postgres: PostgresServer, times: int) -> None:
    name = rig.database.url.rpartition("/")[2]
    query = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    for _ in range(times):
        await asyncio.sleep(0.3)
        rig.injected("all connections to the database are cut")
        await asyncio.to_thread(postgres.run, query)


async def test_f48_connections_cut_again_and_again(
    make_rig: MakeRig, postgres: PostgresServer, postgres_database: Database
) -> None:
    rig = await make_rig(applications=2, own_database=postgres_database, DELIVERY_LEASE_S=LONG_LEASE_S)
    await rig.visit()
    await rig.introduce()
    await during(rig.write(every_s=0.2), cut_connections(rig, postgres, times=6))

    await rig.healed(expected_errors=WORDS)


async def test_f48_a_locked_table_and_a_deadlock(make_rig: MakeRig, postgres_database: Database) -> None:
    rig = await make_rig(applications=2, own_database=postgres_database, DELIVERY_LEASE_S=LONG_LEASE_S)
    await rig.visit()
    await rig.introduce()
    async with holding(postgres_database, "LOCK TABLE chat_message IN ACCESS EXCLUSIVE MODE"):
        rig.injected("a table is locked")
        await rig.write(every_s=0.02)
        async with asyncio.timeout(UNTIL_REFUSED_S):
            refused = await say_once(rig.visitors[1], "nobody hears this")
        assert refused.status_code == 503, refused.text
    last = "SELECT id FROM chat_contact WHERE id = (SELECT max(id::text)::uuid FROM chat_contact) FOR UPDATE"
    first = last.replace("max", "min")
    for _ in range(3):
        async with holding(postgres_database, last) as other:
            rig.injected("somebody locks contacts from the other end")
            await rig.write(1, every_s=0)
            try:
                await other.execute(first)  # type: ignore[arg-type]
            except psycopg.errors.DeadlockDetected:
                await other.rollback()
            await asyncio.sleep(0.2)

    await rig.healed(expected_errors=WORDS)


async def test_f48_the_server_is_killed_and_restarted(
    make_rig: MakeRig, postgres: PostgresServer, postgres_database: Database
) -> None:
    """This server does not wait for its log unless it is told to, and would forget what it has just committed."""
    rig = await make_rig(applications=2, own_database=postgres_database, DELIVERY_LEASE_S=LONG_LEASE_S)
    await rig.visit()
    await rig.introduce()
    await rig.write(every_s=0.02)
    rig.injected("the database server is killed")
    postgres.kill()
    await asyncio.sleep(rig.s(20))
    await asyncio.to_thread(postgres.start)

    await rig.healed(expected_errors=(*WORDS, "server closed|connection failed|terminating"))
    assert [each.starts for each in rig.applications] == [1, 1]
