"""Inboxes and their members (contract §6.2–6.4)."""

from typing import Any

from chat.sandbox import conversations, world
from chat.sandbox.account_api.access import account_id, may_see, require_administrator, require_sight
from chat.sandbox.account_api.shapes import inbox_shape
from chat.sandbox.context import Context
from chat.sandbox.entities import JSON, ContactInbox, Conversation, Inbox, InboxMember, User
from chat.sandbox.http import Area, Crash, Invalid, NotFound, Request, Response, Router, head, json_response
from chat.sandbox.params import Params, blank, boolean, mapping, text
from chat.sandbox.people import agent_account

router = Router(Area.ACCOUNT, "/api/v1/accounts/:account_id")
FLAGS = (
    "greeting_enabled",
    "csat_survey_enabled",
    "working_hours_enabled",
    "enable_auto_assignment",
    "allow_messages_after_resolved",
    "lock_to_single_conversation",
)
TEXTS = ("name", "greeting_message", "out_of_office_message", "timezone")


@router.on("GET", "/inboxes")
def list_inboxes(ctx: Context, request: Request) -> Response:
    rows = ctx.store.where(Inbox, lambda row: row.account_id == account_id(ctx) and may_see(ctx, row))
    return json_response({"payload": [inbox_shape(ctx, row) for row in rows]})


@router.on("POST", "/inboxes")
def create_inbox(ctx: Context, request: Request) -> Response:
    require_administrator(ctx)
    channel = mapping(request.params.get("channel"))
    if channel is None:
        raise Crash
    if channel.get("type") != "api":
        raise Invalid(("channel", "must exist"))
    if blank(request.params.get("name")):
        raise Invalid(("name", "can't be blank"))
    inbox = world.new_inbox(ctx, account_id(ctx), request.params["name"], **_columns(request.params))
    return json_response(inbox_shape(ctx, inbox))


@router.on("GET", "/inboxes/:id")
def show_inbox(ctx: Context, request: Request) -> Response:
    inbox = find_inbox(ctx, request.number("id"))
    require_sight(ctx, inbox)
    return json_response(inbox_shape(ctx, inbox))


@router.on("PATCH|PUT", "/inboxes/:id")
def update_inbox(ctx: Context, request: Request) -> Response:
    inbox = find_inbox(ctx, request.number("id"))
    require_administrator(ctx)
    for name, value in _columns(request.params).items():
        setattr(inbox, name, value)
    if "name" in request.params:
        inbox.name = request.params["name"]
    ctx.save(inbox)
    return json_response(inbox_shape(ctx, inbox))


@router.on("DELETE", "/inboxes/:id")
def delete_inbox(ctx: Context, request: Request) -> Response:
    """With all that is in it, which Chatwoot removes a moment later, in a job."""
    inbox = find_inbox(ctx, request.number("id"))
    require_administrator(ctx)
    for conversation in ctx.store.where(Conversation, lambda row: row.inbox_id == inbox.id):
        conversations.remove(ctx, conversation)
    for session in ctx.store.where(ContactInbox, lambda row: row.inbox_id == inbox.id):
        ctx.store.remove(session)
    _remove(ctx, inbox, lambda user_id: True)
    ctx.store.remove(inbox)
    return json_response({"message": "Your inbox deletion request will be processed in some time."})


def find_inbox(ctx: Context, inbox_id: int) -> Inbox:
    inbox = ctx.store.get(Inbox, inbox_id)
    if inbox is None or inbox.account_id != account_id(ctx):
        raise NotFound
    return inbox


def _columns(params: Params) -> dict[str, Any]:
    """What the request sets, the name apart."""
    columns: dict[str, Any] = {name: boolean(params[name]) for name in FLAGS if name in params}
    columns |= {name: text(params[name]) for name in TEXTS if name in params and name != "name"}
    columns |= {name: params[name] for name in ("csat_config",) if mapping(params.get(name)) is not None}
    if isinstance(hours := params.get("working_hours"), list):
        columns["working_hours"] = _merged_hours(hours)
    channel = mapping(params.get("channel")) or {}
    if "webhook_url" in channel:
        columns["webhook_url"] = text(channel["webhook_url"])
    if "hmac_mandatory" in channel:
        columns["hmac_mandatory"] = boolean(channel["hmac_mandatory"])
    if (attributes := mapping(channel.get("additional_attributes"))) is not None:
        columns["additional_attributes"] = attributes
    return columns


def _merged_hours(given: list[JSON]) -> list[JSON]:
    by_day = {day["day_of_week"]: day for day in world.working_hours()}
    for day in given:
        if day.get("day_of_week") in by_day:
            by_day[day["day_of_week"]] |= {key: day[key] for key in by_day[day["day_of_week"]] if key in day}
    return [by_day[number] for number in range(7)]


# -- members -------------------------------------------------------------------


@router.on("GET", "/inbox_members/:inbox_id")
def show_members(ctx: Context, request: Request) -> Response:
    inbox = find_inbox(ctx, request.number("inbox_id"))
    require_sight(ctx, inbox)
    return _members(ctx, inbox)


@router.on("POST", "/inbox_members")
def add_members(ctx: Context, request: Request) -> Response:
    inbox = _inbox_in_body(ctx, request)
    present = _member_ids(ctx, inbox)
    for user_id in _user_ids(ctx, request):
        if user_id not in present:
            ctx.add(InboxMember(inbox_id=inbox.id, user_id=user_id))
    return _members(ctx, inbox)


@router.on("PATCH|PUT", "/inbox_members")
def replace_members(ctx: Context, request: Request) -> Response:
    inbox = _inbox_in_body(ctx, request)
    wanted = _user_ids(ctx, request)
    _remove(ctx, inbox, lambda user_id: user_id not in wanted)
    return add_members(ctx, request)


@router.on("DELETE", "/inbox_members")
def remove_members(ctx: Context, request: Request) -> Response:
    inbox = _inbox_in_body(ctx, request)
    gone = _user_ids(ctx, request)
    _remove(ctx, inbox, lambda user_id: user_id in gone)
    return head()


def _inbox_in_body(ctx: Context, request: Request) -> Inbox:
    inbox = find_inbox(ctx, int(request.params.get("inbox_id") or 0))
    require_administrator(ctx)
    return inbox


def _user_ids(ctx: Context, request: Request) -> list[int]:
    user_ids = [int(user_id) for user_id in request.params.get("user_ids") or []]
    if any(ctx.store.get(User, user_id) is None for user_id in user_ids):
        raise Invalid(("user", "must exist"))
    return user_ids


def _member_ids(ctx: Context, inbox: Inbox) -> set[int]:
    return {row.user_id for row in ctx.store.where(InboxMember, lambda row: row.inbox_id == inbox.id)}


def _remove(ctx: Context, inbox: Inbox, goes: Any) -> None:
    for row in ctx.store.where(InboxMember, lambda row: row.inbox_id == inbox.id):
        if goes(row.user_id):
            ctx.store.remove(row)


def _members(ctx: Context, inbox: Inbox) -> Response:
    user_ids = sorted(_member_ids(ctx, inbox))
    agents = [agent_account(ctx, ctx.find(User, user_id), inbox.account_id) for user_id in user_ids]
    return json_response({"payload": agents})
