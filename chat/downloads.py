"""Files to visitors, from our disk or through us from Chatwoot's storage; Chatwoot's addresses never leave.

What a file is, is decided by its first bytes and remembered; what its storage says of it is not read.
"""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Sequence
from functools import partial

import httpx
from django.conf import settings

from chat import files, networks, sql, tickets
from chat.budget import Urgency
from chat.chatwoot.addresses import Hosts, Resolve, Uncheckable, resolve
from chat.chatwoot.errors import ChatwootError, NotFound, Throttled
from chat.chatwoot.fetching import Source, Storage
from chat.files import Found
from chat.filetypes import HEAD_BYTES, content_type_by_head
from chat.ranges import Range
from chat.reader import Reader
from chat.streams import Download, Lying, Places
from chat.upstreams import Unavailable, Upstreams
from chat.wire.errors import Code, Refusal
from chat.writer import BUSY

log = logging.getLogger(__name__)

AT_ONCE = 64  # of this process
OF_ONE = 6  # as many connections as a browser makes
WAIT_S = 5.0
OPEN_S = 20.0
YOUNG_MS = 60_000  # Chatwoot commits a message before it stores its files
PAUSES_S = (0.3, 0.7, 1.5)
AGAIN_S = 2.0
UNKNOWN = "application/octet-stream"


class Downloads:
    """Make it on the loop. What is given by name is otherwise the settings' or fixed."""

    def __init__(
        self,
        reader: Reader,
        upstreams: Upstreams,
        *,
        most_bytes: int | None = None,
        hosts: Hosts | None = None,
        resolve: Resolve = resolve,
        pauses_s: Sequence[float] = PAUSES_S,
        at_once: int = AT_ONCE,
    ) -> None:
        self._reader = reader
        self._upstreams = upstreams
        self._most_bytes = most_bytes or settings.DOWNLOAD_MAX_BYTES
        self._hosts = hosts or Hosts(settings.ATTACHMENT_HOSTS)
        self._resolve = resolve
        self._pauses_s = pauses_s
        self._places = Places(at_once=at_once, of_one=OF_ONE, wait_s=WAIT_S)

    async def among(self, contact_id: uuid.UUID, attachment_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
        """Those of these files that this person may have."""
        try:
            return await self._reader.ask(files.among, contact_id, attachment_ids)
        except BUSY as error:
            raise Refusal(Code.UNAVAILABLE) from error

    async def redeem(self, ticket: str, attachment_id: uuid.UUID) -> tickets.Holder:
        """For whom the ticket for this file was issued. Raises Refusal."""
        try:
            return await self._reader.ask(tickets.redeem, ticket, attachment_id)
        except BUSY as error:
            raise Refusal(Code.UNAVAILABLE) from error

    async def open(
        self, contact_id: uuid.UUID, attachment_id: uuid.UUID, *, peer: str = "", span: Range | None = None
    ) -> Download:
        """``peer`` is the client's address. Raises Refusal, and Unsatisfiable when the file has nothing of ``span``."""
        try:
            found = await self._reader.ask(files.find, contact_id, attachment_id)
        except BUSY as error:
            raise Refusal(Code.UNAVAILABLE) from error
        if found is None:
            raise Refusal(Code.NOT_FOUND)
        give_back = await self._places.take(contact_id, networks.key(networks.parse(peer)))
        try:
            source, begun, content_type = await self._source(found, span)
        except BaseException:
            give_back()
            raise
        return Download(
            source,
            name=found.name,
            content_type=content_type,
            etag=f'"{found.id.hex}"',
            begun=begun,
            done=give_back,
            places_are_few=lambda: self._places.are_few,
        )

    async def _source(self, found: Found, span: Range | None) -> tuple[Source, bytes, str]:
        if found.path is not None:
            try:
                return await Lying.open(found.path, span), b"", found.content_type or UNKNOWN
            except OSError:  # cleared away a moment ago, since Chatwoot has it
                log.info("file %s is not on the disk any more", found.id)
        if not found.url or found.inbox_id is None:
            raise Refusal(Code.NOT_FOUND)
        return await self._from_chatwoot(found, found.inbox_id, span)

    async def _from_chatwoot(self, found: Found, inbox_id: int, span: Range | None) -> tuple[Source, bytes, str]:
        upstream = await self._upstreams.of(inbox_id)
        storage = Storage(
            upstream.link.name,
            hosts=self._hosts,
            gate=partial(upstream.turn, Urgency.FILE),
            resolve=self._resolve,
        )
        content_type = found.content_type
        if not content_type and span is not None and not span.has_head:
            head = await self._open(storage, found, Range(0, HEAD_BYTES - 1))
            try:
                content_type = await self._learn(found, await _first(head.chunks()))
            finally:
                await head.aclose()
        source = await self._open(storage, found, span)
        begun = b""
        try:
            if not content_type:
                begun = await _first(pieces := source.chunks())
                content_type = await self._learn(found, begun)
                source = _Resumed(source, pieces)
        except BaseException:
            await source.aclose()
            raise
        return source, begun, content_type

    async def _learn(self, found: Found, head: bytes) -> str:
        content_type = content_type_by_head(head) or UNKNOWN
        try:
            await self._reader.run(files.learn_type, found.id, content_type)
        except BUSY as error:
            log.error("the type of file %s was not stored: %s", found.id, error)
        return content_type

    async def _open(self, storage: Storage, found: Found, span: Range | None) -> Source:
        """Waits a little for a storage that does not have it yet."""
        for pause_s in (*self._pauses_s, None):
            try:
                async with asyncio.timeout(OPEN_S):
                    source = await storage.open(found.url, wanted=None if span is None else str(span))
            except NotFound:
                if not await self._is_young(found):
                    raise Refusal(Code.NOT_FOUND) from None
                if pause_s is None:
                    raise Refusal(Code.UNAVAILABLE, "This file is not there yet.", retry_after_s=AGAIN_S) from None
                await asyncio.sleep(pause_s)
                continue
            except (Uncheckable, ChatwootError, TimeoutError) as error:
                raise _refusal(found, error) from error
            if source.extent.total > self._most_bytes:
                await source.aclose()
                log.warning("file %s has %d bytes: DOWNLOAD_MAX_BYTES is less", found.id, source.extent.total)
                raise Refusal(Code.FILE_UNREACHABLE, "This file is too big to be had from here.")
            return source
        raise AssertionError("the last pause is none")

    async def _is_young(self, found: Found) -> bool:
        try:
            return await self._reader.run(sql.database_now) - found.said_at < YOUNG_MS
        except BUSY as error:
            raise Refusal(Code.UNAVAILABLE) from error


class _Resumed:
    """A Source of which somebody has read the beginning."""

    def __init__(self, source: Source, pieces: AsyncIterator[bytes]) -> None:
        self._source, self._pieces, self.extent = source, pieces, source.extent

    def chunks(self) -> AsyncIterator[bytes]:
        return self._pieces

    async def aclose(self) -> None:
        await self._source.aclose()


async def _first(pieces: AsyncIterator[bytes]) -> bytes:
    """At least as much as tells the type. Raises Refusal."""
    begun = b""
    try:
        async for piece in pieces:
            begun += piece
            if len(begun) >= HEAD_BYTES:
                break
    except httpx.HTTPError as error:
        log.warning("a file broke off at its beginning: %s", type(error).__name__)
        raise Refusal(Code.UNAVAILABLE, retry_after_s=AGAIN_S) from None
    return begun


def _refusal(found: Found, error: Exception) -> Refusal:
    if isinstance(error, Uncheckable):
        log.error("file %s is not fetched: %s", found.id, error)
        return Refusal(Code.FILE_UNREACHABLE)
    if isinstance(error, Unavailable):
        return Refusal(Code.UNAVAILABLE, retry_after_s=error.after_s)
    if isinstance(error, Throttled):
        return Refusal(Code.UNAVAILABLE, retry_after_s=error.retry_after_s)
    log.warning("file %s could not be fetched: %s", found.id, error or type(error).__name__)
    return Refusal(Code.UNAVAILABLE, retry_after_s=5)
