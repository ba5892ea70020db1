"""Activity messages: what agents read between the messages. A job writes them, so nobody performs them."""

from chat.sandbox.broadcasts import message_created
from chat.sandbox.context import Context, Work
from chat.sandbox.entities import Contact, Conversation, Message, MessageType, Status, User
from chat.sandbox.store import Changes

STATUS_WORDS = {
    Status.RESOLVED: "was marked resolved",
    Status.OPEN: "was reopened",
    Status.PENDING: "was marked as pending",
    Status.SNOOZED: "was snoozed",
}


def activity(ctx: Context, conversation: Conversation, content: str) -> None:
    ctx.later(Work(lambda job: _write(job, conversation.id, content)))


def of_changes(ctx: Context, conversation: Conversation, changes: Changes) -> None:
    """The activities one save of a conversation causes."""
    if "status" in changes and (text := _status(ctx, conversation)):
        activity(ctx, conversation, text)
    if ctx.user is None:
        return
    who = ctx.user.name
    if "assignee_id" in changes:
        activity(ctx, conversation, _assignment(ctx, conversation, who))
    if "priority" in changes:
        activity(ctx, conversation, _priority(*changes["priority"], who))
    if "labels" in changes:
        old, new = changes["labels"]
        if added := [label for label in new if label not in old]:
            activity(ctx, conversation, f"{who} added {', '.join(added)}")
        if removed := [label for label in old if label not in new]:
            activity(ctx, conversation, f"{who} removed {', '.join(removed)}")


def _status(ctx: Context, conversation: Conversation) -> str:
    status = Status(conversation.status)
    if ctx.user is not None:
        return f"Conversation {STATUS_WORDS[status]} by {ctx.user.name}"
    if ctx.contact is not None and status is Status.RESOLVED:
        return f"Conversation was resolved by {ctx.contact.name}"
    if status is Status.OPEN:
        return "System reopened the conversation due to a new incoming message."
    return ""


def _assignment(ctx: Context, conversation: Conversation, who: str) -> str:
    assignee = ctx.store.get(User, conversation.assignee_id)
    if assignee is None:
        return f"Conversation unassigned by {who}"
    if ctx.user is assignee:
        return f"{who} self-assigned this conversation"
    return f"Assigned to {assignee.available_name} by {who}"


def _priority(old: str | None, new: str | None, who: str) -> str:
    if new is None:
        return f"{who} removed the priority"
    return f"{who} changed the priority from {old} to {new}" if old else f"{who} set the priority to {new}"


def muted(ctx: Context, conversation: Conversation, contact: Contact) -> None:
    word = "muted" if contact.blocked else "unmuted"
    activity(ctx, conversation, f"{ctx.user.name if ctx.user else 'System'} has {word} the conversation")


def _write(ctx: Context, conversation_id: int, content: str) -> None:
    conversation = ctx.find(Conversation, conversation_id)
    message = ctx.add(
        Message(
            account_id=conversation.account_id,
            inbox_id=conversation.inbox_id,
            conversation_id=conversation.id,
            message_type=MessageType.ACTIVITY,
            content=content,
            processed_message_content=content,
        )
    )
    conversation.last_activity_at = ctx.now
    ctx.save(conversation)
    message_created(ctx, message)
