"""Writes down how an attempt or a look has ended: what ``chat.outcome`` decides, with times and an operator's words."""

import logging
import uuid
from dataclasses import dataclass
from random import Random
from typing import Self

from django.conf import settings

from chat import lanes, outbox, outcome
from chat.chatwoot.errors import Ambiguous, ChatwootError, Forbidden
from chat.feed import Pen
from chat.models import Message
from chat.outbox import Claim, Kind, State
from chat.outcome import Outcome, Step

log = logging.getLogger(__name__)

MOST_MS = 480_000  # with jitter still nearer than what counts as a clock's jump (``lanes.LONGEST_MS``)


@dataclass(frozen=True, slots=True)
class Timing:
    """The courier's bounds in one place."""

    budget_ms: int = 20_000  # what Chatwoot gets to take an attempt, if it refuses what comes later
    unfenced_ms: int = 120_000  # how long an attempt may take effect, if it does not
    margin_ms: int = 5_000  # room for clocks and scheduling after that; a slower look proves nothing
    upload_bytes_per_s: int = 262_144  # what a line to Chatwoot carries at least
    upload_most_ms: int = 80_000  # less than what the fence reaches back
    apart_ms: int = 1_000  # between two looks that prove absence together
    first_look_ms: int = 500  # after an answer was lost
    rarest_look_ms: int = 5_000  # between two looks, later on
    lease_ms: int = 60_000
    pause_ms: int = 60_000  # of an inbox that does not let us in, of what Chatwoot has too many of
    backoff_ms: int = 60_000  # the longest
    give_up_ms: int = 86_400_000
    scan_s: float = 1.0
    close_s: float = 5.0  # for what is in flight when the process stops

    @classmethod
    def from_settings(cls) -> Self:
        return cls(
            budget_ms=_ms(settings.DELIVERY_BUDGET_S),
            unfenced_ms=_ms(settings.DELIVERY_UNFENCED_S),
            upload_bytes_per_s=round(262_144 * 20 / settings.DELIVERY_BUDGET_S),
            upload_most_ms=min(80_000, _ms(settings.DELIVERY_BUDGET_S * 4)),
            margin_ms=_ms(settings.DELIVERY_MARGIN_S),
            apart_ms=_ms(settings.DELIVERY_MARGIN_S / 5),
            first_look_ms=max(10, _ms(settings.DELIVERY_MARGIN_S / 10)),
            rarest_look_ms=_ms(settings.DELIVERY_MARGIN_S),
            lease_ms=_ms(settings.DELIVERY_LEASE_S),
            pause_ms=min(_ms(settings.DELIVERY_PAUSE_S), MOST_MS),
            backoff_ms=min(_ms(settings.DELIVERY_BACKOFF_S), MOST_MS),
            give_up_ms=_ms(settings.DELIVERY_GIVE_UP_S),
        )

    def lasts_ms(self, *, fenced: bool, size: int) -> int:
        """How long an attempt with so many bytes of files may take effect."""
        longest_ms = max(0, self.upload_most_ms - self.budget_ms)
        upload_ms = min(size * 1000 // self.upload_bytes_per_s, longest_ms)
        return (self.budget_ms if fenced else self.unfenced_ms) + upload_ms

    def next_look_ms(self, waited_ms: int) -> int:
        """Often at first, when an answer was merely lost; every few seconds later on."""
        return max(self.first_look_ms, min(self.rarest_look_ms, waited_ms // 2))


def _ms(span_s: float) -> int:
    return round(span_s * 1000)


@dataclass(frozen=True, slots=True)
class Look:
    """A look that found nothing. ``over``: begun when the attempt could no longer take effect. ``prompt``: answered
    quickly; ``took_ms``: the slowest answer. ``complete``: nothing was left out."""

    over: bool
    prompt: bool = True
    complete: bool = True
    took_ms: int = 0


@dataclass(frozen=True, slots=True)
class ReadBack:
    """Whether the files of a message that was found are there. ``over``: as of a look. ``final``: it cannot be told."""

    whole: bool
    why: str = ""
    over: bool = False
    final: bool = False


class Settling:
    """All methods but the constructor run inside a writer's transaction (``pen``)."""

    def __init__(self, timing: Timing, random: Random) -> None:
        self._timing = timing
        self._random = random

    def attempted(self, pen: Pen, claim: Claim, error: ChatwootError, *, over_in_ms: int) -> None:
        """An attempt raised ``error``. ``over_in_ms``: until it can no longer take effect."""
        end = outcome.judge(claim.kind, error, through_bot=claim.through_bot)
        self._say(claim, error, end)
        if end.pauses:
            self.pause_inbox(pen, claim)
        if end.step is Step.DONE:
            outbox.done(pen, claim)
        elif end.step is Step.FAIL:
            outbox.fail(pen, claim, reason=str(error), shown=outcome.NOT_ACCEPTED)
        elif end.step is Step.DOUBT:
            repeats = claim.kind in outcome.REPEATABLE and not end.permanent
            first_ms = self._timing.first_look_ms
            self._doubt(pen, claim, error, end, wait_ms=max(first_ms, over_in_ms) if repeats else first_ms)
        else:
            crashes = claim.crashes + end.crashed
            reason = f"{error}{outcome.hint(claim.kind, error)}"
            self._later(pen, claim, reason, wait_ms=self._wait_ms(claim, end), crashes=crashes, crashed=end.crashed)

    def looked(self, pen: Pen, claim: Claim, look: Look, *, over_in_ms: int) -> None:
        """A look has ended. It changes nothing, if what it looked for was recognised."""
        looks, certain = claim.looks, False
        if claim.found and self._is_expired(pen, claim):
            self._damaged(pen, claim, "its files could not be read back in time")
            return
        if look.complete:
            finished = claim.finished or (look.over and claim.kind in outcome.REPEATABLE)
            looks, certain = outcome.certain(finished=finished, over=look.over, prompt=look.prompt, looks=looks)
        if certain:
            too_many = outcome.TOO_MANY in claim.reason
            wait_ms = self._rest_ms() if too_many else self._backoff_ms(claim.attempt - 1)
            self._later(pen, claim, claim.reason, wait_ms=wait_ms, crashes=claim.crashes, permanent=claim.permanent)
            return
        expired = self._is_expired(pen, claim)
        if expired and claim.kind in outcome.REPEATABLE:
            outbox.fail(pen, claim, reason=claim.reason, shown="")  # others wait behind it
            return
        if expired and claim.kind == Kind.CONVERSATION:
            self._fail_stranded(pen, claim, claim.reason)
        unconfirmed = expired and claim.kind == Kind.MESSAGE
        wait_ms = self._timing.pause_ms if unconfirmed else self._timing.next_look_ms(pen.now - claim.started_at)
        if looks != claim.looks:
            wait_ms = self._until_the_next(claim, look)
        elif over_in_ms > 0 and not claim.finished:
            wait_ms = min(wait_ms, max(over_in_ms, self._timing.first_look_ms))
        outbox.look_again(pen, claim, looks=looks, due_at=pen.now + wait_ms, unconfirmed=unconfirmed)

    def not_seen(self, pen: Pen, claim: Claim, error: ChatwootError) -> None:
        """A look has learnt nothing."""
        if isinstance(error, Forbidden):
            log.error("inbox %s is paused: Chatwoot does not let us in; check its row", claim.inbox_id)
            self.look_after_pause(pen, claim)
        else:
            self.looked(pen, claim, Look(over=False, complete=False), over_in_ms=0)

    def not_begun(self, pen: Pen, delivery_id: uuid.UUID, error: Exception) -> int:
        """A mistake of ours, or a row that cannot be read, before anything was claimed: others get its place.

        How often that was so, claims included; 0: another has claimed it.
        """
        delivery = lanes.unclaimed(pen, delivery_id, lease_ms=self._timing.lease_ms)
        if delivery is None:
            return 0
        times = delivery.lease_no + 1
        outbox.put_off(delivery, reason=_unforeseen(error), due_at=pen.now + self._backoff_ms(times))
        return times

    def _until_the_next(self, claim: Claim, look: Look) -> int:
        """After a slow look so long that an attempt which thawed with it has had three times what a list takes."""
        if look.prompt:
            return self._timing.apart_ms
        if claim.looks >= 0:
            words = "delivery %s: Chatwoot took %.1f s to answer a look; that nothing is there takes %d so slow ones"
            log.warning(words, claim.delivery_id, look.took_ms / 1000, outcome.ENOUGH_SLOW)
        return self._timing.margin_ms + 2 * look.took_ms

    def not_understood(self, pen: Pen, claim: Claim, error: Exception, *, in_look: bool) -> None:
        """A mistake of ours, in an attempt or a look: whatever Chatwoot did is in doubt, until that expires."""
        if is_said(claim.lease_no):  # looks follow each other closely
            log.error("delivery %s met what nobody foresaw", claim.delivery_id, exc_info=error)
        if in_look:
            self.looked(pen, claim, Look(over=False, complete=False), over_in_ms=0)
        else:
            self.attempted(pen, claim, Ambiguous(_unforeseen(error)), over_in_ms=0)

    def read_back(self, pen: Pen, claim: Claim, seen: ReadBack, *, over_in_ms: int) -> None:
        """Of a message that was found after doubt, the files were asked for."""
        if seen.whole:
            outbox.arrived(pen, claim.delivery_id)
        elif seen.over or seen.final or claim.finished or self._is_expired(pen, claim):
            self._damaged(pen, claim, seen.why)
        else:  # Chatwoot stores them after the message (contract §1.12), and may just be at it
            next_ms = self._timing.next_look_ms(pen.now - claim.started_at)
            wait_ms = min(next_ms, max(over_in_ms, self._timing.first_look_ms))
            outbox.look_again(pen, claim, looks=claim.looks, due_at=pen.now + wait_ms)

    def _damaged(self, pen: Pen, claim: Claim, why: str) -> None:
        log.error("delivery %s arrived, but perhaps not its files: %s", claim.delivery_id, why)
        outbox.arrived(pen, claim.delivery_id, note=outcome.DAMAGED)

    def pause_inbox(self, pen: Pen, claim: Claim) -> None:
        pen.change_inbox(claim.inbox_id, paused_until=pen.now + self._timing.pause_ms)

    def look_after_pause(self, pen: Pen, claim: Claim) -> None:
        """Nothing can be learnt now: the inbox is paused."""
        self.pause_inbox(pen, claim)
        outbox.look_again(pen, claim, looks=claim.looks, due_at=pen.now + self._timing.pause_ms)

    def _doubt(self, pen: Pen, claim: Claim, error: ChatwootError, end: Outcome, *, wait_ms: int) -> None:
        pen.count("ambiguous", claim.kind)
        outbox.doubt(
            pen,
            claim,
            reason=str(error),
            finished=end.finished,
            permanent=end.permanent,
            crashed=end.crashed,
            due_at=pen.now + wait_ms,
        )

    def _later(
        self,
        pen: Pen,
        claim: Claim,
        reason: str,
        *,
        wait_ms: int,
        crashes: int,
        crashed: bool = False,
        permanent: bool = False,
    ) -> None:
        """It is certainly not at Chatwoot: send it again, or give it up."""
        expired = self._is_expired(pen, claim)
        shown = outcome.reason_to_fail(
            kind=claim.kind,
            permanent=permanent,
            expired=expired,
            crashes=crashes,
            others_arrive=crashes >= outcome.POISON and _others_arrive(claim),
        )
        if shown:
            log.error(
                "%s delivery %s failed after %s attempts: %s", claim.kind, claim.delivery_id, claim.attempt, reason
            )
            outbox.fail(pen, claim, reason=reason, shown=shown)
            return
        outbox.later(pen, claim, reason=reason, due_at=pen.now + wait_ms, crashed=crashed)
        if expired:
            self._fail_stranded(pen, claim, reason)

    def _fail_stranded(self, pen: Pen, claim: Claim, reason: str) -> None:
        """What has to come into being first is tried on, but nobody is kept waiting in silence."""
        before = pen.now - self._timing.give_up_ms
        outbox.fail_stranded(pen, claim.contact_inbox_id, before=before, reason=reason, shown=outcome.NOT_DELIVERED)

    def _is_expired(self, pen: Pen, claim: Claim) -> bool:
        return pen.now - claim.created_at > self._timing.give_up_ms

    def _wait_ms(self, claim: Claim, end: Outcome) -> int:
        if end.pauses or end.rests:
            return self._rest_ms()
        return self._backoff_ms(claim.attempt) if end.wait_s is None else round(end.wait_s * 1000)

    def _rest_ms(self) -> int:
        """With jitter, so that not all come back at once."""
        return self._timing.pause_ms + round(self._random.uniform(0, self._timing.pause_ms / 4))

    def _backoff_ms(self, attempt: int) -> int:
        """Full jitter, doubling from one second."""
        return round(self._random.uniform(0, min(self._timing.backoff_ms, 1000 * 2 ** min(attempt, 20))))

    def _say(self, claim: Claim, error: ChatwootError, end: Outcome) -> None:
        if end.pauses:
            log.error("inbox %s is paused: %s", claim.inbox_id, end.alarm)
        elif end.alarm and end.without_marker:
            log.error("inbox %s: %s", claim.inbox_id, end.alarm)
        elif end.alarm:
            log.error("%s delivery %s %s", claim.kind, claim.delivery_id, end.alarm)
        elif is_said(claim.attempt):
            level = logging.ERROR if claim.attempt >= outcome.POISON else logging.WARNING
            hint = outcome.hint(claim.kind, error)
            log.log(
                level, "%s delivery %s, attempt %s: %s%s", claim.kind, claim.delivery_id, claim.attempt, error, hint
            )


def _others_arrive(claim: Claim) -> bool:
    """Since this one's first attempt, Chatwoot has taken a message of another conversation of this inbox."""
    arrived = Message.objects.filter(inbox=claim.inbox_id, chatwoot_id__gt=claim.baseline_id, state=State.SENT)
    return arrived.exclude(echo_id=None).exclude(conversation=claim.conversation_id).exists()


def is_said(times: int) -> bool:
    """1, 2, 4, 8 …: what fails all day fills no disk."""
    return times > 0 and times & (times - 1) == 0


def _unforeseen(error: Exception) -> str:
    return f"unforeseen {type(error).__name__}"
