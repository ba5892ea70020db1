"""Processes that share an SQLite database all get to write, also beside one that never pauses."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.db import connection

from chat.audience import Audience
from chat.feed import Pen
from chat.lock_turns import FREE_S, Turn
from chat.models import Minute
from chat.writer import Priority, Writer

pytestmark = pytest.mark.django_db(transaction=True)


def write_slowly(pen: Pen) -> None:
    Minute.objects.update(figures={})
    time.sleep(0.004)


@pytest.fixture
async def greedy() -> AsyncIterator[Writer]:
    """It always has something to write."""
    writer = Writer(Audience())
    writer.is_shared = True
    writer.start()
    ended = False

    def again(result: Any, error: BaseException | None) -> None:
        if not ended:
            writer.post(write_slowly, contacts=(), priority=Priority.MIRROR, done=again)

    for _ in range(20):
        again(None, None)
    yield writer
    ended = True
    await writer.stop()


async def test_beside_one_that_never_pauses_another_is_not_refused(greedy: Writer) -> None:
    other = Writer(Audience())
    other.start()
    for _ in range(10):
        await other.write(lambda pen: None, contacts=(), priority=Priority.ACCEPT)
    await other.stop()


def paused(turn: Turn, *spans: tuple[float, float]) -> list[float]:
    return [turn.pause_s(*span) for span in spans]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has queues of its own")
def test_who_writes_without_a_pause_makes_one_where_others_write_too() -> None:
    assert paused(Turn(lambda: True), (9.0, 9.1), (9.1, 9.19), (9.19, 9.21), (9.27, 9.3)) == [0, 0, FREE_S, 0]
    assert paused(Turn(lambda: True), (9.0, 9.19), (9.19 + 2 * FREE_S, 9.4)) == [0, 0]
    assert paused(Turn(lambda: False), (9.0, 9.1), (9.1, 9.9)) == [0, 0]
