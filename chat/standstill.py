"""Says when this process did not run for a while: it was stopped, its machine slept, or something held its loop.

Silence of that time proves nothing about anybody else; who watches for silence forgives it (``overslept``).
"""

import asyncio
import logging

from chat.chatwoot.upstream_clock import boottime_ms
from chat.clock import Clock

EVERY_S = 1.0
MOST_S = 5.0

log = logging.getLogger(__name__)


async def watch(*, every_s: float = EVERY_S, most_s: float = MOST_S, base: Clock = boottime_ms) -> None:
    """For ever. ``base`` goes on while the machine sleeps."""
    while True:
        slept_from = base()
        await asyncio.sleep(every_s)
        still_s = (base() - slept_from) / 1000 - every_s
        if still_s >= most_s:
            log.warning(
                "this process stood still for %.0f s (stopped, its machine slept, or something held its loop): what "
                "came meanwhile is handled now",
                still_s,
            )
