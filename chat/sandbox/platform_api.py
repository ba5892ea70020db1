"""Platform API: accounts, users and memberships that a platform app made itself (contract §7)."""

import re
import secrets
from urllib.parse import quote

from chat.sandbox.account_api.access import platform_app
from chat.sandbox.account_api.profile import memberships, user_shape
from chat.sandbox.context import Context, iso
from chat.sandbox.entities import JSON, Account, AccountUser, PlatformApp, User
from chat.sandbox.http import Area, Crash, Invalid, Request, Response, Router, Unauthorized, head, json_response
from chat.sandbox.params import blank, mapping, text
from chat.sandbox.people import new_user

ROLES = ("agent", "administrator")
router = Router(Area.PLATFORM, "/platform/api/v1")


def _app(ctx: Context, request: Request) -> PlatformApp:
    app = platform_app(ctx, request.headers.get("api-access-token", ""))
    assert app is not None, "the route authenticates"
    return app


def _own_account(ctx: Context, request: Request) -> Account:
    account = ctx.find(Account, request.number("account_id"))
    if account.id not in _app(ctx, request).account_ids:
        raise Unauthorized("Non permissible resource")
    return account


def _own_user(ctx: Context, request: Request) -> User:
    user = ctx.find(User, request.number("user_id"))
    if user.id not in _app(ctx, request).user_ids:
        raise Unauthorized("Non permissible resource")
    return user


# -- accounts ------------------------------------------------------------------


@router.on("GET", "/accounts")
def list_accounts(ctx: Context, request: Request) -> Response:
    return json_response([_account(ctx.find(Account, i)) for i in _app(ctx, request).account_ids])


@router.on("POST", "/accounts")
def create_account(ctx: Context, request: Request) -> Response:
    if blank(request.params.get("name")):
        raise Invalid(("name", "can't be blank"))
    account = ctx.add(
        Account(
            name=text(request.params["name"]) or "",
            locale=text(request.params.get("locale")) or "en",
            domain=text(request.params.get("domain")),
            support_email=text(request.params.get("support_email")),
            custom_attributes=mapping(request.params.get("custom_attributes")) or {},
        )
    )
    app = _app(ctx, request)
    app.account_ids.append(account.id)
    ctx.save(app)
    return json_response(_account(account))


@router.on("GET", "/accounts/:account_id")
def show_account(ctx: Context, request: Request) -> Response:
    return json_response(_account(_own_account(ctx, request)))


def _account(account: Account) -> JSON:
    return {
        "id": account.id,
        "name": account.name,
        "locale": account.locale,
        "domain": account.domain,
        "support_email": account.support_email,
        "features": {},
        "custom_attributes": account.custom_attributes,
        "limits": {},
        "status": "active",
    }


# -- memberships ---------------------------------------------------------------


@router.on("GET", "/accounts/:account_id/account_users")
def list_members(ctx: Context, request: Request) -> Response:
    account = _own_account(ctx, request)
    rows = ctx.store.where(AccountUser, lambda row: row.account_id == account.id)
    return json_response([_member(row) for row in rows])


@router.on("POST", "/accounts/:account_id/account_users")
def set_member(ctx: Context, request: Request) -> Response:
    """Adds the user or changes the role."""
    account = _own_account(ctx, request)
    user = ctx.find(User, int(request.params.get("user_id") or 0))
    role = text(request.params.get("role")) or "agent"
    if role not in ROLES:
        raise Crash
    row = next((r for r in memberships(ctx, user) if r.account_id == account.id), None)
    row = row or ctx.add(AccountUser(account_id=account.id, user_id=user.id))
    row.role = role
    ctx.save(row)
    return json_response(_member(row))


@router.on("DELETE", "/accounts/:account_id/account_users")
def remove_member(ctx: Context, request: Request) -> Response:
    account = _own_account(ctx, request)
    user = ctx.find(User, int(request.params.get("user_id") or 0))
    for row in memberships(ctx, user):
        if row.account_id == account.id:
            ctx.store.remove(row)
    return head()


def _member(row: AccountUser) -> JSON:
    return {
        "id": row.id,
        "account_id": row.account_id,
        "user_id": row.user_id,
        "role": row.role,
        "inviter_id": None,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "active_at": None,
        "availability": "online",
        "auto_offline": True,
        "custom_role_id": None,
        "agent_capacity_policy_id": None,
    }


# -- users ---------------------------------------------------------------------


@router.on("POST", "/users")
def create_user(ctx: Context, request: Request) -> Response:
    """An existing e-mail is adopted as it is, token included (contract quirk 44)."""
    email = text(request.params.get("email")) or ""
    if blank(email):
        raise Invalid(("email", "can't be blank"))
    user = ctx.store.first(User, lambda row: row.email == email.lower())
    if user is None:
        _require_strength(text(request.params.get("password")) or "")
        user = new_user(text(request.params.get("name")) or "", email)
        user.display_name = text(request.params.get("display_name"))
        user.custom_attributes = mapping(request.params.get("custom_attributes"))
        ctx.add(user)
    app = _app(ctx, request)
    if user.id not in app.user_ids:
        app.user_ids.append(user.id)
        ctx.save(app)
    return json_response(_user(ctx, user))


def _require_strength(password: str) -> None:
    """The rule is Chatwoot's, the words are not (contract §7)."""
    if not all(re.search(kind, password) for kind in ("[a-z]", "[A-Z]", "[0-9]", r"[^a-zA-Z0-9]", ".{6}")):
        raise Invalid(("password", "must have six characters: upper case, lower case, a digit and another sign"))


@router.on("GET", "/users/:user_id")
def show_user(ctx: Context, request: Request) -> Response:
    return json_response(_user(ctx, _own_user(ctx, request)))


def _user(ctx: Context, user: User) -> JSON:
    accounts = [
        {"id": row.account_id, "name": ctx.find(Account, row.account_id).name, "active_at": None, "role": row.role}
        for row in memberships(ctx, user)
    ]
    return user_shape(ctx, user) | {"accounts": accounts}


@router.on("GET", "/users/:user_id/login")
def login_link(ctx: Context, request: Request) -> Response:
    user = _own_user(ctx, request)
    token = secrets.token_hex(32)
    return json_response({"url": f"{ctx.front_url}/app/login?email={quote(user.email)}&sso_auth_token={token}"})


@router.on("POST", "/users/:user_id/token")
def show_token(ctx: Context, request: Request) -> Response:
    user = _own_user(ctx, request)
    shown = {key: getattr(user, key) for key in ("id", "name", "display_name", "email", "pubsub_token")}
    return json_response({"access_token": user.access_token, "expiry": None, "user": shown})
