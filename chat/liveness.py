"""Whether those who are held here can be heard, and what is done while they cannot (docs/architecture.md, Liveness).

Five layers, because each lies alone. Three are the hub's: a frame every 9 s, confirms, canaries. Here are the echo of
our own messages, which alone shows that Chatwoot's job queue runs, and the slow audit of everybody. Whoever is not
carried by the cable is compared every few seconds instead, whoever is looking first.
"""

import asyncio
import logging
import uuid
from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from django.conf import settings

from chat.audience import Audience
from chat.bridge.canary import ENOUGH
from chat.bridge.hub import HubStatus
from chat.bridge.subscription import Hold
from chat.bridge.tasks import Tasks
from chat.budget import Urgency
from chat.chatwoot.events import Event, MessageCreated
from chat.echoes import Echoes
from chat.mirror import Scope
from chat.reader import Reader
from chat.reception import Reception
from chat.resync import Resyncs
from chat.tokens import Tokens
from chat.upstreams import Upstream, Upstreams
from chat.writer import Writer

log = logging.getLogger(__name__)

SPREAD = 0.2  # of the audit's time, earlier or later: what confirmed in one storm is not audited in one


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds."""

    linger_s: float = 60  # how long the hub goes on hearing whom nobody holds
    poll_s: float = 10  # how often a contact is compared that the cable does not carry
    audit_s: float = 300  # and one that it does carry, in case it lies
    echo_s: float = 10  # by then a message of ours has come back
    proof_s: float = 30  # by then canaries have found out whether the line is deaf
    overslept_s: float = 2  # between two sweeps: frames may be waiting to be read

    @classmethod
    def from_settings(cls) -> Self:
        return cls(
            linger_s=settings.CABLE_LINGER_S,
            poll_s=settings.POLL_S,
            audit_s=settings.AUDIT_S,
            echo_s=settings.CABLE_ECHO_S,
            proof_s=settings.CABLE_CANARY_S + ENOUGH * (settings.CABLE_CONFIRM_S + 1),  # it ticks once a second
        )


@dataclass(slots=True, eq=False)
class Held:
    """A contact inbox from its hold to the end of the linger."""

    scope: Scope
    upstream: Upstream
    hold: Hold
    token: str = field(repr=False)
    compared_at: float
    suspect: bool = False  # its subscribe was not answered: Chatwoot may have another token for it
    checking: bool = False  # what its token is, just now
    left_at: float | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """What each layer has found out so far, in this process."""

    hubs: tuple[HubStatus, ...]  # frames, confirms, canaries
    echoes_missing: int
    queues_stopped: int  # Chatwoots whose jobs stand still now
    audits: int
    polls: int
    missed: int  # agents' messages that the cable should have brought, and a resync did


class Liveness:
    """Hears the hubs (``chat.bridge.hub.Listener``). ``refresh`` is called for a person whose token may have changed.

    All methods run on the loop.
    """

    def __init__(
        self,
        upstreams: Upstreams,
        writer: Writer,
        reader: Reader,
        audience: Audience,
        resyncs: Resyncs,
        *,
        timing: Timing,
        refresh: Callable[[uuid.UUID], None],
    ) -> None:
        self._upstreams = upstreams
        self._resyncs = resyncs
        self._timing = timing
        self._refresh = refresh
        self._tokens = Tokens(upstreams, writer, reader)
        self._reception = Reception(writer, reader, audience, self._compare_later)
        self._held: dict[Hashable, Held] = {}
        make = partial(Echoes, echo_s=timing.echo_s, proof_s=timing.proof_s)
        self._echoes: defaultdict[int, Echoes] = defaultdict(make)
        self._canaries: dict[int, str] = {}  # the token that each Chatwoot's hub was given
        self._swept_at = 0.0
        self._audits = self._polls = self._missed = 0
        self._tasks = Tasks()
        upstreams.listener, resyncs.found = self, self._found

    def add(self, held: Held) -> None:
        former = self._held.get(held.scope.contact_inbox_id)
        self._held[held.scope.contact_inbox_id] = held
        if former is not None and former.scope.contact_id != held.scope.contact_id:
            self._compare(held)  # it was adopted: what came for its former contact was dropped

    def answered(self, contact_inbox_id: int, chatwoot_message_id: int, *, posted_at: float | None = None) -> None:
        """Chatwoot has stored a message of ours, posted at this time of the loop: it must come back by cable, too."""
        held, now = self._held.get(contact_inbox_id), self._now()
        live_since = held.hold.live_since if held else None
        if held is not None and live_since is not None and live_since < (now if posted_at is None else posted_at):
            echoes = self._echoes[held.upstream.chatwoot_pk]
            echoes.answered(chatwoot_message_id, key=contact_inbox_id, live_since=live_since, now=now)

    def hears(self, contact_inbox_id: int) -> bool:
        """Somebody is held here, and the cable carries them."""
        held = self._held.get(contact_inbox_id)
        return held is not None and held.hold.live

    def status(self) -> Status:
        return Status(
            hubs=tuple(hub.status() for hub in self._upstreams.hubs()),
            echoes_missing=sum(each.missing for each in self._echoes.values()),
            queues_stopped=sum(each.stopped for each in self._echoes.values()),
            audits=self._audits,
            polls=self._polls,
            missed=self._missed,
        )

    async def close(self) -> None:
        """Hear nothing more."""
        self._held.clear()
        await self._reception.close()
        await self._tasks.cancel()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    # Comparing

    def sweep(self) -> None:
        """To be called every second or so."""
        now = self._now()
        self._reception.sweep()
        self._watch_echoes(now)
        for key in list(self._held):  # no pairs: ten thousand new tuples a second call for the garbage collector
            held = self._held[key]
            if held.left_at is None:
                self._revise(held, now)
            elif now - held.left_at > self._timing.linger_s + 5:
                del self._held[key]
        self._swept_at = now

    def _revise(self, held: Held, now: float) -> None:
        carried = held.hold.live and not self._echoes[held.upstream.chatwoot_pk].doubted
        spread = 1 + SPREAD * (held.scope.contact_inbox_id % 97 - 48) / 48
        if now - held.compared_at <= (self._timing.audit_s * spread if carried else self._timing.poll_s):
            return
        if carried:
            self._audits += 1
            self._refresh(held.scope.contact_id)  # another process may have stored another token
        else:
            self._polls += 1
        if held.suspect:
            self._suspect(held)
        self._compare(held)

    def _compare(self, held: Held, *, after_s: float = 0.0) -> None:
        held.compared_at = self._now()
        urgency = Urgency.VISIBLE if held.hold.visible else Urgency.REST
        self._resyncs.want(held.scope, urgency=urgency, after_s=after_s)

    def _compare_later(self, scope: Scope, after_s: float) -> None:
        if held := self._held.get(scope.contact_inbox_id):
            self._compare(held, after_s=after_s)

    def _found(self, scope: Scope, age_s: float) -> None:
        """A resync brought a message: the cable has lost it, unless it was written before, or may still be coming."""
        held = self._held.get(scope.contact_inbox_id)
        live_since = held.hold.live_since if held else None
        if live_since is not None and self._timing.echo_s < age_s < self._now() - live_since:
            self._missed += 1

    def _watch_echoes(self, now: float) -> None:
        overslept = now - self._swept_at > self._timing.overslept_s
        for chatwoot_pk, echoes in self._echoes.items():
            if overslept:
                echoes.forgive(now)
            elif echoes.found_stopped(now, self._live_since):
                log.error(
                    "Chatwoot %s stores what we write but does not tell it by cable (is its job queue stopped?): "
                    "its contacts are compared every %.0f s until it does", chatwoot_pk, self._timing.poll_s
                )  # fmt: skip

    def _live_since(self, key: Hashable) -> float | None:
        held = self._held.get(key)
        return held.hold.live_since if held else None

    def _jobs_run(self, chatwoot_pk: int, *, were_stopped: bool) -> None:
        words = "again what it stores" if were_stopped else "late what it stored"
        log.warning("Chatwoot %s tells by cable %s; its contacts are compared once more", chatwoot_pk, words)
        for held in self._held.values():
            if held.upstream.chatwoot_pk == chatwoot_pk and held.left_at is None:
                self._compare(held)

    # What the hub says

    def subscribed(self, key: Hashable) -> None:
        """From now on the cable carries this contact; what happened before is compared."""
        if held := self._held.get(key):
            held.suspect = False
            self._compare(held)

    def lost(self, key: Hashable) -> None:
        """The cable no longer carries this contact; ``sweep`` compares it, unless it is soon confirmed again."""
        if held := self._held.get(key):
            held.compared_at = self._now()

    def silent(self, key: Hashable) -> None:
        """The cable does not carry this contact: compare now, and from time to time (``sweep``)."""
        if held := self._held.get(key):
            self._compare(held)

    def unanswered(self, key: Hashable) -> None:
        """Its token may not be Chatwoot's any more: read it there."""
        held = self._held.get(key)
        if held is not None and not held.suspect:
            self._suspect(held)

    def _suspect(self, held: Held) -> None:
        """One question at a time: a Chatwoot that hangs answers none for longer than a poll."""
        held.suspect = True
        if not held.checking:
            held.checking = True
            self._tasks.spawn(self._check_token(held), name=f"token {held.scope.contact_inbox_id}")

    async def _check_token(self, held: Held) -> None:
        try:
            if await self._tokens.check(held.scope):
                held.suspect = False
                self._refresh(held.scope.contact_id)
        finally:
            held.checking = False

    def canary_wanted(self, key: Hashable) -> None:
        """Somebody must prove that a socket is not deaf, and nobody on it is in view."""
        if held := self._held.get(key):
            self._tasks.spawn(self._give_canary(held.upstream), name="canary")

    async def _give_canary(self, upstream: Upstream) -> None:
        token = await self._tokens.canary(upstream.inbox_id, but=self._canaries.get(upstream.chatwoot_pk))
        if token is not None:
            self._canaries[upstream.chatwoot_pk] = token
            upstream.hub.canary(token)

    def received(self, key: Hashable, event: Event) -> None:
        held = self._held.get(key)
        if held is None:
            return  # nobody has held it for longer than the linger
        if isinstance(event, MessageCreated):
            echoes = self._echoes[held.upstream.chatwoot_pk]
            were_stopped = echoes.stopped
            if echoes.heard(event.message.id):
                self._jobs_run(held.upstream.chatwoot_pk, were_stopped=were_stopped)
        self._reception.take(held.scope, event)
