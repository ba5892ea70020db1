"""Time as the product counts it: integer milliseconds since 1970, UTC. Passed as an argument wherever it matters."""

import time
from collections.abc import Callable

Clock = Callable[[], int]


def now_ms() -> int:
    return time.time_ns() // 1_000_000
