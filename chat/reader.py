"""The database from the event loop, on a few threads of their own: reads, and the few writes that concern no feed.

Django's own bridge runs all of them on one thread per process, where a slow one holds up every visitor. A read that
meets a connection which the server has closed is done again, once, on a fresh one; so it must be safe to repeat.
Such a write (what is known of a Chatwoot, of processes, what is cleared away) is one statement, and never a hot one.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import Error, OperationalError, connection

from chat.trouble import Trouble
from chat.writer import OURS

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")
ANSWER_S = 30.0
HANGS_S = 5.0
CALM_S = 10.0


@dataclass(slots=True)
class _Asked:
    since: float
    has_begun: bool = False  # on a thread; before that it waits for others


class Reader:
    """``answer_s``: a database that hangs holds up a thread, and not those who ask.

    ``hangs_s``: when a read takes so long, or nobody was answered meanwhile, who waits for it is told (``ask``).
    """

    def __init__(
        self, *, threads: int = 4, answer_s: float = ANSWER_S, hangs_s: float = HANGS_S, calm_s: float = CALM_S
    ) -> None:
        self._threads = threads
        self._answer_s, self._hangs_s = answer_s, hangs_s
        self._trouble = Trouble(
            log, ill="the database refuses reads", well="the database can be read again", calm_s=calm_s
        )
        self._asked: dict[asyncio.Timeout, _Asked] = {}
        self._answered_at = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="reader")
        self._stopped = False

    async def run(self, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``read`` on a thread that keeps its database connection. Raises what it raises, or OperationalError."""
        if self._stopped:
            raise OperationalError("the reader has stopped")

        def call() -> T:
            answered = True
            try:
                return _twice(partial(read, *args, **kwargs))
            except Error:  # a frozen server lets each new connection fail, and answers nobody by that
                answered = False
                raise
            finally:
                if answered:
                    self._answered_at = time.monotonic()

        try:
            async with asyncio.timeout(self._answer_s) as bound:
                found = await asyncio.get_running_loop().run_in_executor(self._pool, call)
                self._trouble.over()
                return found
        except TimeoutError:
            if not bound.expired():
                raise
            raise OperationalError(f"the database has not answered a read for {self._answer_s:.0f} s") from None

    async def ask(self, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like ``run``, for somebody who waits: not for long where the database hangs. That it fails is said here."""
        asked, loop = _Asked(time.monotonic()), asyncio.get_running_loop()

        def begin() -> T:
            if not asked.has_begun:
                asked.since, asked.has_begun = time.monotonic(), True
            return read(*args, **kwargs)

        try:
            async with asyncio.timeout(None) as bound:
                self._asked[bound] = asked
                self._watch = self._watch or loop.call_later(self._hangs_s / 5, self._look, loop)
                try:
                    return await self.run(begin)
                finally:
                    self._asked.pop(bound, None)
        except TimeoutError:
            if not bound.expired():
                raise
            hangs = OperationalError(f"the database has not answered for {self._hangs_s:.0f} s")
            self._trouble.note(hangs, given_up=1)
            raise hangs from None
        except Error as error:
            if not isinstance(error, OURS):
                self._trouble.note(error, given_up=1)
            raise

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """One timer for all who wait. A queue that moves, however long it is, is no hanging database."""
        until = time.monotonic() - self._hangs_s
        for bound, asked in list(self._asked.items()):
            if until >= (asked.since if asked.has_begun else max(asked.since, self._answered_at)):
                del self._asked[bound]
                bound.reschedule(loop.time())
        self._watch = loop.call_later(self._hangs_s / 5, self._look, loop) if self._asked else None

    async def stop(self) -> None:
        """Close every thread's connection and end the threads."""
        self._stopped = True
        if self._watch:
            self._watch.cancel()
        together = threading.Barrier(self._threads)  # so that each thread takes exactly one

        def close() -> None:
            together.wait(timeout=10)
            connection.close()

        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(self._pool, close) for _ in range(self._threads)))
        self._pool.shutdown()


def _twice(read: Callable[[], T]) -> T:
    """Once more on a fresh connection, if this one was lost."""
    try:
        return read()
    except Error:
        had_one = connection.connection is not None
        connection.close_if_unusable_or_obsolete()
        if not had_one or connection.connection is not None:
            raise
    try:
        return read()
    except Error:
        connection.close_if_unusable_or_obsolete()
        raise
