"""What is said of an inbox to whoever asks, and how our process comes to know it from Chatwoot: rarely.

Chatwoot is asked while somebody is held whom it knows, at most once in ten minutes over all processes. Somebody who
has never written costs it nothing: they read what was told last.
"""

import logging
from collections.abc import Collection
from dataclasses import asdict

from django.db.models import Q

from chat import sql
from chat.bridge.tasks import Tasks
from chat.budget import Urgency
from chat.chatwoot.errors import ChatwootError
from chat.chatwoot.resources import InboxProfile
from chat.models import Inbox
from chat.reader import Reader
from chat.upstreams import Upstreams
from chat.wire.errors import Code, Refusal
from chat.writer import BUSY

log = logging.getLogger(__name__)

PAUSE_MS = 600_000


class Inboxes:
    """All methods run on the loop."""

    def __init__(self, upstreams: Upstreams, reader: Reader, *, pause_ms: int = PAUSE_MS) -> None:
        self._upstreams = upstreams
        self._reader = reader
        self._pause_ms = pause_ms
        self._asking: set[int] = set()
        self._tasks = Tasks()

    async def find(self, slug: str) -> Inbox:
        """Raises Refusal (no_such_inbox)."""
        try:
            return await self._reader.ask(Inbox.objects.get, slug=slug)
        except Inbox.DoesNotExist:
            raise Refusal(Code.NO_SUCH_INBOX) from None
        except BUSY as error:
            raise Refusal(Code.UNAVAILABLE) from error

    def refresh(self, inbox_ids: Collection[int]) -> None:
        """Somebody whom Chatwoot knows is held at these inboxes. To be called every half minute or so."""
        for inbox_id in set(inbox_ids) - self._asking:
            self._asking.add(inbox_id)
            self._tasks.spawn(self._ask(inbox_id), name=f"inbox {inbox_id}")

    async def _ask(self, inbox_id: int) -> None:
        try:
            if await self._reader.run(_take_turn, inbox_id, self._pause_ms):
                upstream = await self._upstreams.of(inbox_id)
                async with upstream.turn(Urgency.REST):
                    profile = await upstream.api.inbox()
                await self._reader.run(_keep, inbox_id, profile)
        except (ChatwootError, *BUSY) as error:
            log.warning("inbox %s: its hours were not read: %s", inbox_id, error)
        finally:
            self._asking.discard(inbox_id)

    async def close(self) -> None:
        await self._tasks.cancel()


def _take_turn(inbox_id: int, pause_ms: int) -> bool:
    """Ours, if nobody else asked lately; a time in the future is a clock that was set back."""
    now = sql.database_now()
    rested = Q(told_at__lte=now - pause_ms) | Q(told_at__gt=now + pause_ms)
    return bool(Inbox.objects.filter(rested, pk=inbox_id).update(told_at=now))


def _keep(inbox_id: int, profile: InboxProfile) -> None:
    Inbox.objects.filter(pk=inbox_id).update(told=asdict(profile))
