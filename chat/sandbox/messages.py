"""Creating, answering and deleting messages (contract §1.8, §6.8)."""

from typing import Any

from chat.sandbox import broadcasts, conversations, templates
from chat.sandbox.attachments import attach
from chat.sandbox.context import Context, Work
from chat.sandbox.entities import AgentBot, Contact, Conversation, CsatResponse, Message, MessageType, User
from chat.sandbox.http import Invalid, Unprocessable
from chat.sandbox.params import UploadedFile, mapping, scalar

MAX_CONTENT_LENGTH = 150_000
MESSAGES_PER_MINUTE = 200
CSAT_DAYS = 14
DELETED = "This message was deleted"


def create(ctx: Context, conversation: Conversation, message: Message, files: list[UploadedFile]) -> Message:
    """Add a prepared message and do all that follows from it. Raises `Invalid`."""
    _validate(ctx, conversation, message)
    message.account_id, message.inbox_id = conversation.account_id, conversation.inbox_id
    message.conversation_id = conversation.id
    message.processed_message_content = message.content
    if message.message_type == MessageType.OUTGOING and message.content:
        message.content = templates.liquid(ctx, message.content, conversation)
    ctx.add(message)
    attach(ctx, message, files)
    conversation.last_activity_at = ctx.now
    ctx.save(conversation)
    broadcasts.message_created(ctx, message)
    if message.message_type == MessageType.INCOMING:
        _after_incoming(ctx, conversation)
    elif message.message_type == MessageType.OUTGOING and not message.private:
        _after_reply(ctx, conversation, message)
    return message


def _validate(ctx: Context, conversation: Conversation, message: Message) -> None:
    recent = [m for m in ctx.store.messages_of(conversation.id) if m.created_at > ctx.now - 60]
    problems = []
    if message.content and len(message.content) > MAX_CONTENT_LENGTH:
        problems.append(("content", f"is too long (maximum is {MAX_CONTENT_LENGTH} characters)"))
    if len(recent) >= MESSAGES_PER_MINUTE:
        problems.append(("base", "Too many messages"))
    if problems:
        raise Invalid(*problems)


def _after_incoming(ctx: Context, conversation: Conversation) -> None:
    contact = ctx.find(Contact, conversation.contact_id)
    contact.last_activity_at = ctx.now
    ctx.save(contact)
    broadcasts.contact_event(ctx, contact, "contact.updated")
    conversations.reopen(ctx, conversation, contact)
    if conversation.waiting_since is None:
        conversation.waiting_since = ctx.now
        conversations.saved(ctx, conversation)
    templates.after_incoming(ctx, conversation)


def _after_reply(ctx: Context, conversation: Conversation, message: Message) -> None:
    """Nobody waits any longer; the first human answer is remembered."""
    if conversation.first_reply_created_at is None and message.sender_type == "User":
        broadcasts.first_reply_created(ctx, message)
        conversation.first_reply_created_at = ctx.now
    conversation.waiting_since = None
    conversations.saved(ctx, conversation)


def answer(ctx: Context, message: Message, submitted: Any) -> None:
    """Store what the contact submitted; anything not permitted is dropped. Raises `Unprocessable`."""
    if message.content_type == "input_csat" and ctx.now - message.created_at > CSAT_DAYS * 86_400:
        raise Unprocessable(f"You cannot update the CSAT survey after {CSAT_DAYS} days")
    if submitted is None:
        return
    message.content_attributes = message.content_attributes | {"submitted_values": _permitted(submitted)}
    conversations.update_message(ctx, message)
    ctx.later(Work(lambda job: _rate(job, message.id)))


def _permitted(submitted: Any) -> Any:
    if isinstance(submitted, list):
        return [_permitted_item(item) for item in submitted if isinstance(item, dict)]
    return _permitted_item(submitted) if isinstance(submitted, dict) else None


def _permitted_item(item: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {
        key: item[key]
        for key in ("name", "title", "value")
        if key in item and (scalar(item[key]) is not None or item[key] is None)
    }
    if (csat := mapping(item.get("csat_survey_response"))) is not None:
        kept["csat_survey_response"] = {key: csat[key] for key in ("feedback_message", "rating") if key in csat}
    return kept


def _rate(ctx: Context, message_id: int) -> None:
    """The response row follows in a job; a rating outside 1–5 stays on the message only."""
    message = ctx.find(Message, message_id)
    values = message.content_attributes.get("submitted_values")
    given = values.get("csat_survey_response") if isinstance(values, dict) else None
    if message.content_type != "input_csat" or not given or given.get("rating") not in (1, 2, 3, 4, 5):
        return
    conversation = ctx.find(Conversation, message.conversation_id)
    row = ctx.store.first(CsatResponse, lambda r: r.message_id == message_id) or ctx.add(
        CsatResponse(message_id=message_id)
    )
    row.account_id, row.conversation_id = conversation.account_id, conversation.id
    row.contact_id, row.assigned_agent_id = conversation.contact_id, conversation.assignee_id
    row.rating, row.feedback_message = given["rating"], given.get("feedback_message")
    ctx.save(row)


def delete(ctx: Context, message: Message) -> None:
    """Replaced, not removed; its old text still travels in the frame (contract §4.M)."""
    message.content, message.content_type = DELETED, "text"
    message.content_attributes = {"deleted": True}
    for row in ctx.store.attachments_of(message.id):
        ctx.store.remove(row)
    conversations.update_message(ctx, message)


def sent_by(sender: Contact | User | AgentBot, message: Message) -> Message:
    message.sender_type, message.sender_id = type(sender).__name__, sender.id
    return message
