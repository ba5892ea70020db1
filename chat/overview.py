"""A person's conversations at a glance: what is unread, and the last line of each."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import OuterRef, Q, QuerySet, Subquery

from chat import sql
from chat.markdown import markdown_tree, plain_text
from chat.models import Conversation, Message
from chat.wire.errors import Code, Refusal

LINE = 200  # characters


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    at: int
    direction: str
    has_files: bool


@dataclass(frozen=True, slots=True)
class Glance:
    id: uuid.UUID
    seq: int
    status: str
    created_at: int
    contact_seen: int
    agent_seen: int
    unread: int
    last: Line | None


def page(contact_id: uuid.UUID, *, before: uuid.UUID | None, limit: int) -> tuple[list[Glance], bool]:
    """Newest first, and whether there are older ones. Raises Refusal (no_such_conversation)."""
    own = _own(contact_id).order_by("-created_at", "-id")
    if before is not None:
        bound = _named(contact_id, before)
        same = Q(created_at=bound.created_at, id__lt=bound.id)
        own = own.filter(Q(created_at__lt=bound.created_at) | same)
    rows = list(own[: limit + 1])
    return _glances(contact_id, rows[:limit]), len(rows) > limit


def one(contact_id: uuid.UUID, conversation_id: uuid.UUID) -> Glance:
    """Raises Refusal (no_such_conversation)."""
    return _glances(contact_id, [_named(contact_id, conversation_id)])[0]


def unread(contact_id: uuid.UUID) -> dict[uuid.UUID, int]:
    """Of each conversation that has some: agents' messages after what the visitor has seen, in display order."""
    return sql.unread(contact_id)


def survey_of(contact_id: uuid.UUID, conversation_id: uuid.UUID) -> uuid.UUID:
    """The message that asks for a rating. Raises Refusal: no_such_conversation, no_question."""
    _named(contact_id, conversation_id)
    asked = Message.objects.filter(conversation=conversation_id, content_type="input_csat", deleted=False)
    found = asked.order_by("-at", "-id").values_list("id", flat=True).first()
    if found is None:
        raise Refusal(Code.NO_QUESTION, "This conversation has no survey.")
    return found


def _own(contact_id: uuid.UUID) -> QuerySet[Conversation]:
    return Conversation.objects.filter(contact=contact_id, deleted=False)


def _named(contact_id: uuid.UUID, conversation_id: uuid.UUID) -> Conversation:
    found = _own(contact_id).filter(id=conversation_id).first()
    if found is None:
        raise Refusal(Code.NO_SUCH_CONVERSATION)
    return found


def _glances(contact_id: uuid.UUID, rows: list[Conversation]) -> list[Glance]:
    counts, lines = unread(contact_id), _lines([each.id for each in rows])
    return [
        Glance(
            id=each.id,
            seq=each.seq,
            status=each.status,
            created_at=each.created_at,
            contact_seen=each.contact_seen,
            agent_seen=each.agent_seen,
            unread=counts.get(each.id, 0),
            last=lines.get(each.id),
        )
        for each in rows
    ]


def _lines(conversation_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Line]:
    """One step in the index of each conversation."""
    said = Message.objects.filter(conversation=OuterRef("id"), deleted=False).order_by("-at", "-id")
    newest = Conversation.objects.filter(id__in=list(conversation_ids)).annotate(newest=Subquery(said.values("id")[:1]))
    found = Message.objects.in_bulk([each.newest for each in newest if each.newest])
    return {each.conversation_id: _line(each) for each in found.values()}


def _line(message: Message) -> Line:
    own = message.direction == Message.Direction.INCOMING
    text = message.content if own else plain_text(markdown_tree(message.content))
    return Line(" ".join(text.split())[:LINE], message.at, message.direction, message.has_files)
