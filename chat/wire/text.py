"""What a visitor may write."""

from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from chat.wire.errors import Code, Refusal

MAX_TEXT = 10_000


def validate_text(text: str) -> str:
    """Return the text as it is stored; raise Refusal (text_empty, text_too_long, text_invalid)."""
    if len(text) > MAX_TEXT:
        raise Refusal(Code.TEXT_TOO_LONG)
    if not is_storable(text):
        raise Refusal(Code.TEXT_INVALID)
    if not text.strip():
        raise Refusal(Code.TEXT_EMPTY)
    return text


def is_storable(text: str) -> bool:
    """Neither NUL, which PostgreSQL refuses, nor half a surrogate pair, which UTF-8 has no bytes for."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _any_string(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValueError("must be a string")


# pydantic's own str refuses lone surrogates as malformed. A browser sends them when half an emoji is cut off;
# that visitor is told so (text_invalid), the socket is not closed.
RawText = Annotated[
    str, PlainValidator(_any_string), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_TEXT})
]
