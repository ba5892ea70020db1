"""Pictures of cards to visitors: fetched once for all of them, made as small as a card shows them, kept in memory.

They are fetched as files are: from Chatwoot, or from a listed host at an address that was checked.
"""

import asyncio
import logging
import tempfile
from functools import partial
from pathlib import Path
from typing import NamedTuple

import httpx
from django.conf import settings

from chat import cards
from chat.bridge.tasks import Tasks
from chat.budget import Urgency
from chat.cards import CardPicture
from chat.chatwoot.addresses import Hosts, Resolve, Uncheckable, resolve
from chat.chatwoot.errors import ChatwootError
from chat.chatwoot.fetching import Storage
from chat.filetypes import content_type_by_head
from chat.kept import Kept, NotHad
from chat.pictures import redraw
from chat.reader import Reader
from chat.upstreams import Upstreams
from chat.wire.errors import Code, Refusal
from chat.writer import BUSY

log = logging.getLogger(__name__)

MOST_BYTES = 8 * 1024 * 1024  # of what is fetched
MOST_DRAWN_BYTES = 256 * 1024
WIDEST = 480  # pixels: twice what a card is wide
MOST_KEPT = 128
FETCH_S = 20.0
FRESH_S = 86_400.0
AGAIN_S = 60.0  # until one is asked for again that could not be had
AT_ONCE = 2
_TROUBLES = (ChatwootError, Uncheckable, httpx.HTTPError, TimeoutError, Refusal, OSError, *BUSY)


class Drawn(NamedTuple):
    content: bytes
    content_type: str


class CardPictures:
    """Make it on the loop. Another ``resolve`` is for tests."""

    def __init__(self, upstreams: Upstreams, reader: Reader, *, resolve: Resolve = resolve) -> None:
        self._upstreams, self._reader, self._resolve = upstreams, reader, resolve
        self._tasks = Tasks()
        self._places = asyncio.Semaphore(AT_ONCE)
        kept = partial(Kept[Drawn], fresh_s=FRESH_S, again_s=AGAIN_S, most=MOST_KEPT, troubles=_TROUBLES)
        self._drawn = kept(self._tasks.spawn)

    async def open(self, name: str) -> Drawn:
        """Raises Refusal(not_found) for whatever cannot be shown: the card is shown without."""
        try:
            found = await self._reader.ask(cards.find, name)
        except BUSY as error:
            raise Refusal(Code.UNAVAILABLE) from error
        if found is None:
            raise Refusal(Code.NOT_FOUND)
        try:
            return await self._drawn.get(found, partial(self._draw, found), name="picture of a card")
        except NotHad:
            raise Refusal(Code.NOT_FOUND) from None

    async def _draw(self, found: CardPicture) -> Drawn:
        try:
            async with self._places, asyncio.timeout(FETCH_S):
                upstream = await self._upstreams.of(found.inbox_id)
                gate = partial(upstream.turn, Urgency.FILE)
                hosts = Hosts(settings.ATTACHMENT_HOSTS)
                storage = Storage(upstream.link.name, hosts=hosts, gate=gate, resolve=self._resolve)
                content = await storage.read(found.url, most=MOST_BYTES, listed=True)
                return await asyncio.to_thread(_smaller, content)
        except _TROUBLES as error:
            where = f" ({error.host})" if isinstance(error, Uncheckable) and error.host else ""
            log.warning("the picture of a card is not shown: %s%s", error or type(error).__name__, where)
            raise

    async def close(self) -> None:
        await self._tasks.cancel()


def _smaller(content: bytes) -> Drawn:
    """Raises Refusal and OSError."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture"
        path.write_bytes(content)
        redraw(path, most_bytes=MOST_DRAWN_BYTES, widest=WIDEST)
        drawn = path.read_bytes()
    return Drawn(drawn, content_type_by_head(drawn) or "")
