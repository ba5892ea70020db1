"""Agents' pictures. Their addresses stand in messages and cannot be guessed; no session is asked for."""

from django.http import HttpResponse
from ninja import Router

from chat.api.access import ApiRequest
from chat.api.attachments import protect
from chat.wire import calls

FOR_S = 86_400  # another picture has another address
router = Router(tags=["avatars"])


@router.api_operation(
    ["GET", "HEAD"], "/{str:name}", auth=None, response=dict.fromkeys((404, 503), calls.Error), url_name="avatar"
)
async def avatar(request: ApiRequest, name: str) -> HttpResponse:
    """As the ``avatar`` of a message's sender names it."""
    face = await request.conversations().avatars.open(name)
    response = HttpResponse(face.content, content_type=face.content_type)
    protect(response)
    response["Cache-Control"] = f"public, max-age={FOR_S}, immutable"
    return response
