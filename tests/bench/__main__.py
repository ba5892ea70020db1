"""`make bench`: how much later than a direct subscriber a visitor hears, and what a visitor costs.

Prints a Markdown table; JSON=path writes the figures. VISITORS (1000), RATE (100), SECONDS (20) change the run. Figures
of a shared machine vary from run to run: compare the two ends of one run, not runs.
"""

import asyncio
import gc
import os
import random
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench import report
from tests.bench.application import Application, database, prepare, write_people
from tests.bench.cable import Cable, Generator, RailsCable, free_port, rackup
from tests.bench.people import Person, Rest
from tests.bench.sockets import Crowd, Direct

VISITORS = int(os.environ.get("VISITORS", "1000"))
RATE = int(os.environ.get("RATE", "100"))
SECONDS = int(os.environ.get("SECONDS", "20"))
LOADS = (RATE, 500, 1000)  # events/s from the generator
LOAD_S = 10
WARM_S = 3
DRAIN_S = 15
SETTLE_S = 5


class Stage:
    """One cable, one run of the application, and everybody who listens."""

    def __init__(self, cable: Cable, application: Application, rest: Rest) -> None:
        self.cable, self.application, self._rest = cable, application, rest
        self.crowd, self.direct = Crowd(application.url), Direct()
        self._people: list[Person] = []
        self._count = 0
        self._chance = random.Random(1)

    async def join(self, people: list[Person]) -> None:
        """Bring these in, until each is subscribed upstream and compared once."""
        await self.direct.join(people)
        await self.crowd.join(people)
        self._people += people
        async with asyncio.timeout(30 + len(people) / 10):
            while not self._rest.compared >= {each.source_id for each in self._people}:
                self.crowd.check()
                await asyncio.sleep(0.2)
        await asyncio.sleep(SETTLE_S)
        gc.collect()
        gc.freeze()  # A collection over thousands of sockets here would be measured as theirs.

    async def play(self, *, rate: int, seconds: float, numbers: "Numbers") -> dict[int, float]:
        """Broadcast evenly to people by chance; the moment of each event, when all have come or a while has passed."""
        sent: dict[int, float] = {}
        broadcasts: list[asyncio.Task[None]] = []
        start = time.perf_counter()
        for at in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, start + at / rate - time.perf_counter()))
            person, n = self._chance.choice(self._people), numbers.next()
            message = person.message(n)
            sent[n] = time.perf_counter()
            broadcasts.append(asyncio.create_task(self.cable.broadcast(person.token, message)))
        await asyncio.gather(*broadcasts)
        deadline = time.perf_counter() + DRAIN_S
        while time.perf_counter() < deadline and not self.crowd.arrivals.at.keys() >= sent.keys():
            self.crowd.check()
            await asyncio.sleep(0.1)
        return sent


class Numbers:
    """Message ids grow over all stages, as Chatwoot's do."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        self._last += 1
        return self._last


async def relay(stage: Stage, people: list[Person], numbers: Numbers, figures: dict[str, Any]) -> None:
    """One visitor, then all of them; the memory of the others in between."""
    await stage.direct.open(stage.cable.url)
    base_kb, joined = 0, 0
    for visitors in sorted({1, len(people)}):
        await stage.join(people[joined:visitors])
        if joined:
            grown_kb = stage.application.rss_kb() - base_kb
            figures["rss_per_visitor_kb"] = round(grown_kb / (visitors - joined), 1)
        joined = visitors
        say(f"{visitors} visitors, {RATE} events/s through {stage.cable.name}")
        await stage.play(rate=RATE, seconds=WARM_S, numbers=numbers)
        sent = await stage.play(rate=RATE, seconds=SECONDS, numbers=numbers)
        figures["relay"][str(visitors)] = report.compare(sent, stage.direct.arrivals, stage.crowd.arrivals)
        base_kb = stage.application.rss_kb()
    figures["upstream_sockets"] = await stage.cable.sockets() - 1  # the direct subscriber's


async def load(stage: Stage, people: list[Person], numbers: Numbers, figures: dict[str, Any]) -> None:
    await stage.direct.open(stage.cable.url)
    await stage.join(people)
    for rate in LOADS:
        say(f"{len(people)} visitors, {rate} events/s from the frame generator")
        await stage.play(rate=rate, seconds=WARM_S, numbers=numbers)
        before_s = stage.application.cpu_s()
        sent = await stage.play(rate=rate, seconds=LOAD_S, numbers=numbers)
        cpu_us = (stage.application.cpu_s() - before_s) / len(sent) * 1e6
        row = report.compare(sent, stage.direct.arrivals, stage.crowd.arrivals)
        arrived = [at for n, at in stage.crowd.arrivals.at.items() if n in sent]
        achieved = len(arrived) / (max(arrived) - min(sent.values()))
        told = {"offered_per_s": rate, "achieved_per_s": round(achieved, 1), "cpu_us_per_event": round(cpu_us)}
        figures["load"].append({"visitors": len(people)} | told | row)


async def run(folder: Path, environment: dict[str, str], people: list[Person], rest_port: int) -> dict[str, Any]:
    numbers = Numbers()
    file = rackup()
    if file is None:
        say("No puma or no kit (SHARED): the frame generator stands in for ActionCable")
    figures: dict[str, Any] = {"database": database(), "rate": RATE, "most_visitors": len(people)}
    figures |= {"relay": {}, "load": [], "rss_per_visitor_kb": None, "upstream_sockets": None}
    figures["cable"] = RailsCable.name if file else Generator.name
    for cable, play in ((RailsCable(file) if file else Generator(), relay), (Generator(), load)):
        rest = Rest(people, port=rest_port)
        log = folder / "application.log"
        async with rest, cable, Application(environment, rest_port=rest.port, cable=cable, log=log) as application:
            stage = Stage(cable, application, rest)
            try:
                await play(stage, people, numbers, figures)
            finally:
                await stage.crowd.leave()
                await stage.direct.leave()
        if said := log.read_text().strip():
            say(f"The application said:\n{said[-2000:]}")
            log.write_text("")
    return figures


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    started = time.monotonic()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="chatproxy-bench-") as name:
        folder, rest_port = Path(name), free_port()
        environment = prepare(folder)
        people = write_people(VISITORS, url=f"http://127.0.0.1:{rest_port}")
        figures = asyncio.run(run(folder, environment, people, rest_port))
    figures["took_s"] = round(time.monotonic() - started)
    print(report.table(figures))
    if path := os.environ.get("JSON"):
        report.write(figures, path)


if __name__ == "__main__":
    main()
