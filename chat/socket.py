"""One connected device: a listener of its contact's audience, from its hello until it is closed.

What bounds it: unacknowledged rows (``chat.window``), small frames that wait because the peer does not read, and time.
"""

import asyncio
import logging
import uuid
from dataclasses import dataclass

from chat import wire
from chat.audience import Row
from chat.conversations import Conversations
from chat.outlet import AsgiSend, Outlet
from chat.sender import Page, Sender
from chat.window import LIMIT_BYTES, LIMIT_S, Window

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    hello_s: float = 10  # as long as a client dials: a slow line needs a round trip
    acknowledge_s: float = LIMIT_S
    window_bytes: int = LIMIT_BYTES
    waiting_bytes: int = 64 * 1024  # of pongs, answers and refusals
    # Two missed pings: a client pings every 25 s, but browsers run the timers of a hidden page once a minute.
    silence_s: float = 60
    hidden_silence_s: float = 150
    overslept_s: float = 2  # a timer so much too late means that we slept: what the peer sent is still to be read


def close_of(refusal: wire.Refusal) -> wire.Close:
    """With what a socket that is not let in is closed."""
    return wire.Close.BLOCKED if refusal.code == wire.Code.BLOCKED else wire.Close.TOO_FAST


class Socket:
    contact_id: uuid.UUID
    session_id: uuid.UUID
    conversations: Conversations

    def __init__(self, send: AsgiSend, *, limits: Limits) -> None:
        self.limits = limits
        self.arrived = self.closed = False
        self.code: wire.Close | None = None  # with which we closed it
        self._visible = True
        self._dismissed_at: float | None = None
        self._loop = asyncio.get_running_loop()
        self._opened_at = self._heard_at = self._loop.time()
        window = Window(limit_bytes=limits.window_bytes, limit_s=limits.acknowledge_s)
        self.sender = Sender(self, read=self._read, now=self._loop.time, window=window)
        self._outlet = Outlet(send, flushed=self.sender.flushed)
        self._timer: asyncio.TimerHandle | None = None
        self._watch()

    def arrive(
        self,
        conversations: Conversations,
        *,
        contact_id: uuid.UUID,
        session_id: uuid.UUID,
        since: str | None,
        visible: bool,
    ) -> None:
        self.conversations, self.contact_id, self.session_id = conversations, contact_id, session_id
        self.arrived, self._visible = True, visible
        conversations.arrive(self, visible=visible)  # Before the first read, so that no change falls in between.
        self.sender.start(since)
        self._watch()

    def leave(self) -> None:
        """Always runs, may run twice; nothing of this socket is left afterwards."""
        self.closed = True
        self.sender.stop()
        if self._timer is not None:
            self._timer.cancel()
        if self.arrived:
            self.arrived = False
            self.conversations.depart(self)

    def heard(self) -> float:
        self._heard_at = self._loop.time()
        return self._heard_at

    def look(self, visible: bool) -> None:
        """The page came into view, or left it."""
        self.conversations.look(self, visible)
        if visible != self._visible:
            self._visible = visible
            self._watch()

    def dismiss(self, after_s: float) -> None:
        """This process is about to stop: say when to come back, and close then."""
        if not self.arrived:
            self.fail(wire.Close.RESTART)  # the client has just dialled, and has nothing to lose yet
            return
        self._dismissed_at = self._loop.time() + after_s
        self.transmit(wire.encode_reconnect(in_ms=round(after_s * 1000)))
        self._watch()

    def refuse(self, close: wire.Close, refusal: wire.Refusal) -> None:
        """Say why, then close."""
        if self.closed:
            return
        self.transmit(wire.encode_error(refusal))
        self.fail(close, refusal.message)

    # What the sender needs

    @property
    def idle(self) -> bool:
        return self._outlet.idle

    def transmit(self, frame: bytes) -> None:
        if not self.closed:
            self._outlet.push({"type": "websocket.send", "text": frame.decode()})
            if self._outlet.waiting_bytes > self.limits.waiting_bytes:
                self.fail(wire.Close.SLOW, "too many answers wait to be read")

    def fail(self, close: wire.Close, why: str = "") -> None:
        if not self.closed:
            if close is not wire.Close.RESTART:  # of those the server says how many
                # Strangers may dial and be refused without end: of them the metrics tell.
                level = logging.INFO if self.arrived else logging.DEBUG
                session, name = getattr(self, "session_id", None), why or close.name.lower()
                logger.log(level, "session %s: closed with %d, %s", session, close, name)
            self.code = close
            self._outlet.close({"type": "websocket.close", "code": int(close)})
            self.leave()

    async def _read(self, since: str | None) -> Page:
        return await self.conversations.read(self.contact_id, since=since)

    # What the audience calls

    def changed(self, head_before: int, head_after: int, rows: tuple[Row, ...]) -> None:
        self.sender.changed(head_before, head_after, rows)

    def hinted(self, head: int) -> None:
        self.sender.hinted(head)

    def turned(self, epoch: str) -> None:
        self.sender.turned(epoch)

    def passing(self, frame: bytes) -> None:
        self.sender.passing(frame)

    def revoked(self) -> None:
        self.refuse(wire.Close.UNKNOWN_TOKEN, wire.Refusal(wire.Code.UNKNOWN_TOKEN))

    # What the gate calls

    def turn_away(self, refusal: wire.Refusal) -> None:
        self.refuse(close_of(refusal), refusal)

    # Time limits: one timer per socket, no task

    def _watch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self.closed:
            return
        now = self._loop.time()
        overslept = self._timer is not None and now - self._timer.when() > self.limits.overslept_s
        due, close, why = self._due()
        if overslept:
            self._timer = self._loop.call_at(now + self.limits.overslept_s, self._watch)
        elif now >= due:
            self.fail(close, why)
        else:
            # At least this often, since a frame sent meanwhile brings a deadline of its own.
            self._timer = self._loop.call_at(min(due, now + self.limits.acknowledge_s / 2), self._watch)

    def _due(self) -> tuple[float, wire.Close, str]:
        """The first of the moments at which this socket is closed if nothing changes, and why."""
        if not self.arrived:
            return self._opened_at + self.limits.hello_s, wire.Close.AUTH_TIMEOUT, "no hello came"
        silence_s = self.limits.silence_s if self._visible else self.limits.hidden_silence_s
        moments = [(self._heard_at + silence_s, wire.Close.SLOW, "it has gone silent")]
        if self._dismissed_at is not None:
            moments.append((self._dismissed_at, wire.Close.RESTART, ""))
        if (deadline := self.sender.window.deadline) is not None:
            moments.append((deadline, wire.Close.SLOW, "what was sent was not acknowledged"))
        if (since := self._outlet.waiting_since) is not None:
            moments.append((since + self.limits.acknowledge_s, wire.Close.SLOW, "it does not read"))
        return min(moments)
