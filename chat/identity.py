"""Who somebody is, in the words of the site that embeds the chat. Pure rules: no database, no clock, no network.

The site signs with a secret that it shares with us (Chatwoot's own never leaves this server): either a **claim**, a JWT
that lives for minutes, or, as Chatwoot's own widget takes it, an identifier with its HMAC, which never expires. Text is
compared byte for byte: what looks alike is not the same person. Nothing of a claim is read before its signature holds.

To the one who asks every refusal looks the same; ``BadIdentity.why`` is for the log, and quotes nothing.
"""

import base64
import binascii
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from chat.wire.errors import Code, Refusal
from chat.wire.text import is_storable

LIVES_S = 300  # between `iat` and `exp`
SKEW_S = 60  # by which the site's clock may be ahead of ours
LEAST_SECRET = 32  # characters
MAX_TOKEN = 4_096
MAX_TEXT = 255  # characters of an identifier, as Chatwoot stores it, and of everything else that is signed
MAX_NAME = 80

_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")
# What Chatwoot would refuse: a contact that it does not take would keep every message of that person.
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_PHONE = re.compile(r"\+[1-9][0-9]{1,14}")
_LATEST = 2**53


class BadIdentity(Refusal):
    """Not proven."""

    def __init__(self, why: str) -> None:
        super().__init__(Code.BAD_IDENTITY)
        self.why = why


@dataclass(frozen=True, slots=True)
class Identity:
    """What was proven. ``jti`` is empty and ``expires_at`` (seconds since 1970) 0 where there is none."""

    identifier: str = field(repr=False)
    name: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    jti: str = field(default="", repr=False)
    expires_at: float = 0


def read_claim(token: object, *, secrets: Sequence[str], audience: str, now: float) -> Identity:
    """Who a site's JWT names: HS256, ``aud`` this inbox, ``sub`` the identifier, ``exp`` within five minutes.

    Raises BadIdentity. ``now``: seconds since 1970.
    """
    claims = _verified(token, secrets)
    if claims.get("aud") != audience or not isinstance(claims["aud"], str):
        raise BadIdentity("it is for another inbox (aud)")
    expires_at = _check_times(claims, now)
    return Identity(
        identifier=_identifier(claims.get("sub")),
        name=clean_name(_text(claims, "name")),
        email=_text(claims, "email"),
        phone=_text(claims, "phone"),
        jti=_text(claims, "jti"),
        expires_at=expires_at,
    )


def read_hash(identifier: object, identifier_hash: object, *, secrets: Sequence[str]) -> Identity:
    """Who an identifier with its HMAC-SHA256 (lower-case hex) names; good for ever. Raises BadIdentity."""
    checked = _identifier(identifier)
    if not isinstance(identifier_hash, str) or not _HEX_SHA256.fullmatch(identifier_hash):
        raise BadIdentity("identifier_hash is not 64 lower-case hex digits")
    given, signed = identifier_hash.encode("ascii"), checked.encode()
    expected = [mac.hex().encode("ascii") for mac in _macs(signed, secrets)]
    if not _is_among(given, expected):
        raise BadIdentity("identifier_hash was made with another secret, or of another identifier")
    return Identity(checked)


def is_email(text: str) -> bool:
    return len(text) <= MAX_TEXT and _EMAIL.fullmatch(text) is not None


def is_phone(text: str) -> bool:
    return _PHONE.fullmatch(text) is not None


def clean_name(text: str) -> str:
    """One line without what controls how text is shown, and nothing that a spreadsheet takes for a formula."""
    words = ("".join(char for char in word if unicodedata.category(char) not in ("Cc", "Cf")) for word in text.split())
    return " ".join(filter(None, words))[:MAX_NAME].lstrip("=+-@ ").rstrip()


def _verified(token: object, secrets: Sequence[str]) -> Mapping[str, Any]:
    """The payload of a JWT whose signature holds."""
    if not isinstance(token, str) or not 0 < len(token) <= MAX_TOKEN or not token.isascii():
        raise BadIdentity("it is no token")
    parts = token.split(".")
    if len(parts) != 3 or not all(_BASE64URL.fullmatch(part) for part in parts):
        raise BadIdentity("it is no token")
    signed, _, signature = token.encode("ascii").rpartition(b".")
    expected = [base64.urlsafe_b64encode(mac).rstrip(b"=") for mac in _macs(signed, secrets)]
    if not _is_among(signature, expected):
        raise BadIdentity("it was signed with another secret, or with another algorithm than HS256")
    header, payload = (_decoded(part) for part in parts[:2])
    if header.get("alg") != "HS256" or "crit" in header:
        raise BadIdentity("its algorithm is not HS256")
    return payload


def _macs(signed: bytes, secrets: Sequence[str]) -> Iterator[bytes]:
    return (hmac.new(each.encode(), signed, hashlib.sha256).digest() for each in secrets if each)


def _is_among(given: bytes, expected: Sequence[bytes]) -> bool:
    """Every one is compared, so that time does not tell which."""
    return any([hmac.compare_digest(given, each) for each in expected])


def _decoded(part: str) -> Mapping[str, Any]:
    try:
        value = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError):
        raise BadIdentity("it cannot be read") from None
    if not isinstance(value, dict):
        raise BadIdentity("it is no object")
    return value


def _check_times(claims: Mapping[str, Any], now: float) -> float:
    expires_at = _time(claims, "exp")
    issued_at = _time(claims, "iat") if "iat" in claims else now + SKEW_S
    if now >= expires_at:
        raise BadIdentity("it has expired (exp); do the clocks agree?")
    if issued_at > now + SKEW_S or ("nbf" in claims and _time(claims, "nbf") > now + SKEW_S):
        raise BadIdentity("it is of the future (iat, nbf); do the clocks agree?")
    if expires_at > issued_at + LIVES_S or expires_at > now + LIVES_S + SKEW_S:
        raise BadIdentity("it lives longer than five minutes (exp)")
    return expires_at


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        raise BadIdentity(f"{name} is no time in seconds")
    return float(value)


def _identifier(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT or not is_storable(value) or not value.strip():
        raise BadIdentity(f"the identifier is no text of 1 to {MAX_TEXT} characters")
    return value


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > MAX_TEXT or not is_storable(value):
        raise BadIdentity(f"{name} is no text of up to {MAX_TEXT} characters")
    return value
