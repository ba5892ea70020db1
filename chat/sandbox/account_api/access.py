"""Who may use the Application and Platform APIs (contract §6.0, §7)."""

from chat.sandbox.context import Context
from chat.sandbox.entities import Account, AccountUser, AgentBot, Inbox, InboxMember, PlatformApp, User
from chat.sandbox.http import Area, NotFound, Request, Response, Route, Unauthorized, json_response

NOT_FOR_BOTS = "Access to this endpoint is not authorized for bots"
NOT_ALLOWED = "You are not authorized to do this action"


class NoSession(Unauthorized):
    """Devise's words, which differ in shape from all others."""

    def response(self, area: Area) -> Response:
        return json_response({"errors": ["You need to sign in or sign up before continuing."]}, 401)


def authenticate(ctx: Context, route: Route, request: Request) -> None:
    """Set `ctx.user` and `ctx.account_id`. Raises `Unauthorized` or `NotFound`, in Chatwoot's order."""
    token = request.headers.get("api-access-token") or request.headers.get("api_access_token") or ""
    if route.area is Area.PLATFORM:
        if platform_app(ctx, token) is None:
            raise Unauthorized("Invalid access_token")
        return
    ctx.user = _holder(ctx, route, token)
    if "account_id" in request.path_params:
        _enter_account(ctx, request)


def platform_app(ctx: Context, token: str) -> PlatformApp | None:
    return ctx.store.first(PlatformApp, lambda row: bool(token) and row.access_token == token)


def _holder(ctx: Context, route: Route, token: str) -> User | AgentBot:
    if not token:
        raise NoSession
    if user := ctx.store.first(User, lambda row: row.access_token == token):
        return user
    bot = ctx.store.first(AgentBot, lambda row: row.access_token == token)
    if bot is not None and route.bots:
        return bot
    if bot is None and platform_app(ctx, token) is None:
        raise Unauthorized("Invalid Access Token")
    raise Unauthorized(NOT_FOR_BOTS)


def _enter_account(ctx: Context, request: Request) -> None:
    account = ctx.store.get(Account, request.number("account_id"))
    if account is None:
        raise NotFound
    user = ctx.user
    member = isinstance(user, AgentBot) and user.account_id == account.id
    if not member and membership(ctx, user, account.id) is None:
        raise Unauthorized("You are not authorized to access this account")
    ctx.account_id = account.id


def membership(ctx: Context, user: User | AgentBot | None, account_id: int) -> AccountUser | None:
    if not isinstance(user, User):
        return None
    return ctx.store.first(AccountUser, lambda row: row.user_id == user.id and row.account_id == account_id)


def account_id(ctx: Context) -> int:
    assert ctx.account_id is not None, "routes of the Application API name an account"
    return ctx.account_id


def current_user(ctx: Context) -> User:
    assert isinstance(ctx.user, User), "bots are let into few routes only"
    return ctx.user


def is_administrator(ctx: Context) -> bool:
    found = membership(ctx, ctx.user, account_id(ctx))
    return found is not None and found.role == "administrator"


def require_administrator(ctx: Context) -> None:
    if not is_administrator(ctx):
        raise Unauthorized(NOT_ALLOWED)


def may_see(ctx: Context, inbox: Inbox) -> bool:
    """Administrators and bots see all inboxes of the account, agents those they are members of."""
    if isinstance(ctx.user, AgentBot) or is_administrator(ctx):
        return True
    user = current_user(ctx)
    return ctx.store.first(InboxMember, lambda r: r.inbox_id == inbox.id and r.user_id == user.id) is not None


def require_sight(ctx: Context, inbox: Inbox) -> None:
    if not may_see(ctx, inbox):
        raise Unauthorized(NOT_ALLOWED)
