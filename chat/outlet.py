"""Hands ASGI messages to the server from code that cannot wait.

Daphne's send never suspends, so a message goes out within the call: relaying an agent's message costs no task and no
turn of the loop. Where a server's send does suspend, the rest runs in a task and the next message waits for it.
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
    def __init__(self, send: AsgiSend) -> None:
        self._send = send
        self._rest: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        return self._rest is None

    def push(self, message: dict[str, Any]) -> None:
        """Send now, or right after what is being sent. Never raises: a peer that is gone is gone."""
        if self._rest is not None:
            self._rest = self._spawn(self._after(self._rest, message))
            return
        sending = self._send(message)
        try:
            waited_for = sending.send(None)
        except StopIteration:
            return
        except (OSError, Disconnected) as gone:
            _log_gone(gone)
            return
        except RuntimeError:  # such as a frame too large for the server; the client finds itself behind its next pong
            logger.exception("a frame could not be sent")
            return
        self._rest = self._spawn(_finish(_Started(sending, waited_for)))

    async def _after(self, rest: "asyncio.Task[None]", message: dict[str, Any]) -> None:
        await asyncio.wait([rest])
        await _finish(self._send(message))

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(coroutine, name="outlet", context=contextvars.Context())
        task.add_done_callback(self._done)
        return task

    def _done(self, task: "asyncio.Task[None]") -> None:
        if self._rest is task:
            self._rest = None


async def _finish(sending: Awaitable[None]) -> None:
    try:
        await sending
    except (OSError, Disconnected) as gone:
        _log_gone(gone)
    except RuntimeError:
        logger.exception("a frame could not be sent")


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
