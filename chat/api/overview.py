"""Whole conversations: a list, a new one, what is unread, what the visitor sees and types, a rating."""

from functools import partial
from typing import Annotated
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import BaseModel

from chat.api.access import ApiRequest, Bearer, count_message, count_transcript
from chat.api.answers import answer
from chat.conversations import First
from chat.overview import Glance
from chat.wire import calls
from chat.wire import overview as bodies

MOST = 100
NOT_FOUND = {404: calls.Error}

router = Router(tags=["conversations"], auth=Bearer())


@router.get("/conversations", response={200: bodies.ConversationList, **NOT_FOUND})
async def list_conversations(
    request: ApiRequest,
    before: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 20,
) -> HttpResponse:
    """Newest first, each with what is unread and its last line. ``before``: those older than this one."""
    page, more = await request.conversations().page(request.auth.contact_id, before=before, limit=limit)
    return _answer(bodies.ConversationList(conversations=[_view(each) for each in page], more=more))


@router.post("/conversations", response={201: bodies.Begun, 200: bodies.Begun, 404: calls.Error, 413: calls.Error})
async def begin_conversation(request: ApiRequest, body: bodies.BeginConversation) -> HttpResponse:
    """Begin a new conversation, empty or with its first message; agents hear of it with that message.

    It is the current one until something is said in another. The same ``key`` answers the same one again (200).
    """
    said = body.message
    if said:
        count_message(request)
    first = First(said.echo_id, said.text, said.files) if said else None
    begun = await request.conversations().begin(request.auth.contact_id, key=body.key, first=first)
    shown = bodies.Begun(conversation=_view(begun.glance), message=begun.message_id)
    return _answer(shown, status=200 if begun.replayed else 201)


@router.get("/conversations/{str:conversation_id}", response={200: bodies.ConversationView, **NOT_FOUND})
async def get_conversation(request: ApiRequest, conversation_id: UUID) -> HttpResponse:
    """One conversation, as in the list."""
    found = await request.conversations().glance(request.auth.contact_id, conversation_id=conversation_id)
    return _answer(_view(found))


@router.post("/conversations/{str:conversation_id}/seen", response={204: None, **NOT_FOUND})
async def post_seen(request: ApiRequest, conversation_id: UUID, body: bodies.PostSeen) -> HttpResponse:
    """The visitor has seen everything up to and including this message. Agents see that, too."""
    await request.conversations().seen(
        request.auth.contact_id, conversation_id=conversation_id, message_id=body.message
    )
    return HttpResponse(status=204)


@router.post("/conversations/{str:conversation_id}/typing", response={204: None, **NOT_FOUND})
async def post_typing(request: ApiRequest, conversation_id: UUID, body: bodies.PostTyping) -> HttpResponse:
    """The visitor begins or stops to type. Best effort: say it again every few seconds, and say when it is over."""
    conversations, contact_id = request.conversations(), request.auth.contact_id
    await conversations.glance(contact_id, conversation_id=conversation_id)
    await conversations.typing(contact_id, conversation_id=conversation_id, on=body.on)
    return HttpResponse(status=204)


@router.put("/conversations/{str:conversation_id}/csat", response={204: None, 404: calls.Error, 409: calls.Error})
async def put_csat(request: ApiRequest, conversation_id: UUID, body: bodies.PutCsat) -> HttpResponse:
    """Answer the survey that Chatwoot put into this conversation; a later rating replaces it."""
    count_message(request)
    await request.conversations().rate(
        request.auth.contact_id, conversation_id=conversation_id, rating=body.rating, feedback=body.feedback
    )
    return HttpResponse(status=204)


@router.post(
    "/conversations/{str:conversation_id}/transcript",
    response={202: bodies.Transcript, 404: calls.Error, 409: calls.Error},
)
async def post_transcript(request: ApiRequest, conversation_id: UUID, body: bodies.PostTranscript) -> HttpResponse:
    """Have the conversation sent by e-mail, where `transcript` of the inbox allows it; else 409 (no_transcript).

    It is no delivery: after 202 Chatwoot sends it in a while, if it can send e-mail. The same again within a minute
    sends no second one.
    """
    recipient = await request.conversations().transcript(
        request.auth.contact_id,
        conversation_id=conversation_id,
        email=body.email,
        count=partial(count_transcript, request),
    )
    return _answer(bodies.Transcript(email=recipient), status=202)


@router.get("/unread", response={200: bodies.Unread})
async def get_unread(request: ApiRequest) -> HttpResponse:
    """How many messages of agents the visitor has not seen, in all and of each conversation."""
    counts = await request.conversations().unread(request.auth.contact_id)
    shown = [bodies.UnreadConversation(id=each, unread=count) for each, count in sorted(counts.items())]
    return _answer(bodies.Unread(total=sum(counts.values()), conversations=shown))


def _view(glance: Glance) -> bodies.ConversationView:
    return bodies.ConversationView.model_validate(glance, from_attributes=True)


def _answer(body: BaseModel, *, status: int = 200) -> HttpResponse:
    return answer(body.model_dump_json().encode(), status=status)
