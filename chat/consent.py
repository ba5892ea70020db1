"""The sentence that an inbox asks its visitors to agree to, and what of it somebody has agreed to.

Kept as one attribute, "version, time": agents read it with the others.
"""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chat import policy
from chat.models import Contact, Conversation, Inbox
from chat.wire.errors import Code, Refusal
from chat.wire.profile import CONSENT, clean_consent, invalid


def required(contact_id: uuid.UUID, inbox: Inbox) -> None:
    """Before what begins the first conversation: running ones are not interrupted. Raises Refusal: consent_required."""
    version = _asked(inbox)
    if not version or Conversation.objects.filter(contact=contact_id).exists():
        return
    attributes = Contact.objects.values_list("attributes", flat=True).filter(id=contact_id).first()
    if _version_of(attributes or {}) != version:
        raise Refusal(Code.CONSENT_REQUIRED)


def required_of(contact_id: uuid.UUID) -> None:
    """The same, where the inbox is not at hand."""
    inbox = Inbox.objects.filter(contacts=contact_id).first()
    if inbox is not None:
        required(contact_id, inbox)


def given(contact: Contact, version: str | None, *, now: int) -> str | None:
    """What is kept: which sentence, and since when; agreeing again changes nothing, None withdraws.

    Raises Refusal (profile_invalid): only what is asked can be agreed to.
    """
    if version is None:
        return None
    if clean_consent(version) != _asked(contact.inbox):
        raise invalid("this inbox does not ask for that version; please load the page again")
    if _version_of(contact.attributes) == version:
        before: str = contact.attributes[CONSENT]
        return before
    return f"{version}, {datetime.fromtimestamp(now // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def newer(one: Any, other: Any) -> Any:
    """The one that was given later; None is none."""
    return max((each for each in (one, other) if isinstance(each, str)), key=_time_of, default=None)


def _asked(inbox: Inbox) -> str:
    """Which version; empty: none."""
    ask = policy.read(inbox.policy).ask
    return ask.consent.version if ask and ask.consent else ""


def _version_of(attributes: Mapping[str, Any]) -> str:
    kept = attributes.get(CONSENT)
    return kept.partition(",")[0] if isinstance(kept, str) else ""


def _time_of(kept: str) -> str:
    """ISO 8601, all of one zone: these sort as they are."""
    return kept.partition(",")[2].strip()
