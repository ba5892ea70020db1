"""The one writer of what Chatwoot says, whether it came by cable, in a list, or as the answer to a POST.

Applying the same thing again changes nothing. Last writer wins: by Chatwoot's ``updated_at`` where it is given (cable);
an answer of REST has none and applies only if nothing was applied since that read began; a frame that comes after it
applies, though it may be older, until the next answer. Deletion is sticky, and deleted text leaves our database, too.
All functions run inside a writer's transaction that holds the contact's lock.
"""

import logging
import uuid
from typing import NamedTuple

from django.db.models import Max, Q

from chat import annotations, faces, files, notices, outbox, recognition, reissued, snapshot, sql
from chat.chatwoot import resources
from chat.feed import Pen
from chat.models import ContactInbox, Conversation, Delivery, Inbox, Message
from chat.place import place
from chat.records import ConversationRecord, DeliveryRecord, MessageRecord

log = logging.getLogger(__name__)

NOTED_MS = 60_000
AHEAD_MS = 5_000  # a writer looks at the clock before it waits for locks, so that others may be ahead of it


class Scope(NamedTuple):
    """Whose subscription or answer it is that speaks."""

    contact_id: uuid.UUID
    contact_inbox_id: int
    inbox_id: int
    source_id: str
    chatwoot_inbox_id: int | None

    def __repr__(self) -> str:  # source_id is a bearer secret
        return f"Scope(contact_inbox={self.contact_inbox_id})"


# Contact and conversation


def apply_contact(scope: Scope, chatwoot_id: int, pubsub_token: str = "") -> None:
    """Chatwoot knows the contact now, perhaps as another than before; its token, if it told one, opens the cable."""
    token = {"pubsub_token": pubsub_token} if pubsub_token else {}
    ContactInbox.objects.filter(pk=scope.contact_inbox_id).update(chatwoot_contact_id=chatwoot_id, **token)


def apply_created(pen: Pen, scope: Scope, conversation: resources.Conversation, *, created_id: uuid.UUID) -> None:
    """The answer to our POST, or our key in a cable event: this is the conversation that we asked for.

    A display id stored before that attempt means that the inbox locks to a single conversation (contract §1.7).
    """
    _learn_inbox(scope, conversation.inbox_id)
    ours = sql.conversation(created_id)
    if ours is None or ours.deleted or ours.chatwoot_id is not None:
        if ours is not None and ours.chatwoot_id not in (None, conversation.id):
            recognition.note_second_creation(pen, ours.id, conversation.id)
        return
    known = sql.conversation_by_chatwoot_id(scope.inbox_id, conversation.id)
    if known is not None and known.contact_id != ours.contact_id:
        reissued.forget_conversation(pen, known)
        known = None
    pen.hold((ours.contact_id,))  # it may have been adopted since it was asked for
    outbox.close_creation(pen, created_id)
    if known is None:
        pen.change_conversation(ours._replace(chatwoot_id=conversation.id, status=snapshot.status(ours, conversation)))
        return
    pen.change_inbox(scope.inbox_id, locks_to_single=True)
    for message in Message.objects.filter(conversation=created_id).order_by("at", "id").values_list("id", flat=True):
        record = sql.message(message)
        assert record is not None
        pen.change_message(record._replace(conversation_id=known.id))
    outbox.move(created_id, to=known.id)
    annotations.move(pen, created_id, to=known.id)
    pen.change_conversation(ours._replace(deleted=True))


def _learn_inbox(scope: Scope, chatwoot_inbox_id: int) -> None:
    Inbox.objects.filter(pk=scope.inbox_id, chatwoot_inbox_id=None).update(chatwoot_inbox_id=chatwoot_inbox_id)


def apply_conversation(
    pen: Pen, scope: Scope, conversation: resources.Conversation, *, read_started: int | None
) -> ConversationRecord | None:
    """Apply a conversation without its messages. ``read_started``: ms, None for the cable. None: not this contact's."""
    known = sql.conversation_by_chatwoot_id(scope.inbox_id, conversation.id)
    names = (conversation.id, conversation.inbox_id, conversation.source_id)
    spoken_in = any(_is_of_an_agent(each) for each in conversation.messages)
    record = _find_conversation(pen, scope, known, *names, key=conversation.key, spoken_in=spoken_in)
    if record is None or record.contact_id != scope.contact_id:
        return None
    seen = record._replace(agent_seen=max(record.agent_seen, snapshot.end_of_second(conversation.agent_last_seen_at)))
    if read_started is not None:
        confirm(pen, record.id)
    if not _newer(pen, record, conversation.updated_at, read_started):
        return _changed(pen, record, seen)
    news = seen._replace(
        status=snapshot.status(record, conversation),
        chatwoot_updated_at=conversation.updated_at or record.chatwoot_updated_at,
        applied_at=pen.now,
    )
    return _changed(pen, record, news)


def confirm(pen: Pen, conversation_id: uuid.UUID) -> None:
    """Chatwoot has just shown it under our ``source_id``; noted once a minute."""
    noted = Q(confirmed_at__gt=pen.now - NOTED_MS, confirmed_at__lt=pen.now + NOTED_MS)
    Conversation.objects.filter(~noted, id=conversation_id).update(confirmed_at=pen.now)


def _newer(
    pen: Pen, record: ConversationRecord | MessageRecord, updated_at: float | None, read_started: int | None
) -> bool:
    if read_started is not None:  # our clock was set back, if it was applied in the future
        return record.applied_at < read_started or record.applied_at > pen.now + AHEAD_MS
    return updated_at is not None and updated_at > record.chatwoot_updated_at


def _changed(pen: Pen, before: ConversationRecord, after: ConversationRecord) -> ConversationRecord:
    shown = ("status", "contact_seen", "agent_seen", "deleted")
    if any(getattr(before, name) != getattr(after, name) for name in shown):
        return pen.change_conversation(after)
    if before != after:
        sql.update_conversation(after)
    return after


def _is_of_an_agent(message: resources.Message) -> bool:
    return message.message_type is resources.MessageType.OUTGOING and not message.private


def _find_conversation(
    pen: Pen,
    scope: Scope,
    record: ConversationRecord | None,
    chatwoot_id: int,
    inbox_id: int | None,
    source_id: str | None,
    *,
    key: str | None = None,
    spoken_in: bool = False,
) -> ConversationRecord | None:
    """The gate: our inbox, and a conversation that is known (``record``), or new and of the subscription's own contact
    inbox. ``spoken_in``: an agent has said something there; without, a second one of ours is not shown.
    """
    if not pen.knows(scope.contact_id):
        return None  # erased, while Chatwoot still speaks of them
    is_own = source_id == scope.source_id
    if scope.chatwoot_inbox_id is None and inbox_id is not None and is_own:
        _learn_inbox(scope, inbox_id)
    if inbox_id is not None and inbox_id != _chatwoot_inbox_id(scope, inbox_id):
        pen.count("dropped", "another_inbox")
        log.log(logging.ERROR if is_own else logging.INFO, "dropped a frame of another inbox on %r", scope)
        return None
    is_named = record is not None and str(record.id) == key
    wanted = _asked_for(scope, key) if is_own and not is_named else None
    if wanted is not None and wanted.chatwoot_id not in (None, chatwoot_id):
        recognition.note_second_creation(pen, wanted.id, chatwoot_id)
    if record is not None:
        return record
    if not is_own:
        pen.count("dropped", "unknown_conversation")
        log.info("dropped a frame of an unknown conversation on %r", scope)
        return None
    if outbox.creation_open(scope.contact_inbox_id):
        return _created_by_key(pen, wanted, chatwoot_id)
    return _begun_by_an_agent(pen, scope, chatwoot_id, spoken_in=spoken_in)


def _begun_by_an_agent(pen: Pen, scope: Scope, chatwoot_id: int, *, spoken_in: bool) -> ConversationRecord | None:
    if not ContactInbox.objects.filter(pk=scope.contact_inbox_id, contact=scope.contact_id).exists():
        pen.count("dropped", "moved_contact")
        log.info("dropped a new conversation on %r, which has moved to another contact", scope)
        return None
    if not spoken_in and recognition.is_second_creation(scope.inbox_id, chatwoot_id):
        return None
    return pen.add_conversation(
        Conversation(
            contact_id=scope.contact_id,
            contact_inbox_id=scope.contact_inbox_id,
            inbox_id=scope.inbox_id,
            chatwoot_id=chatwoot_id,
            created_at=_created_at(pen, scope.contact_id),
        )
    )


def _chatwoot_inbox_id(scope: Scope, told: int) -> int:
    """Chatwoot's number of our inbox; whoever was held before it was learnt does not know it. None known: as told."""
    if scope.chatwoot_inbox_id is not None:
        return scope.chatwoot_inbox_id
    return Inbox.objects.values_list("chatwoot_inbox_id", flat=True).get(pk=scope.inbox_id) or told


def _created_at(pen: Pen, contact_id: uuid.UUID) -> int:
    """After the contact's others: of several that a list brings at once, the last is the newest."""
    newest = Conversation.objects.filter(contact=contact_id).aggregate(newest=Max("created_at"))["newest"] or 0
    return max(pen.now, newest + 1)


def _asked_for(scope: Scope, key: str | None) -> ConversationRecord | None:
    """The conversation of ours that a key names."""
    try:
        wanted = sql.conversation(uuid.UUID(key)) if key else None
    except ValueError:
        return None
    return wanted if wanted is not None and wanted.contact_id == scope.contact_id else None


def _created_by_key(pen: Pen, wanted: ConversationRecord | None, chatwoot_id: int) -> ConversationRecord | None:
    """While a creation of ours is open, an unknown conversation is matched by our key, or waits for a list."""
    if wanted is None or wanted.chatwoot_id is not None:
        return None
    outbox.close_creation(pen, wanted.id)
    return pen.change_conversation(wanted._replace(chatwoot_id=chatwoot_id))


# Messages


def apply_message(
    pen: Pen, scope: Scope, message: resources.Message, *, read_started: int | None
) -> MessageRecord | None:
    """Apply one message; None when it is not for this contact, or waits for its conversation."""
    if message.private or message.message_type is resources.MessageType.ACTIVITY:
        pen.count("dropped", "private" if message.private else "activity")
        return None
    around = sql.around(scope.inbox_id, message.conversation_id, message.id)
    record = around.message
    names = (message.conversation_id, message.inbox_id, message.source_id)
    conversation = _find_conversation(pen, scope, around.conversation, *names, spoken_in=_is_of_an_agent(message))
    if conversation is None or conversation.contact_id != scope.contact_id:
        return None
    if record is not None and reissued.is_another(record, message, conversation_id=conversation.id):
        reissued.forget(record, message)
        record = None
    if record is not None and record.conversation_id != conversation.id:
        return None
    if record is not None and record.echo_id is None and recognition.named(conversation.id, message):
        pen.change_message(snapshot.emptied(record)._replace(chatwoot_id=None))  # a list did not tell that it was ours
        record = None
    if record is None:
        return _insert(pen, conversation, message, around)
    return _update(pen, record, message, read_started)


def _insert(
    pen: Pen, conversation: ConversationRecord, message: resources.Message, around: sql.Around
) -> MessageRecord | None:
    if message.message_type is resources.MessageType.INCOMING:
        if (own := recognition.delivery_of(conversation, message)) is not None:
            return _insert_own(pen, *own, message)
        if recognition.is_duplicate(conversation.inbox_id, message.id):
            return None
    if message.id <= conversation.forgotten_id:
        return None
    newest = around.newest_of(conversation.id)
    at = place(conversation.id, message.id, message.created_at * 1000, newest=newest)
    record = snapshot.first(conversation, message, at=at)
    record = pen.add_message(snapshot.told(record, message, now=pen.now))
    faces.note(record.sender_avatar, record.inbox_id, message.sender)
    if message.attachments:
        files.keep(record.id, message)
    if around.has_webhook:
        notices.enqueue(pen, record)
    return record


def _insert_own(
    pen: Pen, delivery: DeliveryRecord, own: MessageRecord, message: resources.Message
) -> MessageRecord | None:
    if delivery.state == Delivery.State.SENT or own.chatwoot_id is not None:
        recognition.note_duplicate(pen, delivery, message.id, inbox_id=own.inbox_id)
        return None
    is_whole = message.deleted or not own.has_files  # nobody can read back what is deleted
    state = outbox.recognised(pen, delivery) if is_whole else outbox.found(pen, delivery)
    if own.has_files:
        files.keep(own.id, message)
    news = own._replace(chatwoot_id=message.id, state=state, reason="")
    return pen.change_message(news if own.deleted else snapshot.told(news, message, now=pen.now))


def _update(pen: Pen, record: MessageRecord, message: resources.Message, read_started: int | None) -> MessageRecord:
    if record.deleted or not (message.deleted or _newer(pen, record, snapshot.updated_ms(message), read_started)):
        return record
    if message.deleted:
        outbox.forget_answers(pen, record.conversation_id, to=message.id)
    news = snapshot.told(record, message, now=pen.now)
    if news.sender_avatar != record.sender_avatar:
        faces.note(news.sender_avatar, news.inbox_id, message.sender)
    has_files = record.has_files or bool(message.attachments)
    if (has_files and files.keep(record.id, message)) or snapshot.what_is_shown(news) != snapshot.what_is_shown(record):
        return pen.change_message(news)
    if news != record:
        sql.update_message(news)
    return news
