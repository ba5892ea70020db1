"""The last hour of this installation, a row a minute: for the admin's status page.

Whichever process comes first in a minute writes its row, from what all of them have said with their heartbeats.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Count

from chat.models import Delivery, Minute, Process

MINUTE_MS = 60_000
KEPT = 60
SLOWEST = ("canary_s", "oldest_s")
UNDER_WAY = (Delivery.State.ACCEPTED, Delivery.State.SENDING, Delivery.State.UNSURE)


def note(now: int, fresh_ms: int) -> None:
    """Write the row of this minute, unless it is there, and drop what is older than an hour or, as seen from a clock
    that was put back, to come."""
    at = now // MINUTE_MS
    if Minute.objects.filter(at=at).exists():
        return
    live = Process.objects.filter(seen_at__gte=now - fresh_ms, seen_at__lte=now + fresh_ms)
    figures = summed(live.values_list("figures", flat=True)) | {"outbox": depths()}
    Minute.objects.bulk_create([Minute(at=at, figures=figures)], ignore_conflicts=True)
    Minute.objects.exclude(at__gt=at - KEPT, at__lte=at).delete()


def depths() -> dict[str, int]:
    """Deliveries under way, by the number of their Chatwoot."""
    under_way = Delivery.objects.filter(state__in=UNDER_WAY).values_list("contact_inbox__inbox__chatwoot")
    return {str(pk): count for pk, count in under_way.annotate(Count("id"))}


def summed(all_said: Iterable[Any]) -> dict[str, Any]:
    """All processes as one. Of canaries and requests the slowest counts; what somebody did not say is left out."""
    total: Counter[str] = Counter()
    chatwoots: dict[str, dict[str, Any]] = {}
    for said in all_said:
        if not isinstance(said, Mapping):
            continue
        for name in ("sockets", "resyncs_lately", "missed_lately"):
            total[name] += said.get(name, 0)
        for pk, one in said.get("chatwoots", {}).items():
            chatwoots[pk] = together(chatwoots.get(pk), one)
    return dict(total) | {"chatwoots": chatwoots}


def together(one: Mapping[str, Any] | None, other: Mapping[str, Any]) -> dict[str, Any]:
    """One Chatwoot, as two processes see it."""
    if one is None:
        return dict(other)
    names = [name for name in other.keys() & one.keys() if name not in (*SLOWEST, "open")]
    both = {name: one[name] + other[name] for name in names}
    slowest = {name: _most(one.get(name), other.get(name)) for name in SLOWEST}
    return both | slowest | {"open": bool(one.get("open") and other.get("open"))}


def _most(*figures: float | None) -> float | None:
    return max((each for each in figures if each is not None), default=None)


def hour(now: int) -> list[Mapping[str, Any] | None]:
    """The last sixty minutes, oldest first; None: nobody was there to write it."""
    last = now // MINUTE_MS
    rows = dict(Minute.objects.filter(at__gt=last - KEPT, at__lte=last).values_list("at", "figures"))
    return [rows.get(at) for at in range(last - KEPT + 1, last + 1)]
