"""Waiting for what happens in its own time. The limit is generous: tests say what happens, not when."""

import asyncio
from collections.abc import Callable
from itertools import count


async def eventually(condition: Callable[[], object], *, within_s: float = 60) -> None:
    """Let the loop run until `condition()` holds; fails the test after `within_s`."""
    async with asyncio.timeout(within_s):
        for turn in count():
            if condition():
                return
            await asyncio.sleep(0 if turn < 50 else 0.01)
