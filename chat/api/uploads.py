"""A visitor's file, on its way to a message."""

from typing import Annotated

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpResponse
from ninja import Query, Router

from chat.api.access import ApiRequest, Bearer, peer_of
from chat.api.answers import answer
from chat.pictures import Undrawable
from chat.wire import calls
from chat.wire.errors import Code, Refusal
from chat.wire.rows import Attachment

router = Router(tags=["uploads"], auth=Bearer())

BODY = {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}


@router.post(
    "",
    response={
        201: Attachment,
        **dict.fromkeys((401, 413, 415, 422, 429, 503), calls.Error),
    },
    openapi_extra={"requestBody": BODY},
    url_name="upload",
)
async def upload(request: ApiRequest, name: Annotated[str, Query(max_length=255)] = "") -> HttpResponse:
    """The body is the file, as it is. Name its id in the ``files`` of a message within a day."""
    told = request.headers.get("Content-Length", "")  # the server has read that much, and no more
    size = int(told) if told.isascii() and told.isdigit() else settings.UPLOAD_MAX_BYTES
    peer, contact_id, slug = peer_of(request), request.auth.contact_id, request.auth.contact.inbox.slug
    request.gate().upload(peer, contact_id, slug, size=size)
    try:
        kept = await request.conversations().upload(contact_id, name=name, source=request, peer=peer)
    except Undrawable:
        request.gate().undrawable(peer, contact_id, slug)
        raise
    except RequestDataTooBig:  # the server kept nothing of it
        raise Refusal(Code.FILE_TOO_BIG, f"A file has at most {settings.UPLOAD_MAX_BYTES // 1_000_000} MB.") from None
    shown = Attachment(id=kept.id, name=kept.name, type=kept.type, size=kept.size)
    return answer(shown.model_dump_json().encode(), status=201)
