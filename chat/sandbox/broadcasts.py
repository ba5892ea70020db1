"""Which event goes to which cable stream and webhook (contract §3.7, §4, §5)."""

from chat.sandbox.context import Broadcast, Context, WebhookCall
from chat.sandbox.entities import (
    JSON,
    AccountUser,
    AgentBot,
    Contact,
    ContactInbox,
    Conversation,
    Inbox,
    InboxMember,
    Message,
    MessageType,
    User,
)
from chat.sandbox.people import agent_push, contact_push, webhook_sender
from chat.sandbox.push_data import (
    changed_attributes,
    conversation_push,
    message_push,
    message_webhook,
    previous_changes,
    without,
)
from chat.sandbox.store import Changes


def account_stream(account_id: int) -> str:
    return f"account_{account_id}"


# -- audiences ---------------------------------------------------------------


def agent_tokens(ctx: Context, inbox: Inbox) -> set[str]:
    """Members of the inbox and all administrators."""
    members = {row.user_id for row in ctx.store.where(InboxMember, lambda row: row.inbox_id == inbox.id)}
    admins = ctx.store.where(
        AccountUser, lambda row: row.account_id == inbox.account_id and row.role == "administrator"
    )
    user_ids = members | {row.user_id for row in admins}
    return {ctx.find(User, user_id).pubsub_token for user_id in user_ids}


def contact_tokens(ctx: Context, conversation: Conversation) -> set[str]:
    """The session's own token, or those of all verified sessions of the contact when it is verified."""
    own = ctx.find(ContactInbox, conversation.contact_inbox_id)
    if not own.hmac_verified:
        return {own.pubsub_token}
    return {row.pubsub_token for row in ctx.store.contact_inboxes_of(own.contact_id) if row.hmac_verified}


def both(ctx: Context, conversation: Conversation) -> set[str]:
    return contact_tokens(ctx, conversation) | agent_tokens(ctx, ctx.find(Inbox, conversation.inbox_id))


# -- messages ----------------------------------------------------------------


def message_created(ctx: Context, message: Message) -> None:
    extra = {} if message.echo_id is None else {"echo_id": message.echo_id}
    _message_event(ctx, message, "message.created", extra)
    _message_hook(ctx, message, "message_created")


def message_updated(ctx: Context, message: Message, changes: Changes) -> None:
    _message_event(ctx, message, "message.updated", {"previous_changes": previous_changes(changes)})
    _message_hook(ctx, message, "message_updated")


def first_reply_created(ctx: Context, message: Message) -> None:
    extra = {} if message.echo_id is None else {"echo_id": message.echo_id}
    _snapshot(
        ctx, agent_tokens(ctx, ctx.find(Inbox, message.inbox_id)), "first.reply.created", _message(ctx, message, extra)
    )


def _message_event(ctx: Context, message: Message, event: str, extra: JSON) -> None:
    conversation = ctx.find(Conversation, message.conversation_id)
    tokens = agent_tokens(ctx, ctx.find(Inbox, message.inbox_id))
    if not message.private and message.message_type != MessageType.ACTIVITY:
        tokens |= contact_tokens(ctx, conversation)
    _snapshot(ctx, tokens, event, _message(ctx, message, extra))


def _message(ctx: Context, message: Message, extra: JSON) -> JSON:
    return message_push(ctx, message) | extra


def _message_hook(ctx: Context, message: Message, event: str) -> None:
    url = ctx.find(Inbox, message.inbox_id).webhook_url
    if url and message.message_type != MessageType.ACTIVITY:
        ctx.later(WebhookCall(url, lambda job: message_webhook(job, job.find(Message, message.id), event), message.id))


# -- conversations -----------------------------------------------------------


def conversation_created(ctx: Context, conversation: Conversation) -> None:
    _snapshot(ctx, both(ctx, conversation), "conversation.created", conversation_push(ctx, conversation))
    _conversation_hook(ctx, conversation, "conversation_created", {})


def conversation_updated(ctx: Context, conversation: Conversation, changes: Changes) -> None:
    _reread(ctx, conversation, both(ctx, conversation), "conversation.updated")
    _conversation_hook(ctx, conversation, "conversation_updated", {"changed_attributes": changed_attributes(changes)})


def conversation_status_changed(ctx: Context, conversation: Conversation) -> None:
    """Chatwoot's job re-reads the row; in the recordings it always won the race against the request's next save."""
    job = _job_view(ctx)
    _snapshot(job, both(ctx, conversation), "conversation.status_changed", conversation_push(job, conversation))
    _conversation_hook(ctx, conversation, "conversation_status_changed", {"changed_attributes": None})


def assignee_changed(ctx: Context, conversation: Conversation) -> None:
    inbox = ctx.find(Inbox, conversation.inbox_id)
    _reread(ctx, conversation, agent_tokens(ctx, inbox), "assignee.changed")


def contact_changed(ctx: Context, conversation: Conversation) -> None:
    agents = agent_tokens(ctx, ctx.find(Inbox, conversation.inbox_id))
    _snapshot(ctx, agents, "conversation.contact_changed", conversation_push(ctx, conversation))


def conversation_read(ctx: Context, conversation: Conversation) -> None:
    inbox = ctx.find(Inbox, conversation.inbox_id)
    _reread(ctx, conversation, agent_tokens(ctx, inbox), "conversation.read")


def typing(
    ctx: Context, conversation: Conversation, user: Contact | User | AgentBot, *, on: bool, private: bool
) -> None:
    """To the session's own token and the agents, never to whoever types."""
    own = ctx.find(ContactInbox, conversation.contact_inbox_id).pubsub_token
    agents = agent_tokens(ctx, ctx.find(Inbox, conversation.inbox_id))
    tokens = agents if isinstance(user, Contact) else agents | {own}
    if isinstance(user, User):
        tokens -= {user.pubsub_token}
    word = "typing_on" if on else "typing_off"
    who = contact_push(user) if isinstance(user, Contact) else agent_push(ctx, user)
    data = {"conversation": conversation_push(ctx, conversation), "user": who, "is_private": private}
    _snapshot(ctx, tokens, f"conversation.{word}", data)
    if url := ctx.find(Inbox, conversation.inbox_id).webhook_url:
        hook = {"event": f"conversation_{word}", "user": webhook_sender(ctx, user), "is_private": private}
        ctx.later(WebhookCall(url, lambda job: hook | {"conversation": conversation_push(job, conversation)}))


def _conversation_hook(ctx: Context, conversation: Conversation, event: str, extra: JSON) -> None:
    if url := ctx.find(Inbox, conversation.inbox_id).webhook_url:
        body = {"event": event} | extra
        ctx.later(WebhookCall(url, lambda job: conversation_push(job, job.find(Conversation, conversation.id)) | body))


# -- contacts ----------------------------------------------------------------


def contact_event(ctx: Context, contact: Contact, event: str) -> None:
    data = contact_push(contact) | {"account_id": contact.account_id}
    _snapshot(ctx, {account_stream(contact.account_id)}, event, data)


# -- sending -----------------------------------------------------------------


def _snapshot(ctx: Context, tokens: set[str], event: str, data: JSON) -> None:
    """Rendered now, in the request that caused it, and so with its ``performer``."""
    account_id = ctx.account_id or data.get("account_id") or _account_of(ctx, data)
    data = without(data, ("account_id",)) | {"account_id": account_id}
    if ctx.user is not None:
        data["performer"] = agent_push(ctx, ctx.user)
    ctx.later(Broadcast(tuple(sorted(tokens)), event, lambda job: data))


def _reread(ctx: Context, conversation: Conversation, tokens: set[str], event: str) -> None:
    """Rendered when the job runs: several events may show the same, latest state."""

    def render(job: Context) -> JSON:
        row = job.find(Conversation, conversation.id)
        return conversation_push(job, row) | {"account_id": row.account_id}

    ctx.later(Broadcast(tuple(sorted(tokens)), event, render))


def _job_view(ctx: Context) -> Context:
    """The same request seen from a job: no current user, no current account."""
    return Context(ctx.store, ctx.presence, ctx.now, ctx.front_url, ctx.enqueue)


def _account_of(ctx: Context, data: JSON) -> int:
    inbox_id = data.get("inbox_id") or data.get("conversation", {}).get("inbox_id")
    return ctx.find(Inbox, inbox_id).account_id
