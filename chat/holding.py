"""Whom this process listens for at Chatwoot.

A contact is held while a listener (socket, long poll) is here, for ten minutes after a ``sync``, and while a delivery
is under way; the hub then lingers. Somebody who has never written has no token yet and costs Chatwoot nothing.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from chat import sql
from chat.audience import Audience, Listener
from chat.bridge.tasks import Tasks
from chat.liveness import Held, Liveness, Timing
from chat.mirror import Scope
from chat.models import Conversation
from chat.reader import Reader
from chat.resync import Resyncs
from chat.upstreams import Upstream, Upstreams
from chat.writer import BUSY, Writer

log = logging.getLogger(__name__)

POLLED_S = 600.0  # how long a sync counts as being here
MOST_HELD = 5  # contact inboxes of one person


@dataclass(slots=True, eq=False)
class _Person:
    listeners: dict[Listener, bool] = field(default_factory=dict)  # and whether its page is visible
    keepers: int = 0
    polled_until: float = 0.0
    held: dict[int, Held] = field(default_factory=dict)
    known: int = 0  # contact inboxes that Chatwoot knew when it was last read

    def wanted(self, now: Callable[[], float]) -> bool:
        """``now`` is called for those alone who merely polled: everybody is asked for every second."""
        return bool(self.listeners) or self.keepers > 0 or self.polled_until > now()

    @property
    def visible(self) -> bool:
        return any(self.listeners.values())


class Holding:
    """All methods run on the loop."""

    def __init__(
        self,
        upstreams: Upstreams,
        writer: Writer,
        reader: Reader,
        audience: Audience,
        resyncs: Resyncs,
        *,
        timing: Timing | None = None,
        polled_s: float = POLLED_S,
    ) -> None:
        self._upstreams = upstreams
        self._reader = reader
        self._audience = audience
        self._polled_s = polled_s
        self._people: dict[uuid.UUID, _Person] = {}
        self._tasks = Tasks()
        self._is_moving = False
        timing = timing or Timing()
        self.liveness = Liveness(upstreams, writer, reader, audience, resyncs, timing=timing, refresh=self.refresh)

    # Who is here

    def arrive(self, listener: Listener, *, visible: bool) -> None:
        self._audience.join(listener)
        self._person(listener.contact_id).listeners[listener] = visible
        self.introduced(listener.contact_id)

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
        self._person(contact_id).polled_until = self._now() + self._polled_s
        self.introduced(contact_id)

    def keep(self, contact_id: uuid.UUID) -> Callable[[], None]:
        """Hold a contact while a delivery is under way; call the answer once to end it."""
        self._person(contact_id).keepers += 1
        self.introduced(contact_id)
        return partial(self._unkeep, contact_id)

    def _unkeep(self, contact_id: uuid.UUID) -> None:
        if person := self._people.get(contact_id):
            person.keepers -= 1
            self._settle(contact_id)

    def ended(self, contact_id: uuid.UUID, session_id: uuid.UUID) -> None:
        """A device was signed out: nobody listens there any more."""
        self._audience.ended(contact_id, session_id)

    def introduced(self, contact_id: uuid.UUID, *, known: int | None = None) -> None:
        """Chatwoot may have come to know somebody who is here: subscribe, unless that is done.

        ``known``: by how many contact inboxes.
        """
        person = self._people.get(contact_id)
        if person and (not person.held or known not in (None, person.known)):
            self.refresh(contact_id)
        else:
            self._settle(contact_id)

    def refresh(self, contact_id: uuid.UUID) -> None:
        """Read again what is to be held of a person: a token or a contact inbox has changed."""
        if contact_id in self._people:
            self._tasks.spawn(self._subscribe(contact_id), name=f"hold {contact_id}")

    def answered(self, contact_inbox_id: int, chatwoot_message_id: int, *, posted_at: float | None = None) -> None:
        """Chatwoot has stored a message of ours, posted at this time of the loop: it must come back by cable, too."""
        self.liveness.answered(contact_inbox_id, chatwoot_message_id, posted_at=posted_at)

    def sweep(self) -> None:
        """To be called every second or so: ends what is over, and compares contacts that the cable may not carry."""
        for contact_id in list(self._people):
            self._settle(contact_id)
        former = self._upstreams.is_former
        moved = [key for key, each in self._people.items() if any(former(held.upstream) for held in each.held.values())]
        if moved and not self._is_moving:
            self._is_moving = True
            self._tasks.spawn(self._move(moved), name="move")
        self.liveness.sweep()

    async def _move(self, contact_ids: list[uuid.UUID]) -> None:
        """An operator has changed an address: hear these people there, one after the other."""
        log.info("the address of a Chatwoot was changed: %d people are heard there from now on", len(contact_ids))
        try:
            for contact_id in contact_ids:
                if contact_id in self._people:
                    await self._subscribe(contact_id)
        finally:
            self._is_moving = False

    def forget(self, contact_id: uuid.UUID) -> None:
        """Erased: cut their devices off, and hear nothing more of them."""
        for listener in self._audience.of(contact_id):
            listener.revoked()
        if person := self._people.pop(contact_id, None):
            for held in person.held.values():
                self._release(held)

    def inboxes(self) -> set[int]:
        """Where somebody is held whom Chatwoot knows."""
        return {held.scope.inbox_id for person in self._people.values() for held in person.held.values()}

    def heard(self) -> dict[int, tuple[int, int]]:
        """By inbox: how many contact inboxes are held, and how many of them the cable carries."""
        found: dict[int, tuple[int, int]] = {}
        for held in (each for person in self._people.values() for each in person.held.values()):
            wanted, carried = found.get(held.scope.inbox_id, (0, 0))
            found[held.scope.inbox_id] = (wanted + 1, carried + held.hold.live)
        return found

    async def close(self) -> None:
        """Hear nothing more."""
        self._people.clear()
        await self.liveness.close()
        await self._tasks.cancel()

    def _person(self, contact_id: uuid.UUID) -> _Person:
        return self._people.setdefault(contact_id, _Person())

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    # Holding

    async def _subscribe(self, contact_id: uuid.UUID) -> None:
        try:
            rows, known = await self._reader.run(_to_hold, contact_id)
            upstreams = [await self._upstreams.of(row.inbox_id) for row in rows]
        except BUSY as error:
            log.error("contact %s is held later: %s", contact_id, error)
            return self._settle(contact_id)
        if person := self._people.get(contact_id):
            person.known = known
            for row, upstream in zip(rows, upstreams, strict=True):
                scope = Scope(contact_id, row.id, row.inbox_id, row.source_id, upstream.chatwoot_inbox_id)
                self._hold(person, scope, row.pubsub_token, upstream)
            for key in person.held.keys() - {row.id for row in rows}:
                self._release(person.held.pop(key))
            self._settle(contact_id)

    def _hold(self, person: _Person, scope: Scope, token: str, upstream: Upstream) -> None:
        key = scope.contact_inbox_id
        known = person.held.get(key)
        if known is not None and known.token == token and known.upstream.hub is upstream.hub:
            return
        hold = upstream.hub.hold(key, token)  # another token replaces the former subscription
        held = Held(scope, upstream, hold, token, self._now())
        if known is not None:
            known.hold.release()
        person.held[key] = held
        self.liveness.add(held)

    def _release(self, held: Held) -> None:
        held.hold.release()
        held.left_at = self._now()

    def _settle(self, contact_id: uuid.UUID) -> None:
        person = self._people.get(contact_id)
        if person is None:
            return
        if person.wanted(self._now):
            for held in person.held.values():
                held.hold.visible = person.visible
            return
        del self._people[contact_id]
        for held in person.held.values():
            self._release(held)


def _to_hold(contact_id: uuid.UUID) -> tuple[list[sql.Known], int]:
    """The contact inboxes that Chatwoot knows; of several, those with a conversation still open, newest first.

    And how many it knows.
    """
    known = sql.known(contact_id)
    if len(known) <= 1:
        return known, len(known)
    unfinished = Conversation.objects.filter(contact=contact_id).exclude(status=Conversation.Status.RESOLVED)
    open_ones = set(unfinished.values_list("contact_inbox", flat=True))
    return [row for row in known if row.id in open_ones][:MOST_HELD] or known[:1], len(known)
