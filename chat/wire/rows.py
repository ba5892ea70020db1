"""What a visitor sees of a conversation and of a message. Ids are ours, times are milliseconds since 1970."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from chat.wire.tree import Tree


class Outward(BaseModel):
    model_config = ConfigDict(frozen=True)


class Conversation(Outward):
    """A deleted one is empty: its messages went to another conversation."""

    id: UUID
    seq: int
    status: Literal["open", "resolved", "pending", "snoozed"]
    contact_seen: int
    agent_seen: int
    deleted: bool


class Sender(Outward):
    """avatar: an address below this site's; what answers 404 is shown as initials."""

    name: str
    avatar: str | None
    kind: Literal["agent", "bot", "system"]


class Attachment(Outward):
    """size in bytes; the type is decided by us. width and height of a picture, in pixels, where they are known."""

    id: UUID
    name: str
    type: str
    size: int
    width: int | None = None
    height: int | None = None


class Message(Outward):
    """incoming: from the visitor, outgoing: from an agent. A deleted one keeps no text, attributes or attachments.

    attributes, each only where there is one: items (choices, fields, cards, articles, by content_type; a card's picture
    is an address below this site's), display_type, answer (values, and a state: accepted, sent or failed) and reply_to
    (id, text, own: the message that it answers).
    """

    id: UUID
    conversation: UUID
    seq: int
    at: int
    direction: Literal["incoming", "outgoing"]
    echo_id: UUID | None
    state: Literal["accepted", "sending", "unsure", "sent", "failed", "unconfirmed"]
    reason: str | None
    sender: Sender | None
    text: Tree
    content_type: str
    attributes: dict[str, Any]
    attachments: list[Attachment]
    deleted: bool
