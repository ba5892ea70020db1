"""Bodies of the JSON API: what it takes and what it answers."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic.config import JsonDict

from chat.wire.frames import CursorText
from chat.wire.rows import Conversation, Message
from chat.wire.text import FileIds, RawText
from chat.wire.values import RawValues

Slug = Annotated[str, Field(min_length=1, max_length=50, pattern=r"^[A-Za-z0-9_-]+$")]
Token = Annotated[str, Field(max_length=200)]


class Call(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


def _anything(value: Any) -> Any:
    return value


# Whatever is no text is no proof either: that is answered like every other proof that does not hold.
Proof = Annotated[Any, PlainValidator(_anything), WithJsonSchema({"type": "string"}), Field(repr=False)]


class OpenSession(Call):
    """Without any of the last three: as nobody in particular."""

    inbox: Slug
    kind: Literal["browser", "app"] = "browser"
    identity_token: Proof = None
    identifier: Proof = None
    identifier_hash: Proof = None

    @property
    def claims_nothing(self) -> bool:
        return self.identity_token is None and self.identifier is None and self.identifier_hash is None


# JSON Schema for: one of these is named.
_EITHER: JsonDict = {
    "anyOf": [
        {"required": [name], "properties": {name: {"type": "string"}}, "type": "object"}
        for name in ("inbox", "refresh_token")
    ]
}


class RefreshSession(Call):
    """A browser names the inbox and sends its cookie; an app sends its refresh token."""

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_extra=_EITHER)

    inbox: Slug | None = None
    refresh_token: Annotated[Token | None, Field(repr=False)] = None


class Session(BaseModel):
    """expires_in in seconds; refresh_token only for an app, a browser has it in a cookie."""

    access_token: Annotated[str, Field(repr=False)]
    expires_in: int
    contact: UUID
    refresh_token: Annotated[str | None, Field(repr=False)] = None


class PutMessage(Call):
    conversation: UUID | None = None
    text: Annotated[RawText, Field(repr=False)]
    files: FileIds = ()


class PutAnswer(Call):
    values: Annotated[RawValues, Field(repr=False)]


class BuyTickets(Call):
    attachments: Annotated[tuple[UUID, ...], Field(max_length=100)]


class Tickets(BaseModel):
    """Addresses below this site's, by attachment; expires_in in seconds. Ask for new ones before they expire."""

    urls: Annotated[dict[UUID, str], Field(repr=False)]
    expires_in: int


class Accepted(BaseModel):
    message: UUID
    conversation: UUID


class Changes(BaseModel):
    type: Literal["changes"]
    cursor: CursorText
    conversations: list[Conversation]
    messages: list[Message]
    more: bool


class Reset(BaseModel):
    """All conversations; the newest messages of the one spoken in last, and what is unread in the others.

    more: the conversation spoken in last has older messages than these.
    """

    type: Literal["reset"]
    cursor: CursorText
    reason: Literal["start", "epoch", "floor", "far"]
    conversations: list[Conversation]
    messages: list[Message]
    more: bool


class History(BaseModel):
    """Ascending in display order."""

    messages: list[Message]
    more: bool


class ErrorDetail(BaseModel):
    """``retry_after``: seconds after which the same call will be taken, as in the header Retry-After."""

    code: str
    message: str
    retry_after: int | None = None


class Error(BaseModel):
    error: ErrorDetail
