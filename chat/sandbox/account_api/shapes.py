"""Conversations, messages and inboxes as the Application API shows them (contract §6.2, §6.7, §6.8)."""

from chat.sandbox.account_api.access import is_administrator
from chat.sandbox.context import Context, unix
from chat.sandbox.entities import JSON, Contact, ContactInbox, Conversation, Inbox, Message, MessageType, User
from chat.sandbox.people import agent_account, contact_account
from chat.sandbox.push_data import message_push, unread_count, with_attachments_and_sender

OTHER_CHANNELS = (
    "allowed_domains",
    "widget_color",
    "website_url",
    "welcome_title",
    "welcome_tagline",
    "web_widget_script",
    "website_token",
    "selected_feature_flags",
    "reply_time",
    "messaging_service_sid",
    "phone_number",
)


def inbox_shape(ctx: Context, inbox: Inbox) -> JSON:
    shape: JSON = {
        "id": inbox.id,
        "avatar_url": "",
        "channel_id": inbox.channel_id,
        "name": inbox.name,
        "channel_type": "Channel::Api",
        "greeting_enabled": inbox.greeting_enabled,
        "greeting_message": inbox.greeting_message,
        "working_hours_enabled": inbox.working_hours_enabled,
        "enable_email_collect": True,
        "csat_survey_enabled": inbox.csat_survey_enabled,
        "csat_config": inbox.csat_config,
        "enable_auto_assignment": inbox.enable_auto_assignment,
        "auto_assignment_config": {},
        "out_of_office_message": inbox.out_of_office_message,
        "working_hours": inbox.working_hours,
        "timezone": inbox.timezone,
        "callback_webhook_url": None,
        "allow_messages_after_resolved": inbox.allow_messages_after_resolved,
        "lock_to_single_conversation": inbox.lock_to_single_conversation,
        "sender_name_type": "friendly",
        "business_name": None,
        "hmac_mandatory": inbox.hmac_mandatory,
        "webhook_url": inbox.webhook_url,
        "inbox_identifier": inbox.identifier,
        "additional_attributes": inbox.additional_attributes,
        "provider": None,
    }
    shape |= dict.fromkeys(OTHER_CHANNELS)
    if is_administrator(ctx):
        shape["hmac_token"] = inbox.hmac_token
    return shape


def conversation_shape(ctx: Context, conversation: Conversation) -> JSON:
    everything = ctx.store.messages_of(conversation.id)
    spoken = [m for m in everything if m.message_type != MessageType.ACTIVITY]
    return {
        "meta": _meta(ctx, conversation),
        "id": conversation.display_id,
        "messages": [message_push(ctx, message) for message in everything[-1:]],
        "account_id": conversation.account_id,
        "uuid": conversation.uuid,
        "additional_attributes": conversation.additional_attributes,
        "agent_last_seen_at": unix(conversation.agent_last_seen_at),
        "assignee_last_seen_at": unix(conversation.assignee_last_seen_at),
        "can_reply": True,
        "contact_last_seen_at": unix(conversation.contact_last_seen_at),
        "custom_attributes": conversation.custom_attributes,
        "inbox_id": conversation.inbox_id,
        "labels": conversation.labels,
        "muted": ctx.find(Contact, conversation.contact_id).blocked,
        "snoozed_until": conversation.snoozed_until,
        "status": conversation.status,
        "created_at": unix(conversation.created_at),
        "updated_at": float(conversation.updated_at),
        "timestamp": unix(conversation.last_activity_at),
        "first_reply_created_at": unix(conversation.first_reply_created_at),
        "unread_count": unread_count(ctx, conversation),
        "last_non_activity_message": message_push(ctx, spoken[-1]) if spoken else None,
        "last_activity_at": unix(conversation.last_activity_at),
        "priority": conversation.priority,
        "waiting_since": unix(conversation.waiting_since),
        "sla_policy_id": None,
    }


def _meta(ctx: Context, conversation: Conversation) -> JSON:
    meta: JSON = {
        "sender": contact_account(ctx, ctx.find(Contact, conversation.contact_id), sessions=False),
        "channel": "Channel::Api",
        "hmac_verified": ctx.find(ContactInbox, conversation.contact_inbox_id).hmac_verified,
    }
    if assignee := ctx.store.get(User, conversation.assignee_id):
        meta["assignee"] = agent_account(ctx, assignee, conversation.account_id)
        meta["assignee_type"] = "User"
    return meta


def message_shape(ctx: Context, message: Message, *, echo: bool = False) -> JSON:
    """`echo`: the answer to its creation, the one time the echo_id is given back."""
    shape: JSON = {
        "id": message.id,
        "content": message.content,
        "inbox_id": message.inbox_id,
        "conversation_id": ctx.find(Conversation, message.conversation_id).display_id,
        "message_type": message.message_type,
        "content_type": message.content_type,
        "status": message.status,
        "content_attributes": message.content_attributes,
        "created_at": unix(message.created_at),
        "private": message.private,
        "source_id": message.source_id,
    }
    if echo and message.echo_id is not None:
        shape["echo_id"] = message.echo_id
    return with_attachments_and_sender(ctx, message, shape)
