"""Agents and canned responses of the account, and the server's health (contract §6.5, §6.9, §6.10)."""

from chat.sandbox.account_api.access import account_id
from chat.sandbox.context import Context, iso
from chat.sandbox.entities import JSON, AccountUser, CannedResponse, User
from chat.sandbox.http import Area, Invalid, Request, Response, Router, json_response
from chat.sandbox.params import blank, text
from chat.sandbox.people import agent_account

router = Router(Area.ACCOUNT, "/api/v1/accounts/:account_id")


@router.on("GET", "/agents")
def list_agents(ctx: Context, request: Request) -> Response:
    rows = ctx.store.where(AccountUser, lambda row: row.account_id == account_id(ctx))
    return json_response([agent_account(ctx, ctx.find(User, row.user_id), row.account_id) for row in rows])


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
