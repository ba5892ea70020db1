"""Files going out take a place each, and give it back whatever becomes of them."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chat.chatwoot.fetching import Extent
from chat.streams import Download, Places
from chat.wire.errors import Refusal


class Told:
    """A Source in memory."""

    def __init__(self, *pieces: bytes) -> None:
        self.closed, self.pieces = 0, pieces or (b"abc", b"def")
        total = sum(map(len, self.pieces))
        self.extent = Extent(0, total, total, is_part=False)

    async def chunks(self) -> AsyncIterator[bytes]:
        for each in self.pieces:
            yield each

    async def aclose(self) -> None:
        self.closed += 1


def download(source: Told, places: list[str], **more: Any) -> Download:
    return Download(source, name="a", content_type="b", etag='"c"', done=lambda: places.append("back"), **more)


async def test_a_file_that_was_read_or_left_is_closed_once() -> None:
    for most in (0, 1, 9):
        source, places = Told(), list[str]()
        found = download(source, places)
        chunks = found.chunks()
        for _ in range(most):
            await anext(chunks, None)
        await chunks.aclose()  # type: ignore[attr-defined]
        await found.aclose()
        assert (places, source.closed) == (["back"], 1)


def test_one_that_nobody_came_for_gives_its_place_back() -> None:
    places: list[str] = []
    download(Told(), places)
    gc.collect()
    assert places == ["back"]


async def test_who_finds_no_place_waits_and_is_told_to_come_again() -> None:
    places = Places(at_once=2, of_one=2, wait_s=0.05)
    first = await places.take("alice", "here")
    await places.take("alice", "here")
    with pytest.raises(Refusal, match="too_fast") as own:
        await places.take("alice", "here")
    with pytest.raises(Refusal, match="unavailable") as everybodys:
        await places.take("bob", "there")
    assert (own.value.retry_after, everybodys.value.retry_after) == (1, 5)
    waiting = asyncio.create_task(places.take("bob", "there"))
    await asyncio.sleep(0)
    first()
    await waiting
    with pytest.raises(Refusal, match="unavailable"):
        await places.take("carol", "elsewhere")


async def test_who_leaves_while_waiting_takes_nothing() -> None:
    places = Places(at_once=1, of_one=1, wait_s=60)
    first = await places.take("alice", "here")
    waiting = asyncio.create_task(places.take("bob", "there"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    first()
    await places.take("bob", "there")


async def test_an_address_takes_no_more_places_than_it_leaves() -> None:
    """Whoever begins many sessions has as little of them as one who has many visitors."""
    places = Places(at_once=64, of_one=6, wait_s=60)

    async def taken_by(address: str) -> int:
        for number in range(64):
            try:
                await places.take(f"{address} {number}", address)
            except Refusal as refusal:
                assert (refusal.code, refusal.retry_after) == ("too_fast", 1)
                return number
        raise AssertionError("all were taken")

    assert await taken_by("203.0.113.7") == 33
    assert await taken_by("203.0.113.8") == 16
    assert places.are_few
    await places.take("alice", "198.51.100.1")


@pytest.mark.parametrize(
    ("takes_s", "few", "read"),
    [(3.9, True, 100), (29.0, True, 2), (29.0, False, 100)],
    ids=["as fast as is asked", "slow", "slow, and nobody waits"],
)
async def test_a_slow_reader_keeps_no_place_that_others_need(caplog: Any, takes_s: float, few: bool, read: int) -> None:
    """However slow, it has half a minute first; a fast one has all the time that a file takes."""
    clock, places, source = [0.0], list[str](), Told(*[bytes(65_536)] * 100)
    found = download(source, places, places_are_few=lambda: few, monotonic=lambda: clock[0])
    pieces = 0
    async for _ in found.chunks():
        clock[0] += takes_s
        pieces += 1
    assert pieces == read
    assert (places, source.closed) == (["back"], 1)
    assert ("slow reader" in caplog.text) == (read < 100)
