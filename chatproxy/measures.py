"""What /metrics says: every name with its help and where it is read. docs/monitoring.md tells the same to people.

Values of labels that are known beforehand are said from the start, with 0: from a series that begins with 1, Prometheus
sees no increase. No label holds anything of a visitor, and each has few values.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import product
from typing import Generic, NamedTuple, TypeVar

from chat import wire
from chat.chatwoot import errors
from chat.consumers import USUAL
from chat.figures import Asked, Figures, Waiting
from chat.limits import DEFAULTS
from chat.link import UNASKED
from chat.models import Delivery
from chat.wire.errors import Code

T = TypeVar("T")
Values = Mapping[tuple[str, ...], float]  # by the values of the labels
Outbox = Mapping[str, Waiting]
KINDS = [str(kind) for kind in Delivery.Kind]
ENDS = [str(Delivery.State.SENT), str(Delivery.State.FAILED), "discarded"]
DROPPED = ["private", "activity", "another_inbox", "unknown_conversation", "moved_contact"]
LIMITS = ["blocked", "challenge", "origins", *DEFAULTS]
CLOSES = [str(int(code)) for code in (*USUAL, *wire.Close)] + ["other"]
FILES = [Code.FILE_TOO_BIG, Code.FILE_EMPTY, Code.FILE_REFUSED, Code.TOO_FAST, Code.UNAVAILABLE]
_ERRORS = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.ChatwootError)]
ANSWERS = ["ok", *(each.__name__ for each in _ERRORS if each not in (errors.ChatwootError, *UNASKED))]


class Measure(NamedTuple, Generic[T]):
    """A counter where its name ends in _total, else a gauge."""

    name: str
    help: str
    read: Callable[[T], Values]
    labels: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        return self.name.endswith("_total")


def _one(read: Callable[[Figures], float | None]) -> Callable[[Figures], Values]:
    """Nothing is said of what is not known."""
    return lambda found: {} if (value := read(found)) is None else {(): float(value)}


def _each(read: Callable[[Figures], Mapping[str, int]], known: Iterable[str]) -> Callable[[Figures], Values]:
    """By one label."""
    zeros: Values = {(str(key),): 0 for key in known}
    return lambda found: {**zeros, **{(str(key),): count for key, count in read(found).items()}}


def _tally(name: str, *known: Iterable[str]) -> Callable[[Figures], Values]:
    """What transactions counted under a name, by its kinds."""
    zeros = dict.fromkeys(product(*known), 0)
    return lambda found: zeros | {key[1:]: count for key, count in found.counts.items() if key[0] == name}


def _asked(read: Callable[[Asked], float | None]) -> Callable[[Figures], Values]:
    """By Chatwoot: the number of its row."""
    return lambda found: {
        (str(each.number),): float(value) for each in found.chatwoots if (value := read(each)) is not None
    }


def _answers(found: Figures) -> Values:
    zeros = dict.fromkeys(ANSWERS, 0)
    return {
        (str(each.number), kind): count
        for each in found.chatwoots
        for kind, count in (zeros | dict(each.answers)).items()
    }


def _hubs(*names: str) -> Callable[[Figures], Values]:
    """Over all cables."""
    return lambda found: {(): sum(getattr(hub, name) for hub in found.hearing.hubs for name in names)}


def _given_up(found: Figures) -> Values:
    hubs = found.hearing.hubs
    return {("stale",): sum(hub.given_up_stale for hub in hubs), ("deaf",): sum(hub.given_up_deaf for hub in hubs)}


def _canary_s(found: Figures) -> float | None:
    return max((hub.canary_s for hub in found.hearing.hubs if hub.canary_s is not None), default=None)


MEASURES: tuple[Measure[Figures], ...] = (
    # Visitors
    Measure("sockets", "Visitors' sockets that have said hello.", _one(lambda f: f.sockets)),
    Measure("polls", "Long polls that wait for news.", _one(lambda f: f.polls)),
    Measure(
        "ws_unacked_bytes",
        "Bytes sent to all sockets together that their clients have not acknowledged yet.",
        _one(lambda f: f.unacknowledged_bytes),
    ),
    Measure("ws_closed_total", "Sockets that ended, by close code.", _each(lambda f: f.closed, CLOSES), ("code",)),
    Measure(
        "turned_away_total",
        "Calls, sockets and messages of visitors that were refused, by limit.",
        _each(lambda f: f.turned_away, LIMITS),
        ("limit",),
    ),
    Measure("messages_accepted_total", "Visitors' messages that were committed and answered.", _tally("accepted")),
    Measure(
        "uploads_refused_total",
        "Visitors' files that were not taken, by code of the answer; what a limit refused is in turned_away.",
        _each(lambda f: f.files_refused, FILES),
        ("code",),
    ),
    # Deliveries
    Measure(
        "deliveries_ended_total",
        "Deliveries to Chatwoot that this process brought to an end; discarded: nobody wants them any more.",
        _tally("ended", KINDS, ENDS),
        ("kind", "state"),
    ),
    Measure(
        "outbox_ambiguous_total",
        "Attempts after which it was in doubt whether they took effect.",
        _tally("ambiguous", KINDS),
        ("kind",),
    ),
    Measure(
        "outbox_duplicates_total",
        "Messages and conversations that one delivery made twice at Chatwoot.",
        _tally("duplicate", ["message", "conversation"]),
        ("kind",),
    ),
    # Chatwoot's REST
    Measure(
        "upstream_available",
        "1: this Chatwoot is asked; 0: it is paused or does not answer.",
        _asked(lambda each: each.is_open),
        ("chatwoot",),
    ),
    Measure(
        "upstream_oldest_request_seconds",
        "For how long the oldest request under way has waited for its answer.",
        _asked(lambda each: each.oldest_s),
        ("chatwoot",),
    ),
    Measure(
        "upstream_requests_total",
        "Requests that the budget let through.",
        _asked(lambda each: each.taken),
        ("chatwoot",),
    ),
    Measure(
        "upstream_requests_waiting",
        "Requests that wait for the budget.",
        _asked(lambda each: each.waiting),
        ("chatwoot",),
    ),
    Measure(
        "upstream_budget_requests_per_second",
        "This process's share of CHATWOOT_RATE_PER_S.",
        _asked(lambda each: each.rate_per_s),
        ("chatwoot",),
    ),
    Measure(
        "upstream_answers_total",
        "How requests ended: ok, or the class of the error (chat/chatwoot/errors.py).",
        _answers,
        ("chatwoot", "answer"),
    ),
    Measure(
        "upstream_429_total",
        "Answers of Chatwoot or a proxy that we ask too much.",
        _asked(lambda each: each.answers.get("Throttled", 0)),
        ("chatwoot",),
    ),
    Measure(
        "deadline_probe_ok",
        "1: Chatwoot refuses requests that are too old (fenced); 0: it takes them (unfenced).",
        _asked(lambda each: each.fenced),
        ("chatwoot",),
    ),
    Measure(
        "upstream_clock_skew_seconds",
        "Chatwoot's clock minus ours.",
        _asked(lambda each: each.skew_s),
        ("chatwoot",),
    ),
    Measure(
        "upstream_clock_error_seconds",
        "By how much the skew may be wrong.",
        _asked(lambda each: each.skew_error_s),
        ("chatwoot",),
    ),
    # Chatwoot's cable
    Measure("cable_sockets", "Cable sockets that are open and welcomed.", _hubs("sockets")),
    Measure("cable_sockets_deaf", "Cable sockets that ping and bring nothing that is published.", _hubs("deaf")),
    Measure(
        "cable_canary_rtt_seconds",
        "How long the latest canary took through Chatwoot's Redis and back, of the slowest socket.",
        _one(_canary_s),
    ),
    Measure("cable_redials_total", "Cable sockets dialled again.", _hubs("redials")),
    Measure(
        "cable_given_up_total",
        "Cable sockets given up: silent or never welcomed (stale), or deaf.",
        _given_up,
        ("reason",),
    ),
    Measure("cable_frames_unreadable_total", "Frames of the cable that could not be read.", _hubs("malformed")),
    Measure("subs_wanted", "Subscriptions that are held, and those that linger.", _hubs("subscriptions")),
    Measure("subs_confirmed", "Subscriptions that are confirmed on a socket that is not deaf.", _hubs("confirmed")),
    Measure(
        "subs_unconfirmed",
        "Subscriptions that are not.",
        _one(lambda f: sum(hub.subscriptions - hub.confirmed for hub in f.hearing.hubs)),
    ),
    Measure("subs_polled", "Subscriptions that are polled, because the cable does not carry them.", _hubs("silent")),
    Measure(
        "job_queues_stopped",
        "Chatwoots that store what we write and do not tell it by cable.",
        _one(lambda f: f.hearing.queues_stopped),
    ),
    Measure(
        "cable_echoes_missing_total",
        "Messages of ours that were stored and did not come back by cable in time.",
        _one(lambda f: f.hearing.echoes_missing),
    ),
    Measure(
        "backfill_found_missed_total",
        "Agents' messages that the cable should have brought, and a resync did.",
        _one(lambda f: f.hearing.missed),
    ),
    Measure(
        "relay_dropped_total",
        "What Chatwoot told and no visitor may see.",
        _tally("dropped", DROPPED),
        ("reason",),
    ),
    Measure("resyncs_total", "Contacts compared with Chatwoot.", _one(lambda f: f.resyncs)),
    Measure("resync_walks_total", "Walks over everything of a contact.", _one(lambda f: f.walks)),
    Measure("resyncs_waiting", "Contacts that wait to be compared.", _one(lambda f: f.resyncs_waiting)),
    # Webhooks
    Measure("hooks_received_total", "Webhooks of Chatwoot's.", _one(lambda f: f.hinted.hooks)),
    Measure("hooks_unreadable_total", "Of these, those that could not be read.", _one(lambda f: f.hinted.unreadable)),
    Measure("hooks_dropped_total", "Those that came while too many were looked up.", _one(lambda f: f.hinted.dropped)),
    Measure("notices_told_total", "Outgoing webhooks that were taken.", _one(lambda f: f.told.told)),
    Measure("notices_failed_total", "Attempts at outgoing webhooks that failed.", _one(lambda f: f.told.failed)),
    Measure("notices_given_up_total", "Outgoing webhooks that were given up.", _one(lambda f: f.told.given_up)),
    # This process
    Measure("database_writable", "1: the latest write succeeded.", _one(lambda f: f.is_writable)),
    Measure("redis_usable", "1: what REDIS_URL names can be used.", _one(lambda f: f.redis_usable)),
    Measure("writes_waiting", "Writes that wait for the writer thread.", _one(lambda f: f.writes_waiting)),
    Measure("processes", "Processes that serve this database, as this one knows.", _one(lambda f: f.processes)),
    Measure("draining", "1: this process is about to stop, and takes nobody in.", _one(lambda f: f.draining)),
)
BY_STATE: tuple[Measure[Outbox], ...] = (
    Measure(
        "outbox_deliveries",
        "Deliveries on their way to Chatwoot, in the whole database.",
        lambda waiting: {(state,): each.count for state, each in waiting.items()},
        ("state",),
    ),
    Measure(
        "outbox_age_seconds",
        "Age of the oldest of them: since it was accepted; of those in doubt since their latest attempt began.",
        lambda waiting: {(state,): each.oldest_s for state, each in waiting.items()},
        ("state",),
    ),
)
