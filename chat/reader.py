"""The database from the event loop, on a few threads of their own: reads, and the few writes that concern no feed.

Django's own bridge runs all of them on one thread per process, where a slow one holds up every visitor. A read that
meets a connection which the server has closed is done again, once, on a fresh one; so it must be safe to repeat.
Such a write (what is known of a Chatwoot, of processes, what is cleared away) is one statement, and never a hot one.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import Error, OperationalError, connection

P = ParamSpec("P")
T = TypeVar("T")
ANSWER_S = 30.0


class Reader:
    """``answer_s``: a database that hangs holds up a thread, and not those who ask."""

    def __init__(self, *, threads: int = 4, answer_s: float = ANSWER_S) -> None:
        self._threads = threads
        self._answer_s = answer_s
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="reader")
        self._stopped = False

    async def run(self, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``read`` on a thread that keeps its database connection. Raises what it raises, or OperationalError."""
        if self._stopped:
            raise OperationalError("the reader has stopped")

        def call() -> T:
            try:
                return read(*args, **kwargs)
            except Error:
                had_one = connection.connection is not None
                connection.close_if_unusable_or_obsolete()
                if not had_one or connection.connection is not None:
                    raise
            try:
                return read(*args, **kwargs)
            except Error:
                connection.close_if_unusable_or_obsolete()
                raise

        try:
            async with asyncio.timeout(self._answer_s) as bound:
                return await asyncio.get_running_loop().run_in_executor(self._pool, call)
        except TimeoutError:
            if not bound.expired():
                raise
            raise OperationalError(f"the database has not answered a read for {self._answer_s:.0f} s") from None

    async def stop(self) -> None:
        """Close every thread's connection and end the threads."""
        self._stopped = True
        together = threading.Barrier(self._threads)  # so that each thread takes exactly one

        def close() -> None:
            together.wait(timeout=10)
            connection.close()

        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(self._pool, close) for _ in range(self._threads)))
        self._pool.shutdown()
