"""The holder of a token (contract §6.1)."""

from datetime import UTC, datetime

from chat.sandbox.account_api.access import current_user
from chat.sandbox.attachments import picture
from chat.sandbox.context import Context
from chat.sandbox.entities import JSON, Account, AccountUser, Attachment, User
from chat.sandbox.http import Area, Request, Response, Router, json_response
from chat.sandbox.params import UploadedFile, mapping, text
from chat.sandbox.presence import Kind

router = Router(Area.ACCOUNT)


@router.on("GET", "/api/v1/profile")
def show_profile(ctx: Context, request: Request) -> Response:
    return _profile(ctx, current_user(ctx))


@router.on("PUT|PATCH", "/api/v1/profile")
def update_profile(ctx: Context, request: Request) -> Response:
    """Name and picture; the rest of it is not read."""
    user, given = current_user(ctx), mapping(request.params.get("profile")) or {}
    user.display_name = text(given.get("display_name", user.display_name))
    if isinstance(file := given.get("avatar"), UploadedFile):
        kept = Attachment(
            account_id=memberships(ctx, user)[0].account_id,
            file_type="image",
            filename=file.filename,
            content_type=file.content_type,
            content=file.content,
        )
        user.picture_id = ctx.add(kept).id
    ctx.save(user)
    return _profile(ctx, user)


def _profile(ctx: Context, user: User) -> Response:
    shape = user_shape(ctx, user)
    shape |= {"inviter_id": None, "type": "User", "accounts": [_account(ctx, row) for row in memberships(ctx, user)]}
    return json_response(shape)


def user_shape(ctx: Context, user: User) -> JSON:
    """What the profile and the Platform API have in common."""
    last = next(iter(memberships(ctx, user)), None)
    shape: JSON = {
        "access_token": user.access_token,
        "account_id": last.account_id if last else None,
        "available_name": user.available_name,
        "avatar_url": picture(ctx, user),
        "confirmed": True,
        "display_name": user.display_name,
        "message_signature": None,
        "email": user.email,
        "id": user.id,
        "name": user.name,
        "provider": "email",
        "pubsub_token": user.pubsub_token,
        "role": last.role if last else None,
        "ui_settings": {},
        "uid": user.uid,
    }
    if user.custom_attributes is not None:
        shape["custom_attributes"] = user.custom_attributes
    return shape


def memberships(ctx: Context, user: User) -> list[AccountUser]:
    return ctx.store.where(AccountUser, lambda row: row.user_id == user.id)


def _account(ctx: Context, row: AccountUser) -> JSON:
    return {
        "id": row.account_id,
        "name": ctx.find(Account, row.account_id).name,
        "status": "active",
        "active_at": None,
        "role": row.role,
        "permissions": [row.role],
        "availability": "online",
        "availability_status": ctx.presence.status(row.account_id, Kind.USER, row.user_id),
        "auto_offline": True,
    }


health = Router(Area.OTHER)


@health.on("GET", "/api")
def show_health(ctx: Context, request: Request) -> Response:
    moment = datetime.fromtimestamp(ctx.now, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return json_response({"version": "4.10.0", "timestamp": moment, "queue_services": "ok", "data_services": "ok"})
