"""What one process stores, the others hear of at once while Redis is well, and nobody is harmed while it is not."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from chat import neighbours
from chat.audience import Audience
from chat.neighbours import Neighbours
from tests.eventually import eventually
from tests.fixtures.fake_conversations import EPOCH
from tests.fixtures.the_redis import RedisServer
from tests.fixtures.world import Device
from tests.test_sender import Stage

MakeNeighbour = Callable[..., Audience]


@pytest.fixture
async def neighbour(redis_server: RedisServer) -> AsyncIterator[MakeNeighbour]:
    """The audience of one more process."""
    made: list[Neighbours] = []

    def make(**options: Any) -> Audience:
        audience = Audience()
        options = {"url": redis_server.url, "channel": "ours", "ping_s": 0.1, "again_s": 0.05} | options
        made.append(Neighbours(audience, **options))
        made[-1].start()
        return audience

    yield make
    for each in made:
        await each.close()


async def pair(neighbour: MakeNeighbour, redis_server: RedisServer) -> tuple[Audience, Device]:
    """One process, and a device at another one."""
    here, there, device = neighbour(), neighbour(), Device(uuid.uuid4())
    there.join(device)
    await eventually(lambda: redis_server.subscribers() == 2)
    return here, device


def commit(audience: Audience, device: Device, head: int) -> None:
    audience.changed(device.contact_id, head - 1, head)


async def heard(audience: Audience, device: Device, head: int) -> None:
    """Until a hint arrives; hints may be lost, so it is given again and again, as a busy process would."""
    async with asyncio.timeout(30):
        while (head, head) not in device.heads:
            commit(audience, device, head)
            await asyncio.sleep(0.05)


async def test_a_head_is_heard_once_by_the_others_and_not_at_home(
    neighbour: MakeNeighbour, redis_server: RedisServer
) -> None:
    here, device = await pair(neighbour, redis_server)
    at_home = Device(device.contact_id)
    here.join(at_home)
    commit(here, device, 7)
    await eventually(lambda: device.heads == [(7, 7)])
    commit(here, Device(uuid.uuid4()), 3)  # of nobody here
    commit(here, device, 8)
    await eventually(lambda: device.heads == [(7, 7), (8, 8)])
    assert at_home.heads == [(6, 7), (7, 8)]


async def test_what_changes_nothing_is_no_news(neighbour: MakeNeighbour, redis_server: RedisServer) -> None:
    here, device = await pair(neighbour, redis_server)
    here.changed(device.contact_id, 7, 7)
    commit(here, device, 8)
    await eventually(lambda: device.heads == [(8, 8)])


async def test_another_installation_hears_nothing(neighbour: MakeNeighbour, redis_server: RedisServer) -> None:
    here, device = await pair(neighbour, redis_server)
    stranger = Device(device.contact_id)
    neighbour(channel="theirs").join(stranger)
    await eventually(lambda: redis_server.subscribers() == 3)
    commit(here, device, 1)
    await eventually(lambda: device.heads)
    assert stranger.heads == []


async def test_many_changes_of_one_contact_are_few_hints(neighbour: MakeNeighbour, redis_server: RedisServer) -> None:
    here, device = await pair(neighbour, redis_server)
    for head in range(1, 1_001):
        commit(here, device, head)
    await eventually(lambda: (1_000, 1_000) in device.heads)
    assert len(device.heads) < 10


async def test_a_redis_that_died_and_came_back_is_used_again(
    neighbour: MakeNeighbour, redis_server: RedisServer, logged: Any
) -> None:
    here, device = await pair(neighbour, redis_server)
    redis_server.kill()
    await eventually(lambda: logged.text.count("Redis cannot be used") == 2)  # once for each process
    for head in range(1, 200):
        commit(here, device, head)
        await asyncio.sleep(0.005)
    redis_server.start()
    await heard(here, device, 200)
    await eventually(lambda: logged.text.count("Redis can be used again") == 2)
    assert logged.text.count("Redis cannot be used") == 2


async def test_a_frozen_redis_holds_nobody_up(neighbour: MakeNeighbour, redis_server: RedisServer, logged: Any) -> None:
    here, device = await pair(neighbour, redis_server)
    redis_server.freeze()
    commit(here, device, 1)
    await eventually(lambda: "Redis cannot be used (TimeoutError)" in logged.text)
    redis_server.thaw()
    await heard(here, device, 2)
    assert logged.text.count("Redis cannot be used") <= 2


async def test_an_emptied_redis_is_none_the_worse(neighbour: MakeNeighbour, redis_server: RedisServer) -> None:
    here, device = await pair(neighbour, redis_server)
    redis_server.flush()
    commit(here, device, 1)
    await eventually(lambda: device.heads == [(1, 1)])


async def test_what_waits_for_redis_is_bounded_and_counted(
    neighbour: MakeNeighbour, redis_server: RedisServer, logged: Any
) -> None:
    here, device = await pair(neighbour, redis_server)
    redis_server.kill()
    await eventually(lambda: "Redis cannot be used" in logged.text)
    for number in range(neighbours.MOST + 100):
        here.changed(uuid.UUID(int=number), 0, 1)
    redis_server.start()
    await heard(here, device, 1)
    await eventually(lambda: "hints dropped meanwhile: 1" in logged.text)


@pytest.mark.parametrize("url", ["redis://:hush@127.0.0.1:1/0", "redis://:hush@127.0.0.1:here/0"])
async def test_an_address_that_leads_nowhere_is_said_without_its_password(
    neighbour: MakeNeighbour, logged: Any, url: str
) -> None:
    neighbour(url=url)
    await eventually(lambda: "Redis cannot be used" in logged.text)
    assert "hush" not in logged.text


@pytest.mark.parametrize("data", [b"", b"short", b"x" * 16, b"x" * 17, b"x" * 40])
async def test_what_is_no_hint_harms_nobody(
    neighbour: MakeNeighbour, redis_server: RedisServer, data: bytes, logged: Any
) -> None:
    here, device = await pair(neighbour, redis_server)
    redis_server.publish("ours", data)
    commit(here, device, 1)
    await eventually(lambda: (1, 1) in device.heads)
    assert "died" not in logged.text


class Page:
    """A listener that has a sender, as sockets have."""

    def __init__(self) -> None:
        self.device, self.stage = Device(uuid.uuid4()), Stage(rows=2)
        self.contact_id, self.session_id = self.device.contact_id, self.device.session_id
        self.changed, self.hinted = self.stage.sender.changed, self.stage.sender.hinted
        self.turned, self.passing, self.revoked = self.device.turned, self.device.passing, self.device.revoked


async def test_a_false_hint_lets_a_page_look_and_not_reconnect(
    neighbour: MakeNeighbour, redis_server: RedisServer
) -> None:
    there, page = neighbour(), Page()
    there.join(page)
    await page.stage.begin()
    await eventually(lambda: redis_server.subscribers() == 1)
    redis_server.publish("ours", b"somebody unknown" + page.contact_id.bytes + (2**62).to_bytes(8, "big"))
    await eventually(lambda: len(page.stage.reads) == 2)
    await page.stage.settled()
    page.stage.sender.ping()
    assert page.stage.socket.take() == [{"type": "pong", "cursor": f"{EPOCH}.2"}]


async def test_without_a_redis_nothing_is_kept() -> None:
    audience = Audience()
    alone = Neighbours(audience, url="", channel="ours")
    alone.start()
    assert audience.committed is None
    await alone.close()
