"""Two processes that change the same rows wait for each other, but never in a circle. On PostgreSQL that can fail."""

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from random import Random

import pytest

from chat import lanes, sending, sql, tokens
from chat.audience import Audience
from chat.feed import Pen
from chat.models import Contact, Delivery, Inbox, upsert_inbox
from chat.reader import Reader
from chat.writer import Priority, Writer
from tests.fixtures.people import newcomer, say

MEET_S = 0.5  # on SQLite one of them does not even begin while the other is at it


@pytest.fixture
async def reader(transactional_db: None) -> AsyncIterator[Reader]:
    reader = Reader(threads=1)
    yield reader
    await reader.stop()


class Begun:
    """Counts transactions; the writer reads its clock once in each."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> int:
        self.times += 1
        return sql.database_now()


@pytest.fixture
def begun() -> Begun:
    return Begun()


@pytest.fixture
async def writers(reader: Reader, begun: Begun) -> AsyncIterator[tuple[Writer, Writer]]:
    """Of two processes; each puts what it is given at once into one transaction."""
    pair = Writer(Audience(), batch_ms=5_000, clock=begun), Writer(Audience(), batch_ms=5_000, clock=begun)
    yield pair
    for writer in pair:
        await writer.stop()


class Halfway:
    """Where two transactions wait for each other, if they can."""

    def __init__(self) -> None:
        self._barrier = threading.Barrier(2)

    def meet(self, pen: Pen) -> None:
        with suppress(threading.BrokenBarrierError):
            self._barrier.wait(MEET_S)


async def cross(writers: tuple[Writer, Writer], change: Callable[[int, Pen], None]) -> None:
    """Both change 0 and 1, in opposite orders, and meet in between."""
    halfway = Halfway()
    waits = []
    for writer, order in zip(writers, ((0, 1), (1, 0)), strict=True):
        for run in (partial(change, order[0]), halfway.meet, partial(change, order[1])):
            waits.append(asyncio.ensure_future(writer.write(run, contacts=(), priority=Priority.MIRROR)))
    await asyncio.sleep(0)  # all of them are queued before the threads begin
    for writer in writers:
        writer.start()
    await asyncio.gather(*waits)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda pen, inbox_id, value: pen.change_inbox(inbox_id, paused_until=int(value)), "paused_until"),
        (sending.switch_marker_off, "marker_off"),
        (lambda pen, inbox_id, value: tokens.keep_canary(inbox_id, value, pen), "canary_token"),
    ],
    ids=["a pause", "the marker", "the canary"],
)
async def test_inboxes_are_changed_in_one_order(
    reader: Reader, writers: tuple[Writer, Writer], begun: Begun, change: Callable[[Pen, int, str], None], name: str
) -> None:
    def add() -> list[int]:
        return [
            upsert_inbox(slug=slug, url="https://c.example", cable_url="wss://c.example", inbox_identifier=slug).pk
            for slug in ("one", "two")
        ]

    ids = await reader.run(add)
    await cross(writers, lambda which, pen: change(pen, ids[which], str(which + 1)))
    assert begun.times == 2, "a transaction was tried again"
    stored = await reader.run(lambda: list(Inbox.objects.order_by("pk").values_list(name, flat=True)))
    assert [str(value) for value in stored] == ["1", "2"]


async def test_contacts_are_locked_in_one_order(reader: Reader, writers: tuple[Writer, Writer], begun: Begun) -> None:
    def add() -> list[uuid.UUID]:
        inbox = upsert_inbox(slug="one", url="https://c.example", cable_url="wss://c.example", inbox_identifier="one")
        return [Contact.objects.create(inbox=inbox).id for _ in range(30)]

    ids, chance = await reader.run(add), Random(7)
    for writer in writers:
        writer.start()
    for _ in range(40):  # unordered, one in three ends in a circle
        crowds = [chance.sample(ids, 20) for _ in writers]
        pairs = zip(writers, crowds, strict=True)
        waits = [writer.write(lambda pen: None, contacts=crowd, priority=Priority.MIRROR) for writer, crowd in pairs]
        await asyncio.gather(*waits)
    assert begun.times == 80, "a transaction was tried again"


async def test_a_delivery_is_claimed_once_by_two_who_hold_different_contacts(
    reader: Reader, writers: tuple[Writer, Writer]
) -> None:
    """As after an adoption of which one of them has not heard."""

    def add() -> tuple[uuid.UUID, list[uuid.UUID]]:
        alice, bob = newcomer(), newcomer()
        say(alice, "hello")
        return Delivery.objects.get(kind=Delivery.Kind.CONTACT).id, [alice.id, bob.id]

    delivery_id, ids = await reader.run(add)
    halfway = Halfway()

    def claim(pen: Pen) -> bool:
        claimed = lanes.claim_attempt(pen, delivery_id, fence_at=0)
        halfway.meet(pen)
        return claimed is not None

    for writer in writers:
        writer.start()
    pairs = zip(writers, ids, strict=True)
    waits = [writer.write(claim, contacts=(each,), priority=Priority.ATTEMPT) for writer, each in pairs]
    assert sorted(await asyncio.gather(*waits)) == [False, True]
