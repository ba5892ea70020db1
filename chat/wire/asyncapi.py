"""The AsyncAPI 3 description of the socket, made from the types that read frames and that say how we write them."""

from functools import cache
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from chat.wire import examples, frames, server_frames
from chat.wire.close import Close
from chat.wire.errors import ANSWERS, Code

VERSION = "3.0.0"
_REFERENCE = "#/components/schemas/{model}"
_MODES = {"client": "validation", "server": "serialization"}

INTRODUCTION = (
    "One JSON object per frame, as text, at most 65,536 bytes. The first frame is `hello`, within 10 s; it is answered "
    "by `reset` or `changes`. Ignore fields and frames that you do not know. Acknowledge what arrived with `ack`: past "
    "256 KiB or 30 s unacknowledged, the socket is closed with 4409. Send `ping` every 25 s at the latest. After a "
    "close, do what `x-close-codes` says of its number, and say hello with the cursor of the last page."
)


@cache
def document() -> dict[str, Any]:
    """Without a server: whoever serves it adds the address that was asked."""
    told = [(side, frame) for side, union in _sides().items() for frame in union]
    schemas = _schemas(told)
    messages = {_name(side, frame): _message(side, frame) for side, frame in told}
    return {
        "asyncapi": VERSION,
        "info": {"title": "chatproxy socket", "version": "1", "description": INTRODUCTION},
        "defaultContentType": "application/json",
        "channels": {"socket": _channel(list(messages))},
        "operations": {
            "receive": _operation("receive", "What a client sends.", "client", messages),
            "send": _operation("send", "What a client hears.", "server", messages),
        },
        "components": {"messages": messages, "schemas": schemas},
    }


def _sides() -> dict[str, tuple[type[BaseModel], ...]]:
    return {"client": get_args(frames.ClientFrame), "server": get_args(server_frames.ServerFrame)}


def _type(frame: type[BaseModel]) -> str:
    (name,) = get_args(frame.model_fields["type"].annotation)
    return str(name)


def _name(side: str, frame: type[BaseModel]) -> str:
    return f"{side}.{_type(frame)}"


def _schemas(told: list[tuple[str, type[BaseModel]]]) -> dict[str, Any]:
    _, whole = models_json_schema([(frame, _MODES[side]) for side, frame in told], ref_template=_REFERENCE)  # type: ignore[misc]
    found: dict[str, Any] = whole["$defs"]
    return found


def _message(side: str, frame: type[BaseModel]) -> dict[str, Any]:
    said = {"name": _type(frame), "title": _type(frame), "payload": {"$ref": _REFERENCE.format(model=frame.__name__)}}
    if words := (frame.__doc__ if frame.__doc__ != BaseModel.__doc__ else None):
        said["description"] = words
    return said | {"examples": [{"payload": each} for each in examples.OF[_name(side, frame)]]}


def _channel(messages: list[str]) -> dict[str, Any]:
    return {
        "address": "/ws/v1",
        "description": "Browsers name the page's origin, which the inbox must allow; apps send none.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"ws": {"method": "GET"}},
        "x-close-codes": [
            {"code": int(close), "name": close.name, "client": close.policy.value} for close in sorted(Close)
        ],
        "x-error-codes": [{"code": code.value, "message": ANSWERS[code][1]} for code in Code],
    }


def _operation(action: str, summary: str, side: str, messages: dict[str, Any]) -> dict[str, Any]:
    refs = [{"$ref": f"#/channels/socket/messages/{name}"} for name in messages if name.startswith(f"{side}.")]
    return {"action": action, "channel": {"$ref": "#/channels/socket"}, "summary": summary, "messages": refs}
