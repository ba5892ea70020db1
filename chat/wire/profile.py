"""What visitors say of themselves: bodies, and what is kept of it.

Nothing here is proven. An agent reads it in Chatwoot and in spreadsheets, so names lose what would spoof or calculate.
"""

import math
import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from chat.wire.errors import Code, Refusal
from chat.wire.text import is_storable

MAX_NAME = 80
MAX_ATTRIBUTES = 20
MAX_VALUE = 500  # characters
_LARGEST = 2**53  # as in ``values``
KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
CONSENT = "consent"  # the attribute that says to what somebody agreed, and when
_OURS = ("unverified_", "signed_")  # attributes at Chatwoot that say what was claimed, and what the site has signed
_KEYS_OF_OURS = "chatproxy_"  # by which a conversation of ours is found again
LARGEST_OF_A_CONVERSATION = 9_999_999_999  # Chatwoot's own bound (contract §1.7): with more, none would be created
# What Chatwoot itself says of a contact under these names; from a visitor it would look as if it did.
_CHATWOOTS = frozenset(
    ("name", "email", "phone_number", "identifier", "blocked", "referer", "created_at", "last_activity_at")
)
_VERSION = re.compile(r"[A-Za-z0-9._-]{1,40}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
# What stands in a header of a letter: one address, and nothing that could become two.
RECIPIENT = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9-]{1,63}[.])+[A-Za-z0-9-]{2,63}"
_RECIPIENT = re.compile(RECIPIENT, re.ASCII)
LONGEST_ADDRESS = 254
_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{1,28}[0-9]")
# Controls, and what is not seen or turns the direction of others; the joiners (200c, 200d) are letters to some scripts.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_FORMULA = "=+-@"  # a spreadsheet calculates what begins so


def _text(**schema: Any) -> Any:
    """What is checked in words is only described here."""
    return WithJsonSchema({"anyOf": [{"type": "string", **schema}, {"type": "null"}]})


_SIMPLE = {
    "anyOf": [
        {"type": "string", "maxLength": MAX_VALUE, "pattern": "^[^\\u0000]*$"},
        {"type": "number", "minimum": -_LARGEST, "maximum": _LARGEST},
        {"type": "boolean"},
        {"type": "null"},
    ]
}
ATTRIBUTES_SCHEMA: dict[str, Any] = {
    "type": "object",
    "maxProperties": MAX_ATTRIBUTES,
    "propertyNames": {"pattern": "^[A-Za-z][A-Za-z0-9_]{0,39}$"},
    "additionalProperties": _SIMPLE,
    "default": {},
}


class PatchContact(BaseModel):
    """What is left out stays; null forgets. name up to 80 characters. attributes: text, numbers, booleans by key; of
    them, too, what is left out stays. An e-mail or phone number is not proven by being written here. consent: the
    version of the inbox's sentence that this person agreed to; kept with the time, as the attribute of that name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str | None, _text(maxLength=MAX_NAME), Field(repr=False)] = None
    email: Annotated[str | None, _text(pattern="^[!-?A-~]{1,64}@[!-?A-~]{1,180}$"), Field(repr=False)] = None
    phone: Annotated[str | None, _text(pattern="^[+]?[0-9][0-9 ()./-]{1,28}[0-9]$"), Field(repr=False)] = None
    consent: Annotated[str | None, _text(pattern="^[A-Za-z0-9._-]{1,40}$"), Field(repr=False)] = None
    attributes: Annotated[dict[str, Any], WithJsonSchema(ATTRIBUTES_SCHEMA), Field(repr=False)] = {}


class ContactView(BaseModel):
    """verified: the host page's server has proven who this is. email and phone are what the visitor wrote, signed_email
    is what that server has signed."""

    id: UUID
    name: str
    verified: bool
    email: str | None
    signed_email: str | None
    phone: str | None
    attributes: dict[str, str | int | float | bool]


class ContactExport(BaseModel):
    """All that is held of a person: as it is stored, times in ms or as ISO 8601."""

    contact: dict[str, Any]
    sessions: list[dict[str, Any]]
    conversations: list[dict[str, Any]]
    uploads: list[dict[str, Any]]
    deliveries: list[dict[str, Any]]


def clean_name(text: str) -> str:
    """A name as it is kept. Raises Refusal (profile_invalid)."""
    if not is_storable(text.replace("\0", "")):
        raise invalid("the name contains characters that cannot be stored")
    seen = _UNSEEN.sub("", " ".join(unicodedata.normalize("NFC", text).split()))
    name = seen.lstrip(_FORMULA + " \t").strip()
    if len(name) > MAX_NAME:
        raise invalid(f"a name has at most {MAX_NAME} characters")
    return name


def clean_email(text: str) -> str:
    """Raises Refusal (profile_invalid)."""
    if not _EMAIL.fullmatch(text) or _UNSEEN.search(text) or not is_storable(text):
        raise invalid("this is no e-mail address")
    return text


def recipient(text: str) -> str | None:
    """To whom a letter may go; None for whatever is not plainly one address."""
    is_one = len(text) <= LONGEST_ADDRESS and _RECIPIENT.fullmatch(text)
    return text if is_one else None


def clean_phone(text: str) -> str:
    """Raises Refusal (profile_invalid)."""
    if not _PHONE.fullmatch(text):
        raise invalid("this is no phone number")
    return text


def clean_consent(text: str) -> str:
    """Raises Refusal (profile_invalid)."""
    if not _VERSION.fullmatch(text):
        raise invalid("a version has letters, digits, ., _ and -, up to 40")
    return text


def clean_attributes(
    attributes: Mapping[str, Any], *, named: Collection[str] = (), only: bool = False
) -> dict[str, Any]:
    """``named``: keys that the inbox names; ``only``: it takes no others. None stays None.

    Raises Refusal (profile_invalid).
    """
    if len(attributes) > MAX_ATTRIBUTES:
        raise invalid(f"there are at most {MAX_ATTRIBUTES} attributes")
    for key in attributes:
        plain = key.lower()
        if not KEY.fullmatch(key) or plain.startswith(_OURS) or plain == CONSENT:
            words = "a key has letters, digits, _, up to 40, starts with a letter, is not consent and starts not with"
            raise invalid(f"{words} {' or '.join(_OURS)}")
        if key not in named and (only or plain in _CHATWOOTS):
            raise invalid("this inbox does not take one of these attributes")
    return {key: _value(value) for key, value in attributes.items()}


def clean_conversation_attributes(
    attributes: Mapping[str, Any], *, named: Collection[str] = (), only: bool = False
) -> dict[str, Any]:
    """As a contact's, and less: agents and automations read them, and with one that Chatwoot refuses it would refuse
    the conversation. Raises Refusal (profile_invalid)."""
    cleaned = clean_attributes(attributes, named=named, only=only)
    if any(key.lower().startswith(_KEYS_OF_OURS) for key in cleaned):
        raise invalid(f"keys that start with {_KEYS_OF_OURS} are ours")
    for value in cleaned.values():
        if isinstance(value, int | float) and abs(value) > LARGEST_OF_A_CONVERSATION:
            raise invalid(f"a number of a conversation is at most {LARGEST_OF_A_CONVERSATION:,}")
    return cleaned


def _value(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float) and math.isfinite(value) and abs(value) <= _LARGEST:
        return value
    if isinstance(value, str) and len(value) <= MAX_VALUE and is_storable(value):
        return value
    raise invalid(f"an attribute is text of up to {MAX_VALUE} characters, a number, true, false or null")


def invalid(words: str) -> Refusal:
    return Refusal(Code.PROFILE_INVALID, f"This cannot be kept: {words}.")
