"""What a message answers: Chatwoot names it by its own number, visitors get ours, with the words as they are now."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from chat.markdown import markdown_tree, plain_text, plain_tree
from chat.models import Message
from chat.records import MessageRecord

MAX_WORDS = 160
Quotes = Mapping[uuid.UUID, dict[str, Any]]


def quotes(records: Iterable[MessageRecord]) -> Quotes:
    """By the id of the message that quotes; only messages of the same person, none that was deleted."""
    wanted = {each.id: each for each in records if _number(each) and not each.deleted}
    if not wanted:
        return {}
    numbers = {_number(each) for each in wanted.values()}
    contacts = {each.contact_id for each in wanted.values()}
    rows = Message.objects.filter(contact__in=contacts, chatwoot_id__in=numbers, deleted=False)
    known = {(each.contact_id, each.inbox_id, each.chatwoot_id): each for each in rows}
    found = {each.id: known.get((each.contact_id, each.inbox_id, _number(each))) for each in wanted.values()}
    return {quoting: _quote(quoted) for quoting, quoted in found.items() if quoted is not None}


def _number(record: MessageRecord) -> int | None:
    number = record.content_attributes.get("in_reply_to")
    return number if type(number) is int and abs(number) < 2**62 else None


def _quote(message: Message) -> dict[str, Any]:
    own = message.direction == Message.Direction.INCOMING
    words = plain_text((plain_tree if own else markdown_tree)(message.content)).strip()
    cut = words if len(words) <= MAX_WORDS else words[: MAX_WORDS - 1].rstrip() + "…"
    return {"id": message.id, "text": cut, "own": own}
