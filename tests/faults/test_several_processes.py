"""F37, and everyday life with two processes: one PostgreSQL, one Redis, one address, devices of one visitor on both."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest

from tests.faults.conftest import MakeRig
from tests.faults.database import Database
from tests.faults.rig import Rig, during
from tests.faults.visitors import Visitor
from tests.fixtures.the_redis import RedisServer

pytestmark = pytest.mark.faults
HEADS_S = 5.0  # how often a process compares the heads of its sockets with the database
ALTERNATIONS = 10  # a pair of comparisons brings two of them, so without hints they take 20 s at least
TROUBLE_S, REPLIES = 55, 10  # of f37: visitors and agents write all the time


@pytest.fixture
async def rig(make_rig: MakeRig, postgres_database: Database, redis_server: RedisServer) -> AsyncIterator[Rig]:
    """Two applications; ``both`` brings a visitor to each of them."""
    rig = await make_rig(applications=2, own_database=postgres_database, REDIS_URL=redis_server.url)
    await rig.until(lambda: redis_server.subscribers() == 4, "not both processes listen to both channels")
    yield rig


async def both(rig: Rig) -> tuple[Visitor, Visitor]:
    """Two devices of one visitor, each on a process of its own."""
    ports = [each.port for each in rig.applications]
    rig.front.targets = ports[:1]
    (first,) = await rig.visit(1)
    rig.front.targets = ports[1:]
    second = rig.device(first)
    await rig.until(second.online.is_set, "the second device did not get in")
    rig.front.targets = ports
    return first, second


async def alternate(rig: Rig, first: Visitor, second: Visitor) -> float:
    """The devices answer each other some times; how many seconds that took."""
    begun = time.monotonic()
    for number in range(ALTERNATIONS):
        writer, reader = (first, second) if number % 2 else (second, first)
        writer.write(rig.marker(writer))
        await rig.until(lambda echo_id=writer.written[-1].echo_id, to=reader: to.view.state_of(echo_id), "not shown")
    return time.monotonic() - begun


async def test_what_one_device_writes_the_other_shows_at_once(rig: Rig) -> None:
    first, second = await both(rig)
    await rig.kill_chatwoot()  # so that no cable tells: only a hint, or the comparison of heads, can
    assert await alternate(rig, first, second) < ALTERNATIONS * HEADS_S / 4
    await rig.healed()


async def test_without_redis_the_other_device_shows_it_after_the_next_comparison(
    rig: Rig, redis_server: RedisServer
) -> None:
    first, second = await both(rig)
    await rig.kill_chatwoot()
    redis_server.kill()
    rig.injected("redis is killed")
    await alternate(rig, first, second)
    said = [each.text().count("Redis cannot be used") for each in rig.applications]
    assert said == [1, 1]
    redis_server.start()
    await rig.healed()


async def test_f37_redis_killed_frozen_and_emptied_loses_nothing(rig: Rig, redis_server: RedisServer) -> None:
    await rig.visit()
    for visitor in list(rig.visitors):
        rig.device(visitor)
    await rig.introduce()
    writing = rig.write(every_s=rig.s(TROUBLE_S) / rig.scale.messages)
    await during(writing, replies(rig, every_s=rig.s(TROUBLE_S) / REPLIES), trouble(rig, redis_server))
    await rig.healed()
    for application in rig.applications:
        assert application.text().count("Redis c") <= 8, "one line for each change, and no more"


async def replies(rig: Rig, *, every_s: float) -> None:
    talks = [rig.talk_of(visitor) for visitor in rig.visitors]
    for number in range(REPLIES):
        for talk in talks:
            await rig.agent.reply(talk.id, f"{rig.run}/agent/{talk.id}/{number}")
        await asyncio.sleep(every_s)


async def trouble(rig: Rig, redis_server: RedisServer) -> None:
    steps: list[tuple[str, Callable[[], None], float]] = [
        ("is killed", redis_server.kill, rig.s(10)),
        ("is back", redis_server.start, rig.s(5)),
        ("is frozen", redis_server.freeze, rig.s(30)),
        ("goes on", redis_server.thaw, rig.s(5)),
        ("is emptied", redis_server.flush, rig.s(5)),
    ]
    for words, step, pause_s in steps:
        step()
        rig.injected(f"redis {words}")
        await asyncio.sleep(pause_s)
