"""The one writer thread of a process. All hot writes go through it: accepts first, then attempts, then the mirror.

Writes that wait together share a transaction (one fsync for all) of at most ``batch_ms``, or of what the latest commit
took: on a slow disk, more of them share one. If one fails, all are rolled back and each is tried again alone, so that a
failing write harms no other. A write may therefore run twice: it must have no effect but on the database. A Refusal is
an answer and no failure: raise it before anything is changed.

A database in trouble (locked, full, gone, a deadlock) is asked again on a fresh connection, for as long as a write has
patience: a visitor is told after five seconds, what the courier and the cable write waits longer. Only when the
connection is lost during the commit itself may it have been stored: that is not tried again. Whoever is told so asks
again, and everything asked for twice is done once (``echo_id``, a lease, a number of Chatwoot's).
"""

import asyncio
import contextvars
import itertools
import logging
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TypeVar

from django.db import DataError, Error, IntegrityError, ProgrammingError, connection

from chat import statements
from chat.audience import Audience
from chat.failpoints import reached
from chat.feed import Change, Pen, Tally
from chat.lock_turns import Turn, transaction_within, wait_at_most
from chat.patience import Priority as Priority
from chat.patience import Timing as Timing
from chat.trouble import Trouble, is_trouble
from chat.waiting import Waiting
from chat.wal import Log
from chat.wire.errors import Refusal

log = logging.getLogger(__name__)
T = TypeVar("T")

MOST_TIMES = 10  # that long may a batch take, and no longer, where a commit does
MOST_TRIES = 3  # of a write that may be to blame when the database fails with it: in a batch, then alone


class WriterFull(Exception):
    """Too many writes are waiting; nothing was stored."""


class WriterLate(Exception):
    """The database does not answer; perhaps it is stored, perhaps it will be."""


OURS = (DataError, IntegrityError, ProgrammingError)  # a wrong statement of ours; the database itself is well
BUSY = (Error, WriterFull, WriterLate)  # the database or the writer is busy or broken; InterfaceError is an Error


class Stage(IntEnum):
    """How far a transaction came."""

    BEGIN = 0  # no lock yet: whatever was to be written is not to blame
    RUN = 1
    COMMIT = 2


@dataclass(order=True, slots=True)
class _Write:
    turn: float
    number: int
    priority: Priority = field(compare=False)
    run: Callable[[Pen], Any] = field(compare=False)
    contacts: Collection[uuid.UUID] = field(compare=False)
    done: Callable[[Any, BaseException | None], None] = field(compare=False)
    until: float = field(compare=False)
    context: contextvars.Context = field(compare=False, default_factory=contextvars.copy_context)
    tries: int = field(compare=False, default=0)
    faults: int = field(compare=False, default=0)  # of these, those that may be its own
    late: bool = field(compare=False, default=False)  # its caller waits no longer, and is counted


class Writer:
    """Start it on the loop that its callers use. ``clock``: instead of the database's, read once per transaction."""

    def __init__(
        self,
        audience: Audience,
        *,
        clock: Callable[[], int | None] = lambda: None,
        batch_ms: float = 10,
        max_waiting: int = 10_000,
        timing: Timing | None = None,
    ) -> None:
        self._audience = audience
        self._clock = clock
        self._batch_s, self._commit_s = batch_ms / 1000, 0.0
        self.waiting = Waiting[_Write](max_waiting)
        self._numbers = itertools.count()
        self._timing = timing = timing or Timing()
        self._stage = Stage.BEGIN
        self.tally: Tally = Counter()  # of what was committed
        self._trouble = Trouble(log, calm_s=timing.calm_s)
        self.is_shared = False  # whether other processes write, too
        self._log, self._turn = Log(), Turn(lambda: self.is_shared)
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def broken(self) -> str:
        """The kind of error with which the database refused the latest write; readable in any thread."""
        return self._trouble.kind

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self) -> None:
        """Finish what is waiting, then end the thread."""
        self.waiting.stop()
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

        write = self.post(run, contacts=contacts, priority=priority, done=done)
        late_s = self._timing.patience_s(priority) + self._timing.try_s
        try:
            async with asyncio.timeout(late_s):  # a connection that hangs holds the thread, and not its callers
                return await future
        except TimeoutError:
            late, write.late = WriterLate(f"the database has not answered for {late_s:.0f} s"), True
            self._trouble.note(late, given_up=1)  # the thread hangs in a statement: it has no error yet to tell of
            raise late from None

    def post(
        self,
        run: Callable[[Pen], Any],
        *,
        contacts: Collection[uuid.UUID],
        priority: Priority,
        done: Callable[[Any, BaseException | None], None],
    ) -> _Write:
        """Like ``write`` without waiting; ``done(result, error)`` is called on the loop. Raises WriterFull."""
        now = time.monotonic()
        turn, until = self._timing.turn(priority, now=now), now + self._timing.patience_s(priority)
        write = _Write(turn, next(self._numbers), priority, run, contacts, done, until)
        # The last tenth is the visitors': what Chatwoot says can be asked for again, what they wrote cannot.
        if not self.waiting.put(write, share=1 if priority is Priority.ACCEPT else 0.9):
            raise WriterFull("the writer stops" if self.waiting.stopping else f"{len(self.waiting)} writes are waiting")
        return write

    def _work(self) -> None:
        try:
            while self.waiting or not self.waiting.stopping:
                if batch := self.waiting.take(idle_s=self._timing.idle_s):
                    self._commit(batch)
                elif not self._trouble.kind:
                    self._log.tidy()
        finally:
            connection.close()

    def _commit(self, batch: list[_Write]) -> None:
        results: list[Any] = []
        began = time.monotonic()
        try:
            changes = self._run(batch, results)
        except Exception as error:
            if isinstance(error, Error) and not isinstance(error, OURS):
                self._postpone(batch, error, ran=len(results))
                self.waiting.rest(began + self._timing.pause_s - time.monotonic())
            else:
                self._blame(batch, error)
            return
        self._trouble.over()
        self.waiting.give_back(batch[len(results) :])
        self._tell(lambda: self._finish(batch, results, changes))
        if self._log.is_urgent:
            self._log.tidy()
        self.waiting.rest(self._turn.pause_s(began, time.monotonic()))

    def _run(self, batch: list[_Write], results: list[Any]) -> list[Change]:
        """One transaction; it ends early, with fewer results than writes, when its time is over."""
        self._stage = Stage.BEGIN
        if connection.connection is None:
            wait_at_most(self._timing.try_s)
            self._log.prepare()
        until = time.monotonic() + max(self._batch_s, min(self._commit_s, MOST_TIMES * self._batch_s))
        with transaction_within(self._timing.try_s), statements.held(commits=True):
            pen = Pen(self._clock(), {contact for write in batch for contact in write.contacts})
            self._stage = Stage.RUN
            for write in batch:
                results.append(_result(write, pen))
                if time.monotonic() > until:
                    break
            changes = pen.close()
            committing = time.monotonic()
            priorities = {write.priority for write in batch[: len(results)]}
            _about_to_commit(priorities)
            self._stage = Stage.COMMIT
        self._commit_s = time.monotonic() - committing
        if Priority.ACCEPT in priorities:
            reached("ingress.after_commit")
        self.tally.update(pen.tally)
        self._log.wrote(emptied=pen.has_emptied)
        return changes

    def _finish(self, batch: list[_Write], results: list[Any], changes: list[Change]) -> None:
        try:
            for change in changes:
                self._audience.changed(*change)
        finally:  # whatever a listener does: it is committed, and the callers wait
            for write, result in zip(batch, results, strict=False):
                self._done(write, result, result if isinstance(result, Refusal) else None)

    # When it fails

    def _blame(self, batch: list[_Write], error: Exception) -> None:
        """One of the writes is wrong: it alone fails."""
        if self._stage is not Stage.BEGIN and len(batch) > 1:
            for write in batch:
                self._commit([write])
        else:
            if isinstance(error, Error):
                log.error("write failed: %s: %s", type(error).__name__, error)
            self._fail(batch, error)

    def _postpone(self, batch: list[_Write], error: Exception, *, ran: int) -> None:
        """The database is in trouble: whoever has patience is tried again, on a fresh connection."""
        with suppress(Error):
            connection.close()
        given_up = batch[:ran] if self._stage is Stage.COMMIT else []
        self._count(batch, error)
        latest = time.monotonic() + self._timing.try_s
        for write in [*batch[len(given_up) :], *self.waiting.take_all()]:
            if write.until < latest or write.faults >= MOST_TRIES or self.waiting.stopping:
                given_up.append(write)
            else:
                self.waiting.give_back([write])
        self._trouble.note(error, given_up=sum(not write.late for write in given_up))
        self._fail(given_up, error)

    def _count(self, batch: list[_Write], error: Exception) -> None:
        if self._stage is not Stage.RUN:
            return
        for write in batch:
            write.tries += 1
            write.faults += not is_trouble(error)
            if write.priority is not Priority.ACCEPT:  # what visitors write stays in order
                write.turn = max(write.turn, time.monotonic())

    def _fail(self, writes: list[_Write], error: Exception) -> None:
        def tell() -> None:
            for write in writes:
                self._done(write, None, error)

        self._tell(tell)

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


def _result(write: _Write, pen: Pen) -> Any:
    """A Refusal is one: raised before anything was changed, it need not roll back the writes before it."""
    try:
        return write.context.run(write.run, pen)
    except Refusal as refusal:
        return refusal


def _about_to_commit(priorities: set[Priority]) -> None:
    if Priority.ACCEPT in priorities:
        reached("ingress.before_commit")
    if Priority.MIRROR in priorities:
        reached("mirror.before_commit")
