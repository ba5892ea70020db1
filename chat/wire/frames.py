"""Frames from a client to us. Unknown fields are ignored, an unknown type is a bad frame."""

import json
from typing import Annotated, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool, TypeAdapter, ValidationError

from chat.wire.text import FileIds, RawText
from chat.wire.values import RawValues

MAX_FRAME_BYTES = 65_536

CursorText = Annotated[str, Field(max_length=100)]


class BadFrame(Exception):
    """Not a frame of ours; the message says what is wrong and quotes nothing of it."""


class Frame(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Hello(Frame):
    """The first frame, within 10 s."""

    type: Literal["hello"]
    token: Annotated[str, Field(max_length=1000, repr=False)]
    since: CursorText | None = None
    visible: StrictBool = True


class Ack(Frame):
    """Everything up to this cursor has arrived."""

    type: Literal["ack"]
    cursor: CursorText


class Send(Frame):
    """conversation None: the one spoken in last, or a new one; closed ones as the inbox's policy has it.

    begins: the key of a conversation that begins with this message, unless it was begun already, as in
    ``POST conversations``. files: what POST uploads answered; up to 10.
    """

    type: Literal["send"]
    echo_id: UUID
    conversation: UUID | None = None
    begins: UUID | None = None
    text: Annotated[RawText, Field(repr=False)]
    files: FileIds = ()


class Typing(Frame):
    type: Literal["typing"]
    conversation: UUID
    on: StrictBool


class Seen(Frame):
    """Seen up to and including this message, in display order."""

    type: Literal["seen"]
    conversation: UUID
    message: UUID


class Retry(Frame):
    """Send a failed message again; of an unconfirmed one, the visitor takes the risk that it arrives twice."""

    type: Literal["retry"]
    message: UUID


class Discard(Frame):
    """Delete a message that failed or was never confirmed."""

    type: Literal["discard"]
    message: UUID


class Resolve(Frame):
    """The visitor ends the conversation; writing opens it again."""

    type: Literal["resolve"]
    conversation: UUID


class Answer(Frame):
    """Answer the agent's form, choice or survey; a later answer replaces it."""

    type: Literal["answer"]
    message: UUID
    values: Annotated[RawValues, Field(repr=False)]


class Ping(Frame):
    """At least every 25 s; also when the page becomes visible or hidden."""

    type: Literal["ping"]
    visible: StrictBool = True


ClientFrame = Hello | Ack | Send | Typing | Seen | Retry | Discard | Resolve | Answer | Ping

_adapter: TypeAdapter[ClientFrame] = TypeAdapter(Annotated[ClientFrame, Field(discriminator="type")])


def parse(text: str) -> ClientFrame:
    """Read one frame; raise BadFrame."""
    try:
        # Not orjson or pydantic's JSON: both refuse the lone surrogates that RawText lets through.
        payload = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise BadFrame("not JSON") from exc
    try:
        return _adapter.validate_python(payload)
    except ValidationError as exc:
        raise BadFrame(explain(exc)) from None


def explain(exc: ValidationError) -> str:
    """Say where and what, without the value: it may be a token or a visitor's text."""
    first = exc.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"] if part not in _TYPES)
    return f"{where}: {_WORDS.get(first['type'], first['msg'])}" if where else _WORDS.get(first["type"], first["msg"])


_TYPES = frozenset(frame.__name__.lower() for frame in get_args(ClientFrame))
# pydantic's own words for an unknown type quote the input.
_WORDS = {
    "model_attributes_type": "must be an object",
    "union_tag_invalid": "type is unknown",
    "union_tag_not_found": "type is missing",
}
