"""What a visitor may write, and which files go with it."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import PlainValidator, WithJsonSchema

from chat.wire.errors import Code, Refusal

MAX_TEXT = 10_000
MAX_FILES = 10


def validate_text(text: str, *, has_files: bool = False) -> str:
    """Return the text as it is stored; raise Refusal (text_empty, text_too_long, text_invalid).

    Beside files it may be empty.
    """
    if len(text) > MAX_TEXT:
        raise Refusal(Code.TEXT_TOO_LONG)
    if not is_storable(text):
        raise Refusal(Code.TEXT_INVALID)
    if not text.strip():
        if has_files:
            return ""
        raise Refusal(Code.TEXT_EMPTY)
    return text


def is_storable(text: str) -> bool:
    """Neither NUL, which PostgreSQL refuses, nor half a surrogate pair, which UTF-8 has no bytes for."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


# Of what can be stored, in JSON Schema's words.
TEXT_SCHEMA = {"type": "string", "maxLength": MAX_TEXT, "pattern": "^[^\\u0000]*$"}


def _any_string(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValueError("must be a string")


# pydantic's own str refuses lone surrogates as malformed. A browser sends them when half an emoji is cut off;
# that visitor is told so (text_invalid), the socket is not closed.
RawText = Annotated[str, PlainValidator(_any_string), WithJsonSchema(TEXT_SCHEMA)]

# More than that is refused in words (too_many_files); the socket is not closed.
FileIds = Annotated[
    tuple[UUID, ...],
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "string", "format": "uuid"},
            "maxItems": MAX_FILES,
            "uniqueItems": True,
        }
    ),
]


def validate_files(files: Sequence[UUID]) -> tuple[UUID, ...]:
    """Raise Refusal (too_many_files)."""
    if len(files) > MAX_FILES or len(set(files)) < len(files):
        raise Refusal(Code.TOO_MANY_FILES)
    return tuple(files)
