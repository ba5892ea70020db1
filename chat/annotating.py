"""One attempt to write what is said of a conversation: read what is there, change what is wanted, write all of it.

Chatwoot replaces attributes and labels, and agents and automations write there, too. What they write within the few
milliseconds between our reading and our writing is lost; nothing else is.

The tokens for it may write into any conversation of their account. So Chatwoot must have shown this one under our
``source_id`` within ten minutes, or now, and the number must name a conversation of our inbox in that account, too.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from chat import annotations, labelling, mirror, outbox
from chat.budget import Urgency
from chat.chatwoot.application import BotApi
from chat.chatwoot.described import Described
from chat.chatwoot.errors import Ambiguous, Forbidden, Malformed, NotFound, TooBig, Unreachable, Unsent
from chat.claim import BEFORE, WANTED, Claim
from chat.feed import Pen
from chat.upstreams import Upstream

Headers = Mapping[str, str]
Write = Callable[[Pen], None]


async def write_attributes(claim: Claim, upstream: Upstream, headers: Headers) -> Write:
    """A key is whose it was first: an agent's is neither changed nor taken away. One that nobody has yet is written
    down as ours before it is written at Chatwoot; else a later attempt could not tell whose it is. What the answer
    changes here. Raises ChatwootError."""
    bot, number = upstream.bot, claim.chatwoot_id
    assert number is not None
    if bot is None:
        raise Unsent("there is no bot token that may be used", permanent=True)
    await _confirm(claim, upstream)
    with _reading():
        found = await _described(bot, upstream, number)
    _check(upstream, shown=(found.inbox_id, found.id), number=number)
    wanted: Mapping[str, Any] = claim.payload[WANTED]
    free = [key for key, value in wanted.items() if value is not None and key not in {*found.attributes, *claim.placed}]
    if free:
        return partial(annotations.place, claim=claim, keys=free)
    wanted = {key: value for key, value in wanted.items() if key in claim.placed}
    kept = {key: value for key, value in found.attributes.items() if key not in wanted}
    news = kept | {key: value for key, value in wanted.items() if value is not None}
    if news != found.attributes:
        await upstream.budget.take(Urgency.DELIVERY)
        await bot.set_attributes(number, news, headers=headers)
    return partial(_attributed, claim, [key for key, value in wanted.items() if value is None])


def _attributed(claim: Claim, forgotten: Collection[str], pen: Pen) -> None:
    annotations.forget(claim, keys=forgotten)
    _done(claim, pen)


async def _described(bot: BotApi, upstream: Upstream, number: int) -> Described:
    """Where a Chatwoot does not let its bots do that, an agent may have to."""
    await upstream.budget.take(Urgency.DELIVERY)
    try:
        return await bot.describe(number)
    except Forbidden:
        if upstream.agent is None:
            raise
    await upstream.budget.take(Urgency.DELIVERY)
    return await upstream.agent.describe(number)


async def write_labels(claim: Claim, upstream: Upstream, headers: Headers) -> Write:
    """The first attempt only reads, and writes down whose the labels are; else a later one could not tell which of them
    an earlier one has put. What the answer changes here. Raises ChatwootError."""
    agent, number = upstream.agent, claim.chatwoot_id
    assert number is not None
    if agent is None:
        raise Unsent("there is no agent's token", permanent=True)
    await _confirm(claim, upstream)
    with _reading():
        await upstream.budget.take(Urgency.DELIVERY)
        found = await agent.describe(number)
    _check(upstream, shown=(found.inbox_id, found.id), number=number)
    news = labelling.plan(claim.labels, claim.payload[WANTED], found=found.labels)
    if set(news) != set(found.labels):
        if BEFORE not in claim.payload:
            return partial(annotations.first_read, claim=claim, found=found.labels)
        await upstream.budget.take(Urgency.DELIVERY)
        await agent.set_labels(number, news, headers=headers)
    return partial(_labelled, claim, claim.payload.get(BEFORE, found.labels))


def _labelled(claim: Claim, before: Collection[str], pen: Pen) -> None:
    annotations.labelled(claim, before=before)
    _done(claim, pen)


async def _confirm(claim: Claim, upstream: Upstream) -> None:
    if not claim.confirmed:
        assert claim.chatwoot_id is not None
        with _reading():
            await upstream.api.messages(claim.source_id, claim.chatwoot_id)


@contextmanager
def _reading() -> Iterator[None]:
    """What fails in here has written nothing, so that nothing is in doubt. That something is gone is."""
    try:
        yield
    except NotFound:
        raise
    except (Malformed, TooBig) as error:
        raise Unsent(f"what is there cannot be read: {error}", permanent=True) from None
    except Ambiguous as error:
        if error.finished:
            raise
        raise Unreachable(str(error)) from error


def _check(upstream: Upstream, *, shown: tuple[int, int], number: int) -> None:
    if shown != (upstream.chatwoot_inbox_id, number):
        words = "the token shows another conversation under that number; check the account in the inbox's row"
        raise Unsent(words, permanent=True)


def _done(claim: Claim, pen: Pen) -> None:
    if claim.conversation_id is not None:
        mirror.confirm(pen, claim.conversation_id)
    outbox.done(pen, claim)
