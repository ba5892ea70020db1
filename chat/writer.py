"""The one writer thread of a process. All hot writes go through it: accepts first, then attempts, then the mirror.

Writes that wait together share a transaction (one fsync for all) of at most ``batch_ms``; if one of them fails, all are
rolled back and each is tried again alone, so that a failing write harms no other. A write may therefore run twice: it
must have no effect but on the database. When the database does not even begin, all of them fail, after one time-out.
"""

import asyncio
import heapq
import itertools
import logging
import threading
import time
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from typing import Any, TypeVar

from django.db import DataError, Error, IntegrityError, ProgrammingError, connection, transaction

from chat import sql
from chat.audience import Audience
from chat.clock import Clock
from chat.failpoints import reached
from chat.feed import Change, Pen

log = logging.getLogger(__name__)
T = TypeVar("T")

BATCH = 16  # writes that may share a transaction; more do not fit into its time


class Priority(IntEnum):
    ACCEPT = 0
    ATTEMPT = 1
    MIRROR = 2


class WriterFull(Exception):
    """Too many writes are waiting; nothing was stored."""


OURS = (DataError, IntegrityError, ProgrammingError)  # a wrong write of ours; the database itself is well
BUSY = (Error, WriterFull)  # the database or the writer is busy or broken; InterfaceError is no DatabaseError


@dataclass(order=True, slots=True)
class _Write:
    priority: Priority
    number: int
    run: Callable[[Pen], Any] = field(compare=False)
    contacts: Collection[uuid.UUID] = field(compare=False)
    done: Callable[[Any, BaseException | None], None] = field(compare=False)


class Writer:
    """Start it on the loop that its callers use. ``clock`` is read on the writer thread, once per transaction."""

    def __init__(
        self, audience: Audience, *, clock: Clock = sql.database_now, batch_ms: float = 5, max_waiting: int = 10_000
    ) -> None:
        self._audience = audience
        self._clock = clock
        self._batch_s = batch_ms / 1000
        self._max_waiting = max_waiting
        self._waiting: list[_Write] = []
        self._numbers = itertools.count()
        self._condition = threading.Condition()
        self._stopping = False
        self._begun = False
        self.broken = ""  # the kind of error with which the database refused the latest write; readable in any thread
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self) -> None:
        """Finish what is waiting, then end the thread."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        await asyncio.to_thread(self._thread.join)

    async def write(self, run: Callable[[Pen], T], *, contacts: Collection[uuid.UUID], priority: Priority) -> T:
        """Run inside a transaction that holds the locks of these contacts; return after the commit.

        Raises what ``run`` raised (nothing is stored then), or one of ``BUSY``. A cancelled caller does not stop
        the write.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def done(result: Any, error: BaseException | None) -> None:
            if future.cancelled():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        self.post(run, contacts=contacts, priority=priority, done=done)
        return await future

    def post(
        self,
        run: Callable[[Pen], Any],
        *,
        contacts: Collection[uuid.UUID],
        priority: Priority,
        done: Callable[[Any, BaseException | None], None],
    ) -> None:
        """Like ``write`` without waiting; ``done(result, error)`` is called on the loop. Raises WriterFull."""
        with self._condition:
            if self._stopping:
                raise WriterFull("the writer stops")
            # The last tenth is the visitors': what Chatwoot says can be asked for again, what they wrote cannot.
            if len(self._waiting) >= self._max_waiting * (1 if priority == Priority.ACCEPT else 0.9):
                raise WriterFull(f"{len(self._waiting)} writes are waiting")
            heapq.heappush(self._waiting, _Write(priority, next(self._numbers), run, contacts, done))
            self._condition.notify()

    def _work(self) -> None:
        try:
            while batch := self._take():
                self._commit(batch)
        finally:
            connection.close()

    def _take(self) -> list[_Write]:
        with self._condition:
            self._condition.wait_for(lambda: self._waiting or self._stopping)
            return [heapq.heappop(self._waiting) for _ in range(min(len(self._waiting), BATCH))]

    def _return(self, writes: list[_Write]) -> None:
        with self._condition:
            for write in writes:
                heapq.heappush(self._waiting, write)

    def _commit(self, batch: list[_Write]) -> None:
        results: list[Any] = []
        try:
            changes = self._run(batch, results)
        except Exception as error:
            connection.close_if_unusable_or_obsolete()
            handle = self._retry if self._begun and len(batch) > 1 else partial(self._fail, error=error)
            for write in batch:
                handle(write)
            return
        self._healed()
        self._return(batch[len(results) :])
        self._tell(lambda: self._finish(batch, results, changes))

    def _retry(self, write: _Write) -> None:
        self._commit([write])

    def _run(self, batch: list[_Write], results: list[Any]) -> list[Change]:
        """One transaction; it ends early, with fewer results than writes, when its time is over."""
        contacts = {contact for write in batch for contact in write.contacts}
        self._begun = False
        until = time.monotonic() + self._batch_s
        with transaction.atomic():
            self._begun = True
            pen = Pen(self._clock(), contacts)
            for write in batch:
                results.append(write.run(pen))
                if time.monotonic() > until:
                    break
            changes = pen.close()
            _about_to_commit(batch[: len(results)])
        _committed(batch[: len(results)])
        return changes

    def _finish(self, batch: list[_Write], results: list[Any], changes: list[Change]) -> None:
        try:
            for change in changes:
                self._audience.changed(*change)
        finally:  # whatever a listener does: it is committed, and the callers wait
            for write, result in zip(batch, results, strict=False):
                self._done(write, result, None)

    def _healed(self) -> None:
        if self.broken:
            log.info("the database can be written again")
            self.broken = ""

    def _fail(self, write: _Write, error: Exception) -> None:
        if isinstance(error, Error):
            log.error("write failed: %s: %s", type(error).__name__, error)
            if not isinstance(error, OURS):
                self.broken = type(error).__name__
        self._tell(lambda: self._done(write, None, error))

    def _done(self, write: _Write, result: Any, error: Exception | None) -> None:
        try:
            write.done(result, error)
        except Exception:  # one caller's trouble is not that of the others who share the transaction
            log.exception("a caller of the writer failed")

    def _tell(self, callback: Callable[[], None]) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:  # the loop is gone: nobody waits any more, and what was committed stays
            log.warning("writer finished after its event loop")


def _about_to_commit(batch: list[_Write]) -> None:
    if any(write.priority is Priority.ACCEPT for write in batch):
        reached("ingress.before_commit")
    if any(write.priority is Priority.MIRROR for write in batch):
        reached("mirror.before_commit")


def _committed(batch: list[_Write]) -> None:
    if any(write.priority is Priority.ACCEPT for write in batch):
        reached("ingress.after_commit")
