"""Files going out take a place each, and give it back whatever becomes of them."""

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest

from chat.chatwoot.fetching import Extent
from chat.streams import Download, Later, Places


class Told:
    """A Source in memory."""

    extent = Extent(0, 6, 6, is_part=False)

    def __init__(self) -> None:
        self.closed = 0

    async def chunks(self) -> AsyncIterator[bytes]:
        yield b"abc"
        yield b"def"

    async def aclose(self) -> None:
        self.closed += 1


def download(source: Told, places: list[str]) -> Download:
    return Download(source, name="a", content_type="b", etag='"c"', done=lambda: places.append("back"))


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
    first = await places.take("alice")
    await places.take("alice")
    with pytest.raises(Later, match="too_fast"):
        await places.take("alice")
    with pytest.raises(Later, match="unavailable"):
        await places.take("bob")
    waiting = asyncio.create_task(places.take("bob"))
    await asyncio.sleep(0)
    first()
    await waiting
    with pytest.raises(Later, match="unavailable"):
        await places.take("alice")


async def test_who_leaves_while_waiting_takes_nothing() -> None:
    places = Places(at_once=1, of_one=1, wait_s=60)
    first = await places.take("alice")
    waiting = asyncio.create_task(places.take("bob"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    first()
    await places.take("bob")
