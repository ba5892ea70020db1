"""The survey page's endpoints by conversation uuid (contract §1.9)."""

from chat.sandbox import messages
from chat.sandbox.context import Context, iso
from chat.sandbox.entities import JSON, Conversation, CsatResponse, Inbox, Message
from chat.sandbox.http import Area, NotFound, Request, Response, Router, json_response
from chat.sandbox.params import mapping

router = Router(Area.CLIENT, "/public/api/v1")


@router.on("GET", "/csat_survey/:uuid")
def show_survey(ctx: Context, request: Request) -> Response:
    return json_response(_shape(ctx, *_survey(ctx, request)))


@router.on("PUT|PATCH", "/csat_survey/:uuid")
def answer_survey(ctx: Context, request: Request) -> Response:
    conversation, message = _survey(ctx, request)
    wrapper = mapping(request.params.get("message")) or {}
    messages.answer(ctx, message, wrapper.get("submitted_values"))
    return json_response(_shape(ctx, conversation, message))


def _survey(ctx: Context, request: Request) -> tuple[Conversation, Message]:
    conversation = ctx.store.first(Conversation, lambda row: row.uuid == request.path_params["uuid"])
    if conversation is not None:
        for message in ctx.store.messages_of(conversation.id):
            if message.content_type == "input_csat":
                return conversation, message
    raise NotFound


def _shape(ctx: Context, conversation: Conversation, message: Message) -> JSON:
    inbox = ctx.find(Inbox, conversation.inbox_id)
    row = ctx.store.first(CsatResponse, lambda row: row.message_id == message.id)
    return {
        "id": message.id,
        "csat_survey_response": _row(row) if row else None,
        "display_type": message.content_attributes.get("display_type", "emoji"),
        "content": inbox.csat_config.get("message"),
        "inbox_avatar_url": "",
        "inbox_name": inbox.name,
        "locale": "en",
        "conversation_id": conversation.id,
        "created_at": iso(message.created_at),
    }


def _row(row: CsatResponse) -> JSON:
    return {
        "id": row.id,
        "account_id": row.account_id,
        "conversation_id": row.conversation_id,
        "message_id": row.message_id,
        "rating": row.rating,
        "feedback_message": row.feedback_message,
        "contact_id": row.contact_id,
        "assigned_agent_id": row.assigned_agent_id,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "csat_review_notes": None,
        "review_notes_updated_at": None,
        "review_notes_updated_by_id": None,
    }
