"""Bodies of the calls about whole conversations: a list, a new one, what is unread, a rating."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, Field, StrictBool, StrictInt, WithJsonSchema

from chat.wire.calls import Call
from chat.wire.profile import LONGEST_ADDRESS, RECIPIENT
from chat.wire.text import FileIds, RawText

Status = Literal["open", "resolved", "pending", "snoozed"]


class Line(BaseModel):
    """The last line as plain text, at most 200 characters; empty where only files were sent."""

    text: str
    at: int
    direction: Literal["incoming", "outgoing"]
    has_files: bool


class ConversationView(BaseModel):
    """unread: messages of agents after ``contact_seen``, deleted ones not. last: null while nothing was said."""

    id: UUID
    seq: int
    status: Status
    created_at: int
    contact_seen: int
    agent_seen: int
    unread: int
    last: Line | None


class ConversationList(BaseModel):
    """Newest first. more: ask again with ``before`` the last id of this page."""

    conversations: list[ConversationView]
    more: bool


class FirstMessage(Call):
    echo_id: UUID
    text: Annotated[RawText, Field(repr=False)]
    files: FileIds = ()


class BeginConversation(Call):
    """key: a UUID of the client's, the same at every repetition; it always names the same conversation."""

    key: UUID
    message: FirstMessage | None = None


class Begun(BaseModel):
    """message: the id of the first message, if one was given."""

    conversation: ConversationView
    message: UUID | None


class PostSeen(Call):
    """message: everything up to and including it was seen, in display order."""

    message: UUID


class PostTyping(Call):
    on: StrictBool


def _whole(value: Any) -> Any:
    """To JSON 5.0 is the integer 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class PutCsat(Call):
    rating: Annotated[StrictInt, Field(ge=1, le=5), BeforeValidator(_whole)]
    feedback: Annotated[RawText, Field(repr=False)] = ""


_ADDRESS = {"anyOf": [{"type": "string", "maxLength": LONGEST_ADDRESS, "pattern": f"^{RECIPIENT}$"}, {"type": "null"}]}


class PostTranscript(Call):
    """email: left out or null, it goes to the address that the site signed for this visitor."""

    email: Annotated[str | None, WithJsonSchema(_ADDRESS), Field(max_length=LONGEST_ADDRESS, repr=False)] = None


class Transcript(BaseModel):
    """email: to whom it is on its way."""

    email: str


class UnreadConversation(BaseModel):
    id: UUID
    unread: int


class Unread(BaseModel):
    """Conversations without anything unread are left out."""

    total: int
    conversations: list[UnreadConversation]
