"""Chatwoot's webhook: somebody says that something may be new of a visitor whom perhaps nobody holds here.

It is a hint and no more. Whose it is is looked up in our own rows, and Chatwoot is asked by a resync, of lowest urgency
and with the bounds that every resync has. What the body says is not stored, logged or believed. That a contact inbox is
to be compared is stored until it was: a process that stops leaves it to the others.
"""

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple

from chat import sql
from chat.bridge.tasks import Tasks
from chat.budget import Urgency
from chat.chatwoot import hooks
from chat.chatwoot.errors import Malformed
from chat.chatwoot.hooks import Hint
from chat.mirror import Scope
from chat.models import ContactInbox, Conversation, Inbox
from chat.reader import Reader
from chat.resync import Resyncs
from chat.trouble import Trouble
from chat.writer import BUSY

log = logging.getLogger(__name__)

MOST_WAITING = 10_000  # conversations
AT_ONCE = 100  # looked up together
MOST_CHECKS = 64  # hooks whose secret is being compared
MOST_INBOXES = 5  # contact inboxes of one contact
SAY_S = 10.0
MOST_LEFT = 1_000
MOST_WISHES = 5_000  # of those that resyncs take, most are for people who are here

Hears = Callable[[int], bool]


@dataclass(frozen=True, slots=True)
class Status:
    """Since the start of this process."""

    hooks: int  # that came with the right secret
    unreadable: int
    dropped: int  # too many at once
    wishes: int  # contact inboxes to be compared
    waiting: int  # conversations that were named just now


class _Key(NamedTuple):
    inbox_id: int
    conversation_id: int


class _Told(NamedTuple):
    """What hints said of one conversation: a message that is new, and perhaps that something else has changed."""

    hint: Hint
    message_id: int
    has_changed: bool

    @classmethod
    def by(cls, hint: Hint, before: "_Told | None") -> "_Told":
        newest = max(hint.message_id or 0, before.message_id if before else 0)
        return cls(hint, newest, hint.message_id is None or (before is not None and before.has_changed))


class _Found(NamedTuple):
    scope: Scope
    is_news: bool  # a message that we do not have; else perhaps only a change


class Hints:
    """``hears`` says whether the cable carries a contact inbox here. All methods run on the loop.

    Hints are gathered for ``gather_s``: the cable is usually faster, and then nothing is to be compared. Who has not
    been compared ``left_s`` later was perhaps left behind by a process that stopped.
    """

    def __init__(self, reader: Reader, resyncs: Resyncs, hears: Hears, *, gather_s: float, left_s: float = 60) -> None:
        self._reader = reader
        self._resyncs = resyncs
        self._hears = hears
        self._gather_s = gather_s
        self._left_ms = round(left_s * 1000)
        self._waiting: dict[_Key, _Told] = {}
        self._marked: dict[int, int] = {}  # contact inboxes that are being compared, and their ``hinted_at``
        self._checking = 0
        self._counts: Counter[str] = Counter()
        self._said, self._said_at = Counter[str](), -SAY_S
        self._trouble = Trouble(log, ill="hooks cannot be checked", well="hooks can be checked again")
        self._tasks = Tasks()
        resyncs.served = self._served

    async def take(self, slug: str, secret: str, read: Callable[[], bytes | None]) -> bool:
        """False: there is no such address. Else all is said, whatever becomes of it: Chatwoot marks a message as failed
        whose hook does not get a yes. ``read`` gives the body, or None.
        """
        if self._checking >= MOST_CHECKS:
            self._count("dropped")
            return True
        self._checking += 1
        try:
            inbox_id = await self._reader.run(_inbox_of, slug, secret)
            self._trouble.over()
        except BUSY as error:
            self._trouble.note(error, given_up=1)
            return True
        finally:
            self._checking -= 1
        if inbox_id is not None:
            self._note(inbox_id, read())
        return inbox_id is not None

    def status(self) -> Status:
        names = ("hooks", "unreadable", "dropped", "wishes")
        return Status(waiting=len(self._waiting), **{name: self._counts[name] for name in names})

    async def sweep(self) -> None:
        """To be called from time to time: takes up what other processes left behind. Raises one of ``BUSY``."""
        until, left = await self._reader.run(_left_behind, self._left_ms)
        keys = {scope.contact_inbox_id for scope, _ in left}
        self._marked = {key: at for key, at in self._marked.items() if at > until or key in keys}  # or others did it
        for scope, hinted_at in left:
            self._want(scope, hinted_at)

    async def close(self) -> None:
        await self._tasks.cancel()
        if self._waiting:
            await self._look_once()  # so that what is to be compared is stored

    def _count(self, name: str) -> None:
        """What is lost is said, and not for each."""
        self._counts[name] += 1
        now = asyncio.get_running_loop().time()
        if name in ("dropped", "unreadable") and now >= self._said_at + SAY_S:
            new = {name: self._counts[name] - self._said[name] for name in ("dropped", "unreadable")}
            log.warning("hooks of Chatwoot: %(unreadable)d could not be read, %(dropped)d came too fast", new)
            self._said, self._said_at = self._counts.copy(), now

    def _note(self, inbox_id: int, body: bytes | None) -> None:
        self._count("hooks")
        try:
            hint = hooks.parse(body or b"")
        except Malformed:
            return self._count("unreadable")
        if hint is None:
            return
        key = _Key(inbox_id, hint.conversation_id)
        if key not in self._waiting and len(self._waiting) >= MOST_WAITING:
            return self._count("dropped")
        if not self._waiting:
            self._tasks.spawn(self._look(), name="hints")
        self._waiting[key] = _Told.by(hint, self._waiting.get(key))

    # Looking

    async def _look(self) -> None:
        while self._waiting:
            await asyncio.sleep(self._gather_s)
            await self._look_once()

    async def _look_once(self) -> None:
        hints, wanted, hinted_at = dict(list(self._waiting.items())[:AT_ONCE]), list[Scope](), 0
        try:
            found = await self._reader.run(_find, hints)
            wanted = [each.scope for each in found if each.is_news or not self._hears(each.scope.contact_inbox_id)]
            hinted_at = await self._reader.run(_mark, [each.contact_inbox_id for each in wanted])
            self._trouble.over()
        except BUSY as error:
            return self._trouble.note(error, given_up=0)
        except Exception:  # none of them may keep all later ones from being looked up
            log.exception("%d hints could not be looked up, and are dropped", len(hints))
        for key, told in hints.items():
            if self._waiting.get(key) is told:  # else something came meanwhile
                del self._waiting[key]
        for scope in wanted:
            self._want(scope, hinted_at)

    def _want(self, scope: Scope, hinted_at: int) -> None:
        if len(self._marked) >= MOST_WISHES and scope.contact_inbox_id not in self._marked:
            return  # ``sweep`` takes it up
        self._counts["wishes"] += 1
        self._marked[scope.contact_inbox_id] = hinted_at
        self._resyncs.want(scope, urgency=Urgency.REST)

    def _served(self, scope: Scope) -> None:
        if hinted_at := self._marked.pop(scope.contact_inbox_id, 0):
            self._tasks.spawn(self._unmark(scope.contact_inbox_id, hinted_at), name="hint served")

    async def _unmark(self, contact_inbox_id: int, hinted_at: int) -> None:
        try:
            await self._reader.run(_unmark, contact_inbox_id, hinted_at)
        except BUSY as error:
            log.error("contact inbox %s is compared once more: %s", contact_inbox_id, error)


def _inbox_of(slug: str, secret: str) -> int | None:
    # PostgreSQL does not take a NUL, not even to compare.
    inbox = Inbox.objects.filter(slug=slug).only("hook_secret").first() if slug.isprintable() else None
    expected = (inbox and inbox.hook_secret) or secrets.token_urlsafe()  # as long as with an inbox
    # Of equal length, so that the time tells nothing.
    is_right = hmac.compare_digest(_digest(expected), _digest(secret))
    return inbox.pk if inbox and is_right else None


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()


def _find(hints: dict[_Key, _Told]) -> list[_Found]:
    """Each contact inbox that a hint concerns, unless we have what it tells of."""
    found: dict[int, _Found] = {}
    for key, (hint, message_id, has_changed) in hints.items():
        is_news = message_id > 0 and sql.message_by_chatwoot_id(key.inbox_id, message_id) is None
        if is_news or has_changed:
            for row in _rows(key.inbox_id, hint):
                was_news = row.pk in found and found[row.pk].is_news
                found[row.pk] = _Found(_scope(row), is_news or was_news)
    return list(found.values())


def _rows(inbox_id: int, hint: Hint) -> Collection[ContactInbox]:
    known = Conversation.objects.filter(inbox=inbox_id, chatwoot_id=hint.conversation_id)
    if rows := list(ContactInbox.objects.filter(pk__in=known.values("contact_inbox"))):
        return rows
    of_contact = ContactInbox.objects.filter(inbox=inbox_id, chatwoot_contact_id=hint.contact_id or -1)
    return [row for row in of_contact.order_by("-id")[:MOST_INBOXES] if hint.source_id in (None, row.source_id)]


def _mark(contact_inbox_ids: list[int]) -> int:
    """One row in each statement, as ``chat.link`` does: so it can be part of no deadlock."""
    now = sql.database_now()
    for contact_inbox_id in contact_inbox_ids:
        ContactInbox.objects.filter(pk=contact_inbox_id).update(hinted_at=now)
    return now


def _unmark(contact_inbox_id: int, hinted_at: int) -> None:
    """Unless there was another hint since."""
    ContactInbox.objects.filter(pk=contact_inbox_id, hinted_at=hinted_at).update(hinted_at=0)


def _left_behind(left_ms: int) -> tuple[int, list[tuple[Scope, int]]]:
    """Who was hinted at until that moment and is not compared yet."""
    until = sql.database_now() - left_ms
    left = ContactInbox.objects.filter(hinted_at__gt=0, hinted_at__lte=until).order_by("hinted_at")
    return until, [(_scope(row), row.hinted_at) for row in left[:MOST_LEFT]]


def _scope(row: ContactInbox) -> Scope:
    return Scope(row.contact_id, row.pk, row.inbox_id, row.source_id, None)
