"""Whom this process listens for at Chatwoot, and what becomes of what it hears.

A contact is held while a listener (socket, long poll) is here, for ten minutes after a ``sync``, and while a delivery
is under way. Somebody who has never written has no token yet and costs Chatwoot nothing. What is heard passes the gate
of ``chat.mirror``; typing and presence go to the listeners and are forgotten.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial

from django.conf import settings

from chat import mirror, outbox, sql, wire
from chat.audience import Audience, Listener
from chat.bridge.subscription import Hold
from chat.bridge.tasks import Tasks
from chat.budget import Urgency
from chat.chatwoot.events import (
    ConversationCreated,
    ConversationUpdated,
    Event,
    MessageCreated,
    MessageUpdated,
    Presence,
    Typing,
)
from chat.feed import Pen
from chat.mirror import Scope
from chat.models import ContactInbox, Conversation
from chat.reader import Reader
from chat.resync import Resyncs
from chat.upstreams import Upstreams
from chat.writer import BUSY, Priority, Writer, WriterFull

log = logging.getLogger(__name__)

POLLED_S = 600.0  # how long a sync counts as being here
MOST_HELD = 5  # contact inboxes of one person
UNHEARD_S = 10.0  # how often a contact is compared while the cable does not carry it
AUDIT_S = 300.0  # and while it does, in case it lies
SAY_S = 10.0  # how often is said what could not be written
CREATION_S = 2.0  # by then a conversation that was being created has its number


@dataclass(slots=True, eq=False)
class _Person:
    listeners: dict[Listener, bool] = field(default_factory=dict)  # and whether its page is visible
    keepers: int = 0
    polled_until: float = 0.0
    holds: dict[int, Hold] = field(default_factory=dict)

    def wanted(self, now: float) -> bool:
        return bool(self.listeners) or self.keepers > 0 or self.polled_until > now

    @property
    def visible(self) -> bool:
        return any(self.listeners.values())


class Holding:
    """Hears the hubs (``chat.bridge.hub.Listener``). All methods run on the loop."""

    def __init__(
        self,
        upstreams: Upstreams,
        writer: Writer,
        reader: Reader,
        audience: Audience,
        resyncs: Resyncs,
        *,
        unheard_s: float = UNHEARD_S,
    ) -> None:
        self._upstreams = upstreams
        self._writer = writer
        self._reader = reader
        self._audience = audience
        self._resyncs = resyncs
        self._people: dict[uuid.UUID, _Person] = {}
        self._scopes: dict[Hashable, Scope] = {}
        self._compared: dict[Hashable, float] = {}
        self._leaving: dict[Hashable, float] = {}
        self._linger_s = settings.CABLE_LINGER_S + 5
        self._unheard_s = unheard_s
        self._unstored, self._said_unstored_at = 0, -SAY_S
        self._tasks = Tasks()
        upstreams.listener = self

    # Who is here

    def arrive(self, listener: Listener, *, visible: bool) -> None:
        self._audience.join(listener)
        self._people.setdefault(listener.contact_id, _Person()).listeners[listener] = visible
        self.refresh(listener.contact_id)

    def depart(self, listener: Listener) -> None:
        self._audience.leave(listener)
        if person := self._people.get(listener.contact_id):
            person.listeners.pop(listener, None)
            self._settle(listener.contact_id)

    def look(self, listener: Listener, *, visible: bool) -> None:
        person = self._people.get(listener.contact_id)
        if person and listener in person.listeners and person.listeners[listener] != visible:
            person.listeners[listener] = visible
            self._settle(listener.contact_id)

    def polled(self, contact_id: uuid.UUID) -> None:
        """A sync was asked for: the person counts as here for a while."""
        self._people.setdefault(contact_id, _Person()).polled_until = self._now() + POLLED_S
        self.refresh(contact_id)

    def keep(self, contact_id: uuid.UUID) -> Callable[[], None]:
        """Hold a contact while a delivery is under way; call the answer once to end it."""
        self._people.setdefault(contact_id, _Person()).keepers += 1
        self.refresh(contact_id)
        return partial(self._unkeep, contact_id)

    def _unkeep(self, contact_id: uuid.UUID) -> None:
        if person := self._people.get(contact_id):
            person.keepers -= 1
            self._settle(contact_id)

    def refresh(self, contact_id: uuid.UUID) -> None:
        """Subscribe what should be subscribed and is not yet (Chatwoot may have come to know the contact)."""
        person = self._people.get(contact_id)
        if person and not person.holds:
            self._tasks.spawn(self._subscribe(contact_id), name=f"hold {contact_id}")
        else:
            self._settle(contact_id)

    def sweep(self) -> None:
        """To be called every second or so: ends what is over, and compares contacts that the cable does not carry."""
        now = self._now()
        self._say_unstored(now)
        for key, since in list(self._leaving.items()):  # what the hub hears while it lingers is still stored
            if now - since > self._linger_s:
                del self._leaving[key], self._scopes[key], self._compared[key]
        for contact_id, person in list(self._people.items()):
            self._settle(contact_id)
            for key, hold in person.holds.items():
                if now - self._compared.get(key, now) > (AUDIT_S if hold.live else self._unheard_s):
                    self._compare(key, Urgency.REST)

    async def close(self) -> None:
        """Hear nothing more."""
        self._people.clear()
        self._scopes.clear()
        await self._tasks.cancel()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _subscribe(self, contact_id: uuid.UUID) -> None:
        try:
            await self._hold(contact_id)
        except BUSY as error:
            log.error("contact %s is held later: %s", contact_id, error)
        self._settle(contact_id)

    async def _hold(self, contact_id: uuid.UUID) -> None:
        for row in await self._reader.run(_to_hold, contact_id):
            upstream = await self._upstreams.of(row.inbox_id)
            person = self._people.get(contact_id)
            if person is None or row.pk in person.holds or len(person.holds) >= MOST_HELD:
                continue
            self._scopes[row.pk] = Scope(contact_id, row.pk, row.inbox_id, row.source_id, upstream.chatwoot_inbox_id)
            self._compared[row.pk] = self._now()
            self._leaving.pop(row.pk, None)
            person.holds[row.pk] = upstream.hub.hold(row.pk, row.pubsub_token)

    def _settle(self, contact_id: uuid.UUID) -> None:
        person = self._people.get(contact_id)
        if person is None:
            return
        if person.wanted(self._now()):
            for hold in person.holds.values():
                hold.visible = person.visible
            return
        del self._people[contact_id]
        for key, hold in person.holds.items():
            hold.release()
            self._leaving[key] = self._now()

    def _compare(self, key: Hashable, urgency: Urgency, *, after_s: float = 0.0) -> None:
        if scope := self._scopes.get(key):
            person = self._people.get(scope.contact_id)
            self._compared[key] = self._now()
            urgency = Urgency.VISIBLE if person and person.visible else urgency
            self._resyncs.want(scope, urgency=urgency, after_s=after_s)

    # What the hub says

    def subscribed(self, key: Hashable) -> None:
        """From now on the cable carries this contact; what happened before is compared."""
        self._compare(key, Urgency.REST)

    def lost(self, key: Hashable) -> None:
        """The cable no longer carries this contact; ``sweep`` compares it, unless it is soon confirmed again."""
        if key in self._compared:
            self._compared[key] = self._now()

    def silent(self, key: Hashable) -> None:
        """The subscription was never confirmed: compare now, and from time to time (``sweep``)."""
        self._compare(key, Urgency.REST)

    def unanswered(self, key: Hashable) -> None:
        """Its token may not be Chatwoot's any more."""

    def canary_wanted(self, key: Hashable) -> None:
        """A socket has nobody in view who could prove that it is not deaf."""

    def received(self, key: Hashable, event: Event) -> None:
        scope = self._scopes.get(key)
        if scope is None:
            return  # nobody has held it for longer than the linger
        match event:
            case Presence(online):
                self._audience.passing(scope.contact_id, wire.encode_presence(online=online))
            case Typing():
                if event.source_id == scope.source_id and not event.is_private:
                    self._tasks.spawn(self._show_typing(scope, event), name="typing")
            case _:
                self._store(key, scope, event)

    def _store(self, key: Hashable, scope: Scope, event: Event) -> None:
        def done(stored: object, error: BaseException | None) -> None:
            if error is not None:
                self._note_unstored(scope, error)
                self._compare(key, Urgency.REST)
            elif not stored:
                self._compare(key, Urgency.REST, after_s=CREATION_S)

        try:
            apply = partial(_apply, scope, event)
            self._writer.post(apply, contacts=(scope.contact_id,), priority=Priority.MIRROR, done=done)
        except WriterFull as full:
            done(None, full)

    def _note_unstored(self, scope: Scope, error: BaseException) -> None:
        if isinstance(error, BUSY):
            self._unstored += 1  # every agent's event while the database is ill: ``sweep`` says how many
        else:
            log.error("an event of contact inbox %s was not stored", scope.contact_inbox_id, exc_info=error)

    def _say_unstored(self, now: float) -> None:
        if self._unstored and now >= self._said_unstored_at + SAY_S:
            log.error("events that could not be written: %d; their contacts are compared later", self._unstored)
            self._unstored, self._said_unstored_at = 0, now

    async def _show_typing(self, scope: Scope, event: Typing) -> None:
        known = await self._reader.run(sql.conversation_by_chatwoot_id, scope.inbox_id, event.conversation_id)
        if known is not None and known.contact_id == scope.contact_id:
            self._audience.passing(scope.contact_id, wire.encode_typing(known.id, name=event.name, on=event.on))


def _apply(scope: Scope, event: Event, pen: Pen) -> bool:
    """False: its conversation may be the one that we are just creating, which a later list tells."""
    applied: object = None
    match event:
        case MessageCreated(message) | MessageUpdated(message):
            applied = mirror.apply_message(pen, scope, message, read_started=None)
        case ConversationCreated(conversation) | ConversationUpdated(conversation):
            applied = mirror.apply_conversation(pen, scope, conversation, read_started=None)
    return applied is not None or not outbox.creation_open(scope.contact_inbox_id)


def _to_hold(contact_id: uuid.UUID) -> list[ContactInbox]:
    """The contact inboxes that Chatwoot knows; of several, those with a conversation still open, newest first."""
    known = [row for row in ContactInbox.objects.filter(contact=contact_id).order_by("-id") if row.pubsub_token]
    if len(known) <= 1:
        return known
    unfinished = Conversation.objects.filter(contact=contact_id).exclude(status=Conversation.Status.RESOLVED)
    open_ones = set(unfinished.values_list("contact_inbox", flat=True))
    return [row for row in known if row.pk in open_ones][:MOST_HELD] or known[:1]
