"""Agent bots of the account. None is ever connected to an inbox here: that would make conversations pending."""

from chat.sandbox.account_api.access import account_id, is_administrator, require_administrator
from chat.sandbox.context import Context
from chat.sandbox.entities import JSON, AgentBot
from chat.sandbox.http import Area, Invalid, Request, Response, Router, json_response
from chat.sandbox.params import blank, text
from chat.sandbox.tokens import base58_token

router = Router(Area.ACCOUNT, "/api/v1/accounts/:account_id")


@router.on("GET", "/agent_bots")
def list_bots(ctx: Context, request: Request) -> Response:
    rows = ctx.store.where(AgentBot, lambda row: row.account_id == account_id(ctx))
    return json_response([_bot(ctx, row) for row in rows])


@router.on("POST", "/agent_bots")
def create_bot(ctx: Context, request: Request) -> Response:
    require_administrator(ctx)
    name = text(request.params.get("name")) or ""
    if blank(name):
        raise Invalid(("name", "can't be blank"))
    bot = AgentBot(account_id=account_id(ctx), name=name, access_token=base58_token())
    bot.description = text(request.params.get("description"))
    return json_response(_bot(ctx, ctx.add(bot)))


def _bot(ctx: Context, bot: AgentBot) -> JSON:
    shape: JSON = {
        "id": bot.id,
        "name": bot.name,
        "description": bot.description,
        "thumbnail": "",
        "outgoing_url": None,
        "bot_type": "webhook",
        "bot_config": {},
        "account_id": bot.account_id,
        "system_bot": False,
    }
    if is_administrator(ctx):
        shape["access_token"] = bot.access_token
    return shape
