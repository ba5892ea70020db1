"""One comparison of a contact inbox with Chatwoot, which alone knows what the cable did not bring.

The conversations index brings everything in one answer: statuses, read marks, all messages with their deletions, and
conversations that an agent began. It has no pages, so that of somebody with a long history is not asked for often:
then the newest pages show at once what is new, and the index, or a walk over all pages, follows in its time.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from chat import mirror, outbox, sql
from chat.budget import Urgency
from chat.chatwoot import resources
from chat.chatwoot.errors import NotFound, TooBig
from chat.chatwoot.listing import FULL_PAGE, OVERLAP, Unread
from chat.chatwoot.resources import MessageType
from chat.feed import Pen
from chat.mirror import Scope
from chat.models import Conversation, Message
from chat.reader import Reader
from chat.upstreams import Upstream, Upstreams
from chat.writer import Priority, Writer

log = logging.getLogger(__name__)

MANY = 200  # known messages, beyond which the index is not asked for at every gap
CHUNK = 50  # messages in one write, so that accepts never wait long
SETTLED_S = 60  # a message so old has no sibling with a lower id that is still to be committed
RECENT = 5  # conversations whose newest pages are read
RECENT_PAGES = 50
ALL_PAGES = 5_000  # of one conversation, in a walk over everything


class Outcome(NamedTuple):
    complete: bool  # False: something must wait for a later comparison
    deep: bool  # False: only the newest was compared


class _Applied(NamedTuple):
    complete: bool  # False: its conversation may be the one that we are just creating, which a later list tells
    news: list[resources.Message]


class _Known(NamedTuple):
    id: object
    chatwoot_id: int
    verified_id: int


class Comparing:
    """All of its methods raise ChatwootError, and what the database raises."""

    def __init__(
        self, upstreams: Upstreams, writer: Writer, reader: Reader, *, found: Callable[[Scope, float], None]
    ) -> None:
        self._upstreams = upstreams
        self._found = found  # told of each agent's message that nobody had brought, and how old it is, in seconds
        self._writer = writer
        self._reader = reader
        self._too_big: set[int] = set()  # contact inboxes whose index does not fit, as far as this process learnt
        self.unread = 0  # rows that could not be read

    async def compare(self, scope: Scope, *, urgency: Urgency) -> Outcome:
        """What a gap asks for at once."""
        if not await self._reader.run(_has_many, scope.contact_inbox_id):
            complete = await self._index_if_it_fits(scope, urgency)
            if complete is not None:
                return Outcome(complete, True)
        upstream = await self._upstreams.of(scope.inbox_id)
        for known in await self._reader.run(_recent, scope.contact_inbox_id):
            with _unless_gone(known):
                await self._walk(scope, upstream, known, urgency, until=known.verified_id, most=RECENT_PAGES)
        return Outcome(True, False)

    async def compare_all(self, scope: Scope, *, urgency: Urgency) -> bool:
        """Everything, whatever it takes. False when something must wait for a later comparison."""
        complete = await self._index_if_it_fits(scope, urgency)
        if complete is not None:
            return complete
        upstream = await self._upstreams.of(scope.inbox_id)
        complete = True
        for known in await self._reader.run(_all, scope.contact_inbox_id):
            with _unless_gone(known):
                complete &= await self._one(scope, upstream, known, urgency)
        return complete

    async def _one(self, scope: Scope, upstream: Upstream, known: _Known, urgency: Urgency) -> bool:
        """One conversation: its own answer tells its status, too; if even that is too big, its pages."""
        try:
            async with upstream.turn(urgency):
                started = await self._reader.run(sql.database_now)
                conversation = await upstream.api.conversation(scope.source_id, known.chatwoot_id)
        except TooBig:
            return await self._walk(scope, upstream, known, urgency, until=0, most=ALL_PAGES)
        return await self._apply(scope, upstream, conversation, started)

    async def _index_if_it_fits(self, scope: Scope, urgency: Urgency) -> bool | None:
        """None: it is beyond our bounds, as that of few messages may be, too, when they are long."""
        if scope.contact_inbox_id in self._too_big:
            return None
        try:
            return await self._index(scope, urgency)
        except TooBig:
            self._too_big.add(scope.contact_inbox_id)
            log.warning("contact inbox %s has an index beyond bounds: it is walked", scope.contact_inbox_id)
            return None

    async def _index(self, scope: Scope, urgency: Urgency) -> bool:
        upstream = await self._upstreams.of(scope.inbox_id)
        async with upstream.turn(urgency):
            started = await self._reader.run(sql.database_now)
            conversations = await upstream.api.conversations(scope.source_id)
        self._note_unread(scope, conversations.unread)
        complete = upstream.chatwoot_inbox_id is not None or not conversations.rows
        for conversation in sorted(conversations.rows, key=lambda each: each.id):
            if conversation.inbox_id == upstream.chatwoot_inbox_id:  # a verified contact's index spans all inboxes
                complete &= await self._apply(scope, upstream, conversation, started)
        return complete

    async def _apply(
        self, scope: Scope, upstream: Upstream, conversation: resources.Conversation, started: int
    ) -> bool:
        complete = True
        self._note_unread(scope, conversation.unread)
        messages = sorted(conversation.messages, key=lambda each: each.id)
        for at in range(0, max(1, len(messages)), CHUNK):
            apply = partial(_apply, scope, conversation, messages[at : at + CHUNK], started)
            applied = await self._writer.write(apply, contacts=(scope.contact_id,), priority=Priority.MIRROR)
            complete &= applied.complete
            self._tell_found(scope, upstream, applied.news)
        if complete and (settled := _settled(upstream, messages)):
            await self._verified(scope, conversation.id, settled)
        return complete

    async def _walk(
        self, scope: Scope, upstream: Upstream, known: _Known, urgency: Urgency, *, until: int, most: int
    ) -> bool:
        """Page back until a page at or below ``until`` holds nothing new; False when ``most`` pages did not do."""
        before: int | None = None
        settled = 0
        for _ in range(most):
            async with upstream.turn(urgency):
                started = await self._reader.run(sql.database_now)
                page = await upstream.api.messages(scope.source_id, known.chatwoot_id, before=before)
            self._note_unread(scope, page.unread)
            apply = partial(_apply_page, scope, page.rows, started)
            news = await self._writer.write(apply, contacts=(scope.contact_id,), priority=Priority.MIRROR)
            self._tell_found(scope, upstream, news)
            settled = max(settled, _settled(upstream, page.rows))
            ids = page.ids
            if page.size < FULL_PAGE or (ids and ids[0] <= until and not news):
                await self._verified(scope, known.chatwoot_id, settled)
                return True
            if len(ids) < OVERLAP:
                return False  # nearly all of a page cannot be read
            before = ids[OVERLAP - 1]
        log.warning("conversation %s: %d pages were not enough to compare it", known.id, most)
        return False

    def _tell_found(self, scope: Scope, upstream: Upstream, news: list[resources.Message]) -> None:
        now = upstream.link.clock.now() / 1000
        for message in news:
            if message.message_type is not MessageType.INCOMING:
                self._found(scope, now - message.created_at)

    def _note_unread(self, scope: Scope, unread: Sequence[Unread]) -> None:
        """They hide no others, and come again with each comparison: said at the 1st, 2nd, 4th, 8th …"""
        before, self.unread = self.unread, self.unread + len(unread)
        if before.bit_length() < self.unread.bit_length():
            words = "rows of Chatwoot's that could not be read so far: %d, the latest of contact inbox %s: %s"
            log.error(words, self.unread, scope.contact_inbox_id, unread[-1].why)

    async def _verified(self, scope: Scope, chatwoot_id: int, verified_id: int) -> None:
        """Everything up to this message is compared."""

        def note(pen: Pen) -> None:
            found = Conversation.objects.filter(inbox=scope.inbox_id, chatwoot_id=chatwoot_id)
            found.filter(contact=scope.contact_id, verified_id__lt=verified_id).update(verified_id=verified_id)

        await self._writer.write(note, contacts=(scope.contact_id,), priority=Priority.MIRROR)


@contextmanager
def _unless_gone(known: _Known) -> Iterator[None]:
    """One that was deleted at Chatwoot says nothing of the others, nor of the contact: of that speaks the index."""
    try:
        yield
    except NotFound as error:
        if not error.finished:  # a proxy said so
            raise
        log.info("Chatwoot knows conversation %s no more; its next message begins it anew", known.id)


def _settled(upstream: Upstream, messages: Sequence[resources.Message]) -> int:
    """The highest id of those that have no younger sibling to come, by Chatwoot's clock."""
    now = max([upstream.link.clock.now() / 1000, *(each.created_at for each in messages)])
    return max((each.id for each in messages if each.created_at < now - SETTLED_S), default=0)


def _apply(
    scope: Scope, conversation: resources.Conversation, messages: list[resources.Message], started: int, pen: Pen
) -> _Applied:
    listed = replace(conversation, source_id=scope.source_id)  # the answer is about this contact inbox
    if mirror.apply_conversation(pen, scope, listed, read_started=started) is None:
        return _Applied(not outbox.creation_open(scope.contact_inbox_id), [])
    return _Applied(True, _apply_messages(scope, messages, started, pen))


def _apply_messages(
    scope: Scope, messages: Sequence[resources.Message], started: int, pen: Pen
) -> list[resources.Message]:
    """Those of them that were new to us."""
    ids = [each.id for each in messages]
    known = set(Message.objects.filter(inbox=scope.inbox_id, chatwoot_id__in=ids).values_list("chatwoot_id", flat=True))
    applied = [each for each in messages if mirror.apply_message(pen, scope, each, read_started=started)]
    return [each for each in applied if each.id not in known]


def _apply_page(scope: Scope, page: tuple[resources.Message, ...], started: int, pen: Pen) -> list[resources.Message]:
    """Those of them that were new to us."""
    news = _apply_messages(scope, sorted(page, key=lambda each: each.id), started, pen)
    conversation = sql.conversation_by_chatwoot_id(scope.inbox_id, page[0].conversation_id) if page else None
    if conversation is not None:
        mirror.confirm(pen, conversation.id)
    return news


def _has_many(contact_inbox_id: int) -> bool:
    known = Message.objects.filter(conversation__contact_inbox=contact_inbox_id, chatwoot_id__isnull=False)
    return known[: MANY + 1].count() > MANY


def _all(contact_inbox_id: int) -> list[_Known]:
    return [known for known, _ in _listed(contact_inbox_id)]


def _recent(contact_inbox_id: int) -> list[_Known]:
    """The newest, and others that are not resolved."""
    listed = _listed(contact_inbox_id)
    others = [known for known, status in listed[1:] if status != Conversation.Status.RESOLVED]
    return [*(known for known, _ in listed[:1]), *others][:RECENT]


def _listed(contact_inbox_id: int) -> list[tuple[_Known, str]]:
    """With their status, newest first."""
    found = Conversation.objects.filter(contact_inbox=contact_inbox_id, chatwoot_id__isnull=False, deleted=False)
    rows = found.order_by("-created_at").values_list("id", "chatwoot_id", "verified_id", "status")
    return [(_Known(key, chatwoot_id or 0, verified_id), status) for key, chatwoot_id, verified_id, status in rows]
