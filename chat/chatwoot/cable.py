"""ActionCable's protocol as pure state (contract §3): frames and `now` go in, frames and events come out. No I/O.

The server runs every cable command, the agents' too, on four threads and in any order. From that follow the window of
unconfirmed subscribes, the pause between an unsubscribe and the next subscribe, and that nothing is unsubscribed within
30 s of a subscribe that was not confirmed (54 of 60 such pairs kept streaming, performance.md §4).

One object is one connection; `now` is in seconds of any steady clock.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import orjson

from chat.chatwoot.cable_events import (
    CableEvent,
    Closing,
    Confirmed,
    Received,
    Rejected,
    Silent,
    Stale,
    Unanswered,
    Unwelcome,
    Welcomed,
)


@dataclass(frozen=True, slots=True)
class CableTiming:
    """Bounds of one connection; seconds, and `window` in subscribes."""

    window: int = 8
    confirm_deadline_s: float = 5  # since the subscribe and since the last confirm seen on this connection
    unsure_s: float = 30  # no unsubscribe sooner than this after an unconfirmed subscribe; then one more try
    prompt_s: float = 1  # the second try makes sense only while others are confirmed within this
    rest_s: float = 1  # between an unsubscribe and the next subscribe of the same identifier
    stale_s: float = 9  # three of the server's pings
    welcome_s: float = 9  # the first frame of a server that is well
    max_identifiers: int = 100_000


class _State(Enum):
    QUEUED = auto()  # not sent yet
    SENT = auto()  # unconfirmed, counts in the window
    SILENT = auto()  # unconfirmed, past its deadline
    LIVE = auto()


@dataclass(slots=True, eq=False)
class _Subscription:
    identifier: str = field(repr=False)
    retries: int
    state: _State = _State.QUEUED
    sent_at: float = 0.0
    dropped: bool = False  # to be unsubscribed as soon as that is safe


class CableProtocol:
    """One cable connection. After each call take `events_received()` and send `data_to_send()`."""

    def __init__(self, *, now: float, timing: CableTiming | None = None) -> None:
        self.timing = timing or CableTiming()
        self.welcomed = False
        self.malformed = 0  # frames that are not ActionCable's, or that we cannot read
        self.stray = 0  # messages for identifiers that nobody here wants
        self._subscriptions: dict[str, _Subscription] = {}
        self._queue: deque[_Subscription] = deque()
        self._unconfirmed: dict[str, _Subscription] = {}  # SENT and SILENT, in the order of sending
        self._in_window = 0
        self._resting: dict[str, float] = {}  # identifier → when it may be subscribed again, in that order
        self._answers: deque[tuple[float, float, float]] = deque(maxlen=16)  # confirmed_at, sent_at, took
        self._began_at = self._frame_at = self._confirm_at = now
        self._given_up = False
        self._frames: list[str] = []
        self._events: list[CableEvent] = []

    # What we want

    def subscribe(self, identifier: str, *, now: float, retries: int = 1) -> None:
        """Want it; `Confirmed` tells when it is live. Does nothing when it is wanted already.

        After 30 s of silence it is tried `retries` more times, here or, by `Unanswered`, elsewhere.
        """
        known = self._subscriptions.get(identifier)
        if known is None:
            if len(self._subscriptions) >= self.timing.max_identifiers:
                raise ValueError("too many subscriptions for one connection")
            known = self._subscriptions[identifier] = _Subscription(identifier, retries)
            self._queue.append(known)
            self._pump(now)
        elif known.dropped:
            known.dropped = False
            if known.state is _State.SILENT:
                self._events.append(Silent(identifier))

    def unsubscribe(self, identifier: str, *, now: float) -> None:
        """Want it no longer; nothing more is told about it. Sent once that is safe, and cancelled by `subscribe`."""
        known = self._subscriptions.get(identifier)
        if known is None or known.dropped:
            return
        known.dropped = True
        if known.state is _State.QUEUED or known.state is _State.LIVE or self._sure(known, now):
            self._drop(known, now)

    def perform(self, identifier: str, action: str) -> None:
        """Call an action of a live subscription; does nothing for one that is not live."""
        known = self._subscriptions.get(identifier)
        if known is not None and known.state is _State.LIVE:
            data = orjson.dumps({"action": action}).decode()
            self._send({"command": "message", "identifier": identifier, "data": data})

    # What comes

    def receive_frame(self, text: str | bytes, *, now: float) -> None:
        """Take one frame of the server. Never raises: what is not ActionCable's is counted."""
        self._frame_at = now
        try:
            frame = orjson.loads(text)
        except orjson.JSONDecodeError:
            frame = None
        if not isinstance(frame, dict):
            self.malformed += 1
            return
        identifier = frame.get("identifier")
        known = self._subscriptions.get(identifier) if isinstance(identifier, str) else None
        match frame.get("type"):
            case None:
                self._message(known, frame)
            case "ping":
                pass
            case "welcome":
                self._welcome(now)
            case "confirm_subscription":
                self._confirm(known, now)
            case "reject_subscription":
                self._reject(known, now)
            case "disconnect":
                reason = frame.get("reason")
                self._events.append(Closing(str(reason)[:100], frame.get("reconnect") is not False))
            case _:
                self.malformed += 1

    def tick(self, *, now: float) -> None:
        """Let time pass; call it about once a second."""
        if not self._given_up:
            self._give_up(now)
        for known in list(self._unconfirmed.values()):
            self._wait(known, now)
        self._pump(now)

    def forgive(self, *, now: float) -> None:
        """Start all deadlines again: the caller itself slept, so that silence proves nothing."""
        self._began_at = self._frame_at = self._confirm_at = now

    # What to do now

    def data_to_send(self) -> list[str]:
        frames, self._frames = self._frames, []
        return frames

    def events_received(self) -> list[CableEvent]:
        events, self._events = self._events, []
        return events

    @property
    def load(self) -> int:
        """Identifiers that the server may hold for us, the dropped ones included."""
        return len(self._subscriptions)

    def _message(self, known: _Subscription | None, frame: dict[str, Any]) -> None:
        message = frame.get("message")
        if not isinstance(message, dict):
            self.malformed += 1
        elif known is None or known.dropped:
            self.stray += 1
        else:  # Also before the confirm: `subscribed` may fail after its stream is set (performance.md §4).
            self._events.append(Received(known.identifier, message))

    def _welcome(self, now: float) -> None:
        if not self.welcomed:
            self.welcomed = True
            self._confirm_at = now
            self._events.append(Welcomed())
            self._pump(now)

    def _confirm(self, known: _Subscription | None, now: float) -> None:
        if known is None or known.state not in (_State.SENT, _State.SILENT):
            self.stray += 1
            return
        self._confirm_at = now
        self._answers.append((now, known.sent_at, now - known.sent_at))
        self._answered(known)
        known.state = _State.LIVE
        if known.dropped:
            self._drop(known, now)
        else:
            self._events.append(Confirmed(known.identifier))
        self._pump(now)

    def _reject(self, known: _Subscription | None, now: float) -> None:
        if known is None or known.state is _State.QUEUED:
            self.stray += 1
            return
        self._answered(known)
        del self._subscriptions[known.identifier]
        if not known.dropped:
            self._events.append(Rejected(known.identifier))
        self._pump(now)

    def _give_up(self, now: float) -> None:
        """Of no use when nothing comes, nor when all but the welcome does: nothing may be sent before it."""
        if now - self._frame_at >= self.timing.stale_s:
            self._events.append(Stale())
        elif not self.welcomed and now - self._began_at >= self.timing.welcome_s:
            self._events.append(Unwelcome())
        else:
            return
        self._given_up = True

    def _wait(self, known: _Subscription, now: float) -> None:
        """Move an unconfirmed subscription along its deadlines."""
        if known.state is _State.SENT and self._overdue(known, now):
            known.state = _State.SILENT
            self._in_window -= 1
            if not known.dropped:
                self._events.append(Silent(known.identifier))
        if known.state is not _State.SILENT or not self._sure(known, now):
            return
        if known.dropped:
            self._drop(known, now)
        elif known.retries > 0:
            known.retries -= 1
            if self._prompt(known):
                self._try_again(known, now)
            else:
                self._events.append(Unanswered(known.identifier))

    def _overdue(self, known: _Subscription, now: float) -> bool:
        deadline_s = self.timing.confirm_deadline_s
        if now - max(known.sent_at, self._confirm_at) >= deadline_s:
            return True
        # A busy connection has always just seen a confirm; one that was sent so much later and came is proof, too.
        return any(sent_at - known.sent_at >= deadline_s for _, sent_at, _ in self._answers)

    def _prompt(self, known: _Subscription) -> bool:
        """Others that were subscribed since are confirmed quickly, so it is not the server that is slow."""
        took = [took for _, sent_at, took in self._answers if sent_at >= known.sent_at]
        return bool(took) and max(took) < self.timing.prompt_s

    def _sure(self, known: _Subscription, now: float) -> bool:
        return now - known.sent_at >= self.timing.unsure_s

    def _try_again(self, known: _Subscription, now: float) -> None:
        self._answered(known)
        self._send({"command": "unsubscribe", "identifier": known.identifier})
        self._rest(known, now)
        known.state = _State.QUEUED
        self._queue.append(known)

    def _drop(self, known: _Subscription, now: float) -> None:
        if known.state is not _State.QUEUED:
            self._send({"command": "unsubscribe", "identifier": known.identifier})
            self._rest(known, now)
        self._answered(known)
        del self._subscriptions[known.identifier]

    def _rest(self, known: _Subscription, now: float) -> None:
        self._resting.pop(known.identifier, None)  # so that the order stays that of the moments
        self._resting[known.identifier] = now + self.timing.rest_s

    def _answered(self, known: _Subscription) -> None:
        if known.state is _State.SENT:
            self._in_window -= 1
        self._unconfirmed.pop(known.identifier, None)

    def _pump(self, now: float) -> None:
        """Send what the window has room for."""
        while self._resting and next(iter(self._resting.values())) <= now:
            del self._resting[next(iter(self._resting))]
        for _ in range(len(self._queue)):
            if not self.welcomed or self._in_window >= self.timing.window:
                return
            known = self._queue.popleft()
            if self._subscriptions.get(known.identifier) is not known:
                continue  # unsubscribed before it was sent
            if known.identifier in self._resting:
                self._queue.append(known)
                continue
            known.state = _State.SENT
            known.sent_at = now
            self._in_window += 1
            self._unconfirmed[known.identifier] = known
            self._send({"command": "subscribe", "identifier": known.identifier})

    def _send(self, command: dict[str, str]) -> None:
        self._frames.append(orjson.dumps(command).decode())
