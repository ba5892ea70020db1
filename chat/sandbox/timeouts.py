"""rack-timeout 0.6.3 as Chatwoot's production loads it (probe of the deadline fence).

Wait 30 s, with a body 90 s, counted from ``X-Request-Start``; service 15 s. Whole milliseconds or ``seconds.mmm``,
each with or without ``t=``; anything else counts as absent, a start in the future as now.
"""

import asyncio
import re
import time
from collections.abc import Callable

from chat.sandbox.http import Response, exception_page

SERVICE_S = 15.0
WAIT_S = 30.0
WAIT_WITH_BODY_S = 90.0
START = re.compile(r"(?:t=)?(?:(?P<milliseconds>\d{13})|(?P<seconds>\d{10}\.\d{3}))")
EXPIRED = Response(
    500, b"An unhandled lowlevel error occurred. The application logs may have details.\n", content_type=""
)


class TimedOut(Exception):
    """While running: Rails' 500 page, with ``X-Runtime``."""

    response = exception_page(500, "Internal Server Error")


class Deadline:
    """When the request must be finished; `fenced` when its start was given."""

    def __init__(self, headers: dict[str, str], *, enabled: bool, clock: Callable[[], float] = time.time) -> None:
        self._clock, self._enabled = clock, enabled
        found = START.fullmatch(headers.get("x-request-start", "")) if enabled else None
        self.fenced = found is not None
        now = clock()
        self._ends = now + SERVICE_S
        if found is not None:
            start = float(found["seconds"]) if found["seconds"] else int(found["milliseconds"]) / 1000
            has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
            self._ends = min(start, now) + (WAIT_WITH_BODY_S if has_body else WAIT_S)

    @property
    def expired(self) -> bool:
        return self.fenced and self.left() <= 0

    def left(self) -> float:
        """Seconds; service time counts too, from the moment of construction."""
        return self._ends - self._clock()

    async def sleep(self, seconds: float) -> None:
        """Raises `TimedOut` when the deadline comes first."""
        if self._enabled and seconds > self.left():
            await asyncio.sleep(max(self.left(), 0))
            raise TimedOut
        await asyncio.sleep(seconds)
