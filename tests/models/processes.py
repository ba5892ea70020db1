"""Our processes as a model runs them: the real courier, whose database and network answer when the model lets them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from django.db import OperationalError

from chat import sql
from chat.budget import Budget
from chat.chatwoot import resources
from chat.chatwoot.listing import Listed
from chat.chatwoot.upstream_clock import UpstreamClock
from chat.courier import Courier
from chat.link import Link
from chat.models import Chatwoot as ChatwootRow
from chat.upstreams import Upstream
from tests.fixtures.people import CHATWOOT_INBOX
from tests.models.memory import Clock, written


@dataclass(eq=False)
class Request:
    """What of ours is on its way to Chatwoot. ``over``: our side no longer waits; it may arrive all the same."""

    process: int
    kind: str
    values: dict[str, Any]
    headers: dict[str, str]
    began: int
    answer: asyncio.Future[Any]
    over: bool = False
    ended: bool = False  # Chatwoot will do nothing with it any more

    @property
    def writes(self) -> bool:
        return self.kind in ("contact", "conversation", "message")


class Loop(asyncio.SelectorEventLoop):
    """Its time is the model's; it never waits, since a model runs it for a few turns at a time."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def time(self) -> float:
        return self._clock.now / 1000


@dataclass
class Database:
    """Reader and writer of one process: what they are asked waits for the model, and is done between two turns."""

    clock: Clock
    work: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = field(default_factory=list)

    async def run(self, read: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if getattr(read, "__name__", "") == "_pause":  # it would read the wall clock
            raise OperationalError("no other process is to hear of it")
        if read is sql.database_now:
            return self.clock.now
        return await self._ask(lambda: read(*args, **kwargs))

    async def write(self, run: Callable[[Any], Any], *, contacts: Any, priority: object) -> Any:
        return await self._ask(lambda: written(self.clock, run, *contacts)[0])

    async def _ask(self, act: Callable[[], Any]) -> Any:
        future = asyncio.get_running_loop().create_future()
        self.work.append((act, future))
        return await future

    def do(self) -> bool:
        """The oldest of what is asked for; False: nothing is."""
        if not self.work:
            return False
        act, future = self.work.pop(0)
        result = act()
        if not future.done():
            future.set_result(result)
        return True


class Api:
    """Chatwoot's two APIs. ``asked`` gets each request; whoever answers it is the model."""

    def __init__(self, process: int, clock: Clock, asked: Callable[[Request], None]) -> None:
        self._process, self._clock, self._asked = process, clock, asked

    async def _ask(self, kind: str, headers: Any = None, **values: Any) -> Any:
        future = asyncio.get_running_loop().create_future()
        self._asked(Request(self._process, kind, values, dict(headers or {}), self._clock.now, future))
        return await future

    async def create_contact(
        self, *, source_id: str, name: Any, custom_attributes: Any, identifier_hash: str | None, headers: Any
    ) -> Any:
        return await self._ask("contact", headers)

    async def create_conversation(self, source_id: str, *, custom_attributes: Any, headers: Any) -> Any:
        return await self._ask("conversation", headers, key=next(iter(custom_attributes.values())))

    async def create_message(
        self, *place: Any, content: str, echo_id: str, headers: Any, marker: str | None = None
    ) -> Any:
        return await self._ask(
            "message", headers, conversation=place[-1], content=content, echo_id=echo_id, marker=marker
        )

    async def messages(self, source_id: str, conversation: int, *, before: int | None = None) -> Any:
        return Listed(await self._ask("messages", conversation=conversation, before=before))

    async def conversations(self, source_id: str) -> Any:
        return Listed(await self._ask("conversations"))

    async def inbox(self) -> Any:
        return await self._ask("inbox")


class Reach:
    """The ways to Chatwoot: one inbox's."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream

    async def of(self, inbox_id: int) -> Upstream:
        return self.upstream

    def is_former(self, upstream: Upstream) -> bool:
        return upstream is not self.upstream

    def forget(self) -> None: ...


class Nobody:
    """Whoever holds contacts; nobody does."""

    def keep(self, contact_id: object) -> Callable[[], None]:
        return lambda: None

    def refresh(self, contact_id: object) -> None: ...

    def answered(self, contact_inbox_id: int, message_id: int, *, posted_at: float) -> None: ...


class Process:
    """One of ours: alive, frozen, or dead."""

    def __init__(
        self, number: int, clock: Clock, row: ChatwootRow, asked: Callable[[Request], None], *, has_bot: bool
    ) -> None:
        self.number, self.clock, self.frozen = number, clock, False
        self.loop, self.database = Loop(clock), Database(clock)
        self.api: Any = Api(number, clock, asked)
        database: Any = self.database
        now_s = lambda: clock.now / 1000  # noqa: E731
        nothing: Any = None
        budget = Budget(rate_per_s=1_000_000, monotonic=now_s)
        self.link = Link(row, reader=database, http=nothing, hub=nothing, budget=budget)
        self.link.clock = UpstreamClock(base=lambda: clock.now, wall=lambda: clock.now)
        self.link.clock.sample(sent=clock.now, received=clock.now, told_ms=clock.now // 1000 * 1000)
        self.link.learn(row, now=clock.now)
        self.link.asked()
        upstream = Upstream(
            inbox_id=row.inboxes.get().pk,
            chatwoot_inbox_id=CHATWOOT_INBOX,
            api=self.api,
            bot=self.api if has_bot else None,
            link=self.link,
            anonymous_hash=None,
        )
        reach: Any = Reach(upstream)
        holding: Any = Nobody()
        self.courier = Courier(reach, database, database, holding, random=Random(7))
        self.turn(self.courier.start)

    def turn(self, act: Callable[[], object] = lambda: None, *, turns: int = 6) -> None:
        """Let its loop run for a moment."""

        async def moment() -> None:
            act()
            for _ in range(turns):
                await asyncio.sleep(0)

        self.loop.run_until_complete(moment())

    def work(self, steps: int) -> None:
        """So many steps of its database, each followed by whatever comes of it."""
        for _ in range(steps):
            if self.frozen:
                return
            self.link.breaker.succeeded()  # a probe closes it
            self.turn()
            if not self.database.do():
                return
            self.turn()

    def die(self) -> None:
        """At once: what its database and network were asked, they may do all the same or not; nobody waits for it."""
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.turn()
        self.database.work.clear()
        self.loop.close()


def session(source_id: str) -> resources.ContactSession:
    return resources.ContactSession(source_id=source_id, pubsub_token="token", contact_id=1, name="")
