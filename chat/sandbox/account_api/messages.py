"""Messages as agents and bots write them (contract §6.8)."""

from typing import Any

import orjson

from chat.sandbox import conversations, messages
from chat.sandbox.account_api.conversations import CONVERSATION, find_conversation
from chat.sandbox.account_api.shapes import message_shape
from chat.sandbox.client_api import files_of
from chat.sandbox.context import Context, iso_or_none
from chat.sandbox.entities import CONTENT_TYPES, JSON, Contact, Conversation, Message, MessageType, User
from chat.sandbox.http import Area, Invalid, NotFound, Request, Response, Router, Unprocessable, json_response
from chat.sandbox.params import boolean, mapping, scalar, text
from chat.sandbox.people import agent_push, contact_push

PAGE, PAGE_AFTER, PAGE_BETWEEN = 20, 100, 1000
STATUSES = ("sent", "delivered", "read", "failed")
ITEM_KEYS = {
    "input_select": {"title", "value"},
    "cards": {"title", "description", "media_url", "actions"},
    "form": {
        "type",
        "placeholder",
        "label",
        "name",
        "options",
        "default",
        "required",
        "pattern",
        "title",
        "pattern_error",
    },
    "article": {"title", "description", "link"},
}
ITEMS_MISSING = (
    "undefined method `reject' for nil:NilClass\n\n"
    "    record.errors.add(:content_attributes, 'Items should be a hash.')"
    " if record.items.reject { |item| item.is_a?(Hash) }.present?\n" + " " * 85 + "^" * 7
)
router = Router(Area.ACCOUNT, "/api/v1/accounts/:account_id")


@router.on("GET", f"{CONVERSATION}/messages")
def list_messages(ctx: Context, request: Request) -> Response:
    """Private notes and activities too."""
    conversation = find_conversation(ctx, request)
    before, after = request.params.get("before"), request.params.get("after")
    found = ctx.store.messages_of(conversation.id)
    if after is not None:
        first = int(after) + (before is None)  # alone it is exclusive, together with `before` inclusive
        found = [m for m in found if m.id >= first]
    if before is not None:
        found = [m for m in found if m.id < int(before)]
    most = PAGE_AFTER if before is None else PAGE_BETWEEN
    found = found[-PAGE:] if after is None else found[:most]
    return json_response({"meta": _meta(ctx, conversation), "payload": [message_shape(ctx, m) for m in found]})


def _meta(ctx: Context, conversation: Conversation) -> JSON:
    meta: JSON = {
        "labels": conversation.labels,
        "additional_attributes": conversation.additional_attributes,
        "contact": contact_push(ctx.find(Contact, conversation.contact_id)),
        "agent_last_seen_at": iso_or_none(conversation.agent_last_seen_at),
        "assignee_last_seen_at": iso_or_none(conversation.assignee_last_seen_at),
    }
    if assignee := ctx.store.get(User, conversation.assignee_id):
        meta["assignee"] = agent_push(ctx, assignee)
    return meta


@router.on("POST", f"{CONVERSATION}/messages", bots=True)
def create_message(ctx: Context, request: Request) -> Response:
    """Any failure is a 422 with one sentence."""
    conversation = find_conversation(ctx, request)
    message = _message(ctx, conversation, request)
    sender = ctx.find(Contact, conversation.contact_id) if message.message_type == MessageType.INCOMING else ctx.user
    assert sender is not None, "the route authenticates"
    try:
        messages.create(ctx, conversation, messages.sent_by(sender, message), files_of(request))
    except Invalid as error:
        raise Unprocessable(f"Validation failed: {error.message}") from error
    return json_response(message_shape(ctx, message, echo=True))


def _message(ctx: Context, conversation: Conversation, request: Request) -> Message:
    params = request.params
    kind = text(params.get("message_type")) or "outgoing"
    if kind.upper() not in MessageType.__members__:
        raise Unprocessable(f"'{kind}' is not a valid message_type")
    content_type = text(params.get("content_type")) or "text"
    if content_type not in CONTENT_TYPES:
        raise Unprocessable(f"'{content_type}' is not a valid content_type")
    attributes = _attributes(ctx, conversation, params.get("content_attributes"))
    _check_items(content_type, attributes)
    return Message(
        message_type=MessageType[kind.upper()],
        content=text(params.get("content")),
        content_type=content_type,
        content_attributes=attributes,
        private=boolean(params.get("private")),
        echo_id=scalar(params.get("echo_id")),
        source_id=text(params.get("source_id")),
    )


def _attributes(ctx: Context, conversation: Conversation, given: Any) -> JSON:
    """Taken unfiltered; a JSON text is parsed, other text becomes empty."""
    if isinstance(given, str):
        try:
            given = orjson.loads(given)
        except orjson.JSONDecodeError:
            given = {}
    attributes = dict(mapping(given) or {})
    if "in_reply_to" in attributes:
        quoted = ctx.store.get(Message, int(attributes["in_reply_to"] or 0))
        known = quoted is not None and quoted.conversation_id == conversation.id
        attributes["in_reply_to"] = quoted.id if quoted is not None and known else None
        attributes["in_reply_to_external_id"] = quoted.source_id if quoted is not None and known else None
    return attributes


def _check_items(content_type: str, attributes: JSON) -> None:
    allowed = ITEM_KEYS.get(content_type)
    if allowed is None:
        return
    items = attributes.get("items")
    if not isinstance(items, list):
        raise Unprocessable(ITEMS_MISSING)
    if not items:
        raise Unprocessable("Validation failed: Content attributes At least one item is required.")
    if not all(isinstance(item, dict) for item in items):
        raise Unprocessable("Validation failed: Content attributes Items should be a hash.")
    wrong = [key for item in items for key in item if key not in allowed]
    if wrong:
        named = ", ".join(f":{key}" for key in wrong)
        raise Unprocessable(f"Validation failed: Content attributes contains invalid keys for items : [{named}]")


@router.on("PATCH|PUT", f"{CONVERSATION}/messages/:message_id")
def update_status(ctx: Context, request: Request) -> Response:
    message = _found(ctx, request)
    status = text(request.params.get("status"))
    if status in STATUSES and not (message.status == "read" and status == "delivered"):
        message.status = status
        error = text(request.params.get("external_error")) if status == "failed" else None
        if error is not None or "external_error" in message.content_attributes:
            message.content_attributes = message.content_attributes | {"external_error": error}
        conversations.update_message(ctx, message)
    return json_response(message_shape(ctx, message))


@router.on("DELETE", f"{CONVERSATION}/messages/:message_id")
def delete_message(ctx: Context, request: Request) -> Response:
    message = _found(ctx, request)
    messages.delete(ctx, message)
    return json_response(message_shape(ctx, message))


def _found(ctx: Context, request: Request) -> Message:
    conversation = find_conversation(ctx, request)
    message = ctx.store.get(Message, request.number("message_id"))
    if message is None or message.conversation_id != conversation.id:
        raise NotFound
    return message
