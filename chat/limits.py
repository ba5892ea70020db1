"""How much is taken of one visitor, one address, one inbox: what a limit is, and the counting. No I/O.

A limit is written ``20/min`` (20 at once, and 20 a minute), ``20/min:10`` (10 at once), several joined by ``+``; what
is counted while it lasts is a plain number; ``off`` is none.
"""

import re
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

DEFAULTS: dict[str, str] = {
    "messages": "20/min:10",
    "inbox_messages": "50/s",
    "inbox_day_messages": "200k/day",
    "inbox_day_sessions": "20k/day",
    "conversations": "3/day",
    "calls": "20/s:40",
    "uploads": "20/min",
    "upload_bytes": "200M/h",
    "address_uploads": "60/min",
    "exports": "6/h:3",
    "articles": "120/min:40",
    "transcripts": "6/h:3",
    "session_transcripts": "6/h:3",
    "transcript_addresses": "5/day:3",
    "inbox_transcripts": "20/h:5",
    "sessions": "10/min+100/h",
    "sign_ins": "60/h:20",
    "address_calls": "100/s:300",
    "admin_logins": "10/min",
    "hooks": "200/s:6000",
    "wrong_hooks": "10/min",
    "address_sockets": "400",
    "session_sockets": "20",
}
COUNTS = frozenset({"address_sockets", "session_sockets"})
# Counted before it is known which inbox somebody wants, if any.
OF_ALL = frozenset({"address_calls", "address_sockets", "admin_logins", "hooks", "wrong_hooks"})
# What one site takes in a day; who reaches it is under attack, or has outgrown it, and its operator is told.
CAPS = frozenset({"inbox_day_messages", "inbox_day_sessions"})
# What a person is told; the limit's own name stands in docs/abuse.md.
WORDS: dict[str, str] = {
    "messages": "That were many messages at once; please wait a moment.",
    "inbox_messages": "Very many people are writing just now; please wait a moment.",
    "inbox_day_messages": "More was written here today than this chat takes; please come back later.",
    "inbox_day_sessions": "More people came today than this chat takes; please come back later.",
    "conversations": "That were many new conversations; please go on in one of them.",
    "calls": "That were many calls at once; please wait a moment.",
    "uploads": "That were many files at once; please wait a moment.",
    "upload_bytes": "That was much to upload at once; please wait a while.",
    "address_uploads": "Many files have come from your network just now; please wait a moment.",
    "exports": "All of it was asked for just now; please wait a while.",
    "articles": "That were many searches at once; please wait a moment.",
    "transcripts": "It was sent by e-mail just now; please wait a while.",
    "session_transcripts": "It was sent by e-mail just now; please wait a while.",
    "transcript_addresses": "That address was sent enough today; please come back later.",
    "inbox_transcripts": "Many conversations are sent by e-mail just now; please wait a while.",
    "sessions": "Many people have come from your network just now; please wait a moment.",
    "sign_ins": "You have signed in many times just now; please wait a moment.",
    "address_calls": "Very much comes from your network just now; please wait a moment.",
    "admin_logins": "Too many sign-ins were tried from your network just now.",
    "hooks": "That were very many hooks at once.",
    "wrong_hooks": "That were many hooks for addresses that are not there.",
    "address_sockets": "Too many connections from your network are open.",
    "session_sockets": "This chat is open in too many places at once.",
}
CAPPED_S = 60.0  # at least, until one who met a cap asks again: everybody else waits for the same next place
AGAIN_S = 30.0  # for what is counted while it lasts: nobody knows when a place becomes free

_RATE = re.compile(r"([1-9][0-9]{0,8})([kM]?)/(s|min|h|day)(?::([1-9][0-9]{0,8})([kM]?))?", re.ASCII)
_COUNT = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_SECONDS = {"s": 1, "min": 60, "h": 3_600, "day": 86_400}
_TIMES = {"": 1, "k": 1_000, "M": 1_000_000}


class BadLimit(ValueError):
    """Cannot be read; the message says what to write."""


class Rate(NamedTuple):
    """``amount`` in ``per_s`` seconds, ``burst`` at once."""

    amount: int
    per_s: int
    burst: int


Rates = tuple[Rate, ...]  # all of them hold; none: no limit


@dataclass(frozen=True, slots=True)
class Limits:
    rates: Mapping[str, Rates]
    counts: Mapping[str, int | None]

    @classmethod
    def of(cls, written: Mapping[str, object]) -> Self:
        """The defaults, with what is written instead of some; ``all`` stands for every one. Raises BadLimit."""
        if unknown := written.keys() - DEFAULTS.keys() - {"all"}:
            raise BadLimit(f"there is no limit {min(unknown)!r}; there are {', '.join(DEFAULTS)}")
        texts = {name: str(written.get(name, written.get("all", default))) for name, default in DEFAULTS.items()}
        if written.get("all", "off") != "off":
            raise BadLimit("all limits together can only be off")
        return cls(
            {name: _rates(name, text) for name, text in texts.items() if name not in COUNTS},
            {name: _count(name, text) for name, text in texts.items() if name in COUNTS},
        )

    def over(self, written: Mapping[str, object]) -> "Limits":
        """These, with what an inbox has instead of some. Raises BadLimit."""
        if not written:
            return self
        if misplaced := OF_ALL & written.keys():
            raise BadLimit(f"limit {min(misplaced)} holds for all inboxes together; write it into LIMITS")
        other, named = Limits.of(written), DEFAULTS.keys() if "all" in written else written.keys()
        rates = {name: other.rates[name] if name in named else mine for name, mine in self.rates.items()}
        counts = {name: other.counts[name] if name in named else mine for name, mine in self.counts.items()}
        return Limits(rates, counts)


def _rates(name: str, text: str) -> Rates:
    if text == "off":
        return ()
    found = [_RATE.fullmatch(part) for part in text.split("+")]
    if not all(found):
        raise BadLimit(f"limit {name} is {text!r}; write it like {DEFAULTS[name]}, or off")
    return tuple(_rate(*each.groups()) for each in found if each)


def _rate(amount: str, times: str, span: str, burst: str | None, burst_times: str | None) -> Rate:
    number = int(amount) * _TIMES[times]
    return Rate(number, _SECONDS[span], int(burst) * _TIMES[burst_times or ""] if burst else number)


def _count(name: str, text: str) -> int | None:
    if text != "off" and not _COUNT.fullmatch(text):
        raise BadLimit(f"limit {name} is {text!r}; write a number such as {DEFAULTS[name]}, or off")
    return None if text == "off" else int(text)


class Buckets:
    """Token buckets by key, each kept as the moments at which it is full again.

    At most ``most`` are remembered. The one that was used longest ago goes first; if it was not full yet, its owner
    begins anew, which is counted in ``forgotten``.
    """

    def __init__(self, *, most: int = 50_000, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.forgotten = 0
        self._most = most
        self._monotonic = monotonic
        self._full_at: OrderedDict[Hashable, tuple[float, ...]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: Hashable, rates: Rates, amount: int = 1) -> float:
        """0: taken, of all these rates. Otherwise after how many seconds it can be; nothing is taken then.

        Of an ``amount`` of 0 nothing is taken either: that asks for one.
        """
        if not rates:
            return 0.0
        now, before = self._since(key, rates)
        after = tuple(
            max(full_at, now) + min(amount or 1, rate.burst) * rate.per_s / rate.amount
            for full_at, rate in zip(before, rates, strict=True)
        )
        wait_s = max(
            full_at - now - rate.burst * rate.per_s / rate.amount for full_at, rate in zip(after, rates, strict=True)
        )
        if wait_s > 1e-6:  # what rounding leaves is no wait
            return wait_s
        if amount:
            self._keep(key, after, now)
        return 0.0

    def spend(self, key: Hashable, rates: Rates, amount: int) -> None:
        """What was taken elsewhere: as far as there is something to take, for it is too late to refuse it."""
        now, before = self._since(key, rates)
        after = tuple(
            min(max(full_at, now) + amount * rate.per_s / rate.amount, now + rate.burst * rate.per_s / rate.amount)
            for full_at, rate in zip(before, rates, strict=True)
        )
        if after:
            self._keep(key, after, now)

    def _since(self, key: Hashable, rates: Rates) -> tuple[float, tuple[float, ...]]:
        now = self._monotonic()
        before = self._full_at.get(key)
        return now, before if before is not None and len(before) == len(rates) else (now,) * len(rates)

    def _keep(self, key: Hashable, full_at: tuple[float, ...], now: float) -> None:
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._most:
            _, dropped = self._full_at.popitem(last=False)
            self.forgotten += max(dropped) > now


class Places:
    """How many are here at once, by key. It knows only keys of those who are."""

    def __init__(self) -> None:
        self._taken: Counter[Hashable] = Counter()

    def __len__(self) -> int:
        return len(self._taken)

    def enter(self, key: Hashable, most: int | None) -> bool:
        """False: there is no place. Whoever has entered must ``leave``."""
        if most is not None and self._taken[key] >= most:
            return False
        self._taken[key] += 1
        return True

    def leave(self, key: Hashable) -> None:
        self._taken[key] -= 1
        if not self._taken[key]:
            del self._taken[key]
