"""Typed reads from decoded JSON. What does not fit is `Malformed`, told by key and type only: values may be secret.

Texts come without NUL, which PostgreSQL cannot store.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chat.chatwoot.errors import Malformed

MOST = 2**53  # as JSON's numbers are whole elsewhere; a thousand times that still fits a column


def mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _unfit(what, "an object", value)
    return value


def sequence(value: object, what: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise _unfit(what, "a list", value)
    return value


def integer(payload: Mapping[str, Any], key: str) -> int:
    value = payload.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MOST:
        raise _unfit(key, "an integer", value)
    return value


def seconds(payload: Mapping[str, Any], key: str) -> int:
    """Unix seconds; null and absent mean never, as 0 does (contract §2.4)."""
    return 0 if payload.get(key) is None else integer(payload, key)


def text(payload: Mapping[str, Any], key: str) -> str:
    value = payload.get(key)
    if not isinstance(value, str):
        raise _unfit(key, "a text", value)
    return without_nul(value)


def text_or_empty(payload: Mapping[str, Any], key: str) -> str:
    return "" if payload.get(key) is None else text(payload, key)


def text_or_none(payload: Mapping[str, Any], key: str) -> str | None:
    value = payload.get(key)
    return without_nul(value) if isinstance(value, str) else None


def without_nul(value: str) -> str:
    return value.replace("\0", "")


def integer_or_none(payload: Mapping[str, Any], key: str) -> int | None:
    return None if payload.get(key) is None else integer(payload, key)


def flag(payload: Mapping[str, Any], key: str) -> bool:
    return payload.get(key) is True


def moment_or_none(payload: Mapping[str, Any], key: str) -> datetime | None:
    """ISO 8601 with a zone (contract §9, 12); None when absent."""
    if payload.get(key) is None:
        return None
    try:
        moment = datetime.fromisoformat(text(payload, key))
    except ValueError:
        raise Malformed(f"{key}: not a moment") from None
    if moment.tzinfo is None:
        raise Malformed(f"{key}: a moment without a zone")
    return moment


def _unfit(what: str, expected: str, value: object) -> Malformed:
    return Malformed(f"{what}: {type(value).__name__} instead of {expected}")
