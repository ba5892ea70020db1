"""A Chatwoot that does not answer, for as long as it does not: who runs us should hear it more than once.

One that answers, but late, is said once.
"""

import logging
import time
from collections.abc import Callable

from chat.chatwoot.errors import Ambiguous, ChatwootError
from chat.models import Delivery
from chat.reader import Reader
from chat.writer import BUSY

log = logging.getLogger(__name__)

FIRST_S = 60.0
MOST_S = 3600.0
LATE_S = 10.0
CALM_S = 60.0


class Outage:
    """Of one Chatwoot, as this process sees it: told after a minute, after two more, four more, then once an hour."""

    def __init__(
        self,
        chatwoot_pk: int,
        name: str,
        reader: Reader,
        *,
        first_s: float = FIRST_S,
        most_s: float = MOST_S,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pk, self._name, self._reader = chatwoot_pk, name, reader
        self._first_s, self._most_s, self._now = first_s, most_s, now
        self._since: float | None = None
        self._pause_s, self._next = first_s, 0.0

    async def note(self, error: ChatwootError | None, *, left_alone: bool) -> None:
        """It was asked, with this end. ``left_alone``: it failed so often that nothing else is asked of it."""
        now = self._now()
        if error is None or not left_alone:
            self._since = None
            return
        if self._since is None:
            self._since, self._pause_s, self._next = now, self._first_s, now + self._first_s
        if now >= self._next:
            self._pause_s = min(2 * self._pause_s, self._most_s)
            self._next = now + self._pause_s
            await self._say(error, now - self._since)

    async def _say(self, error: ChatwootError, for_s: float) -> None:
        try:
            waiting = str(await self._reader.run(_waiting, self._pk))
        except BUSY as busy:
            waiting = f"unknown ({type(busy).__name__})"
        hint = "; something else answers in its place: is its address right?" if _is_another(error) else ""
        words = "%s has not answered for %.0f s; messages wait for it: %s; the latest: %s%s"
        log.error(words, self._name, for_s, waiting, error, hint)


class Slowness:
    """Of one Chatwoot: that a request waits for long, and that none has for a while. Large files may take as long."""

    def __init__(self, name: str, *, late_s: float = LATE_S, now: Callable[[], float] = time.monotonic) -> None:
        self._name, self._late_s, self._now = name, late_s, now
        self._began: float | None = None
        self._latest = 0.0

    def note(self, oldest_s: float) -> None:
        """To be told about once a second for how long the oldest request under way has waited."""
        now = self._now()
        if oldest_s >= self._late_s:
            self._latest = now
            if self._began is None:
                self._began = now
                log.warning("%s is slow: a request has waited for its answer for %.0f s", self._name, oldest_s)
        elif self._began is not None and now >= self._latest + CALM_S:
            log.info("%s answers in time again, after %.0f s", self._name, self._latest - self._began)
            self._began = None


def _is_another(error: ChatwootError) -> bool:
    return isinstance(error, Ambiguous) and error.status is not None and error.status < 500


def _waiting(chatwoot_pk: int) -> int:
    messages = Delivery.objects.filter(kind=Delivery.Kind.MESSAGE, state__in=Delivery.OPEN)
    return messages.filter(contact_inbox__inbox__chatwoot=chatwoot_pk).count()
