"""Messages nobody writes: greeting, out-of-office and the CSAT question (contract §1.10)."""

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from chat.sandbox import broadcasts
from chat.sandbox.context import Context, Work
from chat.sandbox.entities import Contact, Conversation, Inbox, Message, MessageType

CSAT_QUESTION = "Please rate the conversation"
REPLY_WINDOW_S = 300


def liquid(ctx: Context, text: str, conversation: Conversation) -> str:
    """``{{contact.name}}`` and its kin, code spans excluded; only what agents' texts commonly hold."""
    contact = ctx.find(Contact, conversation.contact_id)
    name = " ".join(part[:1].upper() + part[1:] for part in contact.name.split(" "))
    first, _, last = name.partition(" ")
    values = {
        "contact.name": name,
        "contact.first_name": first,
        "contact.last_name": last.rpartition(" ")[2],
        "contact.email": contact.email or "",
        "conversation.display_id": str(conversation.display_id),
        "inbox.name": ctx.find(Inbox, conversation.inbox_id).name,
    }
    parts = re.split(r"(```.*?```|`[^`]*`)", text, flags=re.S)
    return "".join(part if part.startswith("`") else _filled(part, values) for part in parts)


def _filled(text: str, values: dict[str, str]) -> str:
    return re.sub(r"{{\s*([\w.]+)\s*}}", lambda found: values.get(found[1], ""), text)


def write(ctx: Context, conversation: Conversation, content: str, **columns: Any) -> Message:
    """A template message: no sender at all."""
    message = ctx.add(
        Message(
            account_id=conversation.account_id,
            inbox_id=conversation.inbox_id,
            conversation_id=conversation.id,
            message_type=MessageType.TEMPLATE,
            content=liquid(ctx, content, conversation),
            processed_message_content=content,
            **columns,
        )
    )
    conversation.last_activity_at = ctx.now
    ctx.save(conversation)
    broadcasts.message_created(ctx, message)
    return message


def after_incoming(ctx: Context, conversation: Conversation) -> None:
    ctx.later(Work(lambda job: _greet(job, conversation.id)))


def _greet(ctx: Context, conversation_id: int) -> None:
    conversation = ctx.find(Conversation, conversation_id)
    inbox = ctx.find(Inbox, conversation.inbox_id)
    messages = ctx.store.messages_of(conversation.id)
    if inbox.out_of_office_message and _is_closed(ctx, inbox):
        if _nobody_answers(ctx, messages):
            write(ctx, conversation, inbox.out_of_office_message)
        return
    answered = any(m.message_type in (MessageType.OUTGOING, MessageType.TEMPLATE) for m in messages)
    if inbox.greeting_enabled and inbox.greeting_message and not answered:
        write(ctx, conversation, inbox.greeting_message)


def _nobody_answers(ctx: Context, messages: list[Message]) -> bool:
    today = datetime.fromtimestamp(ctx.now, UTC).date()
    for message in messages:
        day = datetime.fromtimestamp(message.created_at, UTC).date()
        if message.message_type == MessageType.TEMPLATE and day == today:
            return False
        if message.message_type == MessageType.OUTGOING and message.created_at > ctx.now - REPLY_WINDOW_S:
            return False
    return True


def _is_closed(ctx: Context, inbox: Inbox) -> bool:
    if not inbox.working_hours_enabled:
        return False
    local = datetime.fromtimestamp(ctx.now, ZoneInfo(inbox.timezone))
    hours = inbox.working_hours[local.isoweekday() % 7]
    if hours["closed_all_day"]:
        return True
    if hours["open_all_day"]:
        return False
    opens, closes = hours["open_hour"] * 60 + hours["open_minutes"], hours["close_hour"] * 60 + hours["close_minutes"]
    return not opens <= local.hour * 60 + local.minute < closes


def csat(ctx: Context, conversation: Conversation) -> None:
    ctx.later(Work(lambda job: _ask(job, conversation.id)))


def _ask(ctx: Context, conversation_id: int) -> None:
    """Once per conversation, ever."""
    conversation = ctx.find(Conversation, conversation_id)
    inbox = ctx.find(Inbox, conversation.inbox_id)
    asked = any(m.content_type == "input_csat" for m in ctx.store.messages_of(conversation.id))
    if not inbox.csat_survey_enabled or asked or not _labels_allow(inbox, conversation):
        return
    display = inbox.csat_config.get("display_type", "emoji")
    text = inbox.csat_config.get("message") or CSAT_QUESTION
    write(ctx, conversation, text, content_type="input_csat", content_attributes={"display_type": display})


def _labels_allow(inbox: Inbox, conversation: Conversation) -> bool:
    rules = inbox.csat_config.get("survey_rules") or {}
    if not rules.get("values"):
        return True
    return bool(set(rules["values"]) & set(conversation.labels)) == (rules.get("operator") == "contains")
