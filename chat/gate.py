"""Who may come in, and how much of them is taken: limits and blocks, at every call, socket and message.

Asked on the loop and answered from memory, in microseconds. Limits are counted in each process by itself; what others
took is learnt from them where there is a Redis (``chat.sharing``).
"""

import asyncio
import logging
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol, Self

from django.conf import settings

from chat import networks
from chat.challenge import Challenge, ask, challenge_of
from chat.limits import AGAIN_S, CAPPED_S, CAPS, WORDS, Buckets, Limits, Places, Rate
from chat.models import Inbox
from chat.networks import Address
from chat.rules import EVERYWHERE, Rules
from chat.wire.errors import Code, Refusal
from chat.writer import BUSY

log = logging.getLogger(__name__)

SAY_S = 60.0  # how often is said who was turned away
MOST_NOTED = 1_000
ALARM_S = 3_600.0  # a cap that stays reached is told of again
CHALLENGE_SPAN_S = 600
UNDRAWABLE = 5  # uploads: for so many counts a picture that cannot be drawn anew


class Guest(Protocol):
    """A socket or a waiting long poll."""

    def turn_away(self, refusal: Refusal) -> None:
        """Say why, and end. Must neither block nor raise."""


class _Here(NamedTuple):
    address: Address | None
    session_id: uuid.UUID | None = None
    contact_id: uuid.UUID | None = None
    slug: str = EVERYWHERE


class Gate:
    """All methods run on the loop. ``read`` reads the rules; without it there are none but ``limits``.

    ``mark`` writes down for operators that an inbox has reached a cap: its slug, and the limit's name.
    """

    def __init__(
        self,
        *,
        limits: Limits,
        read: Callable[[], Awaitable[Rules]] | None = None,
        mark: Callable[[str, str], Awaitable[None]] | None = None,
        challenge: Challenge | None = None,
        challenge_after: int = 0,
        buckets: Buckets | None = None,
    ) -> None:
        self.rules = Rules()
        self._limits = limits
        self._read = read
        self._mark = mark
        self.taken: Callable[[str, str, str, int], None] | None = None  # limit, whose, inbox, amount
        self._challenge = challenge
        self._unasked = (Rate(challenge_after, CHALLENGE_SPAN_S, challenge_after),) if challenge_after else ()
        self._buckets = Buckets() if buckets is None else buckets
        self._places = Places()
        self._here: dict[Guest, _Here] = {}
        self._has_rules = read is None
        self._reading = asyncio.Lock()
        self.turned_away: Counter[str] = Counter()  # by what
        self._refused: Counter[tuple[str, str]] = Counter()
        self._said_at, self._said_forgotten = -SAY_S, 0
        self._alarmed_at: dict[tuple[str, str], float] = {}
        self._unmarked: dict[str, str] = {}

    @classmethod
    def from_settings(
        cls, read: Callable[[], Awaitable[Rules]], mark: Callable[[str, str], Awaitable[None]] | None = None
    ) -> Self:
        """Raises ImproperlyConfigured."""
        return cls(
            limits=settings.LIMITS,
            read=read,
            mark=mark,
            challenge=challenge_of(settings.SESSION_CHALLENGE),
            challenge_after=settings.SESSION_CHALLENGE_AFTER,
        )

    @property
    def guests(self) -> int:
        """How many are here."""
        return len(self._here)

    # The rules

    async def ready(self) -> None:
        """Wait for the first reading of the rules; a database in trouble is asked again by the next."""
        if not self._has_rules:
            async with self._reading:
                if not self._has_rules:
                    await self.renew()

    async def renew(self) -> None:
        """Read the rules again, and send away whom they block now. To be called every few seconds."""
        if self._read is None:
            return
        try:
            self.rules = await self._read()
            self._has_rules = True
        except BUSY as error:
            log.error("blocks and limits were not read: %s", error)
            return
        for guest, here in list(self._here.items()):
            if self.rules.block(here.address, here.contact_id, here.slug):
                guest.turn_away(Refusal(Code.BLOCKED))
        self._say_refused()
        await self._mark_caps()

    # Coming in. Each raises Refusal

    async def begin(self, request: Any, inbox: Inbox, *, proven: str = "") -> None:
        """A new session at this inbox. ``proven``: by which identifier; counted for nobody else, and not challenged."""
        address = networks.parse(request.META.get("REMOTE_ADDR", ""))
        who = networks.key(address)
        self._check(address, None, inbox.slug)
        if proven:
            self._take("sign_ins", uuid.uuid5(uuid.NAMESPACE_URL, f"{inbox.slug}/{proven}"), inbox.slug)
            return
        self._take("sessions", who, inbox.slug)
        if self._challenge is not None and not self._passes_unasked(who):
            await self._ask(self._challenge, request, inbox)
        self._take("inbox_day_sessions", inbox.slug, inbox.slug)

    def _passes_unasked(self, who: str) -> bool:
        return bool(self._unasked) and not self._buckets.take(("unasked", who), self._unasked)

    async def _ask(self, challenge: Challenge, request: Any, inbox: Inbox) -> None:
        why_not = await ask(challenge, request, inbox)
        if why_not is not None:
            self.note("challenge", inbox.slug)
            raise Refusal(Code.CHALLENGED, why_not)

    def knock(self, peer: str, name: str = "address_calls", amount: int = 1) -> None:
        """Any call, before it is known whose it is. ``name``: the limit of an address that counts it; 0: only asks."""
        self._take(name, networks.key(networks.parse(peer)), EVERYWHERE, amount)

    def admit(self, peer: str, *, contact_id: uuid.UUID, slug: str) -> None:
        """Somebody who has a session, whatever they want."""
        self._check(networks.parse(peer), contact_id, slug)

    def call(self, peer: str, *, session_id: uuid.UUID, contact_id: uuid.UUID, slug: str) -> None:
        self.admit(peer, contact_id=contact_id, slug=slug)
        self._take("calls", session_id, slug)

    def enter(self, guest: Guest, peer: str) -> None:
        """Somebody connects, and has said nothing yet. Whoever has entered must ``leave``."""
        address = networks.parse(peer)
        self._take("address_calls", networks.key(address), EVERYWHERE)
        self._check(address, None, EVERYWHERE)
        self._occupy("address_sockets", networks.key(address), EVERYWHERE)
        self._here[guest] = _Here(address)

    def recognise(self, guest: Guest, *, session_id: uuid.UUID, contact_id: uuid.UUID, slug: str) -> None:
        """It is known now whose it is."""
        address = self._here[guest].address
        self._check(address, contact_id, slug)
        self._occupy("session_sockets", session_id, slug)
        self._here[guest] = _Here(address, session_id, contact_id, slug)

    def leave(self, guest: Guest) -> None:
        """May be called of somebody who never entered."""
        if (here := self._here.pop(guest, None)) is not None:
            self._places.leave(("address_sockets", networks.key(here.address)))
            if here.session_id is not None:
                self._places.leave(("session_sockets", here.session_id))

    # Doing something. Each raises Refusal

    def message(self, contact_id: uuid.UUID, slug: str) -> None:
        """Whatever agents get to see of it: a message, an answer, an end."""
        self._take("messages", contact_id, slug)
        self._take("inbox_messages", slug, slug)
        self._take("inbox_day_messages", slug, slug)

    def log_in(self, peer: str) -> None:
        """An operator at the admin, or whoever tries passwords there."""
        self.knock(peer, "admin_logins")

    def export(self, contact_id: uuid.UUID, slug: str) -> None:
        """All that is held of somebody is read at once."""
        self._take("exports", contact_id, slug)

    def transcript(self, recipient: str, *, session_id: uuid.UUID, contact_id: uuid.UUID, slug: str) -> None:
        """A conversation goes out by e-mail. The address is neither kept nor said aloud."""
        self._take("session_transcripts", session_id, slug)
        self._take("transcripts", contact_id, slug)
        self._take("transcript_addresses", uuid.uuid5(uuid.NAMESPACE_URL, f"{slug}/{recipient.lower()}"), slug)
        self._take("inbox_transcripts", slug, slug)

    def look_up(self, peer: str, slug: str) -> None:
        """Something that needs no session, at this inbox."""
        address = networks.parse(peer)
        self._check(address, None, slug)
        self._take("articles", networks.key(address), slug)

    def upload(self, peer: str, contact_id: uuid.UUID, slug: str, *, size: int) -> None:
        self._take("address_uploads", networks.key(networks.parse(peer)), slug)
        self._take("uploads", contact_id, slug)
        self._take("upload_bytes", contact_id, slug, size)

    def undrawable(self, peer: str, contact_id: uuid.UUID, slug: str) -> None:
        """It has come by as one upload, and took the processor. Raises nothing."""
        self._spend("address_uploads", networks.key(networks.parse(peer)), slug, UNDRAWABLE - 1)
        self._spend("uploads", contact_id, slug, UNDRAWABLE - 1)

    # How it is decided

    def _check(self, address: Address | None, contact_id: uuid.UUID | None, slug: str) -> None:
        if self.rules.block(address, contact_id, slug):
            self.note("blocked", str(contact_id or networks.key(address)))
            raise Refusal(Code.BLOCKED)

    def _take(self, name: str, who: object, slug: str, amount: int = 1) -> None:
        rates = self._of(slug).rates[name]
        wait_s = self._buckets.take((name, str(who)), rates, amount)
        if wait_s:
            self.note(name, str(who))
            if name in CAPS:
                self._alarm(name, slug)
                wait_s = max(wait_s, CAPPED_S)
            raise Refusal(Code.TOO_FAST, WORDS[name], retry_after_s=wait_s)
        if self.taken and rates and amount:
            self.taken(name, str(who), slug, amount)

    def _spend(self, name: str, who: object, slug: str, amount: int) -> None:
        """As far as there is something to take."""
        self.heard(name, str(who), slug, amount)
        if self.taken and self._of(slug).rates[name]:
            self.taken(name, str(who), slug, amount)

    def heard(self, name: str, who: str, slug: str, amount: int) -> None:
        """Another process let that through."""
        self._buckets.spend((name, who), self._of(slug).rates.get(name, ()), amount)

    def _occupy(self, name: str, who: object, slug: str) -> None:
        if not self._places.enter((name, who), self._of(slug).counts[name]):
            self.note(name, str(who))
            raise Refusal(Code.TOO_FAST, WORDS[name], retry_after_s=AGAIN_S)

    def _of(self, slug: str) -> Limits:
        return self.rules.limits.get(slug, self._limits)

    # What is said about it: once a minute, however many they were

    def note(self, name: str, who: str) -> None:
        self.turned_away[name] += 1
        is_room = (name, who) in self._refused or len(self._refused) < MOST_NOTED
        self._refused[name, who if is_room else "others"] += 1

    def _say_refused(self) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._said_at + SAY_S:
            return
        if self._refused:
            words = ", ".join(f"{count} by {name} ({who})" for (name, who), count in self._refused.most_common(10))
            log.warning("turned away, most often: %s", words)
        if forgotten := self._buckets.forgotten - self._said_forgotten:
            log.warning("more visitors at once than limits are counted for: %d began anew", forgotten)
        self._said_at, self._said_forgotten = now, self._buckets.forgotten
        self._refused.clear()

    def _alarm(self, name: str, slug: str) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._alarmed_at.get((name, slug), now - ALARM_S) + ALARM_S:
            self._alarmed_at[name, slug] = now
            self._unmarked[slug] = name
            log.error("inbox %s has reached its cap %s: visitors are turned away; see docs/abuse.md", slug, name)

    async def _mark_caps(self) -> None:
        while self._mark and self._unmarked:
            slug, name = self._unmarked.popitem()
            try:
                await self._mark(slug, name)
            except BUSY as error:
                self._unmarked[slug] = name
                log.error("it was not written down that inbox %s has reached a cap: %s", slug, error)
                return


def unlimited() -> Gate:
    """Lets everybody in; for what is looked at alone."""
    return Gate(limits=Limits.of({"all": "off"}))
