"""After doubt: is our row at Chatwoot? Looking applies what it finds, and the mirror recognises what is ours.

When Chatwoot answers 404, it does not say what it does not know; the ladder asks: the inbox, the contact, or the
conversation?
"""

import logging
from collections.abc import Awaitable, Callable
from enum import Enum
from functools import partial
from typing import TypeVar

from django.conf import settings

from chat import expected, gone, mirror, sql
from chat.budget import Urgency
from chat.chatwoot.addresses import Hosts, Uncheckable
from chat.chatwoot.errors import NotFound
from chat.chatwoot.listing import FULL_PAGE, OVERLAP, Listed, Unread
from chat.chatwoot.resources import Conversation as UpstreamConversation
from chat.chatwoot.resources import Message, MessageType
from chat.chatwoot.storage import stored_size
from chat.feed import Pen
from chat.models import Conversation, Delivery
from chat.outbox import WRITTEN_IN, Claim
from chat.reader import Reader
from chat.sending import scope_of
from chat.settling import Look, ReadBack, Settling, Timing, is_said
from chat.upstreams import Upstream

log = logging.getLogger(__name__)

T = TypeVar("T")
Write = Callable[[Callable[[Pen], None]], Awaitable[None]]

MOST_PAGES = 50


class Gone(Enum):
    """What Chatwoot no longer knows."""

    INBOX = "inbox"
    CONTACT = "contact"
    CONVERSATION = "conversation"


class Looking:
    """One look for one claim. All requests go through the upstream's gate, at the urgency of deliveries."""

    def __init__(self, claim: Claim, upstream: Upstream, reader: Reader, write: Write, *, timing: Timing) -> None:
        self._claim = claim
        self._upstream = upstream
        self._reader = reader
        self._write = write
        self._margin_ms = timing.margin_ms
        self._lasts_ms = timing.lasts_ms(fenced=False, size=claim.size) + timing.margin_ms
        self._over_at = upstream.link.clock.base() + self._lasts_ms  # as if it had begun just now
        self._scope = scope_of(claim, upstream)
        self._over: bool | None = None
        self._took_ms = 0

    @property
    def over_in_ms(self) -> int:
        """Until the attempt can no longer take effect: by Chatwoot's clock if there is a fence and we know that clock;
        else by how long ago it began."""
        clock = self._upstream.link.clock
        if not self._counts_by_chatwoot:
            return self._over_at - clock.base()
        return self._claim.fence_at + self._margin_ms + clock.error_ms - clock.now()

    @property
    def _counts_by_chatwoot(self) -> bool:
        return self._claim.fence_at > 0 and self._upstream.link.clock.known

    async def run(self) -> Look | Gone | ReadBack:
        """Look. Raises ChatwootError when nothing was learnt."""
        await self._count_from_the_start()
        if self._claim.found:
            return await self._read_back()
        try:
            complete = await self._find()
        except NotFound as error:
            if not error.finished:  # a proxy said so
                raise
            missing = await self._ladder()
            if missing is not None:
                return missing
            complete = False  # it is there now
        prompt = self._took_ms <= self._margin_ms
        return Look(over=self._was_over, prompt=prompt, complete=complete, took_ms=self._took_ms)

    @property
    def _was_over(self) -> bool:
        """When the first request began; if nothing had to be asked, now."""
        return self.over_in_ms <= 0 if self._over is None else self._over

    def settle(self, pen: Pen, *, settling: Settling, seen: Look | Gone | ReadBack, over_in_ms: int) -> None:
        """Write down what this look has seen. ``over_in_ms``: as of its end."""
        claim = self._claim
        if isinstance(seen, ReadBack):
            settling.read_back(pen, claim, seen, over_in_ms=over_in_ms)
        elif isinstance(seen, Look):
            settling.looked(pen, claim, seen, over_in_ms=over_in_ms)
        elif seen is Gone.INBOX:
            log.error("inbox %s is paused: Chatwoot knows no inbox with its identifier", claim.inbox_id)
            settling.look_after_pause(pen, claim)
        elif seen is Gone.CONTACT:
            gone.contact_gone(pen, claim)
        else:
            gone.conversation_gone(pen, claim)

    async def _count_from_the_start(self) -> None:
        """By the database's clock, which wrote down when the attempt began."""
        clock = self._upstream.link.clock
        if not self._counts_by_chatwoot:
            now = await self._reader.run(sql.database_now)
            self._over_at = clock.base() + self._claim.started_at + self._lasts_ms - now

    async def _read_back(self) -> ReadBack:
        """It is there, but its answer was lost, and Chatwoot stores files after the message."""
        try:
            hosts = Hosts(settings.ATTACHMENT_HOSTS)
            for each in self._claim.files:
                ask = partial(stored_size, self._upstream.link.http, each.url, hosts=hosts)
                size = await self._ask(ask) if each.url else None
                if size != each.size:
                    why = f"of {each.size} bytes {size or 'nothing'} is there"
                    return ReadBack(False, why, over=self._was_over)
        except Uncheckable as error:
            return ReadBack(False, f"they cannot be checked: {error}", final=True)
        return ReadBack(True)

    async def _find(self) -> bool:
        """False: something was left out."""
        if self._claim.kind == Delivery.Kind.CONVERSATION:
            return await self._find_conversation()
        if self._claim.kind == Delivery.Kind.MESSAGE or self._claim.permanent:
            return await self._find_message()
        return True  # repeated, not looked for

    async def _ask(self, call: Callable[[], Awaitable[T]]) -> T:
        clock = self._upstream.link.clock
        async with self._upstream.turn(Urgency.DELIVERY):
            if self._over is None:
                self._over = self.over_in_ms <= 0
            begun = clock.base()
            answer = await call()
            self._took_ms = max(self._took_ms, clock.base() - begun)
            return answer

    async def _find_message(self) -> bool:
        """List back to the baseline and apply all of it."""
        assert self._claim.conversation_id is not None
        before: int | None = None
        complete = True
        for _ in range(MOST_PAGES):
            known = partial(expected.messages, self._claim.conversation_id, before=before, most=FULL_PAGE)
            known_ids = await self._reader.run(known)
            page = await self._page(before)
            complete &= not any(map(self._may_be_ours, page.unread))
            ids, is_last = page.ids, page.size < FULL_PAGE
            missing = expected.missing(known_ids, listed=ids, overlap=None if is_last else OVERLAP)
            complete &= self._believes(missing)
            if is_last or (ids and ids[0] <= self._claim.baseline_id):
                return complete
            if len(ids) < OVERLAP:
                return False  # nearly all of a page cannot be read
            before = ids[OVERLAP - 1]
        log.error("delivery %s: more than %d pages to look through", self._claim.delivery_id, MOST_PAGES)
        return False

    def _believes(self, missing: set[int]) -> bool:
        """Also says if not, at look 1, 2, 4, 8 …"""
        if missing and is_said(self._claim.lease_no):
            which = ", ".join(map(str, sorted(missing)[-3:]))
            log.error("looking for delivery %s: the list lacks %s and proves nothing", self._claim.delivery_id, which)
        return not missing

    def _may_be_ours(self, row: Unread) -> bool:
        if not row.incoming or (row.id is not None and row.id <= self._claim.baseline_id):
            return False
        if is_said(self._claim.lease_no):
            words = "delivery %s stays in doubt: a row of Chatwoot's that may be its own cannot be read: %s"
            log.error(words, self._claim.delivery_id, row.why)
        return True

    async def _page(self, before: int | None) -> Listed[Message]:
        claim, api = self._claim, self._upstream.api
        assert claim.chatwoot_id is not None
        started = await self._reader.run(sql.database_now)
        page = await self._ask(partial(api.messages, claim.source_id, claim.chatwoot_id, before=before))
        await self._write(partial(self._apply, page.rows, started))
        return page

    def _apply(self, page: tuple[Message, ...], started: int, pen: Pen) -> None:
        assert self._claim.conversation_id is not None
        for message in sorted(page, key=lambda each: each.id):
            mirror.apply_message(pen, self._scope, message, read_started=started)
        mirror.confirm(pen, self._claim.conversation_id)

    async def confirm(self) -> None:
        """One page: if Chatwoot answers it under our source_id, the conversation is this visitor's."""
        await self._page(None)

    async def _find_conversation(self) -> bool:
        """By elimination: lists show no key of ours, but ours is unknown and has no incoming message yet."""
        claim = self._claim
        assert claim.conversation_id is not None
        known_ids = await self._reader.run(expected.conversations, claim.contact_inbox_id)
        listed = await self._ask(partial(self._upstream.api.conversations, claim.source_id))
        known = await self._reader.run(_known, claim.inbox_id, listed.ids)
        written_in = WRITTEN_IN in claim.payload
        found = ours_among(listed.rows, known=known, inbox_id=self._upstream.chatwoot_inbox_id, written_in=written_in)
        if found is not None:
            created_id = claim.conversation_id
            await self._write(
                partial(mirror.apply_created, scope=self._scope, conversation=found, created_id=created_id)
            )
            return True
        missing = expected.missing(known_ids, listed=listed.ids, overlap=None)
        is_believed = self._believes({each for each in missing if not await self._is_gone(each)})
        return is_believed and all(each.id in known for each in listed.unread)

    async def _is_gone(self, chatwoot_id: int) -> bool:
        return await self._is_unknown(partial(self._upstream.api.conversation, self._claim.source_id, chatwoot_id))

    async def _ladder(self) -> Gone | None:
        """From the top down, since nothing below is known to a Chatwoot that does not know what is above."""
        claim, api = self._claim, self._upstream.api
        if await self._is_unknown(api.inbox):
            return Gone.INBOX
        if await self._is_unknown(partial(api.conversations, claim.source_id)):  # asking so changes nothing (§1.5)
            return Gone.CONTACT
        if claim.chatwoot_id is None:
            return None
        asked = partial(api.messages, claim.source_id, claim.chatwoot_id)
        return Gone.CONVERSATION if await self._is_unknown(asked) else None

    async def _is_unknown(self, call: Callable[[], Awaitable[object]]) -> bool:
        try:
            await self._ask(call)
        except NotFound as error:
            if not error.finished:
                raise
            return True
        return False


def ours_among(
    listed: tuple[UpstreamConversation, ...], *, known: set[int], inbox_id: int | None, written_in: bool = False
) -> UpstreamConversation | None:
    """The newest that we do not know and nobody wrote in; an agent's own beginning comes with a message of theirs.

    ``written_in``: the visitor may have written in it, before our database was restored.
    """
    candidates = [
        each
        for each in listed
        if each.id not in known and inbox_id in (None, each.inbox_id) and (written_in or not _is_written_in(each))
    ]
    return max(candidates, key=lambda each: (_is_written_in(each), not each.messages, each.id), default=None)


def _is_written_in(conversation: UpstreamConversation) -> bool:
    return any(message.message_type is MessageType.INCOMING for message in conversation.messages)


def _known(inbox_id: int, chatwoot_ids: list[int]) -> set[int]:
    found = Conversation.objects.filter(inbox=inbox_id, chatwoot_id__in=chatwoot_ids)
    return {each for each in found.values_list("chatwoot_id", flat=True) if each is not None}
