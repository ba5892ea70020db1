"""Whose turn it is: of each lane the oldest open delivery, of the lanes the one that has waited longest.

A delivery is leased under a lock of its row; ``lease_no`` names the holder, and an older holder writes nothing. Leases
save work; that nothing is doubled comes from ``fence_at``, which is committed with the attempt before its first byte.

Our clock may jump. What lies further ahead than anybody sets it counts as past, so that nothing waits for an hour.
"""

import uuid
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef, Q

from chat import files, outbox, outcome, profile, sql
from chat.claim import Person
from chat.feed import Pen
from chat.models import ContactInbox, Delivery
from chat.outbox import Claim, State

LEASE_MS = 60_000
LONGEST_MS = 600_000  # nobody waits or pauses for longer
SLACK_MS = 1_000  # by which a clock may be set back without a lease being over
CONFIRMED_MS = 600_000  # how long Chatwoot's word counts that a conversation is this visitor's

_CLAIMED = ("contact_inbox__inbox", "contact_inbox__contact", "conversation", "message")


class Due(NamedTuple):
    delivery_id: uuid.UUID
    contact_id: uuid.UUID
    inbox_id: int
    chatwoot_pk: int
    kind: str
    state: str
    has_files: bool | None = False

    @property
    def is_doubtful(self) -> bool:
        """There was an attempt: look before anything else. A contact is simply asked for again: it has our id."""
        return self.state != State.ACCEPTED and self.kind != Delivery.Kind.CONTACT

    @property
    def is_upload(self) -> bool:
        """It takes long, and so do those with which it would share the way."""
        return bool(self.has_files) and not self.is_doubtful


def due(
    now: int,
    *,
    limit: int,
    lease_ms: int = LEASE_MS,
    without: Collection[int] = (),
    without_uploads: Collection[int] = (),
) -> list[Due]:
    """What may be claimed now, longest waiting first. Outside any transaction.

    ``without``: nothing of these Chatwoots; ``without_uploads``: no files to these.
    """
    reachable = Q(kind__in=(*outcome.CREATIONS, Delivery.Kind.PROFILE)) | Q(conversation__chatwoot_id__isnull=False)
    inbox = "contact_inbox__inbox"
    found = Delivery.objects.filter(
        reachable,
        _first_of_its_lane(),
        _free(now, lease_ms),
        _past(f"{inbox}__paused_until", now, LONGEST_MS),
        _past(f"{inbox}__chatwoot__paused_until", now, LONGEST_MS),
        state__in=Delivery.OPEN,
    ).exclude(**{f"{inbox}__chatwoot__in": without})
    if without_uploads:
        uploads = {f"{inbox}__chatwoot__in": without_uploads, "message__has_files": True, "state": State.ACCEPTED}
        found = found.exclude(**uploads)
    names: tuple[str, ...] = ("id", "contact_inbox__contact_id", f"{inbox}_id", f"{inbox}__chatwoot_id")
    names += ("kind", "state", "message__has_files")
    return [Due(*row) for row in found.order_by("due_at", "created_at").values_list(*names)[:limit]]


def _first_of_its_lane() -> Q:
    earlier = Delivery.objects.filter(lane=OuterRef("lane"), position__lt=OuterRef("position"), state__in=Delivery.OPEN)
    return Q(~Exists(earlier))


def _past(name: str, now: int, ahead_ms: int) -> Q:
    return Q(**{f"{name}__lte": now}) | Q(**{f"{name}__gt": now + ahead_ms})


def _free(now: int, lease_ms: int) -> Q:
    return _past("due_at", now, LONGEST_MS) & _past("lease_until", now, lease_ms + SLACK_MS)


def claim_attempt(
    pen: Pen, delivery_id: uuid.UUID, *, fence_at: int, marker: bool = False, lease_ms: int = LEASE_MS
) -> Claim | None:
    """Lease what is to be sent, and commit the attempt before its first byte leaves.

    ``fence_at``: when, by Chatwoot's clock, the attempt can no longer take effect; 0: nothing holds it off. ``marker``:
    there is a way to send one; it is used where Chatwoot lately confirmed whose the conversation is. None: not now, or
    another has it.
    """
    waiting = Q(state=State.ACCEPTED) | Q(state__in=Delivery.IN_DOUBT, kind=Delivery.Kind.CONTACT)
    delivery = _lease(pen, delivery_id, waiting, lease_ms)
    if delivery is None:
        return None
    if delivery.baseline_id is None:  # before attempt 1 only: it must be older than every attempt's row
        delivery.baseline_id = sql.newest_chatwoot_id(delivery.contact_inbox.inbox.chatwoot_id)
    through_bot = marker and _may_carry_marker(delivery, pen.now)
    delivery.marked = through_bot and (delivery.marked or delivery.attempt == 0)
    delivery.attempt += 1
    delivery.state = State.SENDING
    delivery.started_at, delivery.fence_at = pen.now, fence_at
    delivery.finished, delivery.permanent, delivery.looks = False, False, 0
    delivery.save()
    return _claim(delivery, through_bot=through_bot)


def _may_carry_marker(delivery: Delivery, now: int) -> bool:
    """By the row: this process may not have heard yet that the marker was switched off."""
    is_off = bool(delivery.contact_inbox.inbox.marker_off)
    return not is_off and delivery.kind == Delivery.Kind.MESSAGE and _is_confirmed(delivery, now)


def claim_look(pen: Pen, delivery_id: uuid.UUID, *, lease_ms: int = LEASE_MS) -> Claim | None:
    """Lease what is in doubt. Found in ``sending``, its attempt had an end that nobody saw."""
    doubtful = Q(state__in=Delivery.IN_DOUBT) & ~Q(kind=Delivery.Kind.CONTACT)
    delivery = _lease(pen, delivery_id, doubtful, lease_ms)
    if delivery is None:
        return None
    delivery.save(update_fields=("lease_until", "lease_no"))
    if delivery.state == State.SENDING:
        outbox.abandoned(pen, delivery)
    return _claim(delivery)


def unclaimed(pen: Pen, delivery_id: uuid.UUID, *, lease_ms: int = LEASE_MS) -> Delivery | None:
    """What is due still, and nobody has."""
    return Delivery.objects.filter(_free(pen.now, lease_ms), id=delivery_id, state__in=Delivery.OPEN).first()


def to_confirm(delivery_id: uuid.UUID, now: int) -> Claim | None:
    """Not leased: a message whose conversation Chatwoot has not lately shown under our ``source_id``, so that no
    marker may be used yet."""
    messages = Delivery.objects.filter(kind=Delivery.Kind.MESSAGE, state__in=Delivery.OPEN)
    delivery = messages.select_related("contact_inbox", "conversation", "message").filter(id=delivery_id).first()
    return None if delivery is None or _is_confirmed(delivery, now) else _claim(delivery)


def _is_confirmed(delivery: Delivery, now: int) -> bool:
    conversation = delivery.conversation
    return conversation is not None and abs(now - conversation.confirmed_at) <= CONFIRMED_MS


def _lease(pen: Pen, delivery_id: uuid.UUID, such: Q, lease_ms: int) -> Delivery | None:
    """Locked by itself, too: after an adoption others may change it under another contact's lock. To be stored."""
    free = Delivery.objects.filter(_free(pen.now, lease_ms), _first_of_its_lane(), such, id=delivery_id)
    delivery = free.select_related(*_CLAIMED).select_for_update(of=("self",)).first()
    if delivery is not None:
        delivery.lease_until, delivery.lease_no = pen.now + lease_ms, delivery.lease_no + 1
    return delivery


def _payload(delivery: Delivery) -> Mapping[str, Any]:
    """Chatwoot hears with a contact what that person has said of themselves by now."""
    if delivery.kind == Delivery.Kind.CONTACT:
        return profile.for_chatwoot(delivery.contact_inbox.contact)
    payload: dict[str, Any] = delivery.payload
    return payload


def _claim(delivery: Delivery, *, through_bot: bool = False) -> Claim:
    contact_inbox, conversation, message = delivery.contact_inbox, delivery.conversation, delivery.message
    return Claim(
        delivery_id=delivery.id,
        kind=delivery.kind,
        attempt=delivery.attempt,
        lease_no=delivery.lease_no,
        fence_at=delivery.fence_at,
        finished=delivery.finished,
        permanent=delivery.permanent,
        looks=delivery.looks,
        crashes=delivery.crashes,
        reason=delivery.reason,
        started_at=delivery.started_at,
        created_at=delivery.created_at,
        contact_id=contact_inbox.contact_id,
        contact_inbox_id=contact_inbox.pk,
        chatwoot_contact_id=contact_inbox.chatwoot_contact_id,
        inbox_id=contact_inbox.inbox_id,
        conversation_id=conversation.id if conversation else None,
        message_id=message.id if message else None,
        chatwoot_id=conversation.chatwoot_id if conversation else None,
        baseline_id=delivery.baseline_id or 0,
        source_id=contact_inbox.source_id,
        content=message.content if message else "",
        payload=_payload(delivery),
        through_bot=through_bot,
        files=files.of(message.id) if message and message.has_files else (),
        found=message is not None and message.chatwoot_id is not None,
        person=_person(contact_inbox, delivery.kind),
    )


def _person(contact_inbox: ContactInbox, kind: str) -> Person | None:
    """Chatwoot is asked for a contact as somebody; one that it knows as nobody's may still be told who it is."""
    contact, is_told = contact_inbox.contact, kind == Delivery.Kind.PROFILE
    is_asked_for = kind == Delivery.Kind.CONTACT and contact_inbox.identified
    if contact.identifier is None or not (is_told or is_asked_for):
        return None
    signed = contact.signed
    return Person(contact.identifier, contact.name, signed.get("email", ""), signed.get("phone", ""))
