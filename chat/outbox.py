"""What is on its way to Chatwoot. This module alone creates and closes deliveries.

A lane is what must stay in order: a conversation, or a contact inbox while contact and conversation are still to be
created. Of each lane only the oldest open delivery may be in flight. All functions run inside a writer's transaction
that holds the contact's lock (``pen``).

    accepted ──claim, attempt committed──► sending ──2xx with our row──► sent
    sending  ──certainly not sent────────► accepted, later
    sending  ──refused for good──────────► failed
    sending  ──anything doubtful, or our crash──► unsure ──row recognised──► sent
    unsure   ──absent for certain──► accepted, or failed if sending again would fail again
    unsure   ──24 h without certainty──► unconfirmed, which goes on looking
"""

import logging
import uuid
from dataclasses import dataclass, field

from django.db.models import Exists, F, Max, OuterRef, Q

from chat import sql
from chat.feed import Pen
from chat.models import Conversation, Delivery
from chat.sql import MessageRecord

log = logging.getLogger(__name__)

Kind = Delivery.Kind
State = Delivery.State

REPEATABLE = (Kind.CONTACT, Kind.SEEN)  # doing it twice is doing it once
LEASE_MS = 60_000
UNCONFIRMED_AFTER_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Claim:
    """A leased delivery with all that is needed to send it or to look for it. ``state`` says which: accepted → send."""

    delivery_id: uuid.UUID
    kind: str
    state: str
    attempt: int
    lease_no: int
    fence_at: int
    finished: bool
    looks: int
    started_at: int
    contact_id: uuid.UUID
    contact_inbox_id: int
    inbox_id: int
    conversation_id: uuid.UUID | None
    chatwoot_id: int | None
    baseline_id: int
    source_id: str = field(repr=False)
    content: str = field(repr=False)

    @property
    def echo_id(self) -> str:
        """Names the attempt, so that a late echo tells which of them took effect."""
        return f"{self.delivery_id}.{self.attempt}"


def parse_echo_id(text: str | None) -> uuid.UUID | None:
    """The delivery that an upstream ``echo_id`` names; None when it is not one of ours."""
    name, dot, attempt = (text or "").partition(".")
    try:
        return uuid.UUID(name) if dot and attempt.isdigit() else None
    except ValueError:
        return None


# Creating


def creation_lane(contact_inbox_id: int) -> str:
    return f"contact_inbox:{contact_inbox_id}"


def enqueue(
    pen: Pen, kind: str, conversation: Conversation, *, message_id: uuid.UUID | None = None, lane: str | None = None
) -> None:
    lane = lane or str(conversation.id)
    last = Delivery.objects.filter(lane=lane).aggregate(last=Max("position"))["last"] or 0
    Delivery.objects.create(
        kind=kind,
        contact_inbox_id=conversation.contact_inbox_id,
        conversation_id=conversation.id,
        message_id=message_id,
        lane=lane,
        position=last + 1,
        created_at=pen.now,
    )


# Claiming


def due(now: int, *, limit: int) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """(delivery, contact) of what may be claimed now, longest waiting first. Read outside any transaction."""
    earlier = Delivery.objects.filter(lane=OuterRef("lane"), position__lt=OuterRef("position"), state__in=Delivery.OPEN)
    reachable = Q(kind__in=(Kind.CONTACT, Kind.CONVERSATION)) | Q(conversation__chatwoot_id__isnull=False)
    found = Delivery.objects.filter(
        reachable,
        ~Exists(earlier),
        state__in=Delivery.OPEN,
        due_at__lte=now,
        lease_until__lte=now,
        contact_inbox__inbox__paused_until__lte=now,
        contact_inbox__inbox__chatwoot__paused_until__lte=now,
    )
    return list(found.order_by("due_at", "created_at").values_list("id", "contact_inbox__contact_id")[:limit])


def claim(pen: Pen, delivery_id: uuid.UUID, *, wait_ms: int, lease_ms: int = LEASE_MS) -> Claim | None:
    """Lease a delivery and, when it is to be sent, commit the attempt before its first byte leaves.

    ``wait_ms`` is how long after its start the attempt may still take effect. None: another process has it, or it is
    closed. A delivery found in ``sending`` had an attempt whose end nobody saw (our crash): it is unsure, or repeated.
    """
    still_open = Delivery.objects.filter(id=delivery_id, state__in=Delivery.OPEN)
    free = still_open.filter(due_at__lte=pen.now, lease_until__lte=pen.now)
    if not free.update(lease_until=pen.now + lease_ms, lease_no=F("lease_no") + 1):
        return None
    delivery = Delivery.objects.select_related("contact_inbox", "conversation", "message").get(id=delivery_id)
    found = delivery.state
    if found == State.SENDING and delivery.kind in REPEATABLE:
        found = State.ACCEPTED
    if found == State.ACCEPTED:
        _begin_attempt(pen, delivery, wait_ms)
    elif found == State.SENDING:
        found = delivery.state = State.UNSURE
        delivery.save(update_fields=["state"])
        _show(pen, delivery, State.UNSURE)
    return _claim(delivery, found)


def _begin_attempt(pen: Pen, delivery: Delivery, wait_ms: int) -> None:
    if delivery.baseline_id is None:  # before attempt 1 only: it must be older than every attempt's row
        delivery.baseline_id = sql.newest_chatwoot_id(delivery.contact_inbox.inbox.chatwoot_id)
    delivery.attempt += 1
    delivery.state = State.SENDING
    delivery.fence_at = pen.now + wait_ms
    delivery.finished, delivery.permanent, delivery.looks = False, False, 0
    delivery.started_at = pen.now
    delivery.save()


def _claim(delivery: Delivery, state: str) -> Claim:
    contact_inbox, conversation, message = delivery.contact_inbox, delivery.conversation, delivery.message
    return Claim(
        delivery_id=delivery.id,
        kind=delivery.kind,
        state=state,
        attempt=delivery.attempt,
        lease_no=delivery.lease_no,
        fence_at=delivery.fence_at,
        finished=delivery.finished,
        looks=delivery.looks,
        started_at=delivery.started_at,
        contact_id=contact_inbox.contact_id,
        contact_inbox_id=contact_inbox.pk,
        inbox_id=contact_inbox.inbox_id,
        conversation_id=conversation.id if conversation else None,
        chatwoot_id=conversation.chatwoot_id if conversation else None,
        baseline_id=delivery.baseline_id or 0,
        source_id=contact_inbox.source_id,
        content=message.content if message else "",
    )


# Settling. Only the holder of the lease may; a recognised row settles a delivery whoever holds it.


def later(pen: Pen, claim: Claim, *, reason: str, due_at: int) -> None:
    """The attempt certainly had no effect: try again at ``due_at``."""
    _settle(pen, claim, State.ACCEPTED, reason=reason, due_at=due_at)


def doubt(pen: Pen, claim: Claim, *, reason: str, finished: bool, permanent: bool, due_at: int) -> None:
    """The attempt may have had an effect: look at ``due_at``. ``finished``: nothing more comes of it."""
    _settle(pen, claim, State.UNSURE, reason=reason, finished=finished, permanent=permanent, due_at=due_at)


def looked(pen: Pen, claim: Claim, *, conclusive: bool, looks: int, wait_ms: int) -> None:
    """A look has ended. If it found nothing: ``conclusive`` says that nothing can come any more."""
    delivery = Delivery.objects.filter(id=claim.delivery_id, state__in=Delivery.OPEN).first()
    if delivery is None:
        return  # found
    if conclusive:
        state = State.FAILED if delivery.permanent else State.ACCEPTED
    else:
        old = pen.now - delivery.created_at > UNCONFIRMED_AFTER_MS
        state = State.UNCONFIRMED if old else State.UNSURE
    _settle(pen, claim, state, reason=delivery.reason, looks=looks, due_at=pen.now + wait_ms)


def fail(pen: Pen, claim: Claim, *, reason: str) -> None:
    """It was refused for good."""
    _settle(pen, claim, State.FAILED, reason=reason)


def done(pen: Pen, claim: Claim) -> None:
    """Something without a message of its own (contact, conversation, seen) has arrived."""
    _settle(pen, claim, State.SENT, reason="")


def _settle(pen: Pen, claim: Claim, state: str, *, reason: str, **values: object) -> None:
    mine = Delivery.objects.filter(id=claim.delivery_id, lease_no=claim.lease_no, state__in=Delivery.OPEN)
    if not mine.update(state=state, reason=reason[:255], lease_until=0, **values):
        return  # recognised meanwhile, or the lease was lost: whoever has it now decides
    delivery = Delivery.objects.select_related("message").get(id=claim.delivery_id)
    _show(pen, delivery, state)


def _show(pen: Pen, delivery: Delivery, state: str) -> None:
    """Tell the visitor, where the state means something new to them; ``sending`` looks like ``accepted``."""
    if delivery.message_id is None:
        return
    record = sql.message(delivery.message_id)
    reason = delivery.reason if state == State.FAILED else ""
    if record is not None and (record.state, record.reason) != (state, reason):
        pen.change_message(record._replace(state=state, reason=reason))


# Recognising


def recognise(
    *, conversation_id: uuid.UUID, chatwoot_id: int, content: str, echo_id: str | None
) -> MessageRecord | None:
    """Find the visitor's message that this incoming row of Chatwoot is, close its delivery, and return it.

    By echo, even after we gave up; else by content: one message of a conversation is in flight, so an unclaimed row
    newer than the baseline with equal text is it, also when its next attempt is waiting. None: the row is nobody's of
    ours, or a duplicate (then it is logged).
    """
    named = parse_echo_id(echo_id)
    if named is not None:
        delivery = Delivery.objects.filter(id=named, conversation=conversation_id).first()
        if delivery is not None and delivery.state == State.SENT:
            log.error("delivery %s took effect twice: message %s at Chatwoot", named, chatwoot_id)
            return None
    else:
        unfinished = Delivery.objects.filter(
            conversation=conversation_id, kind=Kind.MESSAGE, state__in=Delivery.OPEN, attempt__gt=0
        )
        matching = unfinished.filter(baseline_id__lt=chatwoot_id, message__content=content)
        delivery = matching.order_by("position").first()
    if delivery is None or delivery.message_id is None:
        return None
    Delivery.objects.filter(id=delivery.id).update(state=State.SENT, reason="", lease_until=0)
    return sql.message(delivery.message_id)


def creation_open(contact_inbox_id: int) -> bool:
    """A conversation of ours may just now come into being: an unknown one must be matched by our key, or left alone."""
    lane = creation_lane(contact_inbox_id)
    return Delivery.objects.filter(lane=lane, kind=Kind.CONVERSATION, state__in=Delivery.OPEN).exists()


def close_creation(conversation_id: uuid.UUID) -> None:
    """The conversation exists at Chatwoot."""
    opening = Delivery.objects.filter(conversation=conversation_id, kind=Kind.CONVERSATION, state__in=Delivery.OPEN)
    opening.update(state=State.SENT, reason="", lease_until=0)


def move(old_id: uuid.UUID, *, to: uuid.UUID) -> None:
    """Deliveries of one conversation go on in another's lane, after what waits there."""
    lane = str(to)
    last = Delivery.objects.filter(lane=lane).aggregate(last=Max("position"))["last"] or 0
    for delivery in Delivery.objects.filter(lane=str(old_id)).order_by("position"):
        last += 1
        Delivery.objects.filter(id=delivery.id).update(conversation_id=to, lane=lane, position=last)
