"""What a person says of themselves, and what of it Chatwoot is told: a name, and attributes.

An e-mail address, phone number or identifier that nobody has proven would merge contacts at Chatwoot (contract §1.6).
So they travel as attributes under names of ours, and never in the fields of those names. So does what the site signed;
whether it may join contacts besides is decided where it is sent.
"""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from django.db.models import QuerySet

from chat import consent, outbox, policy
from chat.feed import Pen
from chat.models import Contact, ContactInbox, Inbox
from chat.wire.errors import Code, Refusal
from chat.wire.profile import (
    CONSENT,
    MAX_ATTRIBUTES,
    clean_attributes,
    clean_email,
    clean_name,
    clean_phone,
)

MOST_TOLD = 5  # contact inboxes of one person


@dataclass(frozen=True, slots=True)
class Profile:
    id: uuid.UUID
    name: str
    verified: bool
    email: str | None
    signed_email: str | None
    phone: str | None
    attributes: dict[str, Any]


def read(contact_id: uuid.UUID) -> Profile:
    """Raises Refusal (unknown_token)."""
    return _profile(_contact(contact_id))


def change(pen: Pen, contact_id: uuid.UUID, *, wanted: Mapping[str, Any]) -> Profile:
    """``wanted``: some of name, email, phone, consent, attributes; None forgets.

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
    said = _attributes(contact.inbox, wanted.get("attributes") or {})
    if "consent" in wanted:
        said[CONSENT] = consent.given(contact, wanted["consent"], now=pen.now)
    contact.attributes = _without_none(contact.attributes | said)
    if len(contact.attributes.keys() - {CONSENT}) > MAX_ATTRIBUTES:
        raise Refusal(Code.TOO_MANY_ATTRIBUTES)
    after = for_chatwoot(contact)
    if orjson.dumps(after) != orjson.dumps(before):  # True is not 1
        contact.save(update_fields=["name", "claims", "attributes"])
        forgotten = before["custom_attributes"].keys() - after["custom_attributes"].keys()
        tell(pen, contact, ContactInbox.objects.filter(contact=contact), forgotten=forgotten)
    return _profile(contact)


def sign(contact: Contact, *, name: str, email: str, phone: str) -> bool:
    """What the site says of this person; what it does not say stays. Whether that is news."""
    signed = contact.signed | {key: value for key, value in (("email", email), ("phone", phone)) if value}
    if (name or contact.name, signed) == (contact.name, contact.signed):
        return False
    contact.name, contact.signed = name or contact.name, signed
    contact.save(update_fields=["name", "signed"])
    return True


def take_along(nameless: Contact, *, to: Contact) -> bool:
    """What somebody said of themselves before they signed in, where nothing better is known; none of it stays behind.

    Whether that is news of who they are now.
    """
    before = orjson.dumps(for_chatwoot(to))
    to.name = to.name or nameless.name
    to.claims = nameless.claims | to.claims
    agreed = consent.newer(nameless.attributes.get(CONSENT), to.attributes.get(CONSENT))
    said = {key: value for key, value in to.attributes.items() if key != CONSENT}
    news = [(key, value) for key, value in nameless.attributes.items() if key not in (CONSENT, *said)]
    to.attributes = said | dict(news[: max(0, MAX_ATTRIBUTES - len(said))]) | ({CONSENT: agreed} if agreed else {})
    to.save(update_fields=["name", "claims", "attributes"])
    Contact.objects.filter(pk=nameless.pk).update(name="", claims={}, attributes={})
    return orjson.dumps(for_chatwoot(to)) != before


def for_chatwoot(contact: Contact) -> dict[str, Any]:
    """What Chatwoot may know: the body of a creation or an update, in its words."""
    claimed = {f"unverified_{name}": value for name, value in contact.claims.items()}
    signed = {f"signed_{name}": value for name, value in contact.signed.items()}
    told: dict[str, Any] = {"custom_attributes": contact.attributes | claimed | signed}
    return told | ({"name": contact.name} if contact.name else {})


def _attributes(inbox: Inbox, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Those that the inbox takes. What the form asks for may be answered. Raises Refusal (profile_invalid)."""
    named = {*inbox.attribute_keys, *policy.asked_attributes(inbox.policy)}
    return clean_attributes(wanted, named=named, only=bool(inbox.attribute_keys))


def tell(pen: Pen, contact: Contact, rows: QuerySet[ContactInbox], *, forgotten: Collection[str] = ()) -> None:
    """Let Chatwoot hear of it soon, where it knows these contact inboxes.

    It cannot forget a name or a key (contract §1.4): a key becomes empty, a name stays.
    """
    told = for_chatwoot(contact)
    payload = told | {"custom_attributes": told["custom_attributes"] | dict.fromkeys(forgotten, "")}
    if payload != {"custom_attributes": {}}:
        for row in rows.order_by("-id")[:MOST_TOLD]:
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
        signed_email=contact.signed.get("email"),
        phone=contact.claims.get("phone"),
        attributes=contact.attributes,
    )


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
