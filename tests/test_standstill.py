"""A process that did not run for a while says so itself: from outside it looks like pages that fell silent."""

import asyncio
from collections.abc import Iterator

import pytest

from chat import standstill


async def watched(moments: list[int]) -> None:
    """Each round takes from one of these moments to the next, milliseconds."""
    told: Iterator[int] = iter(moments)
    with pytest.raises((StopIteration, RuntimeError)):
        await asyncio.ensure_future(standstill.watch(every_s=0.01, most_s=5, base=lambda: next(told)))


async def test_standing_still_is_said_with_its_length(caplog: pytest.LogCaptureFixture) -> None:
    await watched([0, 57_010])
    (line,) = caplog.messages
    assert line.startswith("this process stood still for 57 s")


async def test_five_seconds_are_worth_a_line(caplog: pytest.LogCaptureFixture) -> None:
    told = iter([0, 5_011])
    with pytest.raises((StopIteration, RuntimeError)):
        await asyncio.ensure_future(standstill.watch(every_s=0.01, base=lambda: next(told)))
    assert len(caplog.messages) == 1


async def test_a_round_that_is_a_little_late_is_not_worth_a_line(caplog: pytest.LogCaptureFixture) -> None:
    await watched([0, 4_000, 4_000, 4_020])
    assert caplog.messages == []
