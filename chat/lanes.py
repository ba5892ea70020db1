"""Whose turn it is: of each lane the oldest open delivery, of the lanes the one that has waited longest.

A delivery is leased under a lock of its row; ``lease_no`` names the holder, and an older holder writes nothing. Leases
save work; that nothing is doubled comes from ``fence_at``, which is committed with the attempt before its first byte.

Our clock may jump. What lies further ahead than anybody sets it counts as past, so that nothing waits for an hour.
"""

import uuid
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from chat import files, outbox, profile, queues, sql
from chat.claim import Person
from chat.feed import Pen
from chat.fields import decrypted
from chat.models import ContactInbox, Conversation
from chat.outbox import Claim, Kind, State
from chat.queues import Held
from chat.records import DeliveryRecord

LEASE_MS = 60_000
LONGEST_MS = 600_000  # nobody waits or pauses for longer
SLACK_MS = 1_000  # by which a clock may be set back without a lease being over
CONFIRMED_MS = 600_000  # how long Chatwoot's word counts that a conversation is this visitor's


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
        return self.state != State.ACCEPTED and self.kind != Kind.CONTACT

    @property
    def is_upload(self) -> bool:
        """It takes long, and so do those with which it would share the way."""
        return bool(self.has_files) and not self.is_doubtful


def due(
    now: int | None = None,
    *,
    limit: int,
    lease_ms: int = LEASE_MS,
    without: Collection[int] = (),
    without_uploads: Collection[int] = (),
) -> list[Due]:
    """What may be claimed now, by the database's clock, longest waiting first. Outside any transaction.

    ``without``: nothing of these Chatwoots; ``without_uploads``: no files to these.
    """
    times = _times(sql.database_now() if now is None else now, lease_ms)
    rows = queues.due(times, limit=limit, without=without, without_uploads=without_uploads)
    return [Due(*row) for row in rows]


def _times(now: int, lease_ms: int) -> dict[str, int]:
    """Now, and what lies further ahead than anybody sets it."""
    return {"now": now, "far": now + LONGEST_MS, "far_leased": now + lease_ms + SLACK_MS}


def claim_attempt(
    pen: Pen, delivery_id: uuid.UUID, *, fence_at: int, marker: bool = False, lease_ms: int = LEASE_MS
) -> Claim | None:
    """Lease what is to be sent, and commit the attempt before its first byte leaves.

    ``fence_at``: when, by Chatwoot's clock, the attempt can no longer take effect; 0: nothing holds it off. ``marker``:
    there is a way to send one; it is used where Chatwoot lately confirmed whose the conversation is. None: not now, or
    another has it.
    """
    held = queues.held(delivery_id, queues.TO_SEND, _times(pen.now, lease_ms), lock=True)
    if held is None:
        return None
    delivery = held.delivery
    baseline_id = delivery.baseline_id
    if baseline_id is None:  # before attempt 1 only: it must be older than every attempt's row
        baseline_id = sql.newest_chatwoot_id(held.chatwoot_pk)
    through_bot = marker and _may_carry_marker(held, pen.now)
    attempt = _leased(delivery, pen.now, lease_ms)._replace(
        state=State.SENDING,
        attempt=delivery.attempt + 1,
        baseline_id=baseline_id,
        marked=through_bot and (delivery.marked or delivery.attempt == 0),
        started_at=pen.now,
        fence_at=fence_at,
        finished=False,
        permanent=False,
        looks=0,
    )
    queues.store(attempt)
    return _claim(held, attempt, through_bot=through_bot, confirmed=_is_confirmed(held, pen.now))


def _leased(delivery: DeliveryRecord, now: int, lease_ms: int) -> DeliveryRecord:
    return delivery._replace(lease_until=now + lease_ms, lease_no=delivery.lease_no + 1)


def _may_carry_marker(held: Held, now: int) -> bool:
    """By the row: this process may not have heard yet that the marker was switched off."""
    return not held.marker_off and held.delivery.kind == Kind.MESSAGE and _is_confirmed(held, now)


def claim_look(pen: Pen, delivery_id: uuid.UUID, *, lease_ms: int = LEASE_MS) -> Claim | None:
    """Lease what is in doubt. Found in ``sending``, its attempt had an end that nobody saw."""
    held = queues.held(delivery_id, queues.TO_LOOK_FOR, _times(pen.now, lease_ms), lock=True)
    if held is None:
        return None
    delivery = _leased(held.delivery, pen.now, lease_ms)
    queues.store(delivery)
    if delivery.state == State.SENDING:
        outbox.abandoned(pen, delivery)
    return _claim(held, delivery)


def unclaimed(pen: Pen, delivery_id: uuid.UUID, *, lease_ms: int = LEASE_MS) -> DeliveryRecord | None:
    """What is due still, and nobody has."""
    held = queues.held(delivery_id, queues.TO_PUT_OFF, _times(pen.now, lease_ms), lock=False)
    return held.delivery if held else None


def to_confirm(delivery_id: uuid.UUID, now: int) -> Claim | None:
    """Not leased: a message whose conversation Chatwoot has not lately shown under our ``source_id``, so that no
    marker may be used yet."""
    held = queues.held(delivery_id, queues.TO_CONFIRM, {}, lock=False)
    return None if held is None or _is_confirmed(held, now) else _claim(held, held.delivery)


def _is_confirmed(held: Held, now: int) -> bool:
    return held.confirmed_at is not None and abs(now - held.confirmed_at) <= CONFIRMED_MS


def _claim(held: Held, delivery: DeliveryRecord, *, through_bot: bool = False, confirmed: bool = False) -> Claim:
    payload, person = _told(held, delivery)
    attributes, placed, labels = _annotated(delivery)
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
        contact_id=held.contact_id,
        contact_inbox_id=delivery.contact_inbox_id,
        chatwoot_contact_id=held.chatwoot_contact_id,
        inbox_id=held.inbox_id,
        conversation_id=delivery.conversation_id,
        message_id=delivery.message_id,
        chatwoot_id=held.chatwoot_id,
        baseline_id=delivery.baseline_id or 0,
        source_id=decrypted(held.source_id, "ContactInbox.source_id"),
        content=held.content or "",
        payload=payload,
        attributes=attributes,
        placed=placed,
        labels=labels,
        through_bot=through_bot,
        confirmed=confirmed,
        files=files.of(delivery.message_id) if delivery.message_id and held.has_files else (),
        found=held.message_chatwoot_id is not None,
        person=person,
    )


def _told(held: Held, delivery: DeliveryRecord) -> tuple[Mapping[str, Any], Person | None]:
    """The payload, and as whom Chatwoot is to know somebody. With a contact it hears what that person has said of
    themselves by now."""
    if delivery.kind not in (Kind.CONTACT, Kind.PROFILE):
        return delivery.payload, None
    contact_inbox = ContactInbox.objects.select_related("contact").get(pk=delivery.contact_inbox_id)
    told = profile.for_chatwoot(contact_inbox.contact) if delivery.kind == Kind.CONTACT else {}
    return delivery.payload | told, _person(contact_inbox, delivery.kind)


def _annotated(delivery: DeliveryRecord) -> tuple[Mapping[str, Any], Collection[str], Mapping[str, str]]:
    """What is said of its conversation, for the kinds that tell it; others cost no statement."""
    if delivery.conversation_id is None or delivery.kind not in (Kind.CONVERSATION, Kind.ATTRIBUTES, Kind.LABELS):
        return {}, (), {}
    told = Conversation.objects.values_list("attributes", "placed", "labels")
    return told.get(id=delivery.conversation_id)


def _person(contact_inbox: ContactInbox, kind: str) -> Person | None:
    """Chatwoot is asked for a contact as somebody; one that it knows as nobody's may still be told who it is."""
    contact, is_told = contact_inbox.contact, kind == Kind.PROFILE
    is_asked_for = kind == Kind.CONTACT and contact_inbox.identified
    if contact.identifier is None or not (is_told or is_asked_for):
        return None
    signed = contact.signed
    return Person(contact.identifier, contact.name, signed.get("email", ""), signed.get("phone", ""))
