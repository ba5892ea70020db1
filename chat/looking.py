"""After doubt: is our row at Chatwoot? Looking applies what it finds, and the mirror recognises what is ours."""

from collections.abc import Awaitable, Callable
from functools import partial

from chat import mirror, sql
from chat.chatwoot.resources import Conversation as UpstreamConversation
from chat.chatwoot.resources import Message, MessageType
from chat.feed import Pen
from chat.mirror import Scope
from chat.models import Conversation
from chat.outbox import Claim
from chat.reader import Reader
from chat.upstreams import Upstream

Write = Callable[[Callable[[Pen], None]], Awaitable[None]]

ENOUGH = 2  # looks that find nothing once the attempt can no longer take effect, a second apart
OVERLAP = 5  # rows of a page that the next one shows again: ids are not the order of time
MOST_PAGES = 50


def next_look_ms(waited_ms: int) -> int:
    """Often at first, when an answer was merely lost; every five seconds later on."""
    return max(500, min(5_000, waited_ms // 2))


async def for_message(claim: Claim, upstream: Upstream, scope: Scope, reader: Reader, write: Write) -> None:
    """List back to the baseline and apply all of it. Raises ChatwootError."""
    assert claim.chatwoot_id is not None
    before: int | None = None
    for _ in range(MOST_PAGES):
        started = await reader.run(sql.database_now)
        page = await upstream.api.messages(claim.source_id, claim.chatwoot_id, before=before)
        await write(partial(_apply, scope, page, started))
        ids = sorted(message.id for message in page)
        if len(ids) <= OVERLAP or ids[0] <= claim.baseline_id:
            return
        before = ids[OVERLAP - 1]


def _apply(scope: Scope, page: tuple[Message, ...], started: int, pen: Pen) -> None:
    for message in sorted(page, key=lambda each: each.id):
        mirror.apply_message(pen, scope, message, read_started=started)


async def for_conversation(claim: Claim, upstream: Upstream, scope: Scope, reader: Reader, write: Write) -> None:
    """By elimination: lists show no key of ours, but ours is unknown and has no incoming message yet."""
    assert claim.conversation_id is not None
    listed = await upstream.api.conversations(claim.source_id)
    known = await reader.run(_known, claim.inbox_id, [each.id for each in listed])
    found = ours_among(listed, known=known, inbox_id=upstream.chatwoot_inbox_id)
    if found is not None:
        await write(partial(mirror.apply_created, scope=scope, conversation=found, created_id=claim.conversation_id))


def ours_among(
    listed: tuple[UpstreamConversation, ...], *, known: set[int], inbox_id: int | None
) -> UpstreamConversation | None:
    """The newest that we do not know and nobody wrote in; an agent's own beginning comes with a message of theirs."""
    candidates = [
        each
        for each in listed
        if each.id not in known
        and inbox_id in (None, each.inbox_id)
        and not any(message.message_type is MessageType.INCOMING for message in each.messages)
    ]
    return max(candidates, key=lambda each: (not each.messages, each.id), default=None)


def _known(inbox_id: int, chatwoot_ids: list[int]) -> set[int]:
    found = Conversation.objects.filter(inbox=inbox_id, chatwoot_id__in=chatwoot_ids)
    return {each for each in found.values_list("chatwoot_id", flat=True) if each is not None}
