"""One attempt: the request that each kind of delivery is, and what its answer changes."""

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from chat import annotating, mirror, outbox
from chat.chatwoot.client import File
from chat.chatwoot.errors import Ambiguous, Unsent
from chat.chatwoot.identity import identifier_hash
from chat.chatwoot.resources import CONVERSATION_KEY, Message
from chat.claim import Claim, Person
from chat.failpoints import reached
from chat.feed import Pen
from chat.files import Upload, are_equal
from chat.identity import is_email, is_phone
from chat.mirror import Scope
from chat.models import ContactInbox, Delivery, Inbox
from chat.upstreams import AFTER_FENCE_S, Upstream

log = logging.getLogger(__name__)

Headers = Mapping[str, str]
Kind = Delivery.Kind
State = Delivery.State

UNRECOGNISED_MS = 60_000


@dataclass(frozen=True, slots=True)
class Answer:
    """``write``: what the answer changes. ``message``: ours, as Chatwoot has just stored it."""

    write: Callable[[Pen], None]
    message: Message | None = None


class Misplaced(Ambiguous):
    """Through the bot our message went somewhere else: whatever its token may write into, it was not this."""


def scope_of(claim: Claim, upstream: Upstream) -> Scope:
    return Scope(claim.contact_id, claim.contact_inbox_id, claim.inbox_id, claim.source_id, upstream.chatwoot_inbox_id)


async def send(claim: Claim, upstream: Upstream, headers: Headers, *, left_ms: int) -> Answer:
    """Make the attempt. ``headers``: the fence. ``left_ms``: how long it may take effect. Raises ChatwootError."""
    senders: Mapping[Kind, Callable[[Claim, Upstream, Headers], Awaitable[Answer]]] = {
        Kind.CONTACT: _send_contact,
        Kind.CONVERSATION: _send_conversation,
        Kind.MESSAGE: partial(_send_by_bot if claim.through_bot else _send_message, left_ms=left_ms),
        Kind.ANSWER: _send_answer,
        Kind.RESOLVE: _send_resolve,
        Kind.SEEN: _send_seen,
        Kind.PROFILE: _send_profile,
        Kind.ATTRIBUTES: _send_attributes,
        Kind.LABELS: _send_labels,
    }
    return await senders[Kind(claim.kind)](claim, upstream, headers)


async def _send_contact(claim: Claim, upstream: Upstream, headers: Headers) -> Answer:
    told, who = claim.payload, _known_as(claim, upstream)
    session = await upstream.api.create_contact(
        source_id=claim.source_id,
        name=who.pop("name", None) or told.get("name"),
        custom_attributes=told["custom_attributes"] or None,
        headers=headers,
        **who,
    )
    reached("contact.after_send")

    def created(pen: Pen) -> None:
        mirror.apply_contact(scope_of(claim, upstream), session.contact_id, session.pubsub_token)
        outbox.done(pen, claim)

    return Answer(created)


def _known_as(claim: Claim, upstream: Upstream) -> dict[str, Any]:
    """Chatwoot joins whom it knows by identifier, then by e-mail or phone number, and asks for no proof of the latter
    (contract §1.6): they are given as what identifies somebody only where an operator trusts the site's word.

    The contact is only made with the hash. Asking for it or changing it with one would open it to every inbox of the
    account (§1.5).
    """
    person = claim.person
    if person is None:
        return {"identifier_hash": upstream.anonymous_hash}
    known: dict[str, Any] = {"identifier": person.identifier, "name": person.name} | _joining(person, upstream)
    if upstream.hmac_token:
        known["identifier_hash"] = identifier_hash(upstream.hmac_token, person.identifier)
    return known


def _joining(person: Person, upstream: Upstream) -> dict[str, str]:
    """By what Chatwoot joins contacts, where the site is trusted; else it is told as attributes alone."""
    known = {
        "email": person.email if is_email(person.email) else "",
        "phone_number": person.phone if is_phone(person.phone) else "",
    }
    return {name: value for name, value in known.items() if value} if upstream.trusts_claims else {}


async def _send_conversation(claim: Claim, upstream: Upstream, headers: Headers) -> Answer:
    assert claim.conversation_id is not None
    told = {**claim.attributes, CONVERSATION_KEY: str(claim.conversation_id)}
    reached("conversation.before_send")
    conversation = await upstream.api.create_conversation(claim.source_id, custom_attributes=told, headers=headers)
    reached("conversation.after_send")
    created_id, scope = claim.conversation_id, scope_of(claim, upstream)

    def created(pen: Pen) -> None:
        mirror.apply_created(pen, scope, conversation, created_id=created_id)
        _doubt_if_open(pen, claim, wait_ms=UNRECOGNISED_MS)

    return Answer(created)


def _doubt_if_open(pen: Pen, claim: Claim, *, wait_ms: int) -> None:
    """Chatwoot said yes, but the mirror did not take it for ours (it said why): look, instead of waiting for the lease.

    Closed deliveries do not change any more.
    """
    reason = "its answer was not recognised"
    outbox.doubt(pen, claim, reason=reason, finished=True, permanent=False, due_at=pen.now + wait_ms)


async def _send_message(claim: Claim, upstream: Upstream, headers: Headers, *, left_ms: int) -> Answer:
    assert claim.chatwoot_id is not None
    with _opened(claim.files) as parts:
        message = await upstream.api.create_message(
            claim.source_id,
            claim.chatwoot_id,
            content=claim.content,
            echo_id=claim.echo_id,
            headers=headers,
            **_files(parts, left_ms),
        )
    return _answered(claim, upstream, message, confirms=upstream.bot is not None)


@contextmanager
def _opened(uploads: Sequence[Upload]) -> Iterator[list[File]]:
    """The files as they are sent. Raises Unsent."""
    with ExitStack() as stack:
        try:
            parts: list[File] = [
                (each.name, stack.enter_context(each.path.open("rb")), each.content_type) for each in uploads
            ]
        except (FileNotFoundError, IsADirectoryError):  # the latter: its name is forgotten
            raise Unsent("an uploaded file is gone", permanent=True) from None
        except OSError as error:
            raise Unsent(f"an uploaded file cannot be read: {error.strerror}", permanent=False) from None
        yield parts


def _files(parts: list[File], left_ms: int) -> dict[str, Any]:
    """Nothing without files; with them also for how long an answer is waited for: as long as it may take effect."""
    if not parts:
        return {}
    return {"files": parts, "answer_s": max(0, left_ms) / 1000 + AFTER_FENCE_S}


def _answered(claim: Claim, upstream: Upstream, message: Message, *, confirms: bool) -> Answer:
    """``confirms``: Chatwoot has found the conversation under our ``source_id``; of use where there is a bot."""
    ours = replace(message, echo_id=claim.echo_id)  # an answer names no attempt, but we know it

    def arrived(pen: Pen) -> None:
        stored = mirror.apply_message(pen, scope_of(claim, upstream), ours, read_started=claim.started_at)
        if confirms and claim.conversation_id is not None:
            mirror.confirm(pen, claim.conversation_id)
        if claim.files and are_equal(claim.files, message.attachments):  # Chatwoot answers when it has stored them
            outbox.arrived(pen, claim.delivery_id)
        if stored is None or (stored.id, stored.state) != (claim.message_id, State.SENT):
            _doubt_if_open(pen, claim, wait_ms=0)

    return Answer(arrived, ours)


async def _send_by_bot(claim: Claim, upstream: Upstream, headers: Headers, *, left_ms: int) -> Answer:
    assert claim.chatwoot_id is not None and upstream.bot is not None
    echo_id = claim.echo_id
    with _opened(claim.files) as parts:
        message = await upstream.bot.create_message(
            claim.chatwoot_id,
            content=claim.content,
            echo_id=echo_id,
            marker=echo_id,
            headers=headers,
            **_files(parts, left_ms),
        )
    if (message.inbox_id, message.conversation_id) != (upstream.chatwoot_inbox_id, claim.chatwoot_id):
        raise Misplaced("the bot's message went to another inbox or conversation", finished=True)
    answer = _answered(claim, upstream, message, confirms=False)
    if _is_by(message, claim):
        return answer

    def arrived_as_another(pen: Pen) -> None:
        answer.write(pen)
        if not _is_being_joined(claim, message):
            switch_marker_off(pen, claim.inbox_id, "a message went out in the name of another contact")

    return Answer(arrived_as_another, message)


def _is_by(message: Message, claim: Claim) -> bool:
    sender = message.sender
    return sender is not None and sender.kind == "contact" and sender.id == (claim.chatwoot_contact_id or sender.id)


def _is_being_joined(claim: Claim, message: Message) -> bool:
    """Chatwoot has made one contact of two because of what we told it meanwhile, or are about to read that it did."""
    told = Delivery.objects.filter(contact_inbox=claim.contact_inbox_id, kind=Kind.PROFILE, attempt__gt=0)
    rows = ContactInbox.objects.filter(pk=claim.contact_inbox_id)
    is_known = message.sender is not None and rows.filter(chatwoot_contact_id=message.sender.id).exists()
    return is_known or told.filter(state__in=Delivery.OPEN).exists()


def switch_marker_off(pen: Pen, inbox_id: int, words: str) -> None:
    """Until an operator switches it on again: a token that writes elsewhere is worse than none."""
    if Inbox.objects.filter(pk=inbox_id, marker_off="").exists():
        pen.change_inbox(inbox_id, marker_off=words)
        log.error("inbox %s: the bot token is not used any more: %s", inbox_id, words)


async def _send_answer(claim: Claim, upstream: Upstream, headers: Headers) -> Answer:
    assert claim.chatwoot_id is not None
    message_id, values = claim.payload["message_id"], claim.payload["submitted_values"]
    message = await upstream.api.answer(
        claim.source_id, claim.chatwoot_id, message_id=message_id, submitted_values=values, headers=headers
    )

    def answered(pen: Pen) -> None:
        if message.id == message_id:
            mirror.apply_message(pen, scope_of(claim, upstream), message, read_started=claim.started_at)
        outbox.done(pen, claim)

    return Answer(answered)


async def _send_resolve(claim: Claim, upstream: Upstream, headers: Headers) -> Answer:
    assert claim.chatwoot_id is not None
    conversation = await upstream.api.resolve(claim.source_id, claim.chatwoot_id, headers=headers)
    ours = replace(conversation, source_id=claim.source_id)

    def resolved(pen: Pen) -> None:
        mirror.apply_conversation(pen, scope_of(claim, upstream), ours, read_started=claim.started_at)
        outbox.done(pen, claim)

    return Answer(resolved)


async def _send_seen(claim: Claim, upstream: Upstream, headers: Headers) -> Answer:
    assert claim.chatwoot_id is not None
    await upstream.api.update_last_seen(claim.source_id, claim.chatwoot_id, headers=headers)
    return Answer(partial(outbox.done, claim=claim))


async def _send_profile(claim: Claim, upstream: Upstream, headers: Headers) -> Answer:
    """An inbox that asks for a hash with every update would take it as proof of who this is, and show this session more
    (contract §1.5): there a profile travels with the creation alone."""
    if upstream.wants_proof:
        return Answer(partial(outbox.done, claim=claim))
    told, joining = claim.payload, _joining(claim.person, upstream) if claim.person else {}
    chatwoot_contact_id = await upstream.api.update_contact(
        claim.source_id,
        name=told.get("name"),
        custom_attributes=told["custom_attributes"],
        headers=headers,
        **joining,
    )

    def changed(pen: Pen) -> None:
        mirror.apply_contact(scope_of(claim, upstream), chatwoot_contact_id)
        outbox.done(pen, claim)

    return Answer(changed)


async def _send_attributes(claim: Claim, upstream: Upstream, headers: Headers) -> Answer:
    return Answer(await annotating.write_attributes(claim, upstream, headers))


async def _send_labels(claim: Claim, upstream: Upstream, headers: Headers) -> Answer:
    return Answer(await annotating.write_labels(claim, upstream, headers))
