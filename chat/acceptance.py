"""What a visitor does becomes a row, a delivery and a number of the feed, in one transaction, before it is answered."""

import uuid
from dataclasses import dataclass

from chat import outbox, sql
from chat.feed import Pen
from chat.models import ContactInbox, Conversation, Delivery, Message
from chat.sql import MessageRecord
from chat.wire.errors import Code, Refusal

MAX_WAITING = 50  # undelivered messages of one contact


@dataclass(frozen=True, slots=True)
class Accepted:
    message_id: uuid.UUID
    conversation_id: uuid.UUID
    replayed: bool = False


def accept(
    pen: Pen, contact_id: uuid.UUID, *, echo_id: uuid.UUID, conversation_id: uuid.UUID | None, text: str
) -> Accepted:
    """Store a visitor's message and its delivery. The same ``echo_id`` with the same text answers the same again.

    Raises Refusal: echo_id_mismatch, too_many_waiting, no_such_conversation.
    """
    known = sql.message_by_echo_id(contact_id, echo_id)
    if known is not None:
        if known.content != text and not known.deleted:
            raise Refusal(Code.ECHO_ID_MISMATCH)
        return Accepted(known.id, known.conversation_id, replayed=True)
    waiting = Delivery.objects.filter(
        contact_inbox__contact=contact_id, kind=Delivery.Kind.MESSAGE, state__in=Delivery.OPEN
    )
    if waiting.count() >= MAX_WAITING:
        raise Refusal(Code.TOO_MANY_WAITING)
    conversation = _find_conversation(contact_id, conversation_id) or _begin_conversation(pen, contact_id)
    message = pen.add_message(_message(pen, conversation, echo_id=echo_id, text=text))
    outbox.enqueue(pen, Delivery.Kind.MESSAGE, conversation, message_id=message.id)
    return Accepted(message.id, conversation.id)


def _find_conversation(contact_id: uuid.UUID, conversation_id: uuid.UUID | None) -> Conversation | None:
    """None: a new one is to begin. One that was emptied into another meanwhile counts as not named."""
    own = Conversation.objects.filter(contact=contact_id)
    named = own.filter(id=conversation_id).first() if conversation_id else None
    if conversation_id and named is None:
        raise Refusal(Code.NO_SUCH_CONVERSATION)
    if named is not None and not named.deleted:
        return named
    return own.filter(deleted=False).order_by("-created_at", "-id").first()


def _begin_conversation(pen: Pen, contact_id: uuid.UUID) -> Conversation:
    contact_inbox = ContactInbox.objects.filter(contact=contact_id).order_by("-id").first()
    if contact_inbox is None:
        raise Refusal(Code.UNKNOWN_TOKEN)
    conversation = Conversation(
        contact_id=contact_id, contact_inbox=contact_inbox, inbox_id=contact_inbox.inbox_id, created_at=pen.now
    )
    pen.add_conversation(conversation)
    lane = outbox.creation_lane(contact_inbox.pk)
    opening = Delivery.objects.filter(lane=lane, kind=Delivery.Kind.CONTACT, state__in=Delivery.OPEN)
    if not contact_inbox.pubsub_token and not opening.exists():
        outbox.enqueue(pen, Delivery.Kind.CONTACT, conversation, lane=lane)
    outbox.enqueue(pen, Delivery.Kind.CONVERSATION, conversation, lane=lane)
    return conversation


def _message(pen: Pen, conversation: Conversation, *, echo_id: uuid.UUID, text: str) -> MessageRecord:
    return MessageRecord(
        id=uuid.uuid4(),
        conversation_id=conversation.id,
        contact_id=conversation.contact_id,
        inbox_id=conversation.inbox_id,
        chatwoot_id=None,
        echo_id=echo_id,
        direction=Message.Direction.INCOMING,
        content=text,
        content_type="text",
        content_attributes={},
        sender_kind="contact",
        sender_name="",
        has_files=False,
        at=max(pen.now, sql.newest_at(conversation.id) + 1),
        state=Message.State.ACCEPTED,
        reason="",
        chatwoot_updated_at=0,
        applied_at=0,
        deleted=False,
        seq=0,
    )


def see(pen: Pen, contact_id: uuid.UUID, *, conversation_id: uuid.UUID, message_id: uuid.UUID) -> None:
    """The visitor has seen everything up to this message. Raises Refusal: no_such_conversation, no_such_message."""
    conversation = _find_conversation(contact_id, conversation_id)
    if conversation is None:
        raise Refusal(Code.NO_SUCH_CONVERSATION)
    at = Message.objects.filter(id=message_id, conversation=conversation).values_list("at", flat=True).first()
    if at is None:
        raise Refusal(Code.NO_SUCH_MESSAGE)
    if at <= conversation.contact_seen:
        return
    record = sql.conversation(conversation.id)
    assert record is not None
    pen.change_conversation(record._replace(contact_seen=at))
    lane = str(conversation.id)
    waiting = Delivery.objects.filter(lane=lane, kind=Delivery.Kind.SEEN, state=Message.State.ACCEPTED, attempt=0)
    if not waiting.exists():
        outbox.enqueue(pen, Delivery.Kind.SEEN, conversation)
