"""An update: every process is replaced, one after the other, behind the nginx that docs/deploy shows."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.conftest import MakeRig
from tests.faults.conversing import shown
from tests.faults.database import Database
from tests.faults.rig import ALLOWANCE_S, Rig
from tests.faults.visitors import Visitor
from tests.fixtures.the_proxies import Nginx
from tests.fixtures.the_redis import RedisServer

pytestmark = pytest.mark.faults
GAP_S = 15.0
EVERY_S = 1.0
LOOK_S = 0.05


@pytest.fixture
async def rig(make_rig: MakeRig, postgres_database: Database, redis_server: RedisServer) -> AsyncIterator[Rig]:
    """Two processes on one PostgreSQL and one Redis."""
    env = {"TRUSTED_PROXIES": "127.0.0.1/32", "TRUST_FORWARDED_PROTO": "True", "REDIS_URL": redis_server.url}
    env["DRAIN_S"] = "60"  # it bounds what takes a second; a busy machine must not reach it
    env["LOG_LEVEL"] = "INFO"
    yield await make_rig(applications=2, own_database=postgres_database, **env)


@pytest.fixture
async def nginx(rig: Rig, tmp_path: Path) -> AsyncIterator[Nginx]:
    """Between the visitors' line and the two."""
    nginx = Nginx.of_the_documents(tmp_path, [each.port for each in rig.applications])
    rig.front.targets = [nginx.port]
    yield nginx
    nginx.stop()


async def on_the_other(rig: Rig, first: Visitor) -> Visitor:
    """A second device, dropped until nginx brings it to the other process."""
    second = rig.device(first)
    while True:
        await rig.until(second.online.is_set, "the second device did not get in")
        if second.served_by != first.served_by:
            return second
        second.online.clear()
        await second.drop()


async def replace_each(rig: Rig) -> None:
    """As docs/deploy/update.sh does: the next has its turn when the one before takes visitors again."""
    for application in rig.applications:
        rig.injected(f"{application.name} is replaced")
        assert await application.terminate() == 0, application.tail()
        await application.start()


class Talking:
    """Everybody writes, and an agent answers one of them.

    ``gap_s``: what the slowest answer took to be on all their devices.
    """

    def __init__(self, rig: Rig, devices: list[Visitor]) -> None:
        self._rig, self._devices, self._talk = rig, devices, rig.talk_of(devices[0])
        self._said: dict[str, float] = {}  # not shown everywhere yet: text → when it was said
        self.gap_s = 0.0

    async def goes_on(self, during: "asyncio.Task[None]") -> None:
        number = 0
        while not during.done():
            for visitor in self._rig.visitors:
                if not visitor.unsent:  # a busy machine is not to drown in what waits
                    visitor.write(self._rig.marker(visitor))
            text, number = f"{self._rig.run}/agent/{number}", number + 1
            self._said[text] = time.monotonic()
            await self._rig.agent.reply(self._talk.id, text)
            again = time.monotonic() + EVERY_S
            while time.monotonic() < again:
                self._is_shown()
                await asyncio.sleep(LOOK_S)
        await self._rig.until(self._is_shown, "an answer was not shown")

    def _is_shown(self) -> bool:
        """All of it; notes what took how long."""
        now = time.monotonic()
        for text, at in list(self._said.items()):
            if all(shown(device, text) for device in self._devices):
                self.gap_s = max(self.gap_s, now - at)
                del self._said[text]
        return not self._said


async def test_processes_are_replaced_one_by_one_and_nobody_is_refused(rig: Rig, nginx: Nginx) -> None:
    await rig.visit(2 if rig.scale.short else None)
    first = rig.visitors[0]
    second = await on_the_other(rig, first)
    await rig.introduce()
    talking = Talking(rig, [first, second])

    update = asyncio.create_task(replace_each(rig))
    await talking.goes_on(during=update)
    await update

    rig.injected(f"the longest gap was {talking.gap_s:.2f} s")
    figures = await rig.healed()
    assert [each.starts for each in rig.applications] == [2, 2]
    assert first.closes and second.closes, "both had to move"
    assert max(nginx.statuses()) < 500, "somebody was refused"
    assert talking.gap_s <= rig.s(GAP_S) + ALLOWANCE_S
    print(f"{figures}, longest gap {talking.gap_s:.2f} s")
