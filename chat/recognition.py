"""Is this row of Chatwoot's ours? By its echo, its marker, or its words, in order of strength (docs/architecture.md).

Content is enough where there is neither: of a conversation one message is in flight, rows from before its first attempt
are older than its baseline, and a row that was taken for one delivery is not taken for another. An agent may delete a
row before we have seen it, and of a deleted one Chatwoot shows nothing: that it is there is enough if one is in doubt.
"""

import logging
import uuid
from typing import NamedTuple

from django.db.models import Count, F, Q, QuerySet

from chat import files, queues, trail
from chat.chatwoot.resources import Message
from chat.feed import Pen
from chat.models import Delivery, Duplicate
from chat.outbox import Kind, State, parse_echo_id
from chat.records import AnyDelivery, ConversationRecord, DeliveryRecord, MessageRecord

log = logging.getLogger(__name__)

MOST_ALIKE = 20
LATEST_S = 86_400  # a second row comes within moments, or when a frozen Chatwoot thaws; later it is somebody's words


class Own(NamedTuple):
    """What was delivered, or is to be."""

    delivery: DeliveryRecord
    message: MessageRecord


def named(conversation_id: uuid.UUID, message: Message) -> Own | None:
    """The delivery that the row's echo or marker names, even if we gave it up or it has arrived already."""
    for text in (message.echo_id, message.marker):
        delivery_id = parse_echo_id(text)
        if delivery_id and (found := queues.with_message(delivery_id, conversation_id)) is not None:
            return Own(*found)
    return None


def delivery_of(conversation: ConversationRecord, message: Message) -> Own | None:
    """The delivery whose message this incoming row is. If that has arrived already, the row is a duplicate."""
    is_named = parse_echo_id(message.echo_id) or parse_echo_id(message.marker)
    found = named(conversation.id, message) if is_named else _alike(conversation, message)
    if found is not None:
        delivery = found.delivery
        trail.arrived(delivery.id, message_id=delivery.message_id, chatwoot_id=message.id, payload=delivery.payload)
    return found


def _alike(conversation: ConversationRecord, message: Message) -> Own | None:
    if is_duplicate(conversation.inbox_id, message.id):
        return None  # another delivery may say the same
    found = _most_alike(conversation.id, message)
    return Own(DeliveryRecord.of(found), MessageRecord.of(found.message)) if found and found.message else None


def _most_alike(conversation_id: uuid.UUID, message: Message) -> Delivery | None:
    attempted = Delivery.objects.select_related("message").filter(
        conversation=conversation_id, kind=Kind.MESSAGE, attempt__gt=0, baseline_id__lt=message.id
    )
    attempted = attempted.order_by("position")
    if message.deleted:
        return attempted.filter(state__in=Delivery.IN_DOUBT, message__chatwoot_id=None).first()
    has_files = bool(message.attachments)
    alike = attempted.filter(marked=False, message__content=message.content, message__has_files=has_files)
    missing = alike.filter(message__chatwoot_id=None)
    return (
        _first(missing.filter(state__in=Delivery.OPEN), message)
        or _first(missing.filter(state=State.FAILED), message)
        or _first(_sent_more_often(message).filter(id__in=alike.values("id")), message)
    )


def _first(alike: QuerySet[Delivery], message: Message) -> Delivery | None:
    """With the same files, too: of equal names and sizes."""
    if not message.attachments:
        return alike.first()
    for delivery in alike[:MOST_ALIKE]:
        if delivery.message_id and files.are_equal(files.of(delivery.message_id), message.attachments):
            return delivery
    return None


def _sent_more_often(message: Message) -> QuerySet[Delivery]:
    """Sent deliveries that had more attempts than rows were found of them, not long ago."""
    since = (message.created_at - LATEST_S) * 1000
    there = Q(state=State.SENT) | Q(message__chatwoot_id__isnull=False)
    sent = Delivery.objects.filter(there, attempt__gt=1, started_at__gt=since)
    return sent.annotate(found=Count("duplicates")).filter(attempt__gt=F("found") + 1)


def note_duplicate(pen: Pen, delivery: AnyDelivery, chatwoot_id: int, *, inbox_id: int) -> None:
    """Agents see it twice, which nobody can undo: it is counted and said, and not shown to the visitor again."""
    _, new = Duplicate.objects.get_or_create(
        delivery_id=delivery.id, chatwoot_id=chatwoot_id, defaults={"inbox_id": inbox_id, "found_at": pen.now}
    )
    if new:
        pen.count("duplicate", delivery.kind)
        log.error("delivery %s took effect twice: %s %s at Chatwoot", delivery.id, delivery.kind, chatwoot_id)


def is_duplicate(inbox_id: int, chatwoot_id: int) -> bool:
    return _duplicates(Kind.MESSAGE, inbox_id, chatwoot_id).exists()


def note_second_creation(pen: Pen, conversation_id: uuid.UUID, chatwoot_id: int) -> None:
    """An attempt to create this conversation took effect that could not any more."""
    creations = Delivery.objects.filter(conversation=conversation_id, kind=Kind.CONVERSATION)
    delivery = creations.select_related("contact_inbox").order_by("-position").first()
    if delivery is not None:
        note_duplicate(pen, delivery, chatwoot_id, inbox_id=delivery.contact_inbox.inbox_id)


def is_second_creation(inbox_id: int, chatwoot_id: int) -> bool:
    return _duplicates(Kind.CONVERSATION, inbox_id, chatwoot_id).exists()


def _duplicates(kind: str, inbox_id: int, chatwoot_id: int) -> QuerySet[Duplicate]:
    return Duplicate.objects.filter(delivery__kind=kind, inbox=inbox_id, chatwoot_id=chatwoot_id)
