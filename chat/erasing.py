"""What is removed for good: a person, at their own wish; and rows that are too old to be kept.

All functions but the choosing ones run inside a transaction that holds the contact's lock (``pen``).
"""

import uuid
from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Exists, F, Max, Model, OuterRef, Q, QuerySet
from django.db.models.functions import Greatest

from chat.feed import Pen
from chat.models import Attachment, Contact, Conversation, Delivery, Message, Session

Rows = dict[uuid.UUID, list[uuid.UUID]]


def erase(pen: Pen, contact_id: uuid.UUID) -> list[str]:
    """All that is held of a person, in one transaction. The names of files to remove, once it is committed."""
    own = Attachment.objects.filter(Q(contact=contact_id) | Q(message__contact=contact_id))
    paths = list(own.exclude(path="").values_list("path", flat=True))
    Contact.objects.filter(id=contact_id).delete()
    pen.has_emptied = True
    return paths


# What is too old. Chosen outside of a transaction, and asked again inside.


def old_messages(before: int, *, removed_before: int, most: int) -> Rows:
    """By contact: said before ``before`` (0: none), or removed before ``removed_before``; nothing still on its way."""
    removed = Q(deleted=True, at__lt=removed_before, applied_at__lt=removed_before)
    waiting = Delivery.objects.filter(message=OuterRef("id"), state__in=Delivery.OPEN)
    found = Message.objects.filter(Q(at__lt=before) | removed).exclude(Exists(waiting))
    return _by_contact(found.values_list("contact_id", "id")[:most])


def remove_messages(pen: Pen, contact_id: uuid.UUID, ids: Collection[uuid.UUID]) -> int:
    """Chatwoot still has them: whatever it tells up to the newest of them is not taken in again. How many."""
    chosen = Message.objects.filter(contact=contact_id, id__in=ids)
    newest = chosen.order_by().values("conversation").annotate(known=Max("chatwoot_id"))
    for conversation_id, known in newest.values_list("conversation", "known"):
        told = Conversation.objects.filter(id=conversation_id)
        told.update(forgotten_id=Greatest(F("forgotten_id"), known or 0))
    _raise_floor(contact_id, chosen.aggregate(seq=Max("seq"))["seq"] or 0)
    pen.has_emptied = True
    return _of(chosen.delete(), Message)


def emptied_conversations(before: int, *, most: int) -> Rows:
    """By contact: conversations whose messages moved into another before that time."""
    found = Conversation.objects.filter(deleted=True, messages=None, created_at__lt=before, applied_at__lt=before)
    return _by_contact(found.values_list("contact_id", "id")[:most])


def remove_conversations(pen: Pen, contact_id: uuid.UUID, ids: Collection[uuid.UUID]) -> int:
    chosen = Conversation.objects.filter(contact=contact_id, id__in=ids, deleted=True, messages=None)
    _raise_floor(contact_id, chosen.aggregate(seq=Max("seq"))["seq"] or 0)
    return _of(chosen.delete(), Conversation)


def forget_sessions(before: datetime, *, most: int) -> int:
    """Those that were over before that time. One statement, outside of the writer. How many."""
    over = Session.objects.filter(Q(expires_at__lt=before) | Q(revoked_at__lt=before))
    chosen = list(over.values_list("id", flat=True)[:most])
    return _of(Session.objects.filter(id__in=chosen).delete(), Session)


def empty_contacts(before: datetime, *, most: int) -> list[uuid.UUID]:
    """People of whom there is nothing, since that time: no device, no word, no file."""
    return list(_empty(before).values_list("id", flat=True)[:most])


def remove_contact(pen: Pen, contact_id: uuid.UUID, *, before: datetime) -> int:
    """Unless they came back just now."""
    return _of(_empty(before).filter(id=contact_id).delete(), Contact)


def _empty(before: datetime) -> QuerySet[Contact]:
    named = OuterRef("id")
    return Contact.objects.filter(
        ~Exists(Session.objects.filter(contact=named)),
        ~Exists(Message.objects.filter(contact=named)),
        ~Exists(Attachment.objects.filter(contact=named)),
        ~Exists(Delivery.objects.filter(contact_inbox__contact=named, state__in=Delivery.OPEN)),
        created_at__lt=before,
    )


def _raise_floor(contact_id: uuid.UUID, seq: int) -> None:
    """Whoever has not read that far starts again: what they would have been told is gone."""
    Contact.objects.filter(id=contact_id).update(floor=Greatest(F("floor"), seq))


def _by_contact(pairs: Iterable[tuple[uuid.UUID, uuid.UUID]]) -> Rows:
    rows: Rows = {}
    for contact_id, each in pairs:
        rows.setdefault(contact_id, []).append(each)
    return rows


def _of(deleted: tuple[int, dict[str, int]], model: type[Model]) -> int:
    return deleted[1].get(model._meta.label, 0)
