"""A delivery in the hands of the one that holds its lease."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from chat.files import Upload

WANTED = "wanted"  # in the payload of attributes and labels: what is to be so, by name
BEFORE = "before"  # in that of labels: those that were there before the first attempt


@dataclass(frozen=True, slots=True)
class Person:
    """Whom Chatwoot is to make a contact of; everything here was signed by the site."""

    identifier: str = field(repr=False)
    name: str = field(repr=False)
    email: str = field(repr=False)
    phone: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """A leased delivery with all that is needed to send it or to look for it.

    ``fence_at`` is by Chatwoot's clock and 0 without a fence, all other times by the database's. ``through_bot``: this
    attempt carries the marker.
    """

    delivery_id: uuid.UUID
    kind: str
    attempt: int
    lease_no: int
    fence_at: int
    finished: bool
    permanent: bool
    looks: int
    crashes: int
    reason: str
    started_at: int
    created_at: int
    contact_id: uuid.UUID
    contact_inbox_id: int
    chatwoot_contact_id: int | None
    inbox_id: int
    conversation_id: uuid.UUID | None
    message_id: uuid.UUID | None
    chatwoot_id: int | None
    baseline_id: int
    source_id: str = field(repr=False)
    content: str = field(repr=False)
    payload: Mapping[str, Any] = field(repr=False)
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False)  # with which a conversation is created
    placed: Collection[str] = ()  # keys of attributes that are ours at Chatwoot
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)  # of the conversation, as in ``chat.labelling``
    through_bot: bool = False
    files: tuple[Upload, ...] = ()
    confirmed: bool = False  # Chatwoot has lately shown the conversation under our ``source_id``
    person: Person | None = None  # of a contact that is to be known at Chatwoot by its identifier
    found: bool = False  # Chatwoot has the message; whether it has the files is still to be seen

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(each.size for each in self.files)

    @property
    def echo_id(self) -> str:
        """Names the attempt, so that a late echo tells which of them took effect."""
        return f"{self.delivery_id}.{self.attempt}"


def parse_echo_id(text: str | None) -> uuid.UUID | None:
    """The delivery that an upstream ``echo_id`` or marker names; None when it is not one of ours."""
    name, dot, attempt = (text or "").partition(".")
    try:
        return uuid.UUID(name) if dot and attempt.isdigit() else None
    except ValueError:
        return None
