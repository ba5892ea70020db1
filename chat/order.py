"""The order within a lane: who is last, who is next, and what the visitor sees of what waits there.

Behind a message that was never confirmed, the rest waits for the visitor's choice, and says so (``outcome.BEHIND``).
"""

import uuid

from django.db.models import Max, Min

from chat import outcome, queues, sql
from chat.feed import Pen
from chat.models import Delivery
from chat.queues import Queued

State = Delivery.State

PAUSE_MS = 10_000  # between wishes that say the same again; the latest counts
MOST_AT_ONCE = 5  # of one kind within that time


def tail(lane: str) -> int:
    """The next free position."""
    return (Delivery.objects.filter(lane=lane).aggregate(last=Max("position"))["last"] or 0) + 1


def end_of_pause(lane: str, kind: str, now: int, *, most: int = MOST_AT_ONCE) -> int:
    """Now, unless many of this kind went lately: each costs Chatwoot requests ahead of everybody's resync."""
    sent = Delivery.objects.filter(lane=lane, kind=kind, started_at__gt=now - PAUSE_MS, started_at__lte=now)
    times = list(sent.order_by("-started_at").values_list("started_at", flat=True)[:most])
    return times[-1] + PAUSE_MS if len(times) == most else now


def to_the_tail(delivery_id: uuid.UUID) -> None:
    """Let what else waits in its lane go first."""
    delivery = Delivery.objects.get(id=delivery_id)
    Delivery.objects.filter(id=delivery.id).update(position=tail(delivery.lane))


def to_the_head(delivery_id: uuid.UUID) -> None:
    """Let it go before all that waits in its lane, of which nothing may be under way."""
    lane = Delivery.objects.get(id=delivery_id).lane
    first = Delivery.objects.filter(lane=lane).aggregate(first=Min("position"))["first"]
    Delivery.objects.filter(id=delivery_id).update(position=first - 1)


def advance(pen: Pen, lane: str) -> None:
    """What is now first in its lane queues up behind the lanes that have waited longer."""
    waiting = queues.queue(lane)
    if waiting and waiting[0].due_at < pen.now:
        Delivery.objects.filter(id=waiting[0].id, due_at__lt=pen.now).update(due_at=pen.now)
    _show(pen, waiting)


def show_waiting(pen: Pen, lane: str) -> None:
    """Tell the visitor what waits for their choice, or no longer does; then it has its full time before it."""
    _show(pen, queues.queue(lane))


def _show(pen: Pen, waiting: list[Queued]) -> None:
    waits = bool(waiting) and waiting[0].state == State.UNCONFIRMED
    former, reason = ("", outcome.BEHIND) if waits else (outcome.BEHIND, "")
    for each in waiting:
        if each.state != State.ACCEPTED or each.reason != former:
            continue
        record = sql.message(each.message_id) if each.message_id else None
        if record is not None:
            pen.change_message(record._replace(reason=reason))
        if not waits:
            Delivery.objects.filter(id=each.id).update(created_at=pen.now)
