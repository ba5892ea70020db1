"""The life of a conversation: creation, status, assignment, reading (contract §1.7, §1.10, §4)."""

import uuid
from typing import Any

from chat.sandbox import activities, broadcasts, templates
from chat.sandbox.context import Context, Work
from chat.sandbox.entities import (
    Contact,
    ContactInbox,
    Conversation,
    Inbox,
    InboxMember,
    Message,
    MessageType,
    Status,
    User,
)
from chat.sandbox.http import Invalid
from chat.sandbox.presence import Kind
from chat.sandbox.store import Changes

MAX_ATTRIBUTE_LENGTH = 1500
MAX_ATTRIBUTE_NUMBER = 9_999_999_999
ANNOUNCED = {
    "status",
    "assignee_id",
    "labels",
    "priority",
    "snoozed_until",
    "custom_attributes",
    "waiting_since",
    "first_reply_created_at",
}
"""Columns whose change is worth a ``conversation.updated``."""


def create(ctx: Context, contact_inbox: ContactInbox, custom_attributes: dict[str, Any] | None) -> Conversation:
    """A new conversation, or the session's last one where the inbox locks to a single one. Raises `Invalid`."""
    inbox = ctx.find(Inbox, contact_inbox.inbox_id)
    contact = ctx.find(Contact, contact_inbox.contact_id)
    own = [c for c in ctx.store.conversations_of(contact.id) if c.contact_inbox_id == contact_inbox.id]
    if inbox.lock_to_single_conversation and own:
        return own[-1]
    validate_attributes(custom_attributes or {})
    conversation = ctx.add(
        Conversation(
            account_id=inbox.account_id,
            inbox_id=inbox.id,
            contact_id=contact.id,
            contact_inbox_id=contact_inbox.id,
            display_id=ctx.store.next_display_id(inbox.account_id),
            uuid=str(uuid.uuid4()),
            status=Status.RESOLVED if contact.blocked else Status.OPEN,
            custom_attributes=custom_attributes or {},
            waiting_since=ctx.now,
            last_activity_at=ctx.now,
        )
    )
    conversation.assignee_id = auto_assignee(ctx, conversation)
    ctx.save(conversation)
    broadcasts.conversation_created(ctx, conversation)
    if conversation.assignee_id:
        broadcasts.assignee_changed(ctx, conversation)
    return conversation


def validate_attributes(attributes: dict[str, Any]) -> None:
    for key, value in attributes.items():
        if isinstance(value, str) and len(value) > MAX_ATTRIBUTE_LENGTH:
            raise Invalid(("custom_attributes", f"{key} length should be < {MAX_ATTRIBUTE_LENGTH}"))
        if isinstance(value, int) and value > MAX_ATTRIBUTE_NUMBER:
            raise Invalid(("custom_attributes", f"{key} value should be < {MAX_ATTRIBUTE_NUMBER}"))


def auto_assignee(ctx: Context, conversation: Conversation) -> int | None:
    """Round robin in Chatwoot; here the first member who is online, which one agent cannot tell apart."""
    inbox = ctx.find(Inbox, conversation.inbox_id)
    if not inbox.enable_auto_assignment or conversation.status != Status.OPEN:
        return None
    online = ctx.presence.online(inbox.account_id, Kind.USER)
    members = ctx.store.where(InboxMember, lambda row: row.inbox_id == inbox.id)
    return next((row.user_id for row in members if str(row.user_id) in online), None)


def saved(ctx: Context, conversation: Conversation) -> Changes:
    """Save and announce what changed."""
    changes = ctx.save(conversation)
    if not ANNOUNCED & set(changes):
        return changes
    assigned_silently = "status" in changes and "assignee_id" in changes and ctx.user is None
    if "status" in changes and not assigned_silently:  # lost in Chatwoot when auto-assignment shares the save, quirk 9
        broadcasts.conversation_status_changed(ctx, conversation)
    if changes.get("status", (None, None))[1] == Status.RESOLVED:
        templates.csat(ctx, conversation)
    broadcasts.conversation_updated(ctx, conversation, changes)
    if "assignee_id" in changes:
        broadcasts.assignee_changed(ctx, conversation)
    activities.of_changes(ctx, conversation, changes)
    return changes


def set_status(ctx: Context, conversation: Conversation, status: Status) -> None:
    conversation.status = status
    if status is Status.RESOLVED:
        conversation.waiting_since = None
    if status is not Status.SNOOZED:
        conversation.snoozed_until = None
    saved(ctx, conversation)


def assign(ctx: Context, conversation: Conversation, assignee: User | None) -> None:
    conversation.assignee_id = assignee.id if assignee else None
    saved(ctx, conversation)


def reopen(ctx: Context, conversation: Conversation, contact: Contact) -> None:
    """What a new incoming message does to a conversation that is not going on."""
    if contact.blocked or conversation.status not in (Status.RESOLVED, Status.SNOOZED):
        return
    conversation.status, conversation.snoozed_until = Status.OPEN, None
    if conversation.assignee_id is None:
        conversation.assignee_id = auto_assignee(ctx, conversation)
    saved(ctx, conversation)


def seen_by_contact(ctx: Context, conversation: Conversation) -> None:
    conversation.contact_last_seen_at = ctx.now
    ctx.save(conversation)
    broadcasts.conversation_read(ctx, conversation)
    moment = ctx.now
    ctx.later(Work(lambda job: _mark_as_read(job, conversation.id, moment)))


def _mark_as_read(ctx: Context, conversation_id: int, moment: float) -> None:
    for message in ctx.store.messages_of(conversation_id):
        theirs = message.message_type != MessageType.INCOMING
        if theirs and message.status in ("sent", "delivered") and message.created_at <= moment:
            message.status = "read"
            update_message(ctx, message)


def update_message(ctx: Context, message: Message) -> None:
    """Save and announce; nothing happens when nothing changed."""
    message.processed_message_content = message.content
    if changes := ctx.save(message):
        broadcasts.message_updated(ctx, message, changes)


def mute(ctx: Context, conversation: Conversation) -> None:
    contact = ctx.find(Contact, conversation.contact_id)
    block(ctx, contact, blocked=True)
    set_status(ctx, conversation, Status.RESOLVED)
    activities.muted(ctx, conversation, contact)


def unmute(ctx: Context, conversation: Conversation) -> None:
    contact = ctx.find(Contact, conversation.contact_id)
    block(ctx, contact, blocked=False)
    activities.muted(ctx, conversation, contact)


def block(ctx: Context, contact: Contact, *, blocked: bool) -> None:
    contact.blocked = blocked
    ctx.save(contact)
    broadcasts.contact_event(ctx, contact, "contact.updated")


def remove(ctx: Context, conversation: Conversation) -> None:
    """With all that was said in it; Chatwoot does this in a job, and tells nobody's cable but the agents'."""
    for message in ctx.store.messages_of(conversation.id):
        for attachment in ctx.store.attachments_of(message.id):
            ctx.store.remove(attachment)
        ctx.store.remove(message)
    ctx.store.remove(conversation)
