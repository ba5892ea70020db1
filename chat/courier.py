"""Carries deliveries to Chatwoot: claims what is due, sends it, and after any doubt looks before it sends again.

Any process may carry any delivery; the lease says whose it is just now. Whatever happens in between, the row says what
to do next: this module keeps nothing that a crash could lose.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import TypeVar

from chat import looking, mirror, outbox, sql
from chat.bridge.tasks import Tasks
from chat.budget import Urgency
from chat.chatwoot.errors import Ambiguous, ChatwootError, Forbidden, Invalid, NotFound, Refused, Throttled, Unreachable
from chat.chatwoot.resources import CONVERSATION_KEY
from chat.feed import Pen
from chat.holding import Holding
from chat.mirror import Scope
from chat.models import Chatwoot, Delivery, Inbox
from chat.outbox import Claim
from chat.reader import Reader
from chat.upstreams import Upstream, Upstreams
from chat.writer import BUSY, Priority, Writer

log = logging.getLogger(__name__)
T = TypeVar("T")

CREATIONS = (Delivery.Kind.CONTACT, Delivery.Kind.CONVERSATION)
STUBBORN = 8  # attempts after which an operator should look
AT_ONCE = 8  # httpx gets slower beyond that


@dataclass(frozen=True, slots=True)
class Timing:
    """The courier's bounds in one place."""

    unfenced_ms: int = 120_000  # how long an attempt that we gave up may still take effect
    settle_ms: int = 5_000  # room for clocks and scheduling after that
    lease_ms: int = outbox.LEASE_MS
    pause_ms: int = 60_000  # of an inbox that does not let us in
    scan_s: float = 1.0


class Courier:
    def __init__(
        self,
        upstreams: Upstreams,
        writer: Writer,
        reader: Reader,
        holding: Holding,
        *,
        random: Random,
        timing: Timing | None = None,
    ) -> None:
        self._upstreams = upstreams
        self._writer = writer
        self._reader = reader
        self._holding = holding
        self._random = random
        self._timing = timing or Timing()
        self._carrying: set[uuid.UUID] = set()
        self._woken = asyncio.Event()
        self._tasks = Tasks()

    def wake(self) -> None:
        """Something may be due. A hint: a scan finds it within a second anyway."""
        self._woken.set()

    def start(self) -> None:
        self._tasks.spawn(self._scan_forever(), name="courier")

    async def close(self) -> None:
        """Stop at once. What is under way is found unsure by whoever claims it when its lease has ended."""
        await self._tasks.cancel()

    async def _scan_forever(self) -> None:
        while True:
            self._woken.clear()
            try:
                await self._scan()
            except BUSY as error:
                log.error("the courier could not read what is due: %s", error)
            except Exception:  # The next scan may do better; without scans nothing would ever be delivered.
                log.exception("the courier's scan failed")
            try:
                async with asyncio.timeout(self._timing.scan_s):  # wait_for may swallow the cancellation of close
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _scan(self) -> None:
        free = AT_ONCE - len(self._carrying)
        if free <= 0:
            return
        now = await self._reader.run(sql.database_now)
        for delivery_id, contact_id in await self._reader.run(outbox.due, now, limit=AT_ONCE * 2):
            if delivery_id not in self._carrying and len(self._carrying) < AT_ONCE:
                self._carrying.add(delivery_id)
                self._tasks.spawn(self._carry(delivery_id, contact_id), name=f"delivery {delivery_id}")

    async def _carry(self, delivery_id: uuid.UUID, contact_id: uuid.UUID) -> None:
        release = self._holding.keep(contact_id)
        try:
            claim = await self._write(partial(self._claim, delivery_id), contact_id)
            if claim is not None:
                await self._handle(claim)
            self.wake()  # not after an error: a database in trouble gets time until the next scan
        except BUSY as error:
            log.error("delivery %s waits until its lease ends: %s", delivery_id, error)
        finally:
            release()
            self._carrying.discard(delivery_id)

    def _claim(self, delivery_id: uuid.UUID, pen: Pen) -> Claim | None:
        return outbox.claim(pen, delivery_id, wait_ms=self._timing.unfenced_ms, lease_ms=self._timing.lease_ms)

    async def _write(self, run: Callable[[Pen], T], contact_id: uuid.UUID) -> T:
        return await self._writer.write(run, contacts=(contact_id,), priority=Priority.ATTEMPT)

    async def _handle(self, claim: Claim) -> None:
        upstream = await self._upstreams.of(claim.inbox_id)
        await upstream.budget.take(Urgency.DELIVERY)
        if claim.state == outbox.State.ACCEPTED:
            await self._attempt(claim, upstream)
        else:
            await self._look(claim, upstream)

    # Sending

    async def _attempt(self, claim: Claim, upstream: Upstream) -> None:
        send = {
            Delivery.Kind.CONTACT: self._send_contact,
            Delivery.Kind.CONVERSATION: self._send_conversation,
            Delivery.Kind.MESSAGE: self._send_message,
            Delivery.Kind.SEEN: self._send_seen,
        }[Delivery.Kind(claim.kind)]
        try:
            await send(claim, upstream)
        except ChatwootError as error:
            if claim.attempt & (claim.attempt - 1) == 0:  # 1, 2, 4, 8 …: a Chatwoot that fails all day fills no disk
                level = logging.ERROR if claim.attempt >= STUBBORN else logging.WARNING
                log.log(level, "%s delivery %s, attempt %s: %s", claim.kind, claim.delivery_id, claim.attempt, error)
            await self._write(partial(self._settle, claim=claim, error=error, upstream=upstream), claim.contact_id)

    async def _send_contact(self, claim: Claim, upstream: Upstream) -> None:
        session = await upstream.api.create_contact(source_id=claim.source_id, identifier_hash=upstream.anonymous_hash)

        def created(pen: Pen) -> None:
            mirror.apply_contact(_scope(claim, upstream), session)
            outbox.done(pen, claim)

        await self._write(created, claim.contact_id)
        self._holding.refresh(claim.contact_id)

    async def _send_conversation(self, claim: Claim, upstream: Upstream) -> None:
        assert claim.conversation_id is not None
        conversation = await upstream.api.create_conversation(
            claim.source_id, custom_attributes={CONVERSATION_KEY: str(claim.conversation_id)}
        )
        created = partial(
            mirror.apply_created,
            scope=_scope(claim, upstream),
            conversation=conversation,
            created_id=claim.conversation_id,
        )
        await self._write(created, claim.contact_id)

    async def _send_message(self, claim: Claim, upstream: Upstream) -> None:
        assert claim.chatwoot_id is not None
        message = await upstream.api.create_message(
            claim.source_id, claim.chatwoot_id, content=claim.content, echo_id=claim.echo_id
        )
        answered = partial(
            mirror.apply_message,
            scope=_scope(claim, upstream),
            message=replace(message, echo_id=claim.echo_id),  # an answer names no attempt, but we know it
            read_started=claim.started_at,
        )
        await self._write(answered, claim.contact_id)

    async def _send_seen(self, claim: Claim, upstream: Upstream) -> None:
        assert claim.chatwoot_id is not None
        await upstream.api.update_last_seen(claim.source_id, claim.chatwoot_id)
        await self._write(partial(outbox.done, claim=claim), claim.contact_id)

    def _settle(self, pen: Pen, *, claim: Claim, error: ChatwootError, upstream: Upstream) -> None:
        """What an error of the attempt means for the delivery (the table of docs/architecture.md)."""
        match error:
            case Unreachable():
                outbox.later(pen, claim, reason=str(error), due_at=self._after(pen.now, claim.attempt))
            case Throttled() | Forbidden():
                outbox.later(pen, claim, reason=str(error), due_at=self._pause(pen, claim, error, upstream))
            case NotFound() if claim.kind == Delivery.Kind.CONTACT:  # we name nothing but the inbox
                log.error("inbox %s is paused: Chatwoot knows no inbox with its identifier", claim.inbox_id)
                until = self._pause_inbox(claim, pen.now)
                outbox.later(pen, claim, reason="Chatwoot knows no such inbox", due_at=until)
            case Refused() if claim.kind in CREATIONS:  # nothing of the visitor's is in it: it must come right one day
                log.error("%s delivery %s was refused: %s", claim.kind, claim.delivery_id, error)
                outbox.later(pen, claim, reason=str(error), due_at=pen.now + self._timing.pause_ms)
            case Refused():
                log.error("delivery %s was refused: %s", claim.delivery_id, error)
                outbox.fail(pen, claim, reason="Chatwoot does not take this message.")
            case _ if claim.kind == Delivery.Kind.CONTACT:  # repeatable: it has our source_id
                outbox.later(pen, claim, reason=str(error), due_at=self._after(pen.now, claim.attempt))
            case _ if claim.kind == Delivery.Kind.SEEN:  # a mark: it took effect or the next one says more
                outbox.done(pen, claim)
            case _:
                finished = isinstance(error, Ambiguous) and error.finished
                permanent = isinstance(error, Invalid) and error.permanent and claim.kind not in CREATIONS
                reason = "Chatwoot does not take this message." if permanent else str(error)
                due_at = pen.now + looking.next_look_ms(0)
                outbox.doubt(pen, claim, reason=reason, finished=finished, permanent=permanent, due_at=due_at)

    def _pause(self, pen: Pen, claim: Claim, error: Throttled | Forbidden, upstream: Upstream) -> int:
        """Ask nothing more of this Chatwoot, or for this inbox, for a while; until when, ms."""
        if isinstance(error, Throttled):
            until = pen.now + round(error.retry_after_s * 1000)
            Chatwoot.objects.filter(pk=upstream.chatwoot_pk).update(paused_until=until)
        else:
            log.error("inbox %s is paused: Chatwoot does not let us in; check its row", claim.inbox_id)
            until = self._pause_inbox(claim, pen.now)
        return until

    def _pause_inbox(self, claim: Claim, now: int) -> int:
        until = now + self._timing.pause_ms
        Inbox.objects.filter(pk=claim.inbox_id).update(paused_until=until)
        return until

    def _after(self, now: int, attempt: int) -> int:
        """Full jitter, doubling from one second to a minute."""
        return now + round(1000 * self._random.uniform(0, min(60, 2**attempt)))

    # Looking

    async def _look(self, claim: Claim, upstream: Upstream) -> None:
        begun = await self._reader.run(sql.database_now)
        over = claim.finished or begun >= claim.fence_at + self._timing.settle_ms
        try:
            await self._find(claim, upstream)
        except ChatwootError as error:
            log.warning("looking for delivery %s: %s", claim.delivery_id, error)
            over = False
            if isinstance(error, Throttled | Forbidden):
                pause = partial(self._pause, claim=claim, error=error, upstream=upstream)
                await self._write(pause, claim.contact_id)
        looks = claim.looks + 1 if over else claim.looks
        conclusive = over and (claim.finished or looks >= looking.ENOUGH)
        wait_ms = self._after(0, claim.attempt - 1) if conclusive else looking.next_look_ms(begun - claim.started_at)
        looked = partial(outbox.looked, claim=claim, conclusive=conclusive, looks=looks, wait_ms=wait_ms)
        await self._write(looked, claim.contact_id)

    async def _find(self, claim: Claim, upstream: Upstream) -> None:
        scope = _scope(claim, upstream)
        write: Callable[[Callable[[Pen], None]], Awaitable[None]] = partial(self._write, contact_id=claim.contact_id)
        if claim.kind == Delivery.Kind.CONVERSATION:
            await looking.for_conversation(claim, upstream, scope, self._reader, write)
        else:
            await looking.for_message(claim, upstream, scope, self._reader, write)


def _scope(claim: Claim, upstream: Upstream) -> Scope:
    return Scope(claim.contact_id, claim.contact_inbox_id, claim.inbox_id, claim.source_id, upstream.chatwoot_inbox_id)
