"""Contacts and their sessions: matching, validation, merging, proof of identity (contract §1.2–1.6)."""

import re
from typing import Any

from chat.sandbox import broadcasts, tokens
from chat.sandbox.context import Context
from chat.sandbox.entities import Contact, ContactInbox, Inbox, Message
from chat.sandbox.http import Crash, Invalid
from chat.sandbox.params import Params, blank, mapping, text

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.?[^@\s]*")
PHONE = re.compile(r".*\+[1-9]\d{1,14}", re.S)
FIELDS = ("name", "email", "phone_number")


def check_hash(inbox: Inbox, params: Params) -> bool:
    """True when a hash was given and matches; a wrong or missing one crashes (contract §1.5)."""
    given = text(params.get("identifier_hash"))
    if blank(given) and not inbox.hmac_mandatory:
        return False
    if given != tokens.identifier_hash(inbox.hmac_token, text(params.get("identifier")) or ""):
        raise Crash
    return True


def create_session(ctx: Context, inbox: Inbox, params: Params) -> ContactInbox:
    """The session of that source_id, else a new one of a matching or new contact. Raises `Invalid`, `Crash`."""
    if "source_id" in params and not isinstance(params["source_id"], str | int | float | None):
        raise Crash
    source_id = text(params.get("source_id"))
    if source_id is not None and (found := ctx.store.contact_inbox_by_source(inbox.id, source_id)):
        return found
    if source_id == "":
        raise Crash  # Chatwoot leaves an orphaned contact behind, which nothing can see.
    contact = _matching(ctx, inbox.account_id, params) or _new_contact(ctx, inbox.account_id, params)
    return add_session(ctx, contact, inbox, source_id)


def add_session(ctx: Context, contact: Contact, inbox: Inbox, source_id: str | None) -> ContactInbox:
    return ctx.add(
        ContactInbox(
            contact_id=contact.id,
            inbox_id=inbox.id,
            source_id=source_id or tokens.source_id(),
            pubsub_token=tokens.base58_token(),
        )
    )


def _matching(ctx: Context, account_id: int, params: Params) -> Contact | None:
    """Whoever has the same identifier, e-mail or phone number, without any proof (contract §1.6)."""
    for name in ("identifier", "email", "phone_number"):
        value = _column(params, name)
        if not blank(value) and (found := by_column(ctx, account_id, name, value)):
            return found
    return None


def by_column(ctx: Context, account_id: int, name: str, value: Any) -> Contact | None:
    return ctx.store.first(Contact, lambda row: row.account_id == account_id and getattr(row, name) == value)


def _new_contact(ctx: Context, account_id: int, params: Params) -> Contact:
    name = text(params.get("name"))
    contact = Contact(
        account_id=account_id,
        name=tokens.haiku() if name is None else name,
        identifier=_column(params, "identifier") or None,
        email=_column(params, "email") or None,
        phone_number=_column(params, "phone_number") or None,
        custom_attributes=mapping(params.get("custom_attributes")) or {},
    )
    validate(ctx, contact)
    ctx.add(contact)
    broadcasts.contact_event(ctx, contact, "contact.created")
    return contact


def _column(params: Params, name: str) -> str | None:
    value = text(params.get(name))
    return value.lower() if name == "email" and value else value


def validate(ctx: Context, contact: Contact) -> None:
    """Raises `Invalid` with all problems in the order of Chatwoot's model."""
    problems = []
    for name, wrong in (("email", "Invalid email"), ("phone_number", "should be in e164 format")):
        pattern, value = (EMAIL, contact.email) if name == "email" else (PHONE, contact.phone_number)
        if value and not pattern.fullmatch(value):
            problems.append((name, wrong))
    for name in ("email", "identifier", "phone_number"):
        value = getattr(contact, name)
        taken = by_column(ctx, contact.account_id, name, value) if value else None
        if taken is not None and taken.id != contact.id:
            problems.append((name, "has already been taken"))
    if len(contact.name) > 255:
        problems.append(("name", "is too long (maximum is 255 characters)"))
    if problems:
        raise Invalid(*problems)
    if contact.contact_type == "visitor" and (contact.email or contact.phone_number):
        contact.contact_type = "lead"


def identify(ctx: Context, contact: Contact, params: Params) -> Contact:
    """The Client API's update: blanks ignored, attributes merged, perhaps another contact in the end (§1.4, §1.6)."""
    email, phone = _column(params, "email"), _column(params, "phone_number")
    write_phone = True
    if email and (other := by_column(ctx, contact.account_id, "email", email)) and other is not contact:
        contact = merge(ctx, other, contact)
    if phone and (other := by_column(ctx, contact.account_id, "phone_number", phone)) and other is not contact:
        if email and other.email and other.email != email:
            write_phone = False
        else:
            contact = merge(ctx, other, contact)
    for name in FIELDS:
        value = _column(params, name)
        if not blank(value) and (name != "phone_number" or write_phone):
            setattr(contact, name, value)
    if attributes := mapping(params.get("custom_attributes")):
        contact.custom_attributes = deep_merge(contact.custom_attributes, attributes)
    validate(ctx, contact)
    ctx.save(contact)
    broadcasts.contact_event(ctx, contact, "contact.updated")
    return contact


def deep_merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for key, value in new.items():
        nested = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = deep_merge(merged[key], value) if nested else value
    return merged


def merge(ctx: Context, base: Contact, gone: Contact) -> Contact:
    """Move everything of `gone` to `base`; tokens and source_ids stay (contract §1.6)."""
    for contact_inbox in ctx.store.contact_inboxes_of(gone.id):
        contact_inbox.contact_id = base.id
        ctx.save(contact_inbox)
    for conversation in ctx.store.conversations_of(gone.id):
        conversation.contact_id = base.id
        ctx.save(conversation)
        broadcasts.contact_changed(ctx, conversation)
        for message in ctx.store.messages_of(conversation.id):
            _relink(ctx, message, base, gone)
    base.custom_attributes = deep_merge(gone.custom_attributes, base.custom_attributes)
    for name in (*FIELDS, "identifier"):
        if blank(getattr(base, name)):
            setattr(base, name, getattr(gone, name))
    ctx.store.remove(gone)
    broadcasts.contact_event(ctx, gone, "contact.deleted")
    ctx.save(base)
    broadcasts.contact_event(ctx, base, "contact.merged")
    return base


def _relink(ctx: Context, message: Message, base: Contact, gone: Contact) -> None:
    if message.sender_type == "Contact" and message.sender_id == gone.id:
        message.sender_id = base.id
        broadcasts.message_updated(ctx, message, ctx.save(message))
