"""Conversations as agents and bots handle them (contract §6.7)."""

from chat.sandbox import broadcasts, conversations
from chat.sandbox.account_api.access import (
    account_id,
    current_user,
    is_administrator,
    may_see,
    require_administrator,
    require_sight,
)
from chat.sandbox.account_api.shapes import conversation_shape
from chat.sandbox.context import Context
from chat.sandbox.entities import PRIORITIES, AgentBot, ContactInbox, Conversation, Inbox, Status, Transcript, User
from chat.sandbox.http import (
    Area,
    Crash,
    NotFound,
    Request,
    Response,
    Router,
    TooMany,
    Unprocessable,
    head,
    json_response,
)
from chat.sandbox.params import Params, boolean, mapping, text
from chat.sandbox.people import agent_account

PAGE = 25
TRANSCRIPTS_AN_HOUR = 30  # of an account, by the clock hour (contract §8)
CONVERSATION = "/conversations/:id"
router = Router(Area.ACCOUNT, "/api/v1/accounts/:account_id")


def find_conversation(ctx: Context, request: Request) -> Conversation:
    conversation = ctx.store.conversation(account_id(ctx), request.number("id"))
    if conversation is None:
        raise NotFound
    require_sight(ctx, ctx.find(Inbox, conversation.inbox_id))
    return conversation


@router.on("GET", "/conversations")
def list_conversations(ctx: Context, request: Request) -> Response:
    found = [row for row in _visible(ctx) if _wanted(row, request.params)]
    found.sort(key=lambda row: row.last_activity_at, reverse=True)
    me = current_user(ctx).id
    meta = {
        "mine_count": sum(row.assignee_id == me for row in found),
        "assigned_count": sum(row.assignee_id is not None for row in found),
        "unassigned_count": sum(row.assignee_id is None for row in found),
        "all_count": len(found),
    }
    found = [row for row in found if _assigned_as(row, request.params.get("assignee_type"), me)]
    page = int(text(request.params.get("page")) or 1)
    shown = [conversation_shape(ctx, row) for row in found[(page - 1) * PAGE : page * PAGE]]
    return json_response({"data": {"meta": meta, "payload": shown}})


def _visible(ctx: Context) -> list[Conversation]:
    inboxes = {row.id for row in ctx.store.where(Inbox, lambda r: r.account_id == account_id(ctx) and may_see(ctx, r))}
    return ctx.store.where(Conversation, lambda row: row.inbox_id in inboxes)


def _wanted(row: Conversation, params: Params) -> bool:
    status, inbox_id = params.get("status") or Status.OPEN, params.get("inbox_id")
    labels = params.get("labels") or []
    return (
        status in ("all", row.status)
        and (not inbox_id or str(inbox_id) == str(row.inbox_id))
        and (not labels or bool(set(labels) & set(row.labels)))
    )


def _assigned_as(row: Conversation, kind: object, me: int) -> bool:
    match kind:
        case "me":
            return row.assignee_id == me
        case "unassigned":
            return row.assignee_id is None
        case "assigned":
            return row.assignee_id is not None
    return True


@router.on("GET", CONVERSATION)
def show_conversation(ctx: Context, request: Request) -> Response:
    return json_response(conversation_shape(ctx, find_conversation(ctx, request)))


@router.on("PATCH|PUT", CONVERSATION, bots=True)
def update_conversation(ctx: Context, request: Request) -> Response:
    """Only its priority can be changed so; all of it is answered."""
    conversation = find_conversation(ctx, request)
    if "priority" in request.params:
        _prioritise(ctx, conversation, request.params["priority"])
    return json_response(conversation_shape(ctx, conversation))


@router.on("DELETE", CONVERSATION)
def delete_conversation(ctx: Context, request: Request) -> Response:
    require_administrator(ctx)
    conversations.remove(ctx, find_conversation(ctx, request))
    return head()


@router.on("POST", "/conversations", bots=True)
def create_conversation(ctx: Context, request: Request) -> Response:
    inbox = ctx.find(Inbox, int(request.params.get("inbox_id") or 0))
    require_sight(ctx, inbox)
    row: ContactInbox | None = ctx.store.contact_inbox_by_source(inbox.id, text(request.params.get("source_id")) or "")
    if row is None:
        raise NotFound
    conversation = conversations.create(ctx, row, mapping(request.params.get("custom_attributes")))
    return json_response(conversation_shape(ctx, conversation))


@router.on("POST", f"{CONVERSATION}/toggle_status", bots=True)
def toggle_status(ctx: Context, request: Request) -> Response:
    conversation = find_conversation(ctx, request)
    wanted = text(request.params.get("status"))
    if wanted is not None and wanted not in list(Status):
        raise Crash
    toggled = Status.RESOLVED if conversation.status == Status.OPEN else Status.OPEN
    status = Status(wanted) if wanted else toggled
    handed_over = isinstance(ctx.user, AgentBot) and conversation.status == Status.PENDING and status is Status.OPEN
    if status is Status.SNOOZED and (until := request.params.get("snoozed_until")):
        conversation.snoozed_until = float(until)
    conversations.set_status(ctx, conversation, status)
    if status is Status.OPEN and isinstance(ctx.user, User) and not is_administrator(ctx):  # agents get what they open
        conversations.assign(ctx, conversation, ctx.user)
    body = {
        "success": None if handed_over else True,
        "conversation_id": conversation.display_id,
        "current_status": conversation.status,
        "snoozed_until": conversation.snoozed_until,
    }
    return json_response({"payload": body})


@router.on("POST", f"{CONVERSATION}/toggle_typing_status")
def toggle_typing(ctx: Context, request: Request) -> Response:
    conversation = find_conversation(ctx, request)
    if (word := request.params.get("typing_status")) in ("on", "off"):
        private = boolean(request.params.get("is_private"))
        broadcasts.typing(ctx, conversation, current_user(ctx), on=word == "on", private=private)
    return head()


@router.on("POST", f"{CONVERSATION}/toggle_priority", bots=True)
def toggle_priority(ctx: Context, request: Request) -> Response:
    _prioritise(ctx, find_conversation(ctx, request), request.params.get("priority"))
    return head()


def _prioritise(ctx: Context, conversation: Conversation, told: object) -> None:
    priority = text(told) or None
    if priority not in (*PRIORITIES, None):
        raise Crash
    conversation.priority = priority
    conversations.saved(ctx, conversation)


@router.on("POST", f"{CONVERSATION}/custom_attributes", bots=True)
def set_custom_attributes(ctx: Context, request: Request) -> Response:
    """Replaced, not merged."""
    conversation = find_conversation(ctx, request)
    attributes = mapping(request.params.get("custom_attributes")) or {}
    conversations.validate_attributes(attributes)
    conversation.custom_attributes = attributes
    conversations.saved(ctx, conversation)
    return json_response({"custom_attributes": attributes})


@router.on("POST", f"{CONVERSATION}/update_last_seen")
def update_last_seen(ctx: Context, request: Request) -> Response:
    """Silent: neither a frame nor a webhook (contract quirk 33)."""
    conversation = find_conversation(ctx, request)
    conversation.agent_last_seen_at = ctx.now
    if conversation.assignee_id == current_user(ctx).id:
        conversation.assignee_last_seen_at = ctx.now
    ctx.save(conversation)
    return json_response(conversation_shape(ctx, conversation))


@router.on("POST", f"{CONVERSATION}/mute")
def mute(ctx: Context, request: Request) -> Response:
    conversations.mute(ctx, find_conversation(ctx, request))
    return head()


@router.on("POST", f"{CONVERSATION}/unmute")
def unmute(ctx: Context, request: Request) -> Response:
    conversations.unmute(ctx, find_conversation(ctx, request))
    return head()


@router.on("POST", f"{CONVERSATION}/assignments", bots=True)
def assign(ctx: Context, request: Request) -> Response:
    conversation = find_conversation(ctx, request)
    if "assignee_id" not in request.params:
        return json_response(None)
    assignee = ctx.store.get(User, int(request.params["assignee_id"] or 0))
    conversations.assign(ctx, conversation, assignee)
    return json_response(agent_account(ctx, assignee, conversation.account_id) if assignee else None)


@router.on("GET", f"{CONVERSATION}/labels")
def list_labels(ctx: Context, request: Request) -> Response:
    return json_response({"payload": find_conversation(ctx, request).labels})


@router.on("POST", f"{CONVERSATION}/labels")
def set_labels(ctx: Context, request: Request) -> Response:
    conversation = find_conversation(ctx, request)
    conversation.labels = [str(label) for label in request.params.get("labels") or []]
    conversations.saved(ctx, conversation)
    return json_response({"payload": conversation.labels})


@router.on("POST", f"{CONVERSATION}/transcript")
def send_transcript(ctx: Context, request: Request) -> Response:
    conversation = find_conversation(ctx, request)
    email = text(request.params.get("email"))
    if not email:
        raise Unprocessable("email param missing")
    hour = ctx.now // 3600
    sent = ctx.store.where(Transcript, lambda row: row.account_id == account_id(ctx) and row.created_at // 3600 == hour)
    if len(sent) >= TRANSCRIPTS_AN_HOUR:
        raise TooMany
    ctx.add(Transcript(account_id=account_id(ctx), conversation_id=conversation.id, email=email))
    return head()
