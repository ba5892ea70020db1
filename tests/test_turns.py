"""A turn goes to whose address has the fewest, and none is lost."""

import asyncio
from collections.abc import Callable

import pytest

from chat.turns import Turns

Task = asyncio.Task[Callable[[], None]]


async def waiting(turns: Turns, *addresses: str) -> list[Task]:
    tasks = [asyncio.create_task(turns.take(each)) for each in addresses]
    await asyncio.sleep(0)
    return tasks


async def come(tasks: list[Task]) -> list[bool]:
    await asyncio.sleep(0.01)
    return [each.done() for each in tasks]


async def test_a_stranger_comes_before_an_address_that_has_a_turn() -> None:
    turns = Turns(2, patience_s=5)
    first, second = await turns.take("many"), await turns.take("many")
    tasks = await waiting(turns, "many", "many", "alone")
    first()
    assert await come(tasks) == [False, False, True]
    second()
    assert await come(tasks) == [True, False, True], "one of each"
    tasks[2].result()()
    assert await come(tasks) == [True, True, True], "nobody else waits: it may have both"


async def test_among_equals_who_has_waited_longest_comes_first() -> None:
    turns = Turns(1, patience_s=5)
    give_back = await turns.take("alice")
    tasks = await waiting(turns, "alice", "bob", "carol")
    give_back()
    assert await come(tasks) == [True, False, False]


async def test_who_went_takes_no_turn_with_them() -> None:
    turns = Turns(1, patience_s=0.01)
    give_back = await turns.take("alice")
    with pytest.raises(TimeoutError):
        await turns.take("bob")
    (gone,) = await waiting(turns, "carol")
    give_back()
    gone.cancel()  # at the moment at which it comes
    await asyncio.wait([gone])
    (following,) = await waiting(turns, "dave")
    assert await come([following]) == [True]
    following.result()()
    await turns.take("erin")
