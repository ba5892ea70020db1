"""Agents' pictures. Their addresses stand in messages and cannot be guessed; no session is asked for."""

from django.http import HttpResponse
from ninja import Router

from chat.api.access import ApiRequest
from chat.api.attachments import protect
from chat.wire import calls

FOR_S = 86_400  # another picture has another address
PICTURE = {"description": "The picture", "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}}
router = Router(tags=["avatars"])


REFUSALS = dict.fromkeys((404, 503), calls.Error)


def shown(content: bytes, content_type: str, *, kept_by: str) -> HttpResponse:
    """A picture whose address is another one once it changes."""
    response = HttpResponse(content, content_type=content_type)
    protect(response)
    response["Cache-Control"] = f"{kept_by}, max-age={FOR_S}, immutable"
    return response


@router.get("/{str:name}", auth=None, response=REFUSALS, openapi_extra={"responses": {200: PICTURE}})
async def avatar(request: ApiRequest, name: str) -> HttpResponse:
    """As the ``avatar`` of a message's sender names it."""
    face = await request.conversations().avatars.open(name)
    return shown(face.content, face.content_type, kept_by="public")


@router.api_operation(["HEAD"], "/{str:name}", auth=None, response={200: None, **REFUSALS})
async def head(request: ApiRequest, name: str) -> HttpResponse:
    """The same without the picture."""
    return await avatar(request, name)
