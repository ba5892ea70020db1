"""One server, the cable behind it, and everybody who listens there."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from itertools import count
from random import Random
from types import TracebackType
from typing import Self

from tests.bench.cable import Cable, Generator
from tests.bench.people import Person, Rest, newcomers
from tests.bench.servers import Databases, Peer, fresh_folder, serve, started
from tests.bench.sizes import Sizes
from tests.bench.sockets import Crowd
from tests.faults import population
from tests.faults.processes import Process

NUMBERS = count(1)  # message ids grow over all stages, as Chatwoot's do
PATIENCE_S = 60.0


class Stage:
    """`ready` says when all who came are listened for at the cable, too."""

    def __init__(
        self, server: Process, cable: Cable, sizes: Sizes, people: list[Person], ready: Callable[[list[Person]], bool]
    ) -> None:
        self.server, self.cable, self.sizes = server, cable, sizes
        self.crowd = Crowd(server.port)
        self.here: list[Person] = []
        self.people, self._ready, self._chance = people, ready, Random(1)

    async def join(self, visitors: int) -> float:
        """Have so many in all and let everything settle; seconds until all had their start state."""
        come = self.people[len(self.here) : visitors]
        took_s = await self.crowd.join(come, within_s=PATIENCE_S)
        self.here += come
        await self.crowd.until(lambda: self._ready(self.here), within_s=PATIENCE_S + len(come) / 10)
        await asyncio.sleep(self.sizes.settle_s)
        return took_s

    async def play(self, *, rate_per_s: float, seconds: float) -> dict[int, float]:
        """Broadcast evenly to people by chance; the moment of each event, when all have come or a while has passed."""
        sent: dict[int, float] = {}
        broadcasts: list[asyncio.Task[None]] = []
        start = time.perf_counter()
        for at in range(max(2, int(rate_per_s * seconds))):
            await asyncio.sleep(max(0.0, start + at / rate_per_s - time.perf_counter()))
            person, n = self._chance.choice(self.here), next(NUMBERS)
            message = person.message(n)
            sent[n] = time.perf_counter()
            broadcasts.append(asyncio.create_task(self.cable.broadcast(person.pubsub_token, message)))
        await asyncio.gather(*broadcasts)
        with suppress(TimeoutError):
            await self.crowd.until(lambda: self.crowd.arrivals.at.keys() >= sent.keys(), within_s=self.sizes.drain_s)
        return sent

    async def idle_cpu_percent(self) -> float:
        """Of one core, while nothing is said."""
        before_s, begun = self.server.cpu_s(), time.perf_counter()
        await asyncio.sleep(self.sizes.idle_s)
        return (self.server.cpu_s() - before_s) / (time.perf_counter() - begun) * 100

    async def __aenter__(self) -> Self:
        await started(self.server)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if (wrong := self.crowd.wrong()) and not error:
            print(f"Some pages did not stay: {wrong}")
        await self.crowd.leave()
        await self.server.close()
        if said := self.server.text().strip():
            print(f"{self.server.name} said:\n{said[-2000:]}")


@asynccontextmanager
async def ours(databases: Databases, cable: Cable, sizes: Sizes, visitors: int) -> AsyncIterator[Stage]:
    """The application, with so many people in its database. The cable runs already."""
    people, database = newcomers(visitors), databases.fresh()
    rows = [[each.source_id, each.pubsub_token, each.number, each.number] for each in people]
    made = await asyncio.to_thread(population.write, rows, database=database, folder=fresh_folder())
    for each, (_, token) in zip(people, made, strict=True):
        each.token = token
    async with Rest(people) as rest:
        server = serve(database, rest_url=rest.url, cable_url=cable.url)
        stage = Stage(server, cable, sizes, people, lambda come: len(rest.compared) >= len(come))
        async with stage:
            yield stage


def naive(cable: Generator, sizes: Sizes, visitors: int) -> Stage:
    """The peer with a cable socket for each."""
    people = [replace(each, token=each.pubsub_token) for each in newcomers(visitors)]
    return Stage(Peer(cable.url), cable, sizes, people, lambda come: cable.subscribed() >= len(come))


def bare(cable: Cable, sizes: Sizes, visitors: int) -> Stage:
    """The peer that answers and does nothing else."""
    return Stage(Peer(), cable, sizes, newcomers(visitors), lambda come: True)
