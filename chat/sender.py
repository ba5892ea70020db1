"""The one sender of a socket: pulls the feed from where its client stands and sends it, within the window.

Nothing queues here. A change is either sent within the call, or it marks the sender dirty and one task reads the feed,
page after page, until it has caught up or the window is full.
"""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from chat import wire
from chat.audience import Row
from chat.feed import PAGE_BYTES
from chat.window import Window

logger = logging.getLogger(__name__)


PASSING_BYTES = 16 * 1024  # clients acknowledge about once a second; with more than this on its way, one is behind


class Page(Protocol):
    @property
    def cursor(self) -> object: ...
    @property
    def reset(self) -> str | None: ...
    @property
    def rows(self) -> Sequence[Row]: ...
    @property
    def more(self) -> bool: ...


class Outward(Protocol):
    """What a sender needs of its socket. Neither method raises."""

    @property
    def idle(self) -> bool: ...
    def transmit(self, frame: bytes) -> None: ...
    def fail(self, close: wire.Close) -> None: ...


class _Left:
    """In place of a socket that has left: as long as both hold each other, only a full collection would free them."""

    idle = False

    def transmit(self, frame: bytes) -> None: ...
    def fail(self, close: wire.Close) -> None: ...
    async def read(self, since: str | None) -> Page:
        raise RuntimeError("nobody is there to read for")


_LEFT = _Left()


def encode_page(page: Page) -> bytes:
    if page.reset is not None:
        return wire.encode_reset(str(page.cursor), page.reset, page.rows, page.more)
    return wire.encode_changes(str(page.cursor), page.rows, page.more)


class Sender:
    def __init__(
        self,
        socket: Outward,
        *,
        read: Callable[[str | None], Awaitable[Page]],
        now: Callable[[], float],
        window: Window | None = None,
    ) -> None:
        self.window = window or Window()
        self._socket: Outward = socket
        self._read = read
        self._now = now
        self._head = 0
        self._started = self._dirty = self._stopped = self._asked = False
        self._task: asyncio.Task[None] | None = None

    def start(self, since: str | None) -> None:
        self.window.resume(since)
        self._look()

    def stop(self) -> None:
        """Send nothing more; leaves no task behind, and lets go of the socket."""
        self._stopped = True
        self._socket, self._read = _LEFT, _LEFT.read
        if self._task is not None:
            self._task.cancel()

    def ping(self) -> None:
        """Answer with the newest cursor known: a client that stays behind it has lost something.

        Before the first page we do not know which epoch that is; the answer follows that page.
        """
        if not self._started:
            self._asked = True
        else:
            head = max(self._head, self.window.seq or 0)
            self._socket.transmit(wire.encode_pong(f"{self.window.epoch}.{head}"))

    def changed(self, head_before: int, head_after: int, rows: tuple[Row, ...]) -> None:
        self._head = max(self._head, head_after)
        seq = self.window.seq
        if self._started and seq is not None and (head_after == seq or (rows and head_after < seq)):
            return  # Read already, before the news of it came.
        fits = sum(len(row.data) for row in rows) <= PAGE_BYTES
        if rows and seq == head_before and fits and self._free and not self.window.full:
            cursor = f"{self.window.epoch}.{head_after}"
            self._send(wire.encode_changes(cursor, rows, False), cursor, paged=False)
        elif self.window.overrun:
            self._socket.fail(wire.Close.SLOW)
        else:
            self._look()

    def hinted(self, head: int) -> None:
        """Look, and believe nothing: a pong of a head that is false would let every page reconnect."""
        if not self._started or head != self.window.seq:
            self._look()

    def turned(self, epoch: str) -> None:
        """The feed is of this epoch; a client that knows another one is to start again."""
        if self._started and epoch != self.window.epoch:
            self._look()

    def flushed(self) -> None:
        """What had to wait has been taken: the socket is idle again."""
        if self._dirty:
            self._look()

    def passing(self, frame: bytes) -> None:
        """Typing and presence: dropped for a client that is behind with everything else."""
        if self._free and self.window.outstanding_bytes <= PASSING_BYTES:
            self._socket.transmit(frame)

    def acknowledge(self, cursor: str) -> None:
        self.window.acknowledge(cursor)
        if self._dirty:
            self._look()

    @property
    def _free(self) -> bool:
        return self._started and not self._stopped and not self._dirty and self._task is None and self._socket.idle

    def _look(self) -> None:
        self._dirty = True
        if self._task is None and not self._stopped and not self.window.full and self._socket.idle:
            # An empty context: the caller may be a request that this must outlive.
            self._task = asyncio.create_task(self._catch_up(), name="sender", context=contextvars.Context())
            self._task.add_done_callback(self._caught_up)

    async def _catch_up(self) -> None:
        while self._dirty and not self.window.full and self._socket.idle:
            self._dirty = False
            page = await self._read(self.window.cursor)
            self._dirty |= page.more and page.reset is None
            if page.reset is not None:
                self._head = 0
            cursor = str(page.cursor)
            if page.rows or page.reset is not None or cursor != self.window.cursor or not self._started:
                self._send(encode_page(page), cursor, paged=True)
            self._begin()

    def _begin(self) -> None:
        self._started = True
        if self._asked:
            self._asked = False
            self.ping()

    def _caught_up(self, task: "asyncio.Task[None]") -> None:
        self._task = None
        if task.cancelled():
            return
        if exc := task.exception():
            gone = isinstance(exc, wire.Refusal) and exc.code == wire.Code.UNKNOWN_TOKEN
            if not gone:
                logger.error("the feed could not be read", exc_info=exc)
            self._socket.fail(wire.Close.UNKNOWN_TOKEN if gone else wire.Close.FAULT)
        elif self._dirty:  # marked after the last look at it
            self._look()

    def _send(self, frame: bytes, cursor: str, *, paged: bool) -> None:
        self.window.sent(cursor, len(frame), now=self._now(), paged=paged)
        self._socket.transmit(frame)
