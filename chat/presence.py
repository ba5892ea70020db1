"""Which devices listen, for those who ask in another process: a mark on the session, renewed while it lasts.

It is late by a few seconds and outlives the device by up to ``lasts_s``. Only sessions of inboxes are marked that have
a webhook, for nobody else asks.
"""

import logging
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from itertools import islice

from chat.feed import Pen
from chat.models import Session
from chat.writer import BUSY, Priority, Writer

log = logging.getLogger(__name__)

AT_ONCE = 500  # sessions in one write, so that accepts never wait long


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. A mark lasts longer than the pause and the round in which it is renewed."""

    every_s: float = 30
    lasts_s: float = 45


class Presence:
    """Called in rounds with everybody who listens here."""

    def __init__(self, writer: Writer, *, timing: Timing | None = None) -> None:
        self._writer = writer
        self._timing = timing or Timing()
        self._marked: dict[uuid.UUID, float] = {}

    async def note(self, session_ids: Collection[uuid.UUID], *, now: float) -> None:
        """Mark those whose mark is old. ``now``: of a clock that nobody sets, in seconds."""
        recent = now - self._timing.every_s
        self._marked = {each: at for each, at in self._marked.items() if at > recent}
        old = iter(set(session_ids) - self._marked.keys())
        while chunk := list(islice(old, AT_ONCE)):
            mark = partial(_mark, session_ids=chunk, lasts_ms=round(self._timing.lasts_s * 1000))
            try:
                await self._writer.write(mark, contacts=(), priority=Priority.MIRROR)
            except BUSY as error:
                log.error("sessions were not marked as listening: %s", error)
                return
            self._marked.update(dict.fromkeys(chunk, now))


def _mark(pen: Pen, *, session_ids: list[uuid.UUID], lasts_ms: int) -> None:
    listening = Session.objects.filter(pk__in=session_ids, revoked_at=None, contact__inbox__webhooks__is_on=True)
    listening.update(connected_at=pen.now, connected_until=pen.now + lasts_ms)
