"""Client API: inbox, contact sessions, conversations, messages (contract §1.1–1.8). Nobody authenticates here."""

from dataclasses import replace

from chat.sandbox import broadcasts, contacts, conversations, messages
from chat.sandbox.context import Context, unix
from chat.sandbox.entities import (
    JSON,
    Contact,
    ContactInbox,
    Conversation,
    Inbox,
    Message,
    MessageType,
    Status,
)
from chat.sandbox.http import Area, Crash, NotFound, Request, Response, Router, head, json_response
from chat.sandbox.params import UploadedFile, mapping, scalar, text
from chat.sandbox.people import contact_row
from chat.sandbox.push_data import chat_messages, with_attachments_and_sender

PAGE = 20
INBOX = "/inboxes/:identifier"
CONTACT = f"{INBOX}/contacts/:source_id"
CONVERSATION = f"{CONTACT}/conversations/:conversation_id"
router = Router(Area.CLIENT, "/public/api/v1")


# -- shapes ------------------------------------------------------------------


def session_shape(ctx: Context, contact_inbox: ContactInbox) -> JSON:
    contact = ctx.find(Contact, contact_inbox.contact_id)
    return {
        "source_id": contact_inbox.source_id,
        "pubsub_token": contact_inbox.pubsub_token,
        "id": contact.id,
        "name": contact.name,
        "email": contact.email,
        "phone_number": contact.phone_number,
    }


def conversation_shape(ctx: Context, conversation: Conversation) -> JSON:
    """Every message embedded, without a limit (contract §2.4)."""
    return {
        "id": conversation.display_id,
        "uuid": conversation.uuid,
        "inbox_id": conversation.inbox_id,
        "contact_last_seen_at": unix(conversation.contact_last_seen_at),
        "status": conversation.status,
        "agent_last_seen_at": unix(conversation.agent_last_seen_at),
        "messages": [message_shape(ctx, m) for m in chat_messages(ctx, conversation)],
        "contact": contact_row(ctx.find(Contact, conversation.contact_id)),
    }


def message_shape(ctx: Context, message: Message) -> JSON:
    """Neither status nor echo_id nor updated_at: those travel on the cable only (contract §2.1)."""
    shape: JSON = {
        "id": message.id,
        "content": message.content,
        "message_type": message.message_type,
        "content_type": message.content_type,
        "content_attributes": message.content_attributes,
        "created_at": unix(message.created_at),
        "conversation_id": ctx.find(Conversation, message.conversation_id).display_id,
    }
    return with_attachments_and_sender(ctx, message, shape)


# -- look-ups ----------------------------------------------------------------


def _inbox(ctx: Context, request: Request) -> Inbox:
    inbox = ctx.store.inbox_by_identifier(request.path_params["identifier"])
    if inbox is None:
        raise NotFound
    return inbox


def _session(ctx: Context, request: Request) -> ContactInbox:
    inbox = _inbox(ctx, request)
    contact_inbox = ctx.store.contact_inbox_by_source(inbox.id, request.path_params["source_id"])
    if contact_inbox is None:
        raise NotFound
    return contact_inbox


def _scope(ctx: Context, contact_inbox: ContactInbox) -> list[Conversation]:
    """The session's own conversations, or the contact's in all inboxes once it is verified (contract §1.5)."""
    all_of_contact = ctx.store.conversations_of(contact_inbox.contact_id)
    if contact_inbox.hmac_verified:
        return all_of_contact
    return [c for c in all_of_contact if c.contact_inbox_id == contact_inbox.id]


def _conversation(ctx: Context, request: Request) -> Conversation:
    display_id = request.number("conversation_id")
    for conversation in _scope(ctx, _session(ctx, request)):
        if conversation.display_id == display_id:
            return conversation
    raise NotFound


def _conversation_of_contact(ctx: Context, request: Request) -> Conversation:
    """The messages endpoints ask for the contact only, never for the session (contract quirk 2)."""
    display_id = request.number("conversation_id")
    for conversation in ctx.store.conversations_of(_session(ctx, request).contact_id):
        if conversation.display_id == display_id:
            return conversation
    raise NotFound


# -- inbox and contacts --------------------------------------------------------


@router.on("GET", INBOX)
def show_inbox(ctx: Context, request: Request) -> Response:
    inbox = _inbox(ctx, request)
    return json_response(
        {
            "identifier": inbox.identifier,
            "identity_validation_enabled": inbox.hmac_mandatory,
            "name": inbox.name,
            "timezone": inbox.timezone,
            "working_hours": inbox.working_hours,
            "working_hours_enabled": inbox.working_hours_enabled,
            "csat_survey_enabled": inbox.csat_survey_enabled,
            "greeting_enabled": inbox.greeting_enabled,
        }
    )


@router.on("POST", f"{INBOX}/contacts")
def create_contact(ctx: Context, request: Request) -> Response:
    inbox = _inbox(ctx, request)
    contacts.check_hash(inbox, request.params)
    return json_response(session_shape(ctx, contacts.create_session(ctx, inbox, request.params)))


@router.on("GET", CONTACT)
def show_contact(ctx: Context, request: Request) -> Response:
    """A valid hash verifies the session: a write on GET."""
    contact_inbox = _session(ctx, request)
    _verify(ctx, contact_inbox, request)
    return json_response(session_shape(ctx, contact_inbox))


@router.on("PATCH|PUT", CONTACT)
def update_contact(ctx: Context, request: Request) -> Response:
    contact_inbox = _session(ctx, request)
    _verify(ctx, contact_inbox, request)
    contact = contacts.identify(ctx, ctx.find(Contact, contact_inbox.contact_id), request.params)
    return json_response(contact_row(contact))


def _verify(ctx: Context, contact_inbox: ContactInbox, request: Request) -> None:
    if contacts.check_hash(ctx.find(Inbox, contact_inbox.inbox_id), request.params):
        contact_inbox.hmac_verified = True
        ctx.save(contact_inbox)


# -- conversations -------------------------------------------------------------


@router.on("GET", f"{CONTACT}/conversations")
def list_conversations(ctx: Context, request: Request) -> Response:
    found = _scope(ctx, _session(ctx, request))
    return json_response([conversation_shape(ctx, conversation) for conversation in found])


@router.on("POST", f"{CONTACT}/conversations")
def create_conversation(ctx: Context, request: Request) -> Response:
    attributes = mapping(request.params.get("custom_attributes"))
    conversation = conversations.create(ctx, _session(ctx, request), attributes)
    return json_response(conversation_shape(ctx, conversation))


@router.on("GET", CONVERSATION)
def show_conversation(ctx: Context, request: Request) -> Response:
    return json_response(conversation_shape(ctx, _conversation(ctx, request)))


@router.on("POST", f"{CONVERSATION}/toggle_status")
def toggle_status(ctx: Context, request: Request) -> Response:
    """Not a toggle: it only resolves."""
    conversation = _conversation(ctx, request)
    if conversation.status != Status.RESOLVED:
        ctx.contact = ctx.find(Contact, conversation.contact_id)
        conversations.set_status(ctx, conversation, Status.RESOLVED)
    return json_response(conversation_shape(ctx, conversation))


@router.on("POST", f"{CONVERSATION}/toggle_typing")
def toggle_typing(ctx: Context, request: Request) -> Response:
    conversation = _conversation(ctx, request)
    if (word := request.params.get("typing_status")) in ("on", "off"):
        contact = ctx.find(Contact, conversation.contact_id)
        broadcasts.typing(ctx, conversation, contact, on=word == "on", private=False)
    return head()


@router.on("POST", f"{CONVERSATION}/update_last_seen")
def update_last_seen(ctx: Context, request: Request) -> Response:
    conversations.seen_by_contact(ctx, _conversation(ctx, request))
    return head()


# -- messages ------------------------------------------------------------------


@router.on("GET", f"{CONVERSATION}/messages")
def list_messages(ctx: Context, request: Request) -> Response:
    """The newest 20 by time, or those of the ids before one; ascending (contract §1.8)."""
    found = chat_messages(ctx, _conversation_of_contact(ctx, request))
    if (before := text(request.params.get("before"))) is not None:
        limit = int(before) if before.isdecimal() else 0
        found = [message for message in found if message.id < limit]
    found.sort(key=lambda message: message.created_at)
    return json_response([message_shape(ctx, message) for message in found[-PAGE:]])


@router.on("POST", f"{CONVERSATION}/messages")
def create_message(ctx: Context, request: Request) -> Response:
    conversation = _conversation_of_contact(ctx, request)
    contact = ctx.find(Contact, conversation.contact_id)
    message = Message(
        message_type=MessageType.INCOMING,
        content=text(request.params.get("content")),
        echo_id=scalar(request.params.get("echo_id")),
    )
    files = files_of(request)
    return json_response(
        message_shape(ctx, messages.create(ctx, conversation, messages.sent_by(contact, message), files))
    )


def files_of(request: Request) -> list[UploadedFile]:
    """Exactly ``attachments[]`` with files in it; everything else crashes (contract quirk 22)."""
    given = request.params.get("attachments")
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(file, UploadedFile) for file in given):
        raise Crash
    return [replace(file, is_lost=request.loses_files) for file in given]


@router.on("PATCH|PUT", f"{CONVERSATION}/messages/:message_id")
def answer_message(ctx: Context, request: Request) -> Response:
    """Any message of the conversation, private notes too (contract quirk 4)."""
    conversation = _conversation_of_contact(ctx, request)
    message = ctx.store.get(Message, request.number("message_id"))
    if message is None or message.conversation_id != conversation.id:
        raise NotFound
    messages.answer(ctx, message, request.params.get("submitted_values"))
    return json_response(message_shape(ctx, message))
