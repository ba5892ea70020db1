"""Hands ASGI messages to the server from code that cannot wait.

While the peer reads, the server's send does not suspend, so a message goes out within the call: relaying an agent's
message costs no task and no turn of the loop. Where a send does suspend (the peer reads too slowly), the rest runs in a
task and what follows waits for it.
"""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

from autobahn.exception import Disconnected

logger = logging.getLogger(__name__)

AsgiSend = Callable[[dict[str, Any]], Coroutine[Any, Any, None]]


class Outlet:
    """``flushed`` is called when everything that had to wait has been taken."""

    def __init__(self, send: AsgiSend, *, flushed: Callable[[], None] = lambda: None) -> None:
        self.waiting_bytes = 0
        self.waiting_since: float | None = None  # by the loop's clock; None while nothing waits
        self._send = send
        self._flushed = flushed
        self._waiting: list[dict[str, Any]] = []  # most sockets never have one: a deque costs 600 bytes empty
        self._task: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        return self._task is None

    def push(self, message: dict[str, Any]) -> None:
        """Send now, or right after what is being sent. Never raises: a peer that is gone is gone."""
        if self._task is not None:
            self._waiting.append(message)
            self.waiting_bytes += _size(message)
        elif rest := self._begin(message):
            self.waiting_since = asyncio.get_running_loop().time()
            self._task = self._spawn(self._flush(rest))

    def close(self, message: dict[str, Any]) -> None:
        """Send this instead of what waits: somebody who does not read would never let it through."""
        self._forget()
        if rest := self._begin(message):
            self._closing = self._spawn(_finish(rest))  # held, or it might be collected

    def _begin(self, message: dict[str, Any]) -> "_Started | None":
        """What is left of sending it; None when nothing is."""
        sending = self._send(message)
        try:
            return _Started(sending, sending.send(None))
        except StopIteration:
            return None
        except (OSError, Disconnected) as gone:
            _log_gone(gone)
        except RuntimeError:  # such as a frame too large for the server; the client finds itself behind its next pong
            logger.exception("a frame could not be sent")
        return None

    async def _flush(self, first: Awaitable[None]) -> None:
        try:
            await _finish(first)
            while self._waiting:
                message = self._waiting.pop(0)
                self.waiting_bytes -= _size(message)
                await _finish(self._send(message))
        finally:
            self._task = self.waiting_since = None
            self._forget()
        self._flushed()

    def _forget(self) -> None:
        self._waiting.clear()
        self.waiting_bytes = 0

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        return asyncio.create_task(coroutine, name="outlet", context=contextvars.Context())


async def _finish(sending: Awaitable[None]) -> None:
    try:
        await sending
    except (OSError, Disconnected) as gone:
        _log_gone(gone)
    except RuntimeError:
        logger.exception("a frame could not be sent")


def _size(message: dict[str, Any]) -> int:
    return len(message.get("text", ""))


def _log_gone(gone: Exception) -> None:
    logger.debug("not sent, the peer is gone: %r", gone)


class _Started:
    """Awaits the rest of a coroutine that has already run up to its first wait."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], waited_for: Any) -> None:
        self._coroutine = coroutine
        self._waited_for = waited_for

    def __await__(self) -> Generator[Any, None, None]:
        waited_for = self._waited_for
        while True:
            yield waited_for
            try:
                waited_for = self._coroutine.send(None)
            except StopIteration:
                return
