"""Contacts and their sessions (contract §6.6)."""

from chat.sandbox import broadcasts, contacts, conversations
from chat.sandbox.account_api.access import account_id, require_administrator
from chat.sandbox.account_api.inboxes import find_inbox
from chat.sandbox.account_api.shapes import conversation_shape
from chat.sandbox.context import Context, iso
from chat.sandbox.entities import JSON, Contact, Inbox
from chat.sandbox.http import Area, Crash, NotFound, Request, Response, Router, head, json_response
from chat.sandbox.params import boolean, mapping, text
from chat.sandbox.people import contact_account, contact_session
from chat.sandbox.presence import Kind

PAGE = 15
LAST_CONVERSATIONS = 20
COLUMNS = ("name", "email", "phone_number", "identifier")
router = Router(Area.ACCOUNT, "/api/v1/accounts/:account_id")


@router.on("GET", "/contacts/search")
def search(ctx: Context, request: Request) -> Response:
    """Only contacts with an e-mail, a phone number or an identifier; anonymous ones are never found."""
    wanted, page = text(request.params.get("q")), int(text(request.params.get("page")) or 1)
    if wanted is None:
        return json_response({"meta": {"count": None, "current_page": page}, "payload": []})
    found = [row for row in _known(ctx) if any(wanted.lower() in (getattr(row, c) or "").lower() for c in COLUMNS)]
    shown = found[(page - 1) * PAGE : page * PAGE]
    body = [contact_account(ctx, row, sessions=True) for row in shown]
    return json_response({"meta": {"count": len(found), "current_page": page}, "payload": body})


@router.on("GET", "/contacts")
def list_contacts(ctx: Context, request: Request) -> Response:
    page = int(text(request.params.get("page")) or 1)
    found = _known(ctx)
    body = [contact_account(ctx, row, sessions=True) for row in found[(page - 1) * PAGE : page * PAGE]]
    return json_response({"meta": {"count": len(found), "current_page": page}, "payload": body})


def _known(ctx: Context) -> list[Contact]:
    rows = ctx.store.where(Contact, lambda row: row.account_id == account_id(ctx))
    return [row for row in rows if row.email or row.phone_number or row.identifier]


@router.on("GET", "/contacts/:id")
def show_contact(ctx: Context, request: Request) -> Response:
    return json_response({"payload": contact_account(ctx, find_contact(ctx, request), sessions=True)})


@router.on("POST", "/contacts")
def create_contact(ctx: Context, request: Request) -> Response:
    contact = Contact(account_id=account_id(ctx))
    _write(contact, request)
    contacts.validate(ctx, contact)
    ctx.add(contact)
    broadcasts.contact_event(ctx, contact, "contact.created")
    session: JSON | None = None
    if inbox_id := request.params.get("inbox_id"):
        inbox = find_inbox(ctx, int(inbox_id))
        added = contacts.add_session(ctx, contact, inbox, text(request.params.get("source_id")))
        session = {"inbox": _inbox_row(inbox), "source_id": added.source_id}
    shown = contact_account(ctx, contact, sessions=True)
    return json_response({"payload": {"contact": shown, "contact_inbox": session}})


@router.on("PATCH|PUT", "/contacts/:id")
def update_contact(ctx: Context, request: Request) -> Response:
    contact = find_contact(ctx, request)
    _write(contact, request)
    contacts.validate(ctx, contact)
    ctx.save(contact)
    broadcasts.contact_event(ctx, contact, "contact.updated")
    return json_response({"payload": contact_account(ctx, contact, sessions=True)})


def _write(contact: Contact, request: Request) -> None:
    for name in COLUMNS:
        if name in request.params:
            value = text(request.params[name])
            setattr(contact, name, (value or "") if name == "name" else value or None)
    if (attributes := mapping(request.params.get("custom_attributes"))) is not None:
        contact.custom_attributes = contact.custom_attributes | attributes
    if "blocked" in request.params:
        contact.blocked = boolean(request.params["blocked"])


@router.on("DELETE", "/contacts/:id")
def delete_contact(ctx: Context, request: Request) -> Response:
    """With sessions and conversations, which Chatwoot removes a moment later, in a job. Not while they are online."""
    require_administrator(ctx)
    contact = find_contact(ctx, request)
    if ctx.presence.status(contact.account_id, Kind.CONTACT, contact.id) == "online":
        words = f"{contact.name.capitalize()} is Online, please try again later"
        return json_response({"message": words}, 422)
    for conversation in ctx.store.conversations_of(contact.id):
        conversations.remove(ctx, conversation)
    for session in ctx.store.contact_inboxes_of(contact.id):
        ctx.store.remove(session)
    ctx.store.remove(contact)
    return head()


@router.on("GET", "/contacts/:id/conversations")
def list_conversations(ctx: Context, request: Request) -> Response:
    rows = ctx.store.conversations_of(find_contact(ctx, request).id)
    rows.sort(key=lambda row: row.last_activity_at, reverse=True)
    return json_response({"payload": [conversation_shape(ctx, row) for row in rows[:LAST_CONVERSATIONS]]})


@router.on("POST", "/contacts/:id/contact_inboxes")
def add_session(ctx: Context, request: Request) -> Response:
    contact = find_contact(ctx, request)
    inbox = find_inbox(ctx, int(request.params.get("inbox_id") or 0))
    source_id = text(request.params.get("source_id"))
    row = ctx.store.contact_inbox_by_source(inbox.id, source_id or "")
    if row is not None and row.contact_id != contact.id:
        raise Crash
    row = row or contacts.add_session(ctx, contact, inbox, source_id)
    if "hmac_verified" in request.params:
        row.hmac_verified = boolean(request.params["hmac_verified"])
        ctx.save(row)
    return json_response(contact_session(ctx, row))


@router.on("POST", "/contact_inboxes/filter")
def filter_sessions(ctx: Context, request: Request) -> Response:
    inbox = find_inbox(ctx, int(request.params.get("inbox_id") or 0))
    row = ctx.store.contact_inbox_by_source(inbox.id, text(request.params.get("source_id")) or "")
    if row is None:
        return head(404)
    return json_response(contact_account(ctx, ctx.find(Contact, row.contact_id), sessions=True))


def find_contact(ctx: Context, request: Request) -> Contact:
    contact = ctx.store.get(Contact, request.number("id"))
    if contact is None or contact.account_id != account_id(ctx):
        raise NotFound
    return contact


def _inbox_row(inbox: Inbox) -> JSON:
    return {
        "id": inbox.id,
        "channel_id": inbox.channel_id,
        "account_id": inbox.account_id,
        "name": inbox.name,
        "created_at": iso(inbox.created_at),
        "updated_at": iso(inbox.updated_at),
        "channel_type": "Channel::Api",
        "enable_auto_assignment": inbox.enable_auto_assignment,
        "greeting_enabled": inbox.greeting_enabled,
        "greeting_message": inbox.greeting_message,
        "email_address": None,
        "working_hours_enabled": inbox.working_hours_enabled,
        "out_of_office_message": inbox.out_of_office_message,
        "timezone": inbox.timezone,
        "enable_email_collect": True,
        "csat_survey_enabled": inbox.csat_survey_enabled,
        "allow_messages_after_resolved": inbox.allow_messages_after_resolved,
        "auto_assignment_config": {},
        "lock_to_single_conversation": inbox.lock_to_single_conversation,
        "portal_id": None,
        "sender_name_type": "friendly",
        "business_name": None,
        "csat_config": inbox.csat_config,
    }
