"""Everything that is held of a person, as one document for that person. Secrets and Chatwoot's ids are not theirs."""

import uuid
from typing import Any

from django.db.models import QuerySet

from chat import labelling
from chat.models import Attachment, Contact, Conversation, Delivery, Message, Session
from chat.wire.errors import Code, Refusal


def export(contact_id: uuid.UUID) -> dict[str, Any]:
    """Raises Refusal (unknown_token)."""
    contact = Contact.objects.select_related("inbox").filter(id=contact_id).first()
    if contact is None:
        raise Refusal(Code.UNKNOWN_TOKEN)
    return {
        "contact": _contact(contact),
        "sessions": [_session(each) for each in Session.objects.filter(contact=contact).order_by("created_at")],
        "conversations": _conversations(contact_id),
        "uploads": [_file(each) for each in Attachment.objects.filter(contact=contact, message=None)],
        "deliveries": [_delivery(each) for each in _wishes(contact_id)],
    }


def _contact(contact: Contact) -> dict[str, Any]:
    return {
        "id": contact.id,
        "inbox": contact.inbox.slug,
        "identifier": contact.identifier,
        "name": contact.name,
        "attributes": contact.attributes,
        **{name: contact.claims.get(name) for name in ("email", "phone")},
        "signed": contact.signed,
        "created_at": contact.created_at,
    }


def _session(session: Session) -> dict[str, Any]:
    times = {name: getattr(session, name) for name in ("created_at", "expires_at", "revoked_at")}
    return {"id": session.id, "kind": session.kind, **times}


def _conversations(contact_id: uuid.UUID) -> list[dict[str, Any]]:
    files: dict[uuid.UUID, list[dict[str, Any]]] = {}
    for each in Attachment.objects.filter(message__contact=contact_id).order_by("position", "chatwoot_id"):
        if each.message_id is not None:
            files.setdefault(each.message_id, []).append(_file(each))
    messages: dict[uuid.UUID, list[dict[str, Any]]] = {}
    for message in Message.objects.filter(contact=contact_id).order_by("at", "id").iterator():
        messages.setdefault(message.conversation_id, []).append(_message(message, files.get(message.id, [])))
    names = ("id", "status", "created_at", "contact_seen", "agent_seen", "deleted", "attributes")
    return [
        {name: getattr(each, name) for name in names}
        | {"labels": labelling.shown(each.labels), "messages": messages.get(each.id, [])}
        for each in Conversation.objects.filter(contact=contact_id).order_by("created_at", "id")
    ]


def _message(message: Message, files: list[dict[str, Any]]) -> dict[str, Any]:
    names = ("id", "at", "direction", "content", "content_type", "sender_name", "state", "deleted")
    answer = message.content_attributes.get("submitted_values")
    return {name: getattr(message, name) for name in names} | {"answer": answer, "attachments": files}


def _file(attachment: Attachment) -> dict[str, Any]:
    names = ("id", "name", "file_type", "content_type", "size", "sha256", "created_at")
    return {name: getattr(attachment, name) for name in names}


def _wishes(contact_id: uuid.UUID) -> QuerySet[Delivery]:
    """Those that hold words of theirs beside the messages."""
    kinds = ("answer", "profile", "attributes", "labels")
    return Delivery.objects.filter(contact_inbox__contact=contact_id, kind__in=kinds)


def _delivery(delivery: Delivery) -> dict[str, Any]:
    said = {name: value for name, value in delivery.payload.items() if name != "message_id"}
    return {"kind": delivery.kind, "state": delivery.state, "created_at": delivery.created_at, "payload": said}
