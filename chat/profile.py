"""What a person says of themselves, and what of it Chatwoot is told: a name, and attributes.

An e-mail address, phone number or identifier that nobody has proven would merge contacts at Chatwoot (contract §1.6).
So they travel as attributes under names of ours, and never in the fields of those names.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from chat import outbox
from chat.feed import Pen
from chat.models import Contact, ContactInbox
from chat.wire.errors import Code, Refusal
from chat.wire.profile import MAX_ATTRIBUTES, clean_attributes, clean_email, clean_name, clean_phone

MOST_TOLD = 5  # contact inboxes of one person


@dataclass(frozen=True, slots=True)
class Profile:
    id: uuid.UUID
    name: str
    verified: bool
    email: str | None
    phone: str | None
    attributes: dict[str, Any]


def read(contact_id: uuid.UUID) -> Profile:
    """Raises Refusal (unknown_token)."""
    return _profile(_contact(contact_id))


def change(pen: Pen, contact_id: uuid.UUID, *, wanted: Mapping[str, Any]) -> Profile:
    """``wanted``: some of name, email, phone, attributes; None forgets.

    Raises Refusal: profile_invalid, too_many_attributes.
    """
    contact = _contact(contact_id)
    before = for_chatwoot(contact)
    if "name" in wanted:
        contact.name = clean_name(wanted["name"] or "")
    claims = contact.claims | {
        name: None if wanted[name] is None else clean(wanted[name])
        for name, clean in (("email", clean_email), ("phone", clean_phone))
        if name in wanted
    }
    contact.claims = _without_none(claims)
    allowed = contact.inbox.attribute_keys
    contact.attributes = _without_none(
        contact.attributes | clean_attributes(wanted.get("attributes") or {}, allowed=allowed)
    )
    if len(contact.attributes) > MAX_ATTRIBUTES:
        raise Refusal(Code.TOO_MANY_ATTRIBUTES)
    after = for_chatwoot(contact)
    if orjson.dumps(after) != orjson.dumps(before):  # True is not 1
        contact.save(update_fields=["name", "claims", "attributes"])
        _tell(pen, contact, after, forgotten=before["custom_attributes"].keys() - after["custom_attributes"].keys())
    return _profile(contact)


def for_chatwoot(contact: Contact) -> dict[str, Any]:
    """What Chatwoot may know: the body of a creation or an update, in its words."""
    claimed = {f"unverified_{name}": value for name, value in contact.claims.items()}
    told: dict[str, Any] = {"custom_attributes": contact.attributes | claimed}
    return told | ({"name": contact.name} if contact.name else {})


def _tell(pen: Pen, contact: Contact, told: dict[str, Any], *, forgotten: set[str]) -> None:
    """Chatwoot cannot forget a name or a key (contract §1.4): a key becomes empty, a name stays."""
    emptied = dict.fromkeys(forgotten, "")
    payload = told | {"custom_attributes": told["custom_attributes"] | emptied}
    for row in ContactInbox.objects.filter(contact=contact).order_by("-id")[:MOST_TOLD]:
        outbox.enqueue_profile(pen, row, payload)


def _contact(contact_id: uuid.UUID) -> Contact:
    found = Contact.objects.select_related("inbox").filter(id=contact_id).first()
    if found is None:
        raise Refusal(Code.UNKNOWN_TOKEN)
    return found


def _profile(contact: Contact) -> Profile:
    return Profile(
        id=contact.id,
        name=contact.name,
        verified=contact.identifier is not None,
        email=contact.claims.get("email"),
        phone=contact.claims.get("phone"),
        attributes=contact.attributes,
    )


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
