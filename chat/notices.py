"""What webhooks are to be told: "this contact has unread messages, and no device is open". No network here.

A notice is stored in the transaction of the message that it is about, for every webhook of the inbox and whoever is
here; whether it is to be sent is decided when it is due. One per webhook and contact is open; what comes meanwhile
joins it. Functions with a ``pen`` run inside a writer's transaction that holds the contact's lock.
"""

import uuid
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson
from django.conf import settings
from django.db.models import Max, Q, QuerySet

from chat import sql
from chat.feed import Pen
from chat.markdown import markdown_tree, plain_text
from chat.models import Message, Notice, Session, Webhook
from chat.records import MessageRecord

EVENT = "contact.unread"
MOST_TEXT = 500
FAR_MS = 3_600_000  # what is due later than that was written before a clock was put back
KEPT_MS = 7 * 86_400_000  # a notice that was given up

Open = Notice.State.OPEN


class Due(NamedTuple):
    notice_id: int
    contact_id: uuid.UUID
    webhook_id: int


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt, and what is sent with it."""

    notice_id: int
    contact_id: uuid.UUID
    webhook_id: int
    lease_no: int
    attempt: int
    event_id: uuid.UUID
    created_at: int
    name: str  # of the webhook, for the log
    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    body: bytes = field(repr=False)


def enqueue(pen: Pen, message: MessageRecord) -> None:
    """An agent's message is being stored."""
    if message.direction != Message.Direction.OUTGOING or message.deleted:
        return
    for webhook_id in sql.listening_webhooks(message.inbox_id):
        _join(pen, webhook_id, message)


def _join(pen: Pen, webhook_id: int, message: MessageRecord) -> None:
    waiting = Notice.objects.filter(webhook=webhook_id, contact=message.contact_id, state=Open)
    known = waiting.values_list("since", "attempt").first()
    if known is None:
        Notice.objects.create(
            webhook_id=webhook_id,
            contact_id=message.contact_id,
            message_id=message.id,
            since=message.at,
            created_at=pen.now,
            changed_at=pen.now,
            due_at=pen.now + _delay_ms(),
        )
        return
    since, attempt = known
    news = {"message_id": message.id, "since": min(since, message.at), "changed_at": pen.now}
    if attempt:  # something was said under that name already, and perhaps heard
        news["event_id"] = uuid.uuid4()
    waiting.update(**news)


def _delay_ms() -> int:
    return round(settings.NOTICE_DELAY_S * 1000)


def due(now: int, *, limit: int, without: list[int]) -> list[Due]:
    """The longest due first; ``without`` these webhooks."""
    found = _to_do(now).exclude(webhook__in=without).order_by("due_at", "id")
    return [Due(*row) for row in found.values_list("id", "contact", "webhook")[:limit]]


def _to_do(now: int) -> QuerySet[Notice]:
    is_due = Q(due_at__lte=now) | Q(due_at__gt=now + 2 * FAR_MS)
    is_free = Q(lease_until__lte=now) | Q(lease_until__gt=now + FAR_MS)
    return Notice.objects.filter(is_due, is_free, state=Open)


def claim(pen: Pen, notice_id: int, *, lease_ms: int) -> Claim | None:
    """Take a due notice that is still worth telling; None when it is not, or not yet, or another process has it."""
    found = _to_do(pen.now).select_related("webhook__inbox", "contact").filter(pk=notice_id).first()
    if found is None:
        return None
    if not found.webhook.is_on:
        found.delete()
        return None
    if found.webhook.gave_up_at:
        _close(found, pen.now, "its webhook was given up")
        return None
    return None if _is_listening(pen, found) else _take(pen, found, lease_ms)


def _is_listening(pen: Pen, notice: Notice) -> bool:
    """A device that was seen after the message came has it. One that was seen before may have left: that shows soon."""
    sessions = Session.objects.filter(contact=notice.contact_id, revoked_at=None)
    marks = sessions.aggregate(at=Max("connected_at"), until=Max("connected_until"))
    at, until = marks["at"] or 0, marks["until"] or 0
    if not pen.now < until < pen.now + FAR_MS:
        return False
    if at >= notice.changed_at:
        notice.delete()
    else:
        Notice.objects.filter(pk=notice.pk).update(due_at=until + 1)
    return True


def _take(pen: Pen, notice: Notice, lease_ms: int) -> Claim | None:
    unread = sql.unread(notice.contact_id)
    newest = _newest(list(unread))
    if newest is None or newest.at < notice.since:  # seen or deleted meanwhile
        notice.delete()
        return None
    notice.unread, notice.attempt, notice.lease_no = sum(unread.values()), notice.attempt + 1, notice.lease_no + 1
    notice.lease_until = pen.now + lease_ms
    notice.save(update_fields=["unread", "attempt", "lease_no", "lease_until"])
    webhook = notice.webhook
    return Claim(
        notice_id=notice.pk,
        contact_id=notice.contact_id,
        webhook_id=webhook.pk,
        lease_no=notice.lease_no,
        attempt=notice.attempt,
        event_id=notice.event_id,
        created_at=notice.created_at,
        name=str(webhook),
        url=webhook.url,
        secrets=tuple(each for each in (webhook.secret, webhook.former_secret) if each),
        body=_body(notice, newest),
    )


def _newest(conversation_ids: list[uuid.UUID]) -> Message | None:
    """Of conversations that have something unread; so their newest is."""
    said = Message.objects.filter(
        conversation__in=conversation_ids, direction=Message.Direction.OUTGOING, deleted=False
    )
    return said.order_by("-at", "-id").first()


def _body(notice: Notice, newest: Message) -> bytes:
    told: dict[str, object] = {
        "event": EVENT,
        "id": notice.event_id,
        "inbox": notice.webhook.inbox.slug,
        "contact": {"id": notice.contact_id, "identifier": notice.contact.identifier},
        "conversation": newest.conversation_id,
        "unread": notice.unread,
        "at": newest.at,
    }
    if notice.webhook.with_text:
        told["text"] = plain_text(markdown_tree(newest.content)).strip()[:MOST_TEXT]
    return orjson.dumps(told)


# What became of an attempt


def told(pen: Pen, claim: Claim) -> None:
    """It was taken. What came while it was under way is told anew."""
    held = _held(claim)
    if not held.filter(event_id=claim.event_id).delete()[0]:
        held.update(attempt=0, lease_until=0, created_at=pen.now, due_at=pen.now + _delay_ms())


def failed(pen: Pen, claim: Claim, *, words: str, again_ms: int) -> None:
    _held(claim).update(reason=words[:255], lease_until=0, due_at=pen.now + again_ms)


def give_up(pen: Pen, claim: Claim, *, words: str) -> None:
    if (notice := _held(claim).first()) is not None:
        _close(notice, pen.now, words)


def _held(claim: Claim) -> QuerySet[Notice]:
    return Notice.objects.filter(pk=claim.notice_id, lease_no=claim.lease_no, state=Open)


def _close(notice: Notice, now: int, words: str) -> None:
    notice.state, notice.reason, notice.changed_at = Notice.State.GIVEN_UP, words[:255], now
    notice.save(update_fields=["state", "reason", "changed_at"])


# The webhook's own row: each is one statement, and outside of the writer's transactions (``chat.link``)


def note_taken(webhook_id: int) -> None:
    """Noted once a minute, and when it had failed before."""
    now = sql.database_now()
    stale = Q(sent_at__lt=now - 60_000) | Q(sent_at__gt=now + FAR_MS) | ~Q(last_error="")
    Webhook.objects.filter(stale, pk=webhook_id).update(sent_at=now, last_error="")


def note_failed(webhook_id: int, words: str) -> None:
    Webhook.objects.filter(pk=webhook_id).exclude(last_error=words[:255]).update(last_error=words[:255])


def note_given_up(webhook_id: int, words: str, *, silent_since: int) -> str:
    """Nothing is sent there any more, unless it has taken something since. What was given up that nobody has said."""
    row = Webhook.objects.filter(pk=webhook_id, gave_up_at=0)
    if row.filter(sent_at__lte=silent_since).update(gave_up_at=sql.database_now(), last_error=words[:255]):
        return "webhook"
    return "notice" if row.exists() else ""


def tidy() -> None:
    """Forget what was given up long ago."""
    Notice.objects.filter(state=Notice.State.GIVEN_UP, changed_at__lt=sql.database_now() - KEPT_MS).delete()
