"""Fault switches by name: what a Chatwoot, its network, its Redis or its Sidekiq may do to us.

``POST /sandbox/faults {"name": …}`` sets one. `method` and `path` (a part of the path) limit a REST fault, `times` its
uses; `seconds` is how long it delays or, for a lasting state, how long that lasts. It stays until cleared otherwise.

===================  ==========================================================================================
error_before         500 by Rails (``X-Runtime``), nothing done
error_after          committed, then 500 by Rails
blob_lost            committed, but the storage does not take the files: 500 by Rails, or `cut` without an answer
lose_answer          committed, then the connection is cut without an answer
refuse               the connection is cut, nothing done
delay                `seconds` pass before the work is done
delay_answer         `seconds` pass between the commit and the answer
status               `status` and `body` are answered, nothing done; `seconds`: with that as Retry-After
late_commit          no answer; committed after `seconds`. `cut`: the connection is cut at once.
                     A request with ``X-Request-Start`` past its deadline does not commit, unless `frozen`.
inverted             a message takes its id at once and is committed within `seconds`, after younger ones
down                 every REST request answers 502, cable sockets are cut and refused
cable_cut            all cable sockets are cut now, without a closing handshake
cable_disconnect     all cable sockets get Rails' "server_restart" and are closed now
cable_refuse         new cable sockets are refused
cable_mute           welcome, pings and confirmations, but no broadcasts
cable_silent         no frames at all, not even pings
cable_no_confirm     subscribing is met with silence; `token` limits it to one
cable_reject         subscribing is rejected; `token` limits it to one
broadcasts_delayed   every job runs `seconds` later
broadcasts_stopped   no job runs (Sidekiq is down); they run when cleared, or are lost with `drop`
broadcasts_doubled   every broadcast is sent twice
broadcasts_shuffled  broadcasts of a short while are sent in random order
===================  ==========================================================================================
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from chat.sandbox.http import Request, Response, exception_page
from chat.sandbox.timeouts import Deadline

Commit = Callable[[], Awaitable[Response]]
LASTING = frozenset(
    {
        "down",
        "cable_refuse",
        "cable_mute",
        "cable_silent",
        "cable_no_confirm",
        "cable_reject",
        "broadcasts_stopped",
        "broadcasts_doubled",
        "broadcasts_shuffled",
    }
)


class Cut(Exception):
    """Close the connection without an answer."""


class Answered(Exception):
    """Answer this instead; `by_rails` adds ``X-Runtime``."""

    def __init__(self, response: Response, *, by_rails: bool = True) -> None:
        self.response, self.by_rails = response, by_rails


@dataclass
class Exchange:
    """One REST request on its way through the faults."""

    request: Request
    deadline: Deadline
    commit: Commit
    keep: Callable[[Awaitable[Any]], asyncio.Task[Any]]
    take_id: Callable[[], int]
    message_id: int | None = None
    """Taken before the commit; None: as usual."""


@dataclass
class Fault:
    name: str
    method: str = ""
    path: str = ""
    times: int | None = None
    seconds: float | None = None
    status: int = 500
    body: Any = None
    token: str = ""
    cut: bool = False
    frozen: bool = False
    drop: bool = False
    set_at: float = field(default_factory=time.monotonic)

    @property
    def over(self) -> bool:
        if self.times is not None and self.times <= 0:
            return True
        return self.name in LASTING and self.seconds is not None and time.monotonic() > self.set_at + self.seconds

    def matches(self, request: Request) -> bool:
        concerns = self.name != "blob_lost" or "multipart" in request.headers.get("content-type", "")
        return concerns and self.method in ("", request.method) and self.path in request.path


async def error_before(fault: Fault, exchange: Exchange) -> None:
    raise Answered(exception_page(500, "Internal Server Error"))


async def refuse(fault: Fault, exchange: Exchange) -> None:
    raise Cut


async def delay(fault: Fault, exchange: Exchange) -> None:
    await exchange.deadline.sleep(fault.seconds or 0)


async def inverted(fault: Fault, exchange: Exchange) -> None:
    exchange.message_id = exchange.take_id()
    await exchange.deadline.sleep(random.uniform(0, fault.seconds or 0))


async def status(fault: Fault, exchange: Exchange) -> None:
    if isinstance(fault.body, str):
        response = Response(fault.status, fault.body.encode(), "text/html; charset=utf-8")
    else:
        body = b"" if fault.body is None else orjson.dumps(fault.body)
        response = Response(fault.status, body, "application/json; charset=utf-8")
    if fault.seconds is not None:
        response.headers["Retry-After"] = str(round(fault.seconds))
    raise Answered(response, by_rails=fault.status not in (413, 429, 502, 503, 504))


async def down(fault: Fault, exchange: Exchange) -> None:
    page = b"<html><head><title>502 Bad Gateway</title></head></html>"
    raise Answered(Response(502, page, "text/html"), by_rails=False)


async def late_commit(fault: Fault, exchange: Exchange) -> None:
    async def commit_later() -> None:
        await asyncio.sleep(fault.seconds or 0)
        if fault.frozen or not exchange.deadline.fenced or exchange.deadline.left() > 0:
            await exchange.commit()

    task = exchange.keep(commit_later())
    if not fault.cut:
        await asyncio.shield(task)
    raise Cut


async def blob_lost(fault: Fault, exchange: Exchange) -> None:
    """Active Storage uploads after the commit."""
    exchange.request.loses_files = True
    await exchange.commit()
    if fault.cut:
        raise Cut
    raise Answered(exception_page(500, "Internal Server Error"))


async def error_after(fault: Fault, exchange: Exchange) -> None:
    raise Answered(exception_page(500, "Internal Server Error"))


async def lose_answer(fault: Fault, exchange: Exchange) -> None:
    raise Cut


BEFORE = {f.__name__: f for f in (down, refuse, delay, inverted, status, error_before, late_commit, blob_lost)}
AFTER = {"delay_answer": delay, "error_after": error_after, "lose_answer": lose_answer}
AT_ONCE = frozenset({"cable_cut", "cable_disconnect"})
SWITCHES = frozenset({*BEFORE, *AFTER, *LASTING, *AT_ONCE, "broadcasts_delayed"})


class Faults:
    def __init__(self) -> None:
        self._set: list[Fault] = []
        self.changed = asyncio.Event()

    def add(self, fault: Fault) -> None:
        self._set.append(fault)
        self.changed.set()

    def clear(self) -> None:
        self._set.clear()
        self.changed.set()

    @property
    def active(self) -> list[Fault]:
        self._set = [fault for fault in self._set if not fault.over]
        return list(self._set)

    def lasting(self, name: str) -> Fault | None:
        """A state that is on; using it does not use it up."""
        return next((fault for fault in self.active if fault.name == name), None)

    def take(self, name: str, token: str = "") -> Fault | None:
        for fault in self.active:
            if fault.name == name and fault.token in ("", token):
                _use(fault)
                return fault
        return None

    async def before(self, exchange: Exchange) -> None:
        """Raises `Cut`, `Answered` or `timeouts.TimedOut`."""
        await self._apply(BEFORE, exchange)

    async def after(self, exchange: Exchange) -> None:
        """Raises as `before` does; the work is committed."""
        await self._apply(AFTER, exchange)

    async def _apply(self, switches: dict[str, Any], exchange: Exchange) -> None:
        for fault in self.active:
            if fault.name in switches and fault.matches(exchange.request) and not fault.over:
                _use(fault)
                await switches[fault.name](fault, exchange)


def _use(fault: Fault) -> None:
    if fault.times is not None:
        fault.times -= 1
