"""Sidekiq in small: jobs run after the commit, in order, outside the request that enqueued them."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable

from chat.sandbox.context import Broadcast, Job
from chat.sandbox.faults import Faults

SHUFFLE_WINDOW_S = 0.05


class JobQueue:
    def __init__(self, faults: Faults, run: Callable[[Job], Awaitable[None]], dice: random.Random) -> None:
        self._faults, self._run, self._dice = faults, run, dice
        self._jobs: deque[tuple[float, Job]] = deque()
        self._filled = asyncio.Event()

    def enqueue(self, jobs: list[Job]) -> None:
        stopped = self._faults.lasting("broadcasts_stopped")
        if jobs and not (stopped and stopped.drop):
            now = time.monotonic()
            self._jobs.extend((now, job) for job in jobs)
            self._filled.set()

    async def work_forever(self) -> None:
        while True:
            await self._filled.wait()
            if self._faults.lasting("broadcasts_shuffled"):
                await self._shuffle()
            while self._jobs:
                enqueued_at, job = self._jobs[0]
                if await self._held(enqueued_at):
                    continue
                self._jobs.popleft()
                await self._run(job)
                if isinstance(job, Broadcast) and self._faults.lasting("broadcasts_doubled"):
                    await self._run(job)
            self._filled.clear()

    async def _held(self, enqueued_at: float) -> bool:
        """Wait a little if a fault keeps the job back; then ask again."""
        if self._faults.lasting("broadcasts_stopped"):
            await self._until_changed(0.1)
            return True
        late = self._faults.lasting("broadcasts_delayed")
        wait = enqueued_at + (late.seconds or 0) - time.monotonic() if late else 0
        if wait > 0:
            await self._until_changed(wait)
            return True
        return False

    async def _until_changed(self, seconds: float) -> None:
        self._faults.changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._faults.changed.wait()
        except TimeoutError:
            return

    async def _shuffle(self) -> None:
        await asyncio.sleep(SHUFFLE_WINDOW_S)
        jobs = list(self._jobs)
        self._dice.shuffle(jobs)
        self._jobs = deque(jobs)
