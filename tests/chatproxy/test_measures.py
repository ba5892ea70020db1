"""Each figure of a process is found under the name that says what it is."""

from chat import hints, liveness, notifying
from chat.bridge.hub import HubStatus
from chat.figures import Asked, Figures
from chatproxy.measures import MEASURES

HUB = HubStatus(
    sockets=21,
    subscriptions=35,
    confirmed=22,
    silent=23,
    deaf=24,
    canary_s=0.25,
    redials=26,
    given_up_stale=27,
    given_up_deaf=28,
    malformed=29,
    stray=30,
)
ASKED = Asked(
    number=7,
    taken=41,
    waiting=42,
    rate_per_s=43.5,
    answers={"ok": 44, "Throttled": 45},
    is_open=True,
    fenced=False,
    skew_s=-4.6,
    skew_error_s=0.47,
    oldest_s=0.48,
)
FOUND = Figures(
    counts={("accepted",): 51, ("ended", "seen", "sent"): 52, ("dropped", "private"): 53, ("duplicate", "message"): 54},
    draining=False,
    processes=2,
    sockets=3,
    polls=4,
    unacknowledged_bytes=5,
    closed={"4409": 6},
    turned_away={"messages": 7},
    files_refused={"file_empty": 8},
    writes_waiting=9,
    is_writable=True,
    redis_usable=False,
    hearing=liveness.Status(hubs=(HUB,), echoes_missing=10, queues_stopped=11, audits=98, polls=99, missed=12),
    hinted=hints.Status(hooks=13, unreadable=14, dropped=55, wishes=96, waiting=95),
    told=notifying.Status(told=15, failed=16, given_up=17),
    resyncs=18,
    walks=19,
    resyncs_waiting=20,
    chatwoots=(ASKED,),
)
EXPECTED = {
    "sockets": 3,
    "polls": 4,
    "ws_unacked_bytes": 5,
    "ws_closed_total": {"4409": 6},
    "turned_away_total": {"messages": 7},
    "messages_accepted_total": 51,
    "uploads_refused_total": {"file_empty": 8},
    "deliveries_ended_total": {("seen", "sent"): 52},
    "outbox_ambiguous_total": {},
    "outbox_duplicates_total": {"message": 54},
    "upstream_available": {"7": 1},
    "upstream_oldest_request_seconds": {"7": 0.48},
    "upstream_requests_total": {"7": 41},
    "upstream_requests_waiting": {"7": 42},
    "upstream_budget_requests_per_second": {"7": 43.5},
    "upstream_answers_total": {("7", "ok"): 44, ("7", "Throttled"): 45},
    "upstream_429_total": {"7": 45},
    "deadline_probe_ok": {},
    "upstream_clock_skew_seconds": {"7": -4.6},
    "upstream_clock_error_seconds": {"7": 0.47},
    "cable_sockets": 21,
    "cable_sockets_deaf": 24,
    "cable_canary_rtt_seconds": 0.25,
    "cable_redials_total": 26,
    "cable_given_up_total": {"stale": 27, "deaf": 28},
    "cable_frames_unreadable_total": 29,
    "subs_wanted": 35,
    "subs_confirmed": 22,
    "subs_unconfirmed": 13,
    "subs_polled": 23,
    "job_queues_stopped": 11,
    "cable_echoes_missing_total": 10,
    "backfill_found_missed_total": 12,
    "relay_dropped_total": {"private": 53},
    "resyncs_total": 18,
    "resync_walks_total": 19,
    "resyncs_waiting": 20,
    "hooks_received_total": 13,
    "hooks_unreadable_total": 14,
    "hooks_dropped_total": 55,
    "notices_told_total": 15,
    "notices_failed_total": 16,
    "notices_given_up_total": 17,
    "database_writable": 1,
    "redis_usable": 0,
    "writes_waiting": 9,
    "processes": 2,
    "draining": 0,
}


def labelled(expected: object) -> dict[tuple[str, ...], float]:
    if isinstance(expected, dict):
        return {key if isinstance(key, tuple) else (key,): value for key, value in expected.items()}
    return {(): float(str(expected))} if expected else {}


def test_each_measure_reads_its_own_figure() -> None:
    told = {each.name: {key: value for key, value in each.read(FOUND).items() if value} for each in MEASURES}
    assert told == {name: labelled(expected) for name, expected in EXPECTED.items()}
