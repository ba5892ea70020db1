"""What an agent deleted is in no byte of the database's files, soon after; and no commit pays for copying the log."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from django.db import connection

from chat import mirror
from chat.audience import Audience
from chat.feed import Pen
from chat.wal import FORGET_S, REST_S, Log
from chat.writer import Priority, Timing, Writer
from tests.eventually import eventually
from tests.fixtures.people import Person, cabled, create_upstream, say

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "the code of the safe is 7-31-99"


@pytest.fixture
async def writer(inbox: object) -> AsyncIterator[Writer]:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL forgets with its own vacuum")
    writer = Writer(Audience(), timing=Timing(idle_s=0.05))
    writer.start()
    yield writer
    await writer.stop()


def on_the_disk() -> list[str]:
    """The files of the database in which the text is."""
    path = Path(connection.settings_dict["NAME"])
    files = [each for each in path.parent.glob(f"{path.name}*") if SECRET.encode() in each.read_bytes()]
    return [each.name.removeprefix(path.name) or "database" for each in files]


async def hear(writer: Writer, person: Person, **values: object) -> None:
    message = cabled(5, **({"text": SECRET} | values), of=person)  # type: ignore[arg-type]

    def run(pen: Pen) -> None:
        mirror.apply_message(pen, person.scope, message, read_started=None)

    await writer.write(run, contacts=(person.id,), priority=Priority.MIRROR)


async def test_a_deleted_text_is_soon_in_no_file(writer: Writer, alice: Person):
    await asyncio.to_thread(lambda: create_upstream(alice, said=say(alice, "hello")))
    await hear(writer, alice)
    assert on_the_disk()
    await hear(writer, alice, text="", deleted=True, ms=1)
    await eventually(lambda: not on_the_disk())


async def test_it_is_forgotten_even_if_somebody_always_writes(writer: Writer, alice: Person):
    now = 0.0
    log = Log(now=lambda: now)
    log.wrote(emptied=False)
    now = FORGET_S + 1
    assert not log.is_urgent
    log.wrote(emptied=True)
    assert not log.is_urgent
    now += FORGET_S + 1
    assert log.is_urgent
    await asyncio.to_thread(log.tidy)
    assert not log.is_urgent


async def test_the_log_is_copied_in_idle_moments_and_not_after_each_write(writer: Writer, alice: Person):
    path = Path(connection.settings_dict["NAME"])

    def copies() -> int:
        """How often the database file itself has changed."""
        found.add(path.stat().st_mtime_ns)
        return len(found)

    now, found = 0.0, set[int]()
    log = Log(now=lambda: now)
    await asyncio.to_thread(log.tidy)
    before = copies()
    await asyncio.to_thread(say, alice, "one")
    log.wrote(emptied=False)
    await asyncio.to_thread(log.tidy)
    assert copies() == before
    now += REST_S
    await asyncio.to_thread(log.tidy)
    assert copies() == before + 1
    await asyncio.to_thread(log.tidy)
    assert copies() == before + 1
