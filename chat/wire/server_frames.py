"""Frames from us to a client, as types. ``encoding`` writes them by hand; ``asyncapi`` describes them by these."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from chat.wire.calls import Changes, Reset
from chat.wire.errors import Code


class Detail(BaseModel):
    """The message is for a person, and may say more than the code. retry_after: seconds until it may be tried again."""

    code: Code
    message: str
    retry_after: int | None = None


class Accepted(BaseModel):
    """The message is stored; its row comes by changes."""

    type: Literal["accepted"]
    echo_id: UUID
    message: UUID
    conversation: UUID


class Refused(BaseModel):
    """Nothing was stored. It names what it is about: the echo_id of a send, else the message or the conversation."""

    type: Literal["refused"]
    echo_id: UUID | None = None
    message: UUID | None = None
    conversation: UUID | None = None
    error: Detail


class TypingTold(BaseModel):
    """An agent types, or stopped."""

    type: Literal["typing"]
    conversation: UUID
    name: str
    on: bool


class Presence(BaseModel):
    """Whether any agent is there."""

    type: Literal["presence"]
    online: bool


class Pong(BaseModel):
    """cursor: where the feed's head is; who is behind for more than 5 s reconnects."""

    type: Literal["pong"]
    cursor: str


class Reconnect(BaseModel):
    """This process is about to stop: dial again after so many milliseconds, and use this socket until then."""

    type: Literal["reconnect"]
    in_ms: int


class Failed(BaseModel):
    """Usually followed by a close."""

    type: Literal["error"]
    error: Detail


ServerFrame = Reset | Changes | Accepted | Refused | TypingTold | Presence | Pong | Reconnect | Failed
