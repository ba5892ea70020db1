"""What a page or an app says of a conversation: attributes, and labels."""

from uuid import UUID

from django.http import HttpResponse
from ninja import Router
from pydantic import BaseModel

from chat.api.access import ApiRequest, Bearer
from chat.api.answers import answer
from chat.wire import annotations as bodies
from chat.wire import calls

REFUSED = {404: calls.Error, 409: calls.Error}

router = Router(tags=["conversations"], auth=Bearer())


@router.put("/conversations/{str:conversation_id}/attributes", response={200: bodies.ConversationAttributes, **REFUSED})
async def put_attributes(request: ApiRequest, conversation_id: UUID, body: bodies.PutAttributes) -> HttpResponse:
    """Say something of a conversation, not of the person: an order, a page. Agents read it as its custom attributes.

    What is left out stays, null forgets. It proves nothing. Where there is no bot token, this is a 409 (unsupported).
    """
    kept = await request.conversations().set_attributes(
        request.auth.contact_id, conversation_id=conversation_id, wanted=body.attributes
    )
    return _answer(bodies.ConversationAttributes(attributes=kept))


@router.put("/conversations/{str:conversation_id}/labels", response={200: bodies.ConversationLabels, **REFUSED})
async def put_labels(request: ApiRequest, conversation_id: UUID, body: bodies.PutLabels) -> HttpResponse:
    """Give a conversation labels that the inbox allows, or take those away that were given from here.

    Where there is no agent's token (unsupported), or a label is not allowed (label_refused), this is a 409.
    """
    kept = await request.conversations().set_labels(
        request.auth.contact_id, conversation_id=conversation_id, add=body.add, remove=body.remove
    )
    return _answer(bodies.ConversationLabels(labels=kept))


def _answer(body: BaseModel) -> HttpResponse:
    return answer(body.model_dump_json().encode())
