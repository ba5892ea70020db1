"""The agents' typing indicator: tells Chatwoot whether a visitor is typing. Best effort, and late news is no news.

One task per conversation says the latest that is to be said, so that "off" never overtakes "on"; Chatwoot itself never
ends an indicator (contract §1.7), so an "off" is the last thing to be dropped.
"""

import asyncio
import logging
import uuid
from dataclasses import dataclass

from chat.bridge.tasks import Tasks
from chat.budget import Urgency
from chat.chatwoot.errors import ChatwootError
from chat.limits import Buckets, Places, Rate
from chat.models import Conversation
from chat.reader import Reader
from chat.upstreams import Upstreams
from chat.writer import BUSY

log = logging.getLogger(__name__)

MOST = 100  # conversations at once; beyond that nobody is told that somebody began to type
OF_ONE = 3  # conversations of one person, who types in one of them
RATE = (Rate(30, 60, burst=10),)  # of one person; the page's own pauses make 24 a minute at most
PAUSE_S = 1.0  # between two calls for one conversation, however often the page says so


@dataclass(slots=True)
class _Wish:
    on: bool
    told: bool | None = None


class TypingIndicator:
    """What comes faster is gathered: agents are told the latest, later."""

    def __init__(
        self, upstreams: Upstreams, reader: Reader, *, pause_s: float = PAUSE_S, buckets: Buckets | None = None
    ) -> None:
        self._upstreams = upstreams
        self._reader = reader
        self._pause_s = pause_s
        self._buckets = Buckets(most=1_000) if buckets is None else buckets
        self._places = Places()
        self._wishes: dict[tuple[uuid.UUID, uuid.UUID], _Wish] = {}
        self._tasks = Tasks()

    def show(self, contact_id: uuid.UUID, *, conversation_id: uuid.UUID, on: bool) -> None:
        """Returns at once. A conversation that is not this contact's, or not at Chatwoot yet, shows nothing."""
        key = contact_id, conversation_id
        if wish := self._wishes.get(key):
            wish.on = on
        elif (not on or len(self._wishes) < MOST) and self._places.enter(contact_id, OF_ONE):
            wish = self._wishes[key] = _Wish(on)
            self._tasks.spawn(self._grant(wish, *key), name=f"typing {conversation_id}")

    async def close(self) -> None:
        await self._tasks.cancel()

    async def _grant(self, wish: _Wish, contact_id: uuid.UUID, conversation_id: uuid.UUID) -> None:
        try:
            while wish.told != wish.on:
                if wait_s := self._buckets.take(contact_id, RATE):
                    await asyncio.sleep(wait_s)
                    continue
                wish.told = wish.on
                await self._tell(contact_id, conversation_id, on=wish.on)
                await asyncio.sleep(self._pause_s)
        except (ChatwootError, *BUSY) as error:
            log.info("typing in conversation %s was not told: %s", conversation_id, error)
        finally:
            del self._wishes[contact_id, conversation_id]
            self._places.leave(contact_id)

    async def _tell(self, contact_id: uuid.UUID, conversation_id: uuid.UUID, *, on: bool) -> None:
        found = await self._reader.run(_reachable, contact_id, conversation_id)
        if found is not None and found.chatwoot_id is not None:
            upstream = await self._upstreams.of(found.inbox_id)
            async with upstream.turn(Urgency.REST):
                await upstream.api.typing(found.contact_inbox.source_id, found.chatwoot_id, on=on)


def _reachable(contact_id: uuid.UUID, conversation_id: uuid.UUID) -> Conversation | None:
    own = Conversation.objects.select_related("contact_inbox").filter(contact=contact_id, deleted=False)
    return own.filter(id=conversation_id).first()
