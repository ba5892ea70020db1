"""What browsers and apps see: frames, rows, errors, close numbers. pydantic and orjson only."""

from chat.wire.close import Close, Policy
from chat.wire.encoding import (
    encode_accepted,
    encode_changes,
    encode_error,
    encode_history,
    encode_pong,
    encode_presence,
    encode_reconnect,
    encode_refused,
    encode_reset,
    encode_typing,
)
from chat.wire.errors import Code, Refusal
from chat.wire.frames import MAX_FRAME_BYTES, BadFrame, ClientFrame, parse
from chat.wire.text import MAX_TEXT, validate_files, validate_text
from chat.wire.values import Values, validate_values

__all__ = [
    "MAX_FRAME_BYTES",
    "MAX_TEXT",
    "BadFrame",
    "ClientFrame",
    "Close",
    "Code",
    "Policy",
    "Refusal",
    "Values",
    "encode_accepted",
    "encode_changes",
    "encode_error",
    "encode_history",
    "encode_pong",
    "encode_presence",
    "encode_reconnect",
    "encode_refused",
    "encode_reset",
    "encode_typing",
    "parse",
    "validate_files",
    "validate_text",
    "validate_values",
]
