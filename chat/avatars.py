"""Agents' pictures to visitors: fetched from Chatwoot once for all of them, and kept for a day."""

import asyncio
import logging
from functools import partial

import httpx
from django.conf import settings

from chat import faces, sql
from chat.budget import Urgency
from chat.chatwoot.addresses import Hosts, Resolve, Uncheckable, resolve
from chat.chatwoot.errors import ChatwootError
from chat.chatwoot.fetching import Storage
from chat.faces import Face
from chat.filetypes import content_type_by_head
from chat.reader import Reader
from chat.upstreams import Upstreams
from chat.wire.errors import Code, Refusal
from chat.writer import BUSY

log = logging.getLogger(__name__)

MOST_BYTES = 256 * 1024  # Chatwoot makes them 250 pixels wide
FETCH_S = 20.0
FRESH_MS = 86_400_000
AGAIN_MS = 300_000  # until one is asked for again that could not be had
AT_ONCE = 4


class Avatars:
    """Make it on the loop."""

    def __init__(
        self, reader: Reader, upstreams: Upstreams, *, hosts: Hosts | None = None, resolve: Resolve = resolve
    ) -> None:
        self._reader = reader
        self._upstreams = upstreams
        self._hosts = hosts or Hosts(settings.ATTACHMENT_HOSTS)
        self._resolve = resolve
        self._places = asyncio.Semaphore(AT_ONCE)
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    async def open(self, name: str) -> Face:
        """Raises Refusal(not_found) for whatever cannot be shown: there are initials instead."""
        try:
            face, now = await self._reader.ask(_read, name)
            if face is None:
                raise Refusal(Code.NOT_FOUND)
            if not _is_fresh(face, now):
                face = await self._renewed(name)
        except BUSY as error:
            raise Refusal(Code.UNAVAILABLE) from error
        if not face.content:
            raise Refusal(Code.NOT_FOUND)
        return face

    async def _renewed(self, name: str) -> Face:
        """Everybody asks at once for the agent who has just written; one of them fetches."""
        lock, waiting = self._locks.get(name, (asyncio.Lock(), 0))
        self._locks[name] = lock, waiting + 1
        try:
            async with lock, self._places:
                face, now = await self._reader.ask(_read, name)
                if face is None:
                    raise Refusal(Code.NOT_FOUND)
                return face if _is_fresh(face, now) else await self._fetch(face, now)
        finally:
            lock, waiting = self._locks.pop(name)
            if waiting > 1:
                self._locks[name] = lock, waiting - 1

    async def _fetch(self, face: Face, now: int) -> Face:
        content, content_type = b"", ""
        try:
            async with asyncio.timeout(FETCH_S):
                content = await self._read_all(face)
            content_type = content_type_by_head(content) or ""
            if not content_type.startswith("image/"):
                raise Uncheckable("it is no picture")
        except (Uncheckable, ChatwootError, TimeoutError, httpx.HTTPError) as error:
            log.warning("avatar %s could not be fetched: %s", face.name, error or type(error).__name__)
            content, content_type = face.content, face.content_type  # the old one is better than none
            now -= FRESH_MS - AGAIN_MS
        await self._reader.run(faces.keep, face.name, content, content_type, now)
        await self._reader.run(faces.forget_most)
        return face._replace(content=content, content_type=content_type)

    async def _read_all(self, face: Face) -> bytes:
        upstream = await self._upstreams.of(face.inbox_id)
        gate = partial(upstream.turn, Urgency.FILE)
        storage = Storage(upstream.link.name, hosts=self._hosts, gate=gate, resolve=self._resolve)
        return await storage.read(face.url, most=MOST_BYTES)


def _read(name: str) -> tuple[Face | None, int]:
    return faces.find(name), sql.database_now()


def _is_fresh(face: Face, now: int) -> bool:
    return now - FRESH_MS < face.fetched_at <= now  # our clock was set back, if it was fetched in the future
