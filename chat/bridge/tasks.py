"""Background tasks with an owner, a name, an empty context, and a log line when they die."""

import asyncio
import contextvars
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)

CANCEL_S = 5.0


class Tasks:
    """The tasks of one owner."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, coro: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Start a task that belongs to the process and not to the request that happened to start it."""
        task = asyncio.create_task(coro, name=name, context=contextvars.Context())
        self._running.add(task)
        task.add_done_callback(self._report)
        return task

    @property
    def running(self) -> int:
        return len(self._running)

    async def cancel(self) -> None:
        """End all of them and wait until they have cleaned up; one that goes on is said aloud and told again."""
        running = set(self._running)
        while running:
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=CANCEL_S)
            for task in running:
                log.error("task %s goes on although it was cancelled", task.get_name())

    def _report(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("task %s died", task.get_name(), exc_info=error)
