"""Everybody at once: all sockets dropped, the process killed, the process told to stop (F42, F44)."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from random import Random
from typing import Any

import httpx
import pytest

from tests.faults.conftest import MakeRig
from tests.faults.meters import RateMeter
from tests.faults.population import populate
from tests.faults.rig import Rig
from tests.faults.swarm import Swarm

pytestmark = pytest.mark.faults
CROWD = {True: 60, False: 2_000}  # by whether the tier is short
RESUMED_S = 60.0
SETTLE_S = 30.0
MakeStorm = Callable[..., Awaitable["Storm"]]


class Storm:
    """A crowd in front of one application, agents who answer by chance, and the time everything takes."""

    def __init__(self, rig: Rig, swarm: Swarm) -> None:
        self.rig, self.swarm = rig, swarm
        self.said: dict[int, int] = {}  # number → talk
        self.figures: dict[str, float] = {}
        self.meter = RateMeter(rig.chatwoot, rig.agent, per_s=rig.rate_per_s)
        self.watching = asyncio.create_task(self.meter.watch())
        self._chance = Random(2)

    @property
    def contacts_s(self) -> float:
        """What comparing everybody takes within the budget."""
        return self.number / self.rig.rate_per_s

    @property
    def number(self) -> int:
        return len(self.swarm.pages)

    async def until(self, condition: Callable[[], object], words: str, *, within_s: float) -> float:
        """Seconds that it took."""
        begun = time.monotonic()
        while not condition():
            self.swarm.check()
            took_s = time.monotonic() - begun
            assert took_s < within_s, f"{words} within {within_s:.0f} s: {self.told()}\n{self.rig.report()}"
            await asyncio.sleep(0.1)
        return time.monotonic() - begun

    async def say(self, number: int) -> None:
        """Agents write to people by chance."""
        for page in self._chance.sample(self.swarm.pages, min(number, self.number)):
            n = len(self.said)
            self.said[n] = page.person.talk
            await self.rig.agent.reply(page.person.talk, f"say-{n}- Your parcel is on its way.")

    def missed(self) -> list[int]:
        told = {n for page in self.swarm.pages for n in page.told}
        return [n for n in self.said if n not in told]

    async def stats(self) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=self.rig.chatwoot.url, trust_env=False, timeout=30) as http:
            return (await http.get("/sandbox/stats")).json()

    async def healed(self, *, within_s: float) -> float:
        """Everybody subscribed and compared since the gap, and nothing missed."""
        begun = time.monotonic()
        while (stats := await self.stats())["cable"]["subscriptions"] < self.number:
            took_s = time.monotonic() - begun
            assert took_s < within_s, f"{stats['cable']} after {took_s:.0f} s\n{self.rig.report()}"
            await asyncio.sleep(0.5)
        rest_s = within_s - (time.monotonic() - begun)
        await self.until(lambda: not self.missed(), "not everything was heard", within_s=rest_s)
        return time.monotonic() - begun

    async def compared(self, *, since_ms: int, within_s: float) -> float:
        """Everybody was compared with Chatwoot."""
        query = f"SELECT count(*) FROM chat_contactinbox WHERE resynced_at < {since_ms}"
        return await self.until(
            lambda: self.rig.database.rows(query)[0][0] == 0, "not everybody was compared", within_s=within_s
        )

    async def gather(self) -> None:
        """Everybody comes, is subscribed, compared, and has heard an agent."""
        begun_ms = now_ms()
        self.swarm.arrive(within_s=self.number / 100)
        await self.all_here("arrived_s")
        self.figures["compared_s"] = await self.compared(since_ms=begun_ms, within_s=2 * self.contacts_s + SETTLE_S)
        await self.say(100)
        await self.healed(within_s=SETTLE_S)
        await asyncio.sleep(self.rig.s(10))

    async def all_here(self, name: str) -> None:
        words = f"{name}: not all are here"
        self.figures[name] = await self.until(lambda: self.swarm.here == self.number, words, within_s=RESUMED_S)

    async def come_back(self, *, since_ms: int) -> None:
        """After a stop or kill: all resumed, everything heard, everybody compared, in its time."""
        saying = asyncio.create_task(self.say(100))
        await self.all_here("resumed_s")
        await saying
        limit_s = self.contacts_s + SETTLE_S
        await self.healed(within_s=limit_s)
        self.figures["healed_s"] = (now_ms() - since_ms) / 1000
        await self.compared(since_ms=since_ms, within_s=limit_s)
        self.figures["compared_s"] = (now_ms() - since_ms) / 1000

    async def wound_down(self, warm_kb: int) -> None:
        """Nothing refused, nothing missed, within the budget, and as much memory as before."""
        await asyncio.sleep(self.rig.s(10))
        self.figures |= {
            "rss_warm_kb": warm_kb,
            "rss_kb": self.rig.application.rss_kb(),
            "asked_per_s": self.meter.most,
        }
        assert self.swarm.errors == []
        assert not self.missed()
        assert not self.meter.wrong
        assert self.figures["rss_kb"] <= 1.1 * warm_kb, self.told()

    async def asked(self) -> int:
        """Requests to the Client API so far."""
        return int((await self.stats())["areas"]["client"])

    def told(self) -> str:
        swarm = self.swarm
        return (
            f"{swarm.here} of {self.number} here, {swarm.timeouts} gave up waiting, {len(self.missed())} missed, "
            f"errors {swarm.errors[:3]}, {json.dumps(self.figures)}"
        )


def now_ms() -> int:
    return round(time.time() * 1000)


@pytest.fixture
async def make_storm(make_rig: MakeRig, raised_limit: None) -> AsyncIterator[MakeStorm]:
    storms: list[Storm] = []

    async def make(**env: str) -> Storm:
        rig = await make_rig(LOG_LEVEL="INFO", **env)
        number = CROWD[rig.scale.short]
        people = await populate(number, sandbox=rig.chatwoot, database=rig.database, world=rig.world)
        storms.append(Storm(rig, Swarm(people, port=rig.application.port)))
        return storms[-1]

    yield make
    for storm in storms:
        storm.watching.cancel()
        await asyncio.gather(storm.swarm.leave(), storm.watching, return_exceptions=True)
        print(storm.told())


@pytest.fixture
def raised_limit() -> None:
    """Two thousand sockets need as many files at both ends."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def test_everybody_dropped_resumes_without_asking_chatwoot(make_storm: MakeStorm) -> None:
    storm = await make_storm()
    await storm.gather()
    warm_kb, asked = storm.rig.application.rss_kb(), await storm.asked()

    storm.rig.injected("everybody dropped")
    storm.swarm.drop()
    saying = asyncio.create_task(storm.say(100))
    await asyncio.sleep(0.05)
    await storm.all_here("resumed_s")
    await saying
    storm.figures["healed_s"] = await storm.healed(within_s=SETTLE_S)
    storm.figures["asked_again"] = await storm.asked() - asked

    assert storm.figures["asked_again"] <= storm.number / 20  # audits that were due, not resyncs
    await storm.wound_down(warm_kb)


async def test_f44_everybody_resumes_and_is_healed_after_a_kill(make_storm: MakeStorm) -> None:
    storm = await make_storm()
    await storm.gather()
    warm_kb = storm.rig.application.rss_kb()

    killed_ms = now_ms()
    await storm.rig.kill(storm.rig.application)
    await storm.say(100)
    await storm.rig.application.start()
    await storm.come_back(since_ms=killed_ms)
    await storm.wound_down(warm_kb)


async def test_f42_everybody_is_sent_away_by_a_stop_and_comes_back(make_storm: MakeStorm) -> None:
    storm = await make_storm()
    await storm.gather()
    warm_kb = storm.rig.application.rss_kb()

    told_ms = now_ms()
    stopping = asyncio.create_task(storm.rig.application.terminate())
    await storm.say(100)
    assert await stopping == 0
    storm.figures["stopped_s"] = (now_ms() - told_ms) / 1000
    assert [page.told_to_go for page in storm.swarm.pages] == [1] * storm.number
    assert {page.codes[-1] for page in storm.swarm.pages} <= {0, 1012}  # 0: it left by itself, at its moment
    await storm.rig.application.start()
    await storm.come_back(since_ms=told_ms)
    await storm.wound_down(warm_kb)
