"""Both ends that are measured: visitors behind a server, and one direct subscriber of the same cable."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

from chat.bridge.connection import Connection
from chat.bridge.dial import CableDown, CableSocket, dial_websocket
from chat.bridge.timing import Timing
from chat.chatwoot.cable_events import Confirmed, Received, SubscriptionEvent
from chat.chatwoot.identity import cable_identifier
from tests.bench.people import Person
from tests.eventually import eventually
from tests.faults.swarm import TOLD, Page, Swarm

AT_ONCE = 100  # who arrive together; `serve` answers as many hellos at a time


@dataclass
class Arrivals:
    """When each event was there, by its number."""

    at: dict[int, float] = field(default_factory=dict)

    def note(self, text: bytes) -> None:
        now = time.perf_counter()
        for found in TOLD.findall(text):
            self.at.setdefault(int(found), now)


class Visitor(Page):
    """A page that notes when events arrive, and may write."""

    def __init__(self, person: Person, crowd: "Crowd") -> None:
        super().__init__(person, crowd)
        self._arrivals = crowd.arrivals
        self._answers: dict[str, asyncio.Future[str]] = {}

    def heard(self, payload: bytes) -> None:
        self._arrivals.note(payload)
        super().heard(payload)
        if self._answers:
            frame = orjson.loads(payload)
            if (asked := self._answers.get(frame.get("echo_id"))) and not asked.done():
                asked.set_result(frame["type"])

    async def send(self, text: str, *, within_s: float) -> None:
        """Returns when it was accepted."""
        assert self._line is not None, f"closed: {self.codes}"
        echo_id = str(uuid.uuid4())
        answer = self._answers[echo_id] = asyncio.get_running_loop().create_future()
        self._line.tell(type="send", echo_id=echo_id, conversation=None, text=text)
        async with asyncio.timeout(within_s):
            assert (said := await answer) == "accepted", said
        del self._answers[echo_id]


class Crowd(Swarm):
    """Visitors who come some at a time."""

    def __init__(self, port: int) -> None:
        super().__init__(port=port)
        self.arrivals = Arrivals()

    async def join(self, people: list[Person], *, within_s: float) -> float:
        """Open a socket for each; seconds until all have their start state."""
        begun = time.perf_counter()
        self._tasks = self._tasks or self.minders()
        for start in range(0, len(people), AT_ONCE):
            some = [Visitor(each, self) for each in people[start : start + AT_ONCE]]
            self.pages += some
            self._tasks += [asyncio.create_task(each.stay(0)) for each in some]
            await self.until(lambda some=some: all(each.resumed_at for each in some), within_s=within_s)
        return time.perf_counter() - begun

    async def cut(self, number: int, *, within_s: float) -> float:
        """Cut so many sockets at once; seconds until all these pages have resumed, each in its own time."""
        some, begun = self.pages[:number], time.perf_counter()
        lost = [len(each.codes) for each in some]
        for each in some:
            each.drop()
        both = list(zip(some, lost, strict=True))
        await self.until(lambda: all(each.resumed_at and len(each.codes) > n for each, n in both), within_s=within_s)
        return time.perf_counter() - begun

    def wrong(self) -> str:
        """What a page was told or closed with, if something was."""
        codes = Counter(code for each in self.pages for code in each.codes if code)
        return " ".join(map(str, filter(None, (dict(codes), self.errors[:3], self.timeouts))))

    async def until(self, condition: Callable[[], object], *, within_s: float) -> None:
        """Raises what ended a page, if something did."""
        try:
            await eventually(condition, within_s=within_s)
        finally:
            self.check()


class Direct:
    """Subscribed at the cable itself, on one socket, with TCP_QUICKACK as the hub has it."""

    def __init__(self, timing: Timing | None = None) -> None:
        self.arrivals, self._timing = Arrivals(), timing or Timing()
        self._confirmed = self._expected = 0
        self._complete = asyncio.Event()
        self._connection: Connection | None = None
        self._socket: CableSocket | None = None
        self._pump: asyncio.Task[None] | None = None

    async def open(self, url: str) -> None:
        self._socket = await dial_websocket(url)
        self._connection = Connection(
            self._socket, clock=time.monotonic, timing=self._timing, heard=self._heard, ticked=lambda *_: None
        )
        self._pump = asyncio.create_task(self._connection.run())

    async def join(self, people: list[Person]) -> None:
        assert self._connection is not None
        self._expected += len(people)
        self._complete.clear()
        for person in people:
            self._connection.subscribe(cable_identifier(person.pubsub_token), retries=0)
        async with asyncio.timeout(60):
            await self._complete.wait()

    def check(self) -> None:
        """Raise what ended it, if something did."""
        if self._pump and self._pump.done():
            self._pump.result()

    async def leave(self) -> None:
        assert self._pump is not None
        assert self._socket is not None
        await self._socket.close()
        try:
            await self._pump
        except CableDown:
            return

    def _heard(self, event: SubscriptionEvent) -> None:
        if isinstance(event, Confirmed):
            self._confirmed += 1
            if self._confirmed == self._expected:
                self._complete.set()
        elif isinstance(event, Received) and event.message.get("event") == "message.created":
            self.arrivals.note(event.message["data"]["content"].encode())
