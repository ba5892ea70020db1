"""What the socket does, for whom a socket is too much: the same use cases, the same frames."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from django.http import HttpResponse
from ninja import Query, Router

from chat import runtime, wire
from chat.api.access import ApiRequest, Bearer, count_message, peer_of
from chat.api.answers import answer
from chat.api.poll import Door, poll
from chat.sender import encode_page
from chat.wire import calls
from chat.wire.frames import CursorText

MAX_WAIT_S = 25  # below the patience of the usual proxies
MAX_HISTORY = 100
DONE: dict[int, Any] = {204: None, 404: calls.Error, 409: calls.Error}  # what it changed comes by `sync`

# Ids are parsed here and not by the address, whose converter knows only lower case; Swift prints upper case.
router = Router(tags=["conversations"], auth=Bearer())


@router.get("/sync", response={200: calls.Reset | calls.Changes, 401: calls.Error})
async def sync(
    request: ApiRequest,
    since: Annotated[CursorText | None, Query()] = None,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT_S)] = 0,
) -> HttpResponse:
    """What changed after a cursor, or the whole start state; with ``wait`` (seconds) as soon as there is something."""
    conversations = request.conversations()
    conversations.polled(request.auth.contact_id)
    door = Door(runtime.drain(), request.gate(), peer_of(request))
    page = await poll(conversations, request.auth, since=since, wait_s=wait, door=door)
    return answer(encode_page(page))


@router.put(
    "/messages/{str:echo_id}",
    response={202: calls.Accepted, 200: calls.Accepted, 404: calls.Error, 422: calls.Error},
)
async def put_message(request: ApiRequest, echo_id: UUID, body: calls.PutMessage) -> HttpResponse:
    """Committed when answered. The same echo_id again gives the same answer (200) and no second message.

    Where the inbox asks for consent, the first message of somebody who has not given it is a 403 (consent_required).
    """
    count_message(request)
    accepted = await request.conversations().send(
        request.auth.contact_id,
        echo_id=echo_id,
        conversation_id=body.conversation,
        text=body.text,
        files=body.files,
    )
    answered = {"message": accepted.message_id, "conversation": accepted.conversation_id}
    return answer(orjson.dumps(answered), status=200 if accepted.replayed else 202)


@router.post("/messages/{str:message_id}/retry", response=DONE)
async def retry(request: ApiRequest, message_id: UUID) -> HttpResponse:
    """Send a message again that failed or was never confirmed. Its new state comes by ``sync``."""
    count_message(request)
    await request.conversations().retry(request.auth.contact_id, message_id=message_id)
    return HttpResponse(status=204)


@router.post("/messages/{str:message_id}/discard", response=DONE)
async def discard(request: ApiRequest, message_id: UUID) -> HttpResponse:
    """Delete a message that failed or was never confirmed."""
    await request.conversations().discard(request.auth.contact_id, message_id=message_id)
    return HttpResponse(status=204)


@router.put("/messages/{str:message_id}/answer", response=DONE | {422: calls.Error})
async def put_answer(request: ApiRequest, message_id: UUID, body: calls.PutAnswer) -> HttpResponse:
    """Answer an agent's form, choice or survey; a later answer replaces it."""
    count_message(request)
    await request.conversations().answer(request.auth.contact_id, message_id=message_id, values=body.values)
    return HttpResponse(status=204)


@router.post("/conversations/{str:conversation_id}/resolve", response={204: None, 404: calls.Error})
async def resolve(request: ApiRequest, conversation_id: UUID) -> HttpResponse:
    """End the conversation; the next message opens it again."""
    count_message(request)
    await request.conversations().resolve(request.auth.contact_id, conversation_id=conversation_id)
    return HttpResponse(status=204)


@router.get("/conversations/{str:conversation_id}/messages", response={200: calls.History, 404: calls.Error})
async def history(
    request: ApiRequest,
    conversation_id: UUID,
    before: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_HISTORY)] = 50,
) -> HttpResponse:
    """Messages older than ``before``, the newest without it, ascending in display order."""
    page = await request.conversations().history(
        request.auth.contact_id, conversation_id=conversation_id, before=before, limit=limit
    )
    return answer(wire.encode_history(page.rows, page.more))
