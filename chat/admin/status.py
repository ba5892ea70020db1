"""How it goes: what all processes have said with their heartbeats, what is in the database, and the last hour."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import Error
from django.db.models import Count, Max, Min, Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from chat import minutes, runtime, sql
from chat.admin.chart import bars
from chat.admin.deliveries import LOST
from chat.admin.reading import age, utc
from chat.checks import fence_words
from chat.link import LONGEST_PAUSE_MS
from chat.models import Chatwoot, Delivery, Duplicate, Inbox, Process
from chat.processes import BEAT_S, FORGOTTEN_AFTER

log = logging.getLogger(__name__)

T = TypeVar("T")

FRESH_MS = round(BEAT_S * 1000) * FORGOTTEN_AFTER
UNREAD = "cannot be read just now"
SLOW_S = 5.0  # with an answer to come: a Chatwoot that is well takes less than one
Hour = list[Mapping[str, Any] | None]


def status_url() -> URLPattern:
    """To stand before the admin's own addresses."""
    return path("admin/status/", admin.site.admin_view(status), name="chat_status")


def status(request: HttpRequest, *, broken: Callable[[], str] = runtime.broken) -> HttpResponse:
    """``broken``: why the database refuses what this process writes, if it does; nobody's word is fresh then."""
    if not request.user.has_perm("chat.view_process"):
        raise PermissionDenied
    now = sql.database_now()
    processes = list(Process.objects.order_by("started_at"))
    live = [each for each in processes if abs(now - each.seen_at) <= FRESH_MS]
    all_said = [each.figures for each in live]
    hour: Hour = _tried(lambda: minutes.hour(now), [])
    context = {
        **admin.site.each_context(request),
        "title": "Status",
        "now": utc(now),
        "processes": [_process(each, now) for each in processes],
        "broken": broken(),
        "silent": bool(live) and not any(all_said),
        "without_redis": sum(bool(said.get("redis_away")) for said in all_said),
        "live": len(live),
        "charts": _charts(hour, {"sockets": "Sockets", "resyncs_lately": "Resyncs", "missed_lately": "Cable misses"}),
        "chatwoots": _chatwoots(minutes.summed(all_said).get("chatwoots", {}), _heard(all_said), hour, now),
        "names": request.user.has_perm("chat.view_chatwoot"),
        "slugs": request.user.has_perm("chat.view_inbox"),
    }
    return TemplateResponse(request, "admin/chat/status.html", context)


def _tried(read: Callable[[], T], otherwise: T) -> T:
    """One part that cannot be read must not hide the others."""
    try:
        return read()
    except Error as error:
        log.error("a part of the status page could not be read: %s", type(error).__name__)
        return otherwise


def _process(process: Process, now: int) -> dict[str, Any]:
    is_seen = abs(now - process.seen_at) <= FRESH_MS
    return {
        "id": process.pk,
        "running": age(process.started_at),
        "seen": f"{age(process.seen_at)} ago",
        "state": ("draining" if process.draining else "serves") if is_seen else "not heard any more",
        "said": process.figures if isinstance(process.figures, Mapping) else {},
    }


def _charts(hour: Hour, names: Mapping[str, str]) -> list[Any]:
    return [bars([_figure(row, key) for row in hour], name=name) for key, name in names.items()]


def _figure(said: Mapping[str, Any] | None, name: str) -> float | None:
    """None: it was not said."""
    figure: float | None = said.get(name) if said else None
    return figure


# Chatwoots


def _heard(all_said: list[Any]) -> dict[int, tuple[int, int]]:
    """By inbox: contacts that are listened for, and those of them whom the cable carries."""
    found: dict[int, tuple[int, int]] = {}
    for said in all_said:
        for pk, (wanted, carried) in said.get("inboxes", {}).items():
            before = found.get(int(pk), (0, 0))
            found[int(pk)] = (before[0] + wanted, before[1] + carried)
    return found


def _chatwoots(
    said: Mapping[str, Any], heard: Mapping[int, tuple[int, int]], hour: Hour, now: int
) -> list[dict[str, Any]]:
    outbox, twice = _tried(_outbox, None), _tried(_duplicates, None)
    found = []
    for chatwoot in Chatwoot.objects.order_by("pk"):
        inboxes = [_inbox(each, heard, outbox, twice, now) for each in chatwoot.inboxes.order_by("slug")]
        one = said.get(str(chatwoot.pk))
        found.append(
            {
                "chatwoot": chatwoot,
                "facts": _facts(chatwoot, one, now),
                "charts": _charts_of(str(chatwoot.pk), hour),
                "inboxes": inboxes,
            }
        )
    return found


def _facts(chatwoot: Chatwoot, one: Mapping[str, Any] | None, now: int) -> list[tuple[str, str, bool]]:
    """(what, in words, whether it is in trouble)."""
    fence = ("Fence", fence_words(chatwoot), False)
    if one is None:
        return [("Here", "no process has talked to it yet, or none is running", False), fence]
    paused_s = (chatwoot.paused_until - now) // 1000
    is_open = bool(one.get("open"))
    answers = "it answers" if is_open else "it is left alone: it does not answer, or was not asked yet"
    words = f"paused for {paused_s} s more: it asked us to slow down" if paused_s > 0 else answers
    canary_s = one.get("canary_s")
    return [
        ("REST", *_rest(words, is_open, one.get("oldest_s") or 0.0)),
        ("Cable", *_cable(one)),
        ("Subscriptions", f"{one.get('confirmed', 0)} of {one.get('wanted', 0)} confirmed", _is_behind(one)),
        ("Canary", "none has come back yet" if canary_s is None else f"back after {canary_s * 1000:.0f} ms", False),
        ("Asked", _rate(one), one.get("waiting", 0) > 0),
        fence,
    ]


def _rest(words: str, is_open: bool, oldest_s: float) -> tuple[str, bool]:
    if oldest_s < SLOW_S:
        return words, not is_open
    return f"{words}; a request has waited for its answer for {oldest_s:.0f} s", True


def _cable(one: Mapping[str, Any]) -> tuple[str, bool]:
    lines, deaf = one.get("lines", 0), one.get("deaf", 0)
    if deaf > lines:
        return f"open sockets: {lines}; dialled anew, because they pinged but brought nothing: {deaf}", True
    if deaf:
        return f"{deaf} of {lines} sockets are deaf: they ping, but bring nothing", True
    if lines:
        return f"up, with {lines} socket{'s' if lines > 1 else ''}", False
    if one.get("wanted"):
        return "down: those who are here are served by polling", True
    return "not needed: nobody is here", False


def _is_behind(one: Mapping[str, Any]) -> bool:
    return bool(one.get("confirmed", 0) < one.get("wanted", 0))


def _rate(one: Mapping[str, Any]) -> str:
    words = f"{one.get('asked_per_s', 0):.1f} times a second, of {one.get('rate_per_s', 0):.0f} allowed"
    return f"{words}; {one['waiting']} requests wait" if one.get("waiting") else words


def _charts_of(pk: str, hour: Hour) -> list[Any]:
    of_it = [row.get("chatwoots", {}).get(pk) if row else None for row in hour]
    asked = [_figure(one, "asked_per_s") for one in of_it]
    canaries = [None if (canary_s := _figure(one, "canary_s")) is None else canary_s * 1000 for one in of_it]
    depths = [row.get("outbox", {}).get(pk, 0) if row else None for row in hour]
    down = [bool(one and _cable(one)[1]) for one in of_it]
    return [
        bars(asked, name="Requests", unit="/s"),
        bars(canaries, name="Canary", unit=" ms", faults=down),
        bars(depths, name="Outbox"),
    ]


# Inboxes


def _inbox(inbox: Inbox, heard: Any, outbox: Any, twice: Any, now: int) -> dict[str, Any]:
    wanted, carried = heard.get(inbox.pk, (0, 0))
    waiting, since, lost = (outbox or {}).get(inbox.pk, (0, None, 0))
    duplicates, newest = (twice or {}).get(inbox.pk, (0, None))
    return {
        "inbox": inbox,
        "paused": _paused(inbox, now),
        "heard": f"{carried} of {wanted}",
        "is_behind": carried < wanted,
        "waiting": UNREAD if outbox is None else waiting,
        "oldest": f"{max(0, now - since) // 1000} s" if since else "",
        "lost": UNREAD if outbox is None else lost,
        "duplicates": UNREAD if twice is None else duplicates,
        "newest": f"the latest {age(newest)} ago" if newest else "",
    }


def _paused(inbox: Inbox, now: int) -> str:
    """For how long, and why: what the delivery was told that was sent last."""
    left_ms = inbox.paused_until - now
    if not 0 < left_ms <= LONGEST_PAUSE_MS:
        return ""
    waiting = Delivery.objects.filter(contact_inbox__inbox=inbox, state__in=Delivery.OPEN).exclude(reason="")
    reasons = waiting.order_by("-started_at").values_list("reason", flat=True)
    reason = _tried(lambda: reasons.first() or "", UNREAD)
    return f"paused for {left_ms // 1000} s more" + (f": {reason}" if reason else "")


def _outbox() -> dict[int, tuple[int, int | None, int]]:
    """By inbox: how many deliveries are under way, since when the oldest is, and how many were given up."""
    under_way, lost = Q(state__in=minutes.UNDER_WAY), Q(state__in=LOST)
    rows = Delivery.objects.filter(under_way | lost).exclude(message__deleted=True).values_list("contact_inbox__inbox")
    counted = rows.annotate(
        waiting=Count("id", filter=under_way),
        since=Min("created_at", filter=under_way),
        given_up=Count("id", filter=lost),
    )
    return {pk: (waiting, since, given_up) for pk, waiting, since, given_up in counted}


def _duplicates() -> dict[int, tuple[int, int | None]]:
    rows = Duplicate.objects.values_list("inbox").annotate(Count("id"), Max("found_at"))
    return {pk: (count, newest) for pk, count, newest in rows}
