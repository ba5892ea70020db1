"""Carries deliveries to Chatwoot: claims what is due, sends it, and after any doubt looks before it sends again.

Any process may carry any delivery; the lease says whose it is just now. Whatever happens in between, the row says what
to do next: this module keeps nothing that a crash could lose.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from random import Random
from typing import TypeVar

from chat import files, lanes, outcome, sending
from chat.bridge.tasks import Tasks
from chat.budget import Urgency
from chat.chatwoot import fence
from chat.chatwoot.errors import ChatwootError, Crowded
from chat.failpoints import reached
from chat.feed import Pen
from chat.holding import Holding
from chat.lanes import Due
from chat.leases import Leases
from chat.looking import Gone, Looking
from chat.marking import Marking
from chat.outbox import Claim, Kind
from chat.places import AT_ONCE, Places
from chat.reader import Reader
from chat.sending import Misplaced
from chat.settling import Settling, is_said
from chat.settling import Timing as Timing
from chat.trouble import Trouble
from chat.upstreams import Upstream, Upstreams
from chat.writer import BUSY, Priority, Writer

log = logging.getLogger(__name__)
T = TypeVar("T")

SAY_S = 5.0  # how often is said that looks fail


class _NotOurs(Exception):
    """Somebody else has claimed it, or it need not be sent any more."""


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
        self._timing = timing or Timing()
        self._settling = Settling(self._timing, random)
        self._places = Places()
        self._leases = Leases(self._write)
        self._known: dict[int, Upstream] = {}  # of each Chatwoot the inbox used last
        self._marking = Marking(reader, self._looking)
        self._woken, self._ended, self._idle = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._closing = False
        self._relieved: Callable[[], bool] = lambda: False
        self._said_at = self._scanned_at = 0.0
        self._trouble = Trouble(
            log, ill="the courier could not read what is due", well="the courier can read again what is due"
        )
        self._scanning = Tasks()
        self._tasks = Tasks()

    def wake(self) -> None:
        """Something may be due. A hint: a scan finds it within a second anyway."""
        self._woken.set()

    def start(self) -> None:
        self._scanning.spawn(self._scan_forever(), name="courier")

    async def finish(self, *, unless: Callable[[], bool]) -> None:
        """Carry on until nothing is due any more, or ``unless`` is so, then ``close``. Cancel it to wait no longer."""
        self._relieved = unless
        self._idle.clear()
        self.wake()
        await self._idle.wait()
        await self.close()

    async def close(self) -> None:
        """Claim nothing more, let what is in flight end for a few seconds, and give back the leases of the rest.

        Whoever claims that next, another process or the next start, finds it unsure and looks.
        """
        self._closing = True
        await self._scanning.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timing.close_s):
                while self._places.taken:
                    self._ended.clear()
                    await self._ended.wait()
        held = self._leases.held()
        await self._tasks.cancel()
        await self._leases.give_back(held)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _scan_forever(self) -> None:
        while True:
            self._woken.clear()
            try:
                while await self._scan():
                    pass
                self._trouble.over()
                if not self._places.taken or self._relieved():
                    self._idle.set()
            except BUSY as error:
                self._trouble.note(error, given_up=0)
            except Exception:  # The next scan may do better; without scans nothing would ever be delivered.
                log.exception("the courier's scan failed")
            try:
                async with asyncio.timeout(self._timing.scan_s):  # wait_for may swallow the cancellation of close
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _scan(self) -> bool:
        """Take up what is due; True: a Chatwoot with many due lanes may have hidden those of another."""
        self._begin()
        full, resting = self._places.full(), {pk for pk, known in self._known.items() if self._rests(known)}
        is_fresh = self._now() < self._scanned_at + self._timing.scan_s
        if is_fresh and self._known and full | resting >= self._known.keys():
            return False
        uploads, limit = self._places.full_of_uploads(), len(self._places.taken) + 2 * AT_ONCE
        read = partial(lanes.due, lease_ms=self._timing.lease_ms, without=full | resting, without_uploads=uploads)
        self._places.find(found := await self._reader.run(read, limit=limit))
        has_more = self._begin() and len(found) == limit
        self._scanned_at = 0.0 if has_more else self._now()
        return has_more

    def _begin(self) -> bool:
        for due in (begun := [] if self._closing else self._places.take()):
            self._tasks.spawn(self._carry(due), name=f"delivery {due.delivery_id}")
        return bool(begun)

    def _rests(self, upstream: Upstream) -> bool:
        """What keeps a former address from being asked says nothing of the one in its place."""
        return not upstream.available and not self._upstreams.is_former(upstream)

    async def _carry(self, due: Due) -> None:
        release = self._holding.keep(due.contact_id)
        try:
            upstream = self._known[due.chatwoot_pk] = await self._upstreams.of(due.inbox_id)
            if await upstream.ready() and await self._handle(due, upstream):
                self.wake()  # not after an error: a database in trouble gets time until the next scan
        except BUSY as error:
            self._places.forget()
            log.error("delivery %s waits for the database: %s", due.delivery_id, error)
            await self._leases.give_back(self._leases.of(due.delivery_id))
        except Exception as error:
            await self._unforeseen(due, error)
        finally:
            release()
            self._places.leave(due)
            self._leases.forget(due.delivery_id)
            self._ended.set()
            self._begin()

    async def _unforeseen(self, due: Due, error: Exception) -> None:
        """Not to be met in the same way after each lease, or before each, for ever."""
        self._places.forget()
        claims = self._leases.of(due.delivery_id)
        for claim in claims:
            settle = partial(self._settling.not_understood, claim=claim, error=error, in_look=due.is_doubtful)
            await self._write(settle, claim.contact_id)
        if not claims:
            put_off = partial(self._settling.not_begun, delivery_id=due.delivery_id, error=error)
            if is_said(await self._write(put_off, due.contact_id)):
                log.error("delivery %s could not be begun", due.delivery_id, exc_info=error)

    async def _handle(self, due: Due, upstream: Upstream) -> bool:
        """False: it was not begun, and a scan at once would find it again."""
        if self._closing:
            return False
        if due.is_doubtful:
            return await self._look(due, upstream)
        return await self._attempt(due, upstream)

    async def _write(self, run: Callable[[Pen], T], contact_id: uuid.UUID) -> T:
        return await self._writer.write(run, contacts=(contact_id,), priority=Priority.ATTEMPT)

    # Sending

    async def _attempt(self, due: Due, upstream: Upstream) -> bool:
        marker = await self._marking.may(due, upstream)
        claim: Claim | None = None
        try:
            async with upstream.turn(Urgency.DELIVERY):  # before the claim: waiting must not use up the fence
                window_ms = upstream.link.fence_window_ms
                claim, ends_at = await self._claim(due, upstream, fenced=window_ms is not None, marker=marker)
                left_ms = ends_at - upstream.link.clock.base()
                if left_ms < self._timing.lasts_ms(fenced=window_ms is not None, size=claim.size) / 2:
                    raise Crowded("it took too long to begin")
                upstream.link.refuse_unless_open()  # another may have been told meanwhile to leave it alone
                reached("courier.before_send")
                headers = fence.header(claim.fence_at, window_ms) if window_ms is not None else {}
                sent, posted_at = upstream.link.clock.base(), self._now()
                answer = await sending.send(claim, upstream, headers, left_ms=left_ms)
                received = upstream.link.clock.base()
                reached("courier.after_send")
        except _NotOurs:
            return False
        except ChatwootError as error:
            if claim is None:
                return False  # not begun: this Chatwoot is to be left alone
            await self._settle(claim, upstream, error)
        else:
            reached("courier.before_settle")
            await self._write(answer.write, claim.contact_id)
            reached("courier.after_settle")
            if claim.kind == Kind.CONTACT:
                self._holding.refresh(claim.contact_id)
            if answer.message is not None:
                told_ms = answer.message.created_at * 1000
                upstream.link.clock.sample(sent=sent, received=received, told_ms=told_ms)
                self._holding.answered(claim.contact_inbox_id, answer.message.id, posted_at=posted_at)
        return True

    async def _claim(self, due: Due, upstream: Upstream, *, fenced: bool, marker: bool) -> tuple[Claim, int]:
        """Commit the attempt. Its end, by the clock's base and by the fence, counts from when the row is written."""
        if self._closing:
            raise _NotOurs
        clock, timing = upstream.link.clock, self._timing
        ahead_ms, ends_at = clock.now() - clock.base(), 0

        def claim(pen: Pen) -> Claim | None:
            nonlocal ends_at
            size = files.size_of(due.delivery_id) if due.has_files else 0
            ends_at = clock.base() + timing.lasts_ms(fenced=fenced, size=size)
            fence_at = ends_at + ahead_ms if fenced else 0
            return lanes.claim_attempt(pen, due.delivery_id, fence_at=fence_at, marker=marker, lease_ms=timing.lease_ms)

        claimed = await self._leases.take(claim, due.delivery_id, due.contact_id)
        if claimed is None:
            raise _NotOurs
        reached("courier.after_claim")
        return claimed, ends_at

    async def _settle(self, claim: Claim, upstream: Upstream, error: ChatwootError) -> None:
        self._places.forget()
        over_in_ms = self._looking(claim, upstream).over_in_ms
        end = outcome.judge(claim.kind, error, through_bot=claim.through_bot)
        if end.without_marker and not isinstance(error, Misplaced):
            self._marking.refused(claim.inbox_id, error)

        def settle(pen: Pen) -> None:
            if isinstance(error, Misplaced):
                sending.switch_marker_off(pen, claim.inbox_id, str(error))
            self._settling.attempted(pen, claim, error, over_in_ms=over_in_ms)

        reached("courier.before_settle")
        await self._write(settle, claim.contact_id)
        reached("courier.after_settle")

    # Looking

    def _looking(self, claim: Claim, upstream: Upstream) -> Looking:
        write = partial(self._write, contact_id=claim.contact_id)
        return Looking(claim, upstream, self._reader, write, timing=self._timing)

    async def _look(self, due: Due, upstream: Upstream) -> bool:
        take = partial(lanes.claim_look, delivery_id=due.delivery_id, lease_ms=self._timing.lease_ms)
        claim = await self._leases.take(take, due.delivery_id, due.contact_id)
        if claim is None:
            return False
        looking = self._looking(claim, upstream)
        reached("courier.while_looking")
        try:
            seen = await looking.run()
        except ChatwootError as error:
            self._say_unseen(claim, error)
            await self._write(partial(self._settling.not_seen, claim=claim, error=error), claim.contact_id)
        else:
            settle = partial(looking.settle, settling=self._settling, seen=seen, over_in_ms=looking.over_in_ms)
            await self._write(settle, claim.contact_id)
            if seen is Gone.CONTACT:
                self._holding.refresh(claim.contact_id)
        return True

    def _say_unseen(self, claim: Claim, error: ChatwootError) -> None:
        """Not each: a Chatwoot that answers no look fails those of every delivery in doubt."""
        if self._now() >= self._said_at + SAY_S:
            self._said_at = self._now()
            log.warning("looking for delivery %s: %s", claim.delivery_id, error)
