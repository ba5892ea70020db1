"""What travels in cable frames and webhooks (contract §2.2, §2.5, §5)."""

from collections.abc import Iterable

from chat.sandbox.attachments import attachment_data
from chat.sandbox.context import Context, iso, iso_or_none, unix
from chat.sandbox.entities import (
    JSON,
    Contact,
    ContactInbox,
    Conversation,
    Inbox,
    Message,
    MessageType,
    User,
)
from chat.sandbox.people import agent_push, contact_push, sender_of, sender_push, webhook_account, webhook_sender
from chat.sandbox.store import Changes

TIMES = ("updated_at", "created_at", "waiting_since", "first_reply_created_at", "snoozed_until")


def message_push(ctx: Context, message: Message) -> JSON:
    conversation = ctx.find(Conversation, message.conversation_id)
    pushed: JSON = {
        "id": message.id,
        "content": message.content,
        "account_id": message.account_id,
        "inbox_id": message.inbox_id,
        "conversation_id": conversation.display_id,
        "message_type": message.message_type,
        "created_at": unix(message.created_at),
        "updated_at": iso(message.updated_at),
        "private": message.private,
        "status": message.status,
        "source_id": message.source_id,
        "content_type": message.content_type,
        "content_attributes": message.content_attributes,
        "sender_type": message.sender_type,
        "sender_id": message.sender_id,
        "external_source_ids": {},
        "additional_attributes": {},
        "processed_message_content": message.processed_message_content,
        "sentiment": {},
        "conversation": {
            "assignee_id": conversation.assignee_id,
            "unread_count": unread_count(ctx, conversation),
            "last_activity_at": unix(conversation.last_activity_at),
            "contact_inbox": {"source_id": ctx.find(ContactInbox, conversation.contact_inbox_id).source_id},
        },
    }
    return with_attachments_and_sender(ctx, message, pushed)


def with_attachments_and_sender(ctx: Context, message: Message, body: JSON) -> JSON:
    """Both keys are absent, not null, when there is nothing."""
    if attachments := ctx.store.attachments_of(message.id):
        body["attachments"] = [attachment_data(ctx, row) for row in attachments]
    if (sender := sender_push(ctx, message)) is not None:
        body["sender"] = sender
    return body


def unread_count(ctx: Context, conversation: Conversation) -> int:
    """Incoming messages since the agents last looked, ten at most."""
    since = conversation.agent_last_seen_at or 0.0
    unread = 0
    for message in reversed(ctx.store.messages_of(conversation.id)):
        if message.created_at <= since or unread == 10:
            break
        unread += message.message_type == MessageType.INCOMING
    return unread


def chat_messages(ctx: Context, conversation: Conversation) -> list[Message]:
    """What a contact may see: neither private nor activity."""
    messages = ctx.store.messages_of(conversation.id)
    return [m for m in messages if not m.private and m.message_type != MessageType.ACTIVITY]


def conversation_push(ctx: Context, conversation: Conversation) -> JSON:
    contact_inbox = ctx.find(ContactInbox, conversation.contact_inbox_id)
    last = chat_messages(ctx, conversation)[-1:]
    return {
        "additional_attributes": conversation.additional_attributes,
        "can_reply": True,
        "channel": "Channel::Api",
        "contact_inbox": contact_inbox_row(contact_inbox),
        "id": conversation.display_id,
        "inbox_id": conversation.inbox_id,
        "messages": [message_push(ctx, message) for message in last],
        "labels": conversation.labels,
        "meta": conversation_meta(ctx, conversation, contact_inbox),
        "status": conversation.status,
        "custom_attributes": conversation.custom_attributes,
        "snoozed_until": iso_or_none(conversation.snoozed_until),
        "unread_count": unread_count(ctx, conversation),
        "first_reply_created_at": iso_or_none(conversation.first_reply_created_at),
        "priority": conversation.priority,
        "waiting_since": unix(conversation.waiting_since),
        "agent_last_seen_at": unix(conversation.agent_last_seen_at),
        "contact_last_seen_at": unix(conversation.contact_last_seen_at),
        "last_activity_at": unix(conversation.last_activity_at),
        "timestamp": unix(conversation.last_activity_at),
        "created_at": unix(conversation.created_at),
        "updated_at": float(conversation.updated_at),
    }


def conversation_meta(ctx: Context, conversation: Conversation, contact_inbox: ContactInbox) -> JSON:
    assignee = ctx.store.get(User, conversation.assignee_id)
    return {
        "sender": contact_push(ctx.find(Contact, conversation.contact_id)),
        "assignee": agent_push(ctx, assignee) if assignee else None,
        "assignee_type": "User" if assignee else None,
        "team": None,
        "hmac_verified": contact_inbox.hmac_verified,
    }


def contact_inbox_row(row: ContactInbox) -> JSON:
    return {
        "id": row.id,
        "contact_id": row.contact_id,
        "inbox_id": row.inbox_id,
        "source_id": row.source_id,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "hmac_verified": row.hmac_verified,
        "pubsub_token": row.pubsub_token,
    }


def previous_changes(changes: Changes) -> JSON:
    """Columns as ``[old, new]``; contains the old text of a deleted message (contract quirk 18)."""
    return {name: [shown_change(name, old), shown_change(name, new)] for name, (old, new) in changes.items()}


def changed_attributes(changes: Changes) -> list[JSON]:
    return [
        {name: {"previous_value": shown_change(name, old), "current_value": shown_change(name, new)}}
        for name, (old, new) in changes.items()
    ]


def shown_change(name: str, value: object) -> object:
    return iso(value) if name in TIMES and isinstance(value, float) else value


def message_webhook(ctx: Context, message: Message, event: str) -> JSON:
    conversation = ctx.find(Conversation, message.conversation_id)
    inbox = ctx.find(Inbox, message.inbox_id)
    sender = sender_of(ctx, message)
    body: JSON = {
        "account": webhook_account(ctx, message.account_id),
        "additional_attributes": {},
        "content_attributes": message.content_attributes,
        "content_type": message.content_type,
        "content": webhook_content(ctx, message, conversation),
        "conversation": conversation_push(ctx, conversation),
        "created_at": iso(message.created_at),
        "id": message.id,
        "inbox": {"id": inbox.id, "name": inbox.name},
        "message_type": MessageType(message.message_type).name.lower(),
        "private": message.private,
        "sender": webhook_sender(ctx, sender) if sender else None,
        "source_id": message.source_id,
        "event": event,
    }
    if attachments := ctx.store.attachments_of(message.id):
        body["attachments"] = [attachment_data(ctx, row) for row in attachments]
    return body


def webhook_content(ctx: Context, message: Message, conversation: Conversation) -> str | None:
    """A survey link stands for the content of a CSAT question."""
    if message.content_type != "input_csat":
        return message.content
    return f"{message.content} {ctx.front_url}/survey/responses/{conversation.uuid}"


def without(body: JSON, names: Iterable[str]) -> JSON:
    return {name: value for name, value in body.items() if name not in names}
