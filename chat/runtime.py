"""Everything that belongs to a running process, put together once: writer, hubs, courier, and what the pages call."""

import asyncio
import gc
import logging
import random
import uuid
from dataclasses import dataclass, field
from typing import Self

from django.conf import settings
from django.db.models import Count, Q
from django.utils.crypto import salted_hmac

from chat import courier, liveness, notifying, presence, probing, processes, resync, rules, standstill
from chat.audience import Audience
from chat.avatars import Avatars
from chat.bridge.tasks import Tasks
from chat.clock import moment
from chat.conversations import Conversations
from chat.courier import Courier
from chat.downloads import Downloads
from chat.draining import Drain
from chat.gate import Gate, unlimited
from chat.hints import Hints
from chat.holding import Holding
from chat.models import Contact, Session
from chat.neighbours import Neighbours
from chat.notifying import Notifying
from chat.presence import Presence
from chat.probing import Probing
from chat.processes import Processes
from chat.reader import Reader
from chat.removing import Removing
from chat.resync import Resyncs
from chat.retention import Retention
from chat.sharing import Sharing
from chat.uploads import Uploads
from chat.upstreams import OpenHttp, OpenHub, Upstreams, open_http, open_hub
from chat.vitals import Vitals
from chat.writer import BUSY, Writer

# A full collection halts the loop for 80 µs a visitor (measured: 0.65 s with 8,000), and Python's own 700, 10, 10 came
# to one every seven seconds. Whoever leaves a socket is freed without (tests/chatproxy/test_collector.py). Django's
# requests are not, and those of long polls are too old for the small collections.
COLLECTIONS = 2_000, 10, 25
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """The bounds of a runtime in one place; seconds unless the name says otherwise."""

    carrying: courier.Timing = field(default_factory=courier.Timing)
    comparing: resync.Timing = field(default_factory=resync.Timing)
    hearing: liveness.Timing = field(default_factory=liveness.Timing)
    asking: probing.Timing = field(default_factory=probing.Timing)
    telling: notifying.Timing = field(default_factory=notifying.Timing)
    marking: presence.Timing = field(default_factory=presence.Timing)
    rate_per_s: float = 40  # requests to one Chatwoot, over all processes
    beat_s: float = processes.BEAT_S
    watch_s: float = 1.0  # how often contacts are swept that nobody holds any more, or the cable does not carry
    check_heads_s: float = 4.0  # with the pause of the watch, a session that ended elsewhere is over within five
    read_rules_s: float = 4.0  # so that a block holds within five
    read_rows_s: float = 30.0
    gather_hints_s: float = 1.0
    left_hints_s: float = 60.0  # after which a hint is another process's, too

    @classmethod
    def from_settings(cls) -> Self:
        return cls(
            carrying=courier.Timing.from_settings(),
            comparing=resync.Timing.from_settings(),
            hearing=liveness.Timing.from_settings(),
            asking=probing.Timing.from_settings(),
            telling=notifying.Timing.from_settings(),
            rate_per_s=settings.CHATWOOT_RATE_PER_S,
        )


class Runtime:
    """Make it on the event loop; ``start`` before use, ``stop`` at the end. Several may live side by side in tests."""

    def __init__(
        self,
        *,
        open_http: OpenHttp = open_http,
        open_hub: OpenHub = open_hub,
        chance: random.Random | None = None,
        timing: Timing | None = None,
        redis_url: str = "",
    ) -> None:
        self._timing = timing = timing or Timing()
        self.audience = Audience()
        self.drain = Drain(chance=chance)
        self.reader = Reader()
        self.writer = Writer(self.audience)
        self.gate = Gate.from_settings(
            lambda: self.reader.run(rules.read), lambda slug, name: self.reader.run(rules.mark_cap, slug, name)
        )
        self.neighbours = Neighbours(self.audience, Sharing(self.gate), url=redis_url, channel=_channel())
        self.upstreams = Upstreams(self.reader, open_http=open_http, open_hub=open_hub, rate_per_s=timing.rate_per_s)
        self.probing = Probing(self.upstreams, self.reader, timing=timing.asking)
        stores = (self.upstreams, self.writer, self.reader)
        self.processes = Processes(*stores, rate_per_s=timing.rate_per_s, beat_s=timing.beat_s)
        self.resyncs = Resyncs(*stores, timing=timing.comparing)
        self.holding = Holding(*stores, self.audience, self.resyncs, timing=timing.hearing)
        hears, spans = self.holding.liveness.hears, {"gather_s": timing.gather_hints_s, "left_s": timing.left_hints_s}
        said_of = (self.upstreams, self.holding, self.resyncs, self.audience)
        self.processes.tell = Vitals(*said_of, redis_away=lambda: self.neighbours.is_usable is False).tell
        self.hints = Hints(self.reader, self.resyncs, hears, **spans)
        chance = chance or random.Random()
        self.courier = Courier(*stores, self.holding, random=chance, timing=timing.carrying)
        self.presence = Presence(self.writer, timing=timing.marking)
        self.notifying = Notifying(self.writer, self.reader, random=chance, timing=timing.telling)
        self.uploads = Uploads(self.writer, self.reader)
        self.downloads = Downloads(self.reader, self.upstreams)
        self.avatars = Avatars(self.reader, self.upstreams)
        self.retention = Retention(self.writer, self.reader)
        self.removing = Removing(self.upstreams, self.reader)
        files = (self.uploads, self.downloads, self.avatars)
        self.conversations = Conversations(self.writer, self.reader, self.holding, self.courier, self.upstreams, *files)
        self._tasks = Tasks()

    def start(self) -> None:
        self.writer.start()
        self.processes.start()
        self.neighbours.start()
        self.courier.start()
        self.notifying.start()
        self._tasks.spawn(self._watch(), name="watch")
        self._tasks.spawn(self._tidy(), name="tidy")
        self._tasks.spawn(standstill.watch(), name="standstill")
        gc.collect()
        gc.freeze()  # what exists now stays
        gc.set_threshold(*COLLECTIONS)

    async def leave(self, *, jitter_s: float) -> None:
        """Before ``stop``: send the visitors elsewhere, each within ``jitter_s``, and deliver what they left behind.

        Unless others do: with what visitors write there, this would never come to an end.
        """
        self._tasks.spawn(self.processes.drain(), name="drain")  # the others may know; not waited for
        await self.drain.run(jitter_s=jitter_s)
        await self.courier.finish(unless=lambda: self.processes.accompanied)

    async def stop(self) -> None:
        """What is accepted stays in the database; what was under way is looked for at the next start."""
        await self._tasks.cancel()
        await self.courier.close()
        await self.notifying.close()
        await self.conversations.close()
        await self.hints.close()
        await self.holding.close()
        await self.resyncs.close()
        await self.neighbours.close()
        await self.probing.close()
        await self.upstreams.close()
        await self.processes.close()
        await self.writer.stop()
        await self.reader.stop()

    async def _watch(self) -> None:
        """The polls behind the hints: heads and sessions of everybody here, contacts the cable does not carry.

        Blocks and limits, too. Nothing here takes long: who is blocked or signed out is to be gone within 5 s.
        """
        loop = asyncio.get_running_loop()
        heads_at = rules_at = loop.time()
        while True:
            await asyncio.sleep(self._timing.watch_s)
            try:
                self.holding.sweep()
                for link in self.upstreams.links():
                    link.slowness.note(link.oldest_s)
                if loop.time() - heads_at >= self._timing.check_heads_s:
                    heads_at = loop.time()
                    await self._check_heads()
                if loop.time() - rules_at >= self._timing.read_rules_s:
                    rules_at = loop.time()
                    await self.gate.renew()
            except Exception:  # The next round may do better; without rounds nobody would ever be swept or revoked.
                log.exception("the watch failed")

    async def _tidy(self) -> None:
        """Rows that an operator may have changed, and what nobody needs any more, or is too old. It may take long."""
        while True:
            await asyncio.sleep(self._timing.read_rows_s)
            try:
                await self.upstreams.renew()
                await self.hints.sweep()
                await self.uploads.sweep()
                await self.retention.sweep()
                await self.removing.sweep()
                self.conversations.inboxes.refresh(self.holding.inboxes())
            except BUSY as error:
                log.warning("tidying waits: %s", error)
            except Exception:  # As above.
                log.exception("tidying failed")

    async def _check_heads(self) -> None:
        """Another process may have written, or ended a session: one query for heads, one for sessions."""
        listeners = self.audience.listeners()
        if not listeners:
            return
        try:
            heads = await self.reader.run(_heads, [each.contact_id for each in listeners])
            ended = await self.reader.run(_ended, [each.session_id for each in listeners])
        except BUSY as error:
            log.error("heads were not checked: %s", error)
            return
        sessions = {each.session_id for each in listeners} - ended
        await self.presence.note(sessions, now=asyncio.get_running_loop().time())
        for contact_id, epoch, head, known in heads:
            self.audience.turned(contact_id, epoch)
            self.audience.changed(contact_id, head, head)
            if known:
                self.holding.introduced(contact_id, known=known)
        for listener in listeners:
            if listener.session_id in ended:
                listener.revoked()


def _heads(contact_ids: list[uuid.UUID]) -> list[tuple[uuid.UUID, str, int, int]]:
    """(contact, epoch, head, how often Chatwoot knows them): another process may have introduced or adopted them."""
    known = Count("contact_inboxes", filter=~Q(contact_inboxes__pubsub_token=""))
    contacts = Contact.objects.filter(id__in=contact_ids).values("id", "epoch", "head").annotate(known=known)
    return list(contacts.values_list("id", "epoch", "head", "known"))


def _ended(session_ids: list[uuid.UUID]) -> set[uuid.UUID]:
    live = Session.objects.filter(id__in=session_ids, revoked_at=None, expires_at__gt=moment())
    return set(session_ids) - set(live.values_list("id", flat=True))


def _channel() -> str:
    """Of this installation: a Redis that others share has no other walls between those who publish."""
    database = settings.DATABASES["default"]
    named = f"{database.get('HOST')}:{database.get('PORT')}/{database['NAME']}"
    return f"chatproxy.{salted_hmac('chatproxy.neighbours', named, algorithm='sha256').hexdigest()[:16]}"


_current: Runtime | None = None


def current() -> Runtime:
    """The runtime of this process; the first caller starts it, on the running loop."""
    global _current
    if _current is None:
        _current = Runtime(timing=Timing.from_settings(), redis_url=settings.REDIS_URL)
        _current.start()
    return _current


def running() -> Runtime | None:
    """The runtime of this process, if it was started."""
    return _current


def broken() -> str:
    """The kind of error with which the database refuses what this process writes; empty when it does not."""
    return _current.writer.broken if _current else ""


def drain() -> Drain:
    """Who is here, and whether they are being sent elsewhere."""
    return _current.drain if _current else Drain()


def gate() -> Gate:
    """Who is let in; without a runtime nothing is counted, as nobody is served either."""
    return _current.gate if _current else unlimited()


async def drain_current(*, jitter_s: float) -> None:
    """Empty this process, if its runtime was started; cancel to wait no longer."""
    if _current is not None:
        await _current.leave(jitter_s=jitter_s)


async def stop_current() -> None:
    """Stop this process's runtime, if it was started; the next ``current`` makes a new one."""
    global _current
    if _current is not None:
        stopping, _current = _current, None
        await stopping.stop()
