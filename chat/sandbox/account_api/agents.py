"""Agents and canned responses of the account, and the server's health (contract §6.5, §6.9, §6.10)."""

from chat.sandbox.account_api.access import account_id, require_administrator
from chat.sandbox.account_api.profile import memberships
from chat.sandbox.context import Context, iso
from chat.sandbox.entities import JSON, AccountUser, CannedResponse, User
from chat.sandbox.http import Area, Invalid, Request, Response, Router, json_response
from chat.sandbox.params import blank, text
from chat.sandbox.people import agent_account, new_user

router = Router(Area.ACCOUNT, "/api/v1/accounts/:account_id")


@router.on("GET", "/agents")
def list_agents(ctx: Context, request: Request) -> Response:
    rows = ctx.store.where(AccountUser, lambda row: row.account_id == account_id(ctx))
    return json_response([agent_account(ctx, ctx.find(User, row.user_id), row.account_id) for row in rows])


@router.on("POST", "/agents")
def create_agent(ctx: Context, request: Request) -> Response:
    """Somebody new, or a user of another account, who joins this one. No invitation is sent from here."""
    require_administrator(ctx)
    email = (text(request.params.get("email")) or "").lower()
    if blank(email):
        raise Invalid(("email", "can't be blank"))
    user = ctx.store.first(User, lambda row: row.email == email)
    user = user or ctx.add(new_user(text(request.params.get("name")) or "", email))
    if any(row.account_id == account_id(ctx) for row in memberships(ctx, user)):
        raise Invalid(("user", "has already been taken"))
    role = text(request.params.get("role")) or "agent"
    ctx.add(AccountUser(account_id=account_id(ctx), user_id=user.id, role=role))
    return json_response(agent_account(ctx, user, account_id(ctx)))


@router.on("GET", "/canned_responses")
def list_canned(ctx: Context, request: Request) -> Response:
    wanted = (text(request.params.get("search")) or "").lower()
    rows = ctx.store.where(CannedResponse, lambda row: row.account_id == account_id(ctx))
    return json_response([_canned(row) for row in rows if wanted in f"{row.short_code} {row.content}".lower()])


@router.on("POST", "/canned_responses")
def create_canned(ctx: Context, request: Request) -> Response:
    short_code, content = text(request.params.get("short_code")) or "", text(request.params.get("content")) or ""
    problems = [
        (name, "can't be blank") for name, value in (("content", content), ("short_code", short_code)) if blank(value)
    ]
    if ctx.store.first(CannedResponse, lambda r: r.account_id == account_id(ctx) and r.short_code == short_code):
        problems.append(("short_code", "has already been taken"))
    if problems:
        raise Invalid(*problems)
    return json_response(
        _canned(ctx.add(CannedResponse(account_id=account_id(ctx), short_code=short_code, content=content)))
    )


def _canned(row: CannedResponse) -> JSON:
    return {
        "id": row.id,
        "account_id": row.account_id,
        "short_code": row.short_code,
        "content": row.content,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
    }
