"""Files going out: how many at once, for how long, and from our own disk. None is read faster than taken."""

import asyncio
import logging
import os
import time
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable
from pathlib import Path
from typing import BinaryIO, Self

import httpx

from chat.chatwoot.fetching import Extent, Source, Unsatisfiable
from chat.ranges import Range
from chat.wire.errors import Code, Refusal

log = logging.getLogger(__name__)

CHUNK_BYTES = 65_536
IDLE_S = 15.0
TOTAL_S = 600.0
PATIENT_S = 30.0
LEAST_BYTES_S = 16_384  # of who reads while places are few
FEW = 4  # less than one part in so many


class Places:
    """So many streams side by side, fewer of one person, and of one address no more than are left to the others.

    Who finds none waits a moment.
    """

    def __init__(self, *, at_once: int, of_one: int, wait_s: float) -> None:
        self._at_once = self._left = at_once  # as if those who wait had theirs
        self._free = asyncio.Semaphore(at_once)
        self._taken: Counter[Hashable] = Counter()
        self._of_one, self._wait_s = of_one, wait_s

    @property
    def are_few(self) -> bool:
        return self._left < self._at_once // FEW

    async def take(self, person: Hashable, address: Hashable) -> Callable[[], None]:
        """What gives it back. Raises Refusal, which says when to ask again."""
        if self._taken[person] >= self._of_one:
            raise Refusal(Code.TOO_FAST, f"Load {self._of_one} files at once at most.", retry_after_s=1)
        if self._taken[address] > max(0, self._left):
            raise Refusal(Code.TOO_FAST, "Many files are loaded from your network just now.", retry_after_s=1)
        self._count(1, person, address)
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except BaseException as error:
            self._count(-1, person, address)
            if isinstance(error, TimeoutError):
                raise Refusal(Code.UNAVAILABLE, "Too many files are being loaded.", retry_after_s=5) from None
            raise

        def give_back() -> None:
            self._free.release()
            self._count(-1, person, address)

        return give_back

    def _count(self, more: int, *keys: Hashable) -> None:
        self._left -= more
        for key in keys:
            self._taken[key] += more
            if not self._taken[key]:
                del self._taken[key]


class Lying:
    """A Source on our disk."""

    def __init__(self, file: BinaryIO, extent: Extent) -> None:
        self._file, self.extent = file, extent

    @classmethod
    async def open(cls, path: Path, span: Range | None) -> Self:
        """Raises Unsatisfiable and OSError."""
        file, total = await asyncio.to_thread(_opened, path)
        found = (0, total) if span is None else span.within(total)
        if found is None:
            file.close()
            raise Unsatisfiable(total)
        file.seek(found[0])
        return cls(file, Extent(*found, total, is_part=span is not None))

    async def chunks(self) -> AsyncIterator[bytes]:
        left = self.extent.length
        while left and (chunk := await asyncio.to_thread(self._file.read, min(left, CHUNK_BYTES))):
            left -= len(chunk)
            yield chunk

    async def aclose(self) -> None:
        self._file.close()


def _opened(path: Path) -> tuple[BinaryIO, int]:
    file = path.open("rb")
    return file, os.fstat(file.fileno()).st_size


class Download:
    """A file on its way to somebody: iterate it once, or close it.

    When its storage breaks off or takes too long, it ends with fewer bytes than ``extent`` says; so it does when its
    reader is slow while places are few.
    """

    def __init__(
        self,
        source: Source,
        *,
        name: str,
        content_type: str,
        etag: str,
        begun: bytes = b"",
        done: Callable[[], None],
        places_are_few: Callable[[], bool] = lambda: False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.extent, self.name, self.content_type, self.etag = source.extent, name, content_type, etag
        self._source, self._begun = source, begun
        self._places_are_few, self._monotonic = places_are_few, monotonic
        self._read_s, self._read = 0.0, 0
        self._done = weakref.finalize(self, done)  # once, and also when nobody ever came to iterate

    async def chunks(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        ends = loop.time() + TOTAL_S
        pieces = self._source.chunks()
        piece = self._begun
        try:
            while not (self._is_slow() and self._places_are_few()):
                if piece:
                    before = self._monotonic()
                    yield piece
                    self._read_s += self._monotonic() - before
                    self._read += len(piece)
                async with asyncio.timeout_at(min(ends, loop.time() + IDLE_S)):
                    piece = await anext(pieces, b"")
                if not piece:
                    return
            log.warning("a slow reader's place was needed: a file ended after %d bytes", self._read)
        except (TimeoutError, httpx.HTTPError, OSError) as error:
            log.warning("a file broke off on its way out: %s", type(error).__name__)
        finally:
            await self.aclose()

    def _is_slow(self) -> bool:
        """Counted is the time that its reader takes, not its storage's."""
        return self._read_s > PATIENT_S + self._read / LEAST_BYTES_S

    async def aclose(self) -> None:
        if self._done.alive:
            self._done()
            await self._source.aclose()
