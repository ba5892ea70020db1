"""The line of a visitor: one socket, opened again and again, with hello, acknowledgements, pings and resends.

A message keeps its echo_id until it is accepted or refused and goes out again on every new socket, one at a time.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from tests.faults.view import View

ACK_ROWS, ACK_S = 16, 0.25
LATER = ("too_fast", "unavailable")
NEVER_AGAIN = (4400, 4403, 4404, 4413)
UNKNOWN_TOKEN = 4401
LOST = (OSError, TimeoutError, ConnectionClosed, InvalidHandshake, InvalidMessage, EOFError)


@dataclass(frozen=True)
class Pace:
    """The patience of a visitor; the defaults are those of the short tier."""

    answer_s: float = 4.0  # before the socket counts as lost
    pause_s: float = 0.5  # longest pause between two attempts to connect
    ping_s: float = 2.0


@dataclass
class Written:
    """A message of ours; `outcome` is "" until the server has said accepted or refused."""

    echo_id: str
    text: str
    conversation: str | None = None
    files: tuple[str, ...] = ()
    outcome: str = ""


@dataclass
class Credentials:
    """Of one person at one inbox, shared by their devices."""

    refresh_token: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)


class Client:
    """One device. `person` is the same for all devices of one human being."""

    def __init__(
        self,
        name: str,
        *,
        url: Callable[[], str],
        http: httpx.AsyncClient,
        credentials: Credentials | None = None,
        person: str = "",
        inbox: str = "main",
        pace: Pace | None = None,
    ) -> None:
        self.name, self.person, self.inbox = name, person or name, inbox
        self.written: list[Written] = []
        self.view = View()
        self.closes: list[int] = []
        self.served_by = ""  # as a proxy says that tells it (`tests.fixtures.the_proxies`)
        self.online = asyncio.Event()
        self.credentials = credentials or Credentials()
        self._url, self._http, self._pace = url, http, pace or Pace()
        self._random = Random(name)
        self._socket: ClientConnection | None = None
        self._in_flight = ""
        self._pausing = False
        self._unacknowledged = 0
        self._ack_task: asyncio.Task[None] | None = None
        self._transmission: asyncio.Task[None] | None = None

    @property
    def violations(self) -> list[str]:
        return [f"{self.name}: {words}" for words in self.view.violations]

    @property
    def unsent(self) -> list[Written]:
        return [each for each in self.written if not each.outcome]

    async def tell(self, **frame: Any) -> None:
        """Any other frame, if there is a socket: typing, seen, answer, …; nothing is repeated."""
        with contextlib.suppress(*LOST):
            if self._socket is not None:
                await self._socket.send(orjson.dumps(frame).decode())

    # The socket

    async def _stay(self) -> None:
        while True:
            try:
                await self._connect()
            except LOST:
                pass
            except httpx.HTTPError:
                pass
            finally:
                self.online.clear()
                self._socket, self._in_flight = None, ""
            await asyncio.sleep(self._random.uniform(0.02, self._pace.pause_s))

    async def _connect(self) -> None:
        if not self.credentials.access_token:
            await self._open_session()
            return
        address = self._url().replace("http", "ws", 1) + "/ws/v1"
        async with connect(
            address,
            compression=None,
            proxy=None,
            ping_interval=None,
            open_timeout=self._pace.answer_s,
            close_timeout=0.2,
        ) as socket:
            hello = {
                "type": "hello",
                "token": self.credentials.access_token,
                "since": self.view.cursor,
                "visible": True,
            }
            await socket.send(orjson.dumps(hello).decode())
            self._socket = socket
            self.served_by = socket.response.headers.get("X-Served-By", "") if socket.response else ""
            heartbeat = asyncio.create_task(self._ping(socket))
            try:
                await self._listen(socket)
            finally:
                heartbeat.cancel()
                self._note_close(socket)

    async def _listen(self, socket: ClientConnection) -> None:
        while True:
            async with asyncio.timeout(self._pace.answer_s + self._pace.ping_s):
                data = await socket.recv(decode=False)
            self.view.heard += data
            frame = orjson.loads(data)
            if frame["type"] == "reconnect":
                await asyncio.sleep(self._random.uniform(0, frame["in_ms"] / 1000))
                return
            self._take(frame)
            self._wake()

    def _take(self, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "reset" | "changes":
                self.online.set()
                self._unacknowledged += self.view.take(frame)
                self._acknowledge_soon()
            case "accepted":
                self._answered(frame["echo_id"], "accepted")
            case "refused" if frame["error"]["code"] in LATER:
                self._in_flight, self._pausing = "", True
                asyncio.get_running_loop().call_later(self._pace.pause_s, self._resume)
            case "refused":
                self._answered(frame["echo_id"], f"refused: {frame['error']['code']}")
            case "pong":
                self.online.set()

    def _answered(self, echo_id: str, outcome: str) -> None:
        for each in self.written:
            if each.echo_id == echo_id:
                each.outcome = outcome
        self._in_flight = ""

    # Sending, one at a time

    def _resume(self) -> None:
        self._pausing = False
        self._wake()

    def _wake(self) -> None:
        shown = self.view.echo_ids
        for each in self.unsent:  # Its row is as good as an answer.
            if each.echo_id in shown:
                self._answered(each.echo_id, "accepted")
        if not self.unsent or self._in_flight or self._pausing or self._socket is None or not self.online.is_set():
            return
        first = self.unsent[0]
        self._in_flight = first.echo_id
        self._transmission = asyncio.create_task(self._transmit(self._socket, first))
        asyncio.get_running_loop().call_later(self._pace.answer_s, self._give_up, self._socket, first.echo_id)

    async def _transmit(self, socket: ClientConnection, written: Written) -> None:
        frame = {
            "type": "send",
            "echo_id": written.echo_id,
            "conversation": written.conversation,
            "text": written.text,
            "files": written.files,
        }
        with contextlib.suppress(*LOST):
            await socket.send(orjson.dumps(frame).decode())

    def _give_up(self, socket: ClientConnection, echo_id: str) -> None:
        """No answer: the socket counts as lost."""
        if self._in_flight == echo_id and self._socket is socket:
            socket.transport.abort()

    # Acknowledging and pinging

    def _acknowledge_soon(self) -> None:
        if self._unacknowledged >= ACK_ROWS:
            self._ack_task = asyncio.create_task(self._acknowledge(0))
        elif self._ack_task is None or self._ack_task.done():
            self._ack_task = asyncio.create_task(self._acknowledge(ACK_S))

    async def _acknowledge(self, pause_s: float) -> None:
        await asyncio.sleep(pause_s)
        self._unacknowledged = 0
        await self.tell(type="ack", cursor=self.view.cursor)

    async def _ping(self, socket: ClientConnection) -> None:
        with contextlib.suppress(*LOST):
            while True:
                await socket.send(b'{"type":"ping","visible":true}'.decode())
                await asyncio.sleep(self._pace.ping_s)

    # Sessions

    async def _open_session(self) -> None:
        url = f"{self._url()}/api/v1/session"
        if self.credentials.refresh_token:
            answer = await self._http.post(f"{url}/refresh", json={"refresh_token": self.credentials.refresh_token})
        else:
            answer = await self._http.post(url, json={"inbox": self.inbox, "kind": "app"})
        if answer.status_code in (200, 201):
            body = answer.json()
            self.credentials.access_token = body["access_token"]
            self.credentials.refresh_token = body["refresh_token"]
        elif answer.status_code < 500 and answer.status_code != 429:
            raise AssertionError(f"{self.name} got no session: {answer.status_code} {answer.text}")

    def _note_close(self, socket: ClientConnection) -> None:
        code = socket.close_code or 1006
        self.closes.append(code)
        if code == UNKNOWN_TOKEN:
            self.credentials.access_token = ""
        if code in NEVER_AGAIN:
            raise AssertionError(f"{self.name} was closed for good: {code} {bytes(self.view.heard[-300:])!r}")
