"""Numbers that Chatwoot gives out twice: it was restored from a backup, and counts on from there.

A message cannot have come into being after a version of it that we know. What has the number of one, came later and
says something else is another message; what had that number, and those above it, is lost there. Visitors keep it.
"""

import logging
import uuid

from django.db.models import Q

from chat import outbox
from chat.chatwoot.resources import Message, MessageType
from chat.feed import Pen
from chat.models import Conversation, Delivery, Inbox
from chat.models import Message as Row
from chat.records import ConversationRecord, MessageRecord

log = logging.getLogger(__name__)

SKEW_MS = 600_000  # by which our clock may differ from Chatwoot's, where we have no time of its own


def is_another(record: MessageRecord, message: Message, *, conversation_id: uuid.UUID) -> bool:
    """Whether this message has the number of the record and is another. What is deleted does not tell by its words."""
    if not _is_later(record, message):
        return False
    is_incoming = message.message_type is MessageType.INCOMING
    moved = record.conversation_id != conversation_id
    turned = is_incoming != (record.direction == Row.Direction.INCOMING)
    return moved or turned or not (message.deleted or message.content == record.content)


def _is_later(record: MessageRecord, message: Message) -> bool:
    return message.created_at * 1000 > (record.chatwoot_updated_at or record.applied_at + SKEW_MS)


def forget(record: MessageRecord, message: Message) -> None:
    """Take their numbers from all messages that Chatwoot has lost, as far as this one tells, and what hangs on these.

    Not numbered, since nobody is shown a number of Chatwoot's; and not under the locks of all whom it concerns: two who
    do so at once may meet, and one of them is tried again.
    """
    chatwoot = Inbox.objects.values_list("chatwoot_id", flat=True).get(pk=record.inbox_id)
    since = message.created_at * 1000
    told = Q(chatwoot_updated_at__gt=0, chatwoot_updated_at__lt=since)
    listed = Q(chatwoot_updated_at=0, applied_at__lt=since - SKEW_MS)
    known = Row.objects.filter(inbox__chatwoot=chatwoot, chatwoot_id__gte=message.id)
    lost = known.filter(told | listed | Q(id=record.id)).update(chatwoot_id=None)
    log.error(
        "Chatwoot gave number %s out again, which message %s had: was it restored from a backup? "
        "It has lost %d messages that we know; see docs/operating.md",
        message.id,
        record.id,
        lost,
    )
    below = message.id - 1
    attempted = Delivery.objects.filter(contact_inbox__inbox__chatwoot=chatwoot, state__in=Delivery.OPEN)
    attempted.filter(baseline_id__gt=below).update(baseline_id=below)
    compared = Conversation.objects.filter(inbox__chatwoot=chatwoot, verified_id__gt=below)
    compared.update(verified_id=below)


def forget_conversation(pen: Pen, record: ConversationRecord) -> None:
    """Chatwoot has made another person's conversation under the number of this one, and so has lost it.

    What is still to be said there goes on in a new one, which the next message begins, too.
    """
    log.error(
        "Chatwoot gave conversation number %s out again, which %s had: was it restored from a backup? It has lost that "
        "conversation; see docs/operating.md",
        record.chatwoot_id,
        record.id,
    )
    known = Conversation.objects.filter(id=record.id)
    placed = list(known.get().attributes)  # all go along with the new one, and are ours there
    known.update(chatwoot_id=None, verified_id=0, confirmed_at=0, chatwoot_updated_at=0, placed=placed)
    if Delivery.objects.filter(lane=str(record.id), kind=Delivery.Kind.MESSAGE, state__in=Delivery.OPEN).exists():
        outbox.enqueue_creation(pen, known.get())
