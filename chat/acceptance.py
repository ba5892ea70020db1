"""What a visitor does becomes a row, a delivery and a number of the feed, in one transaction, before it is answered."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from django.conf import settings
from django.db.models import Max, QuerySet

from chat import consent, files, order, outbox, policy, queues, showing, snapshot, sql, trail
from chat.feed import Pen
from chat.limits import WORDS, Limits
from chat.models import ContactInbox, Conversation, Delivery, Inbox, Message
from chat.records import ConversationRecord
from chat.wire.errors import Code, Refusal
from chat.wire.values import Values

MAX_WAITING = 50  # undelivered messages of one contact
MAX_EMPTY = 10  # conversations of one contact in which nothing was said yet
INTERACTIVE = ("input_select", "form", "input_csat", "input_email", "input_text", "input_textarea")  # contract §2.6


@dataclass(frozen=True, slots=True)
class Accepted:
    message_id: uuid.UUID
    conversation_id: uuid.UUID
    replayed: bool = False


def accept(
    pen: Pen,
    contact_id: uuid.UUID,
    *,
    echo_id: uuid.UUID,
    conversation_id: uuid.UUID | None,
    text: str,
    file_ids: Sequence[uuid.UUID] = (),
    new_id: uuid.UUID | None = None,
) -> Accepted:
    """Store a visitor's message and its delivery. The same ``echo_id`` with the same content answers the same again.

    ``new_id``: a conversation that is begun with this message, unless it was begun already. Raises Refusal:
    echo_id_mismatch, too_many_waiting, no_such_conversation, no_such_file, file_too_big; of what begins a conversation:
    consent_required, too_fast.
    """
    known = sql.message_by_echo_id(contact_id, echo_id)
    if known is not None:
        if not known.deleted and (known.content != text or files.ids_of(known.id) != list(file_ids)):
            raise Refusal(Code.ECHO_ID_MISMATCH)
        return Accepted(known.id, known.conversation_id, replayed=True)
    _refuse_too_many(contact_id)
    if file_ids:
        _check_files(contact_id, file_ids)
    if new_id is None:
        conversation = find_conversation(contact_id, conversation_id) or _begin_conversation(pen, contact_id)
    else:
        conversation = _begun(contact_id, new_id) or _begin_conversation(pen, contact_id, new_id)
    if conversation.chatwoot_id is None:
        # Once: while its creation is open, nothing is added.
        outbox.enqueue_creation(pen, conversation)
    message_id = _keep(pen, conversation, echo_id=echo_id, text=text, file_ids=file_ids)
    pen.count("accepted")
    return Accepted(message_id, conversation.id)


def _keep(
    pen: Pen, conversation: ConversationRecord, *, echo_id: uuid.UUID, text: str, file_ids: Sequence[uuid.UUID]
) -> uuid.UUID:
    """As the last of its thread and of its lane."""
    end = queues.end_of(conversation.id)
    message = snapshot.accepted(
        conversation,
        echo_id=echo_id,
        text=text,
        has_files=bool(file_ids),
        at=max(pen.now, end.at + 1),
        waits=end.first == Message.State.UNCONFIRMED,
    )
    pen.add_message(message)
    files.attach(conversation.contact_id, file_ids, message.id)
    kind, position, payload = Delivery.Kind.MESSAGE, end.position + 1, trail.payload()
    outbox.enqueue(pen, kind, conversation, message_id=message.id, position=position, payload=payload)
    return message.id


def _refuse_too_many(contact_id: uuid.UUID) -> None:
    if queues.waiting_messages(contact_id) >= MAX_WAITING:
        raise Refusal(Code.TOO_MANY_WAITING)


def _check_files(contact_id: uuid.UUID, file_ids: Sequence[uuid.UUID]) -> None:
    own = files.kept(contact_id, file_ids)
    if not own.keys() >= set(file_ids):
        raise Refusal(Code.NO_SUCH_FILE)
    if sum(own[each] for each in file_ids) > settings.UPLOAD_MAX_BYTES:
        raise Refusal(Code.FILE_TOO_BIG, "These files are too big for one message; send some of them in another.")


def find_conversation(contact_id: uuid.UUID, conversation_id: uuid.UUID | None) -> ConversationRecord | None:
    """None: a new one is to begin. One that was emptied into another meanwhile counts as not named."""
    named = sql.conversation(conversation_id) if conversation_id else None
    if conversation_id and (named is None or named.contact_id != contact_id):
        raise Refusal(Code.NO_SUCH_CONVERSATION)
    if named is not None and not named.deleted:
        return named
    current = sql.current_conversation(contact_id)
    return None if named is None and current is not None and _is_over(current) else current


def _is_over(conversation: ConversationRecord) -> bool:
    """Closed, and its inbox wants a new one then; of which a Chatwoot that locks contacts to one makes none."""
    if conversation.status != Conversation.Status.RESOLVED:
        return False
    inbox = Inbox.objects.get(pk=conversation.inbox_id)
    return not inbox.locks_to_single and policy.begins_anew(inbox.policy)


def begin(pen: Pen, contact_id: uuid.UUID, *, new_id: uuid.UUID) -> bool:
    """A new conversation, of which Chatwoot hears with its first message. False: it was begun already.

    Raises Refusal: too_fast, consent_required.
    """
    if Conversation.objects.filter(contact=contact_id, id=new_id).exists():
        return False
    empty = Conversation.objects.filter(contact=contact_id, deleted=False, chatwoot_id=None, messages=None)
    if empty.count() >= MAX_EMPTY:
        raise Refusal(Code.TOO_FAST, "Too many conversations were begun without a word in them.")
    _begin_conversation(pen, contact_id, new_id)
    return True


def _begun(contact_id: uuid.UUID, conversation_id: uuid.UUID) -> ConversationRecord | None:
    """One that was emptied into another meanwhile stands for the current one."""
    known = Conversation.objects.filter(contact=contact_id, id=conversation_id).exists()
    return find_conversation(contact_id, conversation_id) if known else None


def _begin_conversation(pen: Pen, contact_id: uuid.UUID, new_id: uuid.UUID | None = None) -> ConversationRecord:
    of_contact = ContactInbox.objects.select_related("inbox").filter(contact=contact_id)
    # One by which Chatwoot hears who this is, where there are others: an adopted one is nobody's there.
    contact_inbox = of_contact.order_by("-identified", "-id").first()
    if contact_inbox is None:
        raise Refusal(Code.UNKNOWN_TOKEN)
    consent.required(contact_id, contact_inbox.inbox)
    _refuse_too_many_new(contact_inbox, pen.now)
    newest = Conversation.objects.filter(contact=contact_id).aggregate(newest=Max("created_at"))["newest"] or 0
    conversation = Conversation(
        id=new_id or uuid.uuid4(),
        contact_id=contact_id,
        contact_inbox=contact_inbox,
        inbox_id=contact_inbox.inbox_id,
        created_at=max(pen.now, newest + 1),  # it is the current one, until something is said elsewhere
    )
    return pen.add_conversation(conversation)


def _refuse_too_many_new(contact_inbox: ContactInbox, now: int) -> None:
    """By what was begun here and not by a bucket: a day outlives a process."""
    limits: Limits = settings.LIMITS
    for rate in limits.over(contact_inbox.inbox.limits).rates["conversations"]:
        newest = _begun_after(contact_inbox.contact_id, now - rate.per_s * 1000, most=rate.amount)
        if len(newest) == rate.amount:
            after_s = (newest[-1] - now) / 1000 + rate.per_s
            raise Refusal(Code.TOO_FAST, WORDS["conversations"], retry_after_s=after_s)


def _begun_after(contact_id: uuid.UUID, moment: int, *, most: int) -> list[int]:
    """When, newest first: those that Chatwoot has heard or will hear of, and those in which nothing was said yet."""
    kind = Delivery.Kind.CONVERSATION
    told = Delivery.objects.filter(contact_inbox__contact=contact_id, kind=kind, created_at__gt=moment)
    empty = Conversation.objects.filter(contact=contact_id, chatwoot_id=None, created_at__gt=moment)
    untold = empty.exclude(deliveries__kind=kind)
    times = [rows.order_by("-created_at").values_list("created_at", flat=True)[:most] for rows in (told, untold)]
    return sorted(chain(*times), reverse=True)[:most]


# What is no message of one's own; a second wish that finds the first still waiting is the same wish


def see(pen: Pen, contact_id: uuid.UUID, *, conversation_id: uuid.UUID, message_id: uuid.UUID) -> None:
    """The visitor has seen everything up to this message. Raises Refusal: no_such_conversation, no_such_message."""
    conversation = find_conversation(contact_id, conversation_id)
    if conversation is None:
        raise Refusal(Code.NO_SUCH_CONVERSATION)
    at = Message.objects.filter(id=message_id, conversation=conversation.id).values_list("at", flat=True).first()
    if at is None:
        raise Refusal(Code.NO_SUCH_MESSAGE)
    if at <= conversation.contact_seen:
        return
    pen.change_conversation(conversation._replace(contact_seen=at))
    if not _waiting(conversation.id, Delivery.Kind.SEEN).exists():
        outbox.enqueue(pen, Delivery.Kind.SEEN, conversation)


def resolve(pen: Pen, contact_id: uuid.UUID, *, conversation_id: uuid.UUID) -> None:
    """The visitor ends the conversation, after all that waits in it. Raises Refusal: no_such_conversation."""
    conversation = find_conversation(contact_id, conversation_id)
    if conversation is None:
        raise Refusal(Code.NO_SUCH_CONVERSATION)
    if conversation.chatwoot_id is None and not Message.objects.filter(conversation=conversation.id).exists():
        _resolve_here(pen, conversation)
        return
    in_lane = Delivery.objects.filter(lane=str(conversation.id))
    latest = in_lane.filter(kind=Delivery.Kind.RESOLVE).order_by("-position").first()
    said_since = latest and in_lane.filter(kind=Delivery.Kind.MESSAGE, position__gt=latest.position).exists()
    if latest is None or said_since:  # messages open it again
        outbox.enqueue(pen, Delivery.Kind.RESOLVE, conversation)
    elif not _is_resolved(conversation, latest) and latest not in _waiting(conversation.id, Delivery.Kind.RESOLVE):
        not_before = min(latest.started_at, pen.now) + order.PAUSE_MS
        outbox.enqueue(pen, Delivery.Kind.RESOLVE, conversation, not_before=not_before)


def _is_resolved(conversation: ConversationRecord, latest: Delivery) -> bool:
    return latest.state == Delivery.State.SENT and conversation.status == Conversation.Status.RESOLVED


def _resolve_here(pen: Pen, conversation: ConversationRecord) -> None:
    """Chatwoot has not heard of it, and need not."""
    if conversation.status != Conversation.Status.RESOLVED:
        pen.change_conversation(conversation._replace(status=Conversation.Status.RESOLVED))


def answer(pen: Pen, contact_id: uuid.UUID, *, message_id: uuid.UUID, submitted_values: Values) -> None:
    """Answer an agent's form, choice or survey; a later answer replaces it.

    Raises Refusal: no_such_message, no_question. Chatwoot would take an answer to any message, a private note too, and
    return its text: only what it showed this visitor as a question may be answered.
    """
    question = _own_message(contact_id, message_id)
    is_shown = question.direction == Message.Direction.OUTGOING and question.chatwoot_id is not None
    if not is_shown or question.deleted or question.content_type not in INTERACTIVE:
        raise Refusal(Code.NO_QUESTION)
    if showing.is_answered(question.id, submitted_values):
        return  # told again, since nobody had heard that it was accepted
    payload = {"message_id": question.chatwoot_id, "submitted_values": submitted_values}
    waiting = _waiting(question.conversation_id, Delivery.Kind.ANSWER).filter(payload__message_id=question.chatwoot_id)
    if not waiting.update(payload=payload):
        lane, kind = str(question.conversation_id), Delivery.Kind.ANSWER
        not_before = order.end_of_pause(lane, kind, pen.now)
        outbox.enqueue(pen, kind, question.conversation, payload=payload, not_before=not_before)
    showing.answered(pen, question.id, waiting.get().id, submitted_values)


def _waiting(conversation_id: uuid.UUID, kind: str) -> QuerySet[Delivery]:
    return Delivery.objects.filter(lane=str(conversation_id), kind=kind, state=Delivery.State.ACCEPTED, attempt=0)


# What was lost


def retry(pen: Pen, contact_id: uuid.UUID, message_id: uuid.UUID) -> None:
    """Send again what failed (after what waits), or what was never confirmed, at the risk of saying it twice.

    Raises Refusal: no_such_message, not_lost, too_many_waiting.
    """
    lost = _lost(contact_id, message_id)
    if lost.state == Delivery.State.FAILED:
        _refuse_too_many(contact_id)
    if not outbox.requeue(pen, lost):
        raise Refusal(Code.NOT_LOST)


def discard(pen: Pen, contact_id: uuid.UUID, message_id: uuid.UUID) -> None:
    """Remove what failed or was never confirmed. Raises Refusal: no_such_message, not_lost."""
    outbox.discard(pen, _lost(contact_id, message_id))
    files.drop(message_id)


def _lost(contact_id: uuid.UUID, message_id: uuid.UUID) -> Delivery:
    message = _own_message(contact_id, message_id)
    delivery = Delivery.objects.select_related("message").filter(message=message).first()
    lost = (Delivery.State.FAILED, Delivery.State.UNCONFIRMED)
    if delivery is None or delivery.state not in lost or message.deleted:
        raise Refusal(Code.NOT_LOST)
    return delivery


def _own_message(contact_id: uuid.UUID, message_id: uuid.UUID) -> Message:
    found = Message.objects.select_related("conversation").filter(contact=contact_id, id=message_id).first()
    if found is None:
        raise Refusal(Code.NO_SUCH_MESSAGE)
    return found
