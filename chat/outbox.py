"""What is on its way to Chatwoot. This module alone creates and closes deliveries; ``chat.lanes`` says who is next.

A lane is what must stay in order: a conversation, or a contact inbox while contact and conversation are still to be
created. All functions run inside a writer's transaction that holds the contact's lock (``pen``).

    accepted ──attempt committed──────────► sending ──2xx with our row──► sent
    sending  ──certainly not sent────────► accepted, later
    sending  ──refused for good──────────► failed
    sending  ──anything doubtful, or our crash──► unsure ──row recognised──► sent
    unsure   ──absent for certain──► accepted, or failed if sending again would fail again
    unsure   ──24 h without certainty──► unconfirmed, which goes on looking
"""

import logging
import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest

from chat import labelling, order, queues, snapshot, sql, trail
from chat.claim import WANTED
from chat.claim import Claim as Claim
from chat.claim import parse_echo_id as parse_echo_id
from chat.feed import Pen
from chat.models import ContactInbox, Conversation, Delivery, Message
from chat.records import AnyDelivery, ConversationRecord, DeliveryRecord
from chat.showing import about, show

log = logging.getLogger(__name__)

Kind = Delivery.Kind
State = Delivery.State

_UNTRIED = Q(state=State.ACCEPTED, attempt=0)
_SPEAKING = (Kind.ANSWER, Kind.ATTRIBUTES, Kind.LABELS)  # what is sent again only with its payload
WRITTEN_IN = "written_in"  # in the payload of a conversation: it may hold messages that we do not remember


# Creating


def creation_lane(contact_inbox_id: int) -> str:
    return f"contact_inbox:{contact_inbox_id}"


def enqueue(
    pen: Pen,
    kind: str,
    conversation: Conversation | ConversationRecord,
    *,
    message_id: uuid.UUID | None = None,
    lane: str | None = None,
    position: int = 0,
    payload: Mapping[str, Any] | None = None,
    not_before: int = 0,
) -> None:
    names = {"contact_inbox_id": conversation.contact_inbox_id, "conversation_id": conversation.id}
    values = names | {"message_id": message_id, "payload": payload or {}}
    _create(pen, kind, lane or str(conversation.id), position=position, not_before=not_before, **values)


def _create(pen: Pen, kind: str, lane: str, *, position: int = 0, not_before: int = 0, **values: Any) -> None:
    at, due_at = position or order.tail(lane), max(pen.now, not_before)
    queues.add(DeliveryRecord(uuid.uuid4(), kind, lane=lane, position=at, due_at=due_at, created_at=pen.now, **values))


def enqueue_creation(pen: Pen, conversation: Conversation | ConversationRecord) -> None:
    """Let the conversation come into being at Chatwoot, and its person before it, if Chatwoot does not know them."""
    lane = creation_lane(conversation.contact_inbox_id)
    opening = Delivery.objects.filter(lane=lane, state__in=Delivery.OPEN)
    is_unknown = ContactInbox.objects.filter(pk=conversation.contact_inbox_id, pubsub_token="").exists()
    if is_unknown and not opening.filter(kind=Kind.CONTACT).exists():
        enqueue(pen, Kind.CONTACT, conversation, lane=lane, payload=trail.payload())
    if not opening.filter(kind=Kind.CONVERSATION, conversation=conversation.id).exists():
        enqueue(pen, Kind.CONVERSATION, conversation, lane=lane, payload=trail.payload())
        labels = Conversation.objects.values_list("labels", flat=True).get(id=conversation.id)
        if wanted := labelling.shown(labels):
            enqueue(pen, Kind.LABELS, conversation, payload={WANTED: dict.fromkeys(wanted, True)})
    for each in opening.filter(_UNTRIED, kind=Kind.PROFILE):
        order.to_the_tail(each.id)  # it may wait for the end of a pause, and what was written would wait with it


def enqueue_profile(pen: Pen, contact_inbox: ContactInbox, payload: Mapping[str, Any]) -> None:
    """Tell Chatwoot who this is. What waits becomes one; what the contact's own creation will carry needs none."""
    lane = creation_lane(contact_inbox.pk)
    open_still = Delivery.objects.filter(lane=lane, state__in=Delivery.OPEN)
    if contact_inbox.chatwoot_contact_id is None and not open_still.filter(kind=Kind.CONTACT, attempt__gt=0).exists():
        return
    waiting = open_still.filter(_UNTRIED, kind=Kind.PROFILE).first()
    if waiting is None:
        not_before = order.end_of_pause(lane, Kind.PROFILE, pen.now)
        _create(pen, Kind.PROFILE, lane, not_before=not_before, contact_inbox_id=contact_inbox.pk, payload=payload)
    else:
        told = dict.fromkeys(waiting.payload["custom_attributes"], "") | payload["custom_attributes"]
        Delivery.objects.filter(id=waiting.id).update(payload={**payload, "custom_attributes": told})


def requeue(pen: Pen, delivery: Delivery) -> bool:
    """Send again what failed (at the tail of its lane) or was never confirmed (in its place; a duplicate is possible).

    It stays the same delivery, so that an earlier attempt that turns up after all is still recognised. A message whose
    conversation Chatwoot has lost (``chat.reissued``) begins it again. False: it is neither, or was emptied. The caller
    wakes the courier, or waits a second.
    """
    is_empty = delivery.message.deleted if delivery.message else delivery.kind in _SPEAKING and not delivery.payload
    if delivery.state not in (State.FAILED, State.UNCONFIRMED) or is_empty:
        return False
    if delivery.state == State.FAILED:
        delivery.position = order.tail(delivery.lane)
    else:
        log.warning("delivery %s is sent again without certainty: a duplicate is possible", delivery.id)
    delivery.state, delivery.reason, delivery.permanent, delivery.crashes = State.ACCEPTED, "", False, 0
    delivery.created_at = delivery.due_at = pen.now  # it gets its full time again
    delivery.lease_until, delivery.lease_no = 0, delivery.lease_no + 1
    delivery.save()
    show(pen, delivery, State.ACCEPTED)
    order.show_waiting(pen, delivery.lane)
    if delivery.kind == Kind.MESSAGE and delivery.conversation and delivery.conversation.chatwoot_id is None:
        enqueue_creation(pen, delivery.conversation)
    return True


def discard(pen: Pen, delivery: Delivery) -> None:
    """The visitor gave up what failed or was never confirmed: empty it; the lane goes on."""
    _close(pen, delivery, State.FAILED, "discarded by the visitor", discarded=True)
    if delivery.message_id and (record := sql.message(delivery.message_id)) is not None:
        pen.change_message(snapshot.emptied(record))


def forget_answers(pen: Pen, conversation_id: uuid.UUID, *, to: int) -> None:
    """The form with this number was deleted: what was answered leaves the database; one that waits is given up."""
    for delivery in Delivery.objects.filter(conversation=conversation_id, kind=Kind.ANSWER, payload__message_id=to):
        if delivery.state in Delivery.OPEN:
            _close(pen, delivery, State.FAILED, "what it answers was deleted", discarded=True)
        Delivery.objects.filter(id=delivery.id).update(payload={})


def distrust(chatwoot_id: int, *, now: int) -> int:
    """After a restore: what the backup has as on its way to this Chatwoot may have arrived since, so look for it first.

    An attempt that nobody here remembers may have begun just now, and no fence is known to hold it off. A contact is
    simply asked for again: it has our id. Nothing is numbered, since all devices must start again. How many.
    """
    open_still = Delivery.objects.filter(state__in=(State.ACCEPTED, State.SENDING, State.UNSURE))
    doubtful = open_still.filter(contact_inbox__inbox__chatwoot=chatwoot_id).exclude(kind=Kind.CONTACT)
    Message.objects.filter(delivery__in=doubtful).update(state=State.UNSURE, reason="")
    doubtful.filter(kind=Kind.CONVERSATION).update(payload={WRITTEN_IN: True})
    return doubtful.update(
        state=State.UNSURE,
        attempt=Greatest(F("attempt"), 1),
        baseline_id=Coalesce(F("baseline_id"), sql.newest_chatwoot_id(chatwoot_id)),
        marked=False,  # that attempt may have gone without
        finished=False,
        permanent=False,
        looks=0,
        started_at=now,
        fence_at=0,
        lease_until=0,
        lease_no=F("lease_no") + 1,
    )


# Settling. Only the holder of the lease may; a recognised row settles a delivery whoever holds it.


def is_held(claim: Claim) -> bool:
    """False: it was recognised meanwhile, or another has it."""
    return _held(claim).exists()


def _held(claim: Claim) -> QuerySet[Delivery]:
    return Delivery.objects.filter(id=claim.delivery_id, lease_no=claim.lease_no, state__in=Delivery.OPEN)


def later(pen: Pen, claim: Claim, *, reason: str, due_at: int, crashed: bool = False) -> None:
    """Try again at ``due_at``: the attempt certainly had no effect, or having it twice is having it once."""
    _settle(pen, claim, State.ACCEPTED, reason=reason, due_at=due_at, crashes=F("crashes") + int(crashed))


def doubt(
    pen: Pen, claim: Claim, *, reason: str, finished: bool, permanent: bool, due_at: int, crashed: bool = False
) -> None:
    """The attempt may have had an effect: look at ``due_at``. ``finished``: nothing more comes of it."""
    values = {"finished": finished, "permanent": permanent, "crashes": F("crashes") + int(crashed)}
    _settle(pen, claim, State.UNSURE, reason=reason, shown="", due_at=due_at, **values)


def look_again(pen: Pen, claim: Claim, *, looks: int, due_at: int, unconfirmed: bool = False) -> None:
    """A look has ended without certainty."""
    state = State.UNCONFIRMED if unconfirmed else State.UNSURE
    _settle(pen, claim, state, reason=claim.reason, looks=looks, due_at=due_at)


def fail(pen: Pen, claim: Claim, *, reason: str, shown: str) -> None:
    """Give it up; ``reason`` is the operator's, ``shown`` the visitor's."""
    _settle(pen, claim, State.FAILED, reason=reason, shown=shown)


def done(pen: Pen, claim: Claim) -> None:
    """Something without a message of its own (contact, conversation, answer, seen, labels …) has arrived."""
    _settle(pen, claim, State.SENT, reason="")


def put_off(delivery: DeliveryRecord, *, reason: str, due_at: int) -> None:
    """Nobody could even claim it; ``lease_no`` counts that, too."""
    Delivery.objects.filter(id=delivery.id).update(reason=reason, due_at=due_at, lease_no=F("lease_no") + 1)


def release(pen: Pen, claim: Claim) -> None:
    """Let others have it at once; what it was doing stays as doubtful as it is."""
    Delivery.objects.filter(id=claim.delivery_id, lease_no=claim.lease_no).update(lease_until=0)


def _settle(pen: Pen, claim: Claim, state: str, *, reason: str, shown: str = "", **values: Any) -> None:
    if claim.files and state != State.SENT and _is_found(claim):
        state, shown = State.UNSURE, ""  # never again, whatever became of an attempt
        values["due_at"] = values.get("due_at", pen.now) if claim.found else pen.now
    values |= {"payload": about(claim.payload)} if state == State.SENT else {}
    if not _held(claim).update(state=state, reason=reason[:255], lease_until=0, **values):
        return  # recognised meanwhile, or the lease was lost: whoever has it now decides
    delivery = Delivery.objects.get(id=claim.delivery_id)
    show(pen, delivery, state, shown)
    if state in Delivery.OPEN:
        order.show_waiting(pen, delivery.lane)
    else:
        pen.count("ended", claim.kind, state)
        order.advance(pen, delivery.lane)


def recognised(pen: Pen, delivery: DeliveryRecord) -> str:
    """Chatwoot has it: close it, whatever became of it here. The state of its message, which the caller writes."""
    _close(pen, delivery, State.SENT, "")
    return State.SENT


def found(pen: Pen, delivery: DeliveryRecord) -> str:
    """Chatwoot has its message, but perhaps not the files: nothing is sent again, and it stays open until they were
    read back, or the attempt under way ends well. The state that its message has until then."""
    if delivery.state == State.SENDING:
        return State.ACCEPTED
    Delivery.objects.filter(id=delivery.id).update(state=State.UNSURE, reason="", due_at=pen.now)
    order.show_waiting(pen, delivery.lane)
    return State.UNSURE


def arrived(pen: Pen, delivery_id: uuid.UUID, *, note: str = "") -> None:
    """What was found is there with its files; ``note``: or not, in words for the visitor."""
    open_still = Delivery.objects.filter(id=delivery_id, state__in=Delivery.OPEN, message__chatwoot_id__isnull=False)
    if (delivery := open_still.first()) is not None:
        _close(pen, delivery, State.SENT, note)
        show(pen, delivery, State.SENT, note)


def _is_found(claim: Claim) -> bool:
    return Message.objects.filter(delivery=claim.delivery_id, chatwoot_id__isnull=False).exists()


def _close(pen: Pen, delivery: AnyDelivery, state: str, reason: str, *, discarded: bool = False) -> None:
    queues.close(delivery.id, state, reason)
    if delivery.state in Delivery.OPEN:
        pen.count("ended", delivery.kind, "discarded" if discarded else state)
    order.advance(pen, delivery.lane)


def abandoned(pen: Pen, delivery: DeliveryRecord) -> None:
    """An attempt whose end nobody saw: whoever made it is gone, or has lost its lease."""
    Delivery.objects.filter(id=delivery.id).update(state=State.UNSURE)
    show(pen, delivery, State.UNSURE)


# The conversation at Chatwoot


def creation_open(contact_inbox_id: int) -> bool:
    """A conversation of ours may just now come into being: an unknown one must be matched by our key, or left alone."""
    lane = creation_lane(contact_inbox_id)
    return Delivery.objects.filter(lane=lane, kind=Kind.CONVERSATION, state__in=Delivery.OPEN).exists()


def close_creation(pen: Pen, conversation_id: uuid.UUID) -> None:
    """The conversation exists at Chatwoot."""
    for each in Delivery.objects.filter(conversation=conversation_id, kind=Kind.CONVERSATION, state__in=Delivery.OPEN):
        _close(pen, each, State.SENT, "")


def move(old_id: uuid.UUID, *, to: uuid.UUID) -> None:
    """Deliveries of one conversation go on in another's lane, after what waits there."""
    lane = str(to)
    for delivery in Delivery.objects.filter(lane=str(old_id)).order_by("position"):
        Delivery.objects.filter(id=delivery.id).update(conversation_id=to, lane=lane, position=order.tail(lane))


def fail_stranded(pen: Pen, contact_inbox_id: int, *, before: int, reason: str, shown: str) -> None:
    """Messages accepted before a time, whose conversation cannot be created; creating it is tried on."""
    waiting = Delivery.objects.filter(contact_inbox=contact_inbox_id, kind=Kind.MESSAGE, state__in=Delivery.OPEN)
    for delivery in waiting.filter(conversation__chatwoot_id=None, created_at__lt=before):
        _close(pen, delivery, State.FAILED, reason[:255])
        show(pen, delivery, State.FAILED, shown)
