"""Files: Active Storage's addresses, redirects and signed ids in shape (contract §1.12, §2.8)."""

import base64
import hashlib
import hmac
import io
import re
from functools import partial
from urllib.parse import quote, unquote

from PIL import Image, UnidentifiedImageError

from chat.sandbox.context import Context, Work
from chat.sandbox.entities import JSON, Account, Attachment, Message, User
from chat.sandbox.http import Area, NotFound, Request, Response, Router
from chat.sandbox.params import UploadedFile

router = Router(Area.OTHER)
IMAGES = ("image/jpeg", "image/png", "image/gif", "image/bmp", "image/webp", "image")
VIDEOS = ("video/ogg", "video/mp4", "video/webm", "video/quicktime", "video")


def file_type(content_type: str) -> str:
    """By the declared type of the part alone."""
    if content_type in IMAGES:
        return "image"
    if "audio/" in content_type:
        return "audio"
    return "video" if content_type in VIDEOS else "file"


def attach(ctx: Context, message: Message, files: list[UploadedFile]) -> None:
    for file in files:
        row = ctx.add(
            Attachment(
                message_id=message.id,
                account_id=message.account_id,
                file_type=file_type(file.content_type),
                filename=file.filename,
                content_type=file.content_type,
                content=file.content,
                is_lost=file.is_lost,
            )
        )
        if row.file_type == "image":
            ctx.later(Work(partial(_analyse, attachment_id=row.id)))


def _analyse(ctx: Context, attachment_id: int) -> None:
    """Measured in the background, without any event (contract §1.12)."""
    row = ctx.store.get(Attachment, attachment_id)
    if row is None:
        return
    try:
        with Image.open(io.BytesIO(row.content)) as image:
            row.width, row.height = image.size
    except (UnidentifiedImageError, OSError):
        return
    ctx.save(row)


def picture(ctx: Context, user: User) -> str:
    """The address of an agent's picture, 250 pixels wide; empty: they have none."""
    row = ctx.store.get(Attachment, user.picture_id)
    return _variant(ctx, row) if row else ""


def _variant(ctx: Context, row: Attachment) -> str:
    ids = f"{signed_id(ctx, row, 'blob_id')}/{signed_id(ctx, row, 'variation')}"
    return f"{ctx.front_url}/rails/active_storage/representations/redirect/{ids}/{quote(row.filename, safe='')}"


def attachment_data(ctx: Context, row: Attachment) -> JSON:
    name = quote(row.filename, safe="")
    base = f"{ctx.front_url}/rails/active_storage"
    signed = signed_id(ctx, row, "blob_id")
    shown: JSON = {
        "id": row.id,
        "message_id": row.message_id,
        "file_type": row.file_type,
        "account_id": row.account_id,
        "extension": None,
        "data_url": f"{base}/blobs/redirect/{signed}/{name}",
        "thumb_url": _variant(ctx, row) if row.file_type == "image" else "",
        "file_size": len(row.content),
        "width": row.width,
        "height": row.height,
    }
    return shown | {"transcribed_text": ""} if row.file_type == "audio" else shown


def signed_id(ctx: Context, row: Attachment, purpose: str) -> str:
    """Does not expire and needs no other right: whoever has it has the file."""
    secret = ctx.find(Account, row.account_id).created_at
    text = base64.urlsafe_b64encode(f"{purpose}:{row.id}".encode()).decode()
    return f"{text}--{hmac.new(str(secret).encode(), text.encode(), hashlib.sha256).hexdigest()}"


@router.on("GET", "/rails/active_storage/blobs/redirect/*rest")
@router.on("GET", "/rails/active_storage/representations/redirect/*rest")
def redirect(ctx: Context, request: Request) -> Response:
    row = _signed(ctx, request.path_params["rest"].split("/")[0])
    where = f"{ctx.front_url}/rails/active_storage/disk/{signed_id(ctx, row, 'disk')}/{quote(row.filename, safe='')}"
    headers = {"Location": where, "Cache-Control": "max-age=300, private"}
    return Response(302, b"", "text/html; charset=utf-8", headers)


@router.on("GET", "/rails/active_storage/disk/*rest")
def disk(ctx: Context, request: Request) -> Response:
    row = _signed(ctx, request.path_params["rest"].split("/")[0])
    if row.is_lost:
        return Response(404, b"", "")
    content_type, size = row.content_type or "application/octet-stream", len(row.content)
    wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", ""))
    if wanted is None or wanted[0] == "bytes=-":
        return Response(200, row.content, content_type, {"Accept-Ranges": "bytes"})
    if wanted[1]:
        first, last = int(wanted[1]), min(int(wanted[2] or size), size - 1)
    else:
        first, last = max(0, size - int(wanted[2])), size - 1
    if first > last:
        return Response(416, b"", "", {"Content-Range": f"bytes */{size}"})
    part = row.content[first : last + 1]
    return Response(206, part, content_type, {"Content-Range": f"bytes {first}-{last}/{size}"})


def _signed(ctx: Context, signed: str) -> Attachment:
    try:
        purpose, number = base64.urlsafe_b64decode(signed.partition("--")[0]).decode().split(":")
    except ValueError as error:
        raise NotFound from error
    row = ctx.store.get(Attachment, int(number))
    if row is None or signed_id(ctx, row, purpose) != unquote(signed):
        raise NotFound
    return row
