"""Files going out: how many at once, for how long, and from our own disk. None is read faster than taken."""

import asyncio
import logging
import os
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


class Later(Refusal):
    """Not now; ask again in ``after_s``."""

    def __init__(self, code: Code, message: str | None = None, *, after_s: float) -> None:
        super().__init__(code, message)
        self.after_s = after_s


class Places:
    """So many streams side by side, and fewer of one person; who finds none waits a moment."""

    def __init__(self, *, at_once: int, of_one: int, wait_s: float) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._taken: Counter[Hashable] = Counter()
        self._of_one, self._wait_s = of_one, wait_s

    async def take(self, key: Hashable) -> Callable[[], None]:
        """What gives it back. Raises Later."""
        if self._taken[key] >= self._of_one:
            raise Later(Code.TOO_FAST, f"Load {self._of_one} files at once at most.", after_s=1)
        self._taken[key] += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except BaseException as error:
            self._drop(key)
            if isinstance(error, TimeoutError):
                raise Later(Code.UNAVAILABLE, "Too many files are being loaded.", after_s=5) from None
            raise

        def give_back() -> None:
            self._free.release()
            self._drop(key)

        return give_back

    def _drop(self, key: Hashable) -> None:
        self._taken[key] -= 1
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

    When its storage breaks off or takes too long, it ends with fewer bytes than ``extent`` says.
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
    ) -> None:
        self.extent, self.name, self.content_type, self.etag = source.extent, name, content_type, etag
        self._source, self._begun = source, begun
        self._done = weakref.finalize(self, done)  # once, and also when nobody ever came to iterate

    async def chunks(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        ends = loop.time() + TOTAL_S
        pieces = self._source.chunks()
        try:
            if self._begun:
                yield self._begun
            while True:
                async with asyncio.timeout_at(min(ends, loop.time() + IDLE_S)):
                    chunk = await anext(pieces, b"")
                if not chunk:
                    return
                yield chunk
        except (TimeoutError, httpx.HTTPError, OSError) as error:
            log.warning("a file broke off on its way out: %s", type(error).__name__)
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        if self._done.alive:
            self._done()
            await self._source.aclose()
