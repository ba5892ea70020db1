"""Pictures of agents' cards. Their addresses stand in messages and cannot be guessed; no session is asked for."""

from django.http import HttpResponse
from ninja import Router

from chat.api.access import ApiRequest
from chat.api.avatars import PICTURE, REFUSALS, shown

router = Router(tags=["cards"])


@router.get("/{str:card}", auth=None, response=REFUSALS, openapi_extra={"responses": {200: PICTURE}})
async def picture(request: ApiRequest, card: str) -> HttpResponse:
    """As a card's ``picture`` names it, at most 480 pixels wide. Removed with its message."""
    drawn = await request.conversations().cards.open(card)
    return shown(drawn.content, drawn.content_type, kept_by="private")


@router.api_operation(["HEAD"], "/{str:card}", auth=None, response={200: None, **REFUSALS})
async def head(request: ApiRequest, card: str) -> HttpResponse:
    """The same without the picture."""
    return await picture(request, card)
