"""Limits hold for all processes together while Redis is well, and for each alone while it is not."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from chat.audience import Audience
from chat.gate import Gate
from chat.limits import Limits
from chat.neighbours import Neighbours
from chat.sharing import MOST, Sharing
from chat.wire.errors import Refusal
from tests.eventually import eventually
from tests.fixtures.the_redis import RedisServer

ALICE = uuid.UUID(int=1)
MakeGate = Callable[..., Gate]


@pytest.fixture
async def gate_at(redis_server: RedisServer) -> AsyncIterator[MakeGate]:
    """The gate of one more process."""
    made: list[Neighbours] = []

    def make(*, url: str = redis_server.url, **written: str) -> Gate:
        gate = Gate(limits=Limits.of({"all": "off"} | written))
        made.append(Neighbours(Audience(), Sharing(gate), url=url, channel="ours", ping_s=0.1, again_s=0.05))
        made[-1].start()
        return gate

    yield make
    for each in made:
        await each.close()


async def two(gate_at: MakeGate, redis_server: RedisServer, **written: str) -> tuple[Gate, Gate]:
    here, there = gate_at(**written), gate_at(**written)
    await eventually(lambda: redis_server.subscribers() == 2 * 2)  # each listens to hints, too
    return here, there


def may_write(gate: Gate, who: uuid.UUID = ALICE) -> bool:
    try:
        gate.message(who, "main")
    except Refusal:
        return False
    return True


def left(gate: Gate, who: uuid.UUID = ALICE) -> int:
    """How many messages more; asking takes them."""
    return [may_write(gate, who) for _ in range(20)].index(False)


async def test_what_one_process_let_through_the_others_take_off(gate_at: MakeGate, redis_server: RedisServer) -> None:
    here, there = await two(gate_at, redis_server, messages="10/h")
    heard = watched(there)
    for _ in range(7):
        assert may_write(here)
    await eventually(lambda: sum(heard) == 7)
    assert (left(there), left(there, uuid.uuid4())) == (3, 10)


async def test_a_cap_of_a_day_and_an_address_are_shared_too(gate_at: MakeGate, redis_server: RedisServer) -> None:
    here, there = await two(gate_at, redis_server, inbox_day_messages="10/day", address_calls="5/h")
    heard = watched(there)
    for _ in range(10):
        assert may_write(here, uuid.uuid4())
    for _ in range(5):
        here.knock("203.0.113.7")
    await eventually(lambda: sum(heard) == 15)
    assert not may_write(there, uuid.uuid4())
    with pytest.raises(Refusal):
        there.knock("203.0.113.7")
    there.knock("203.0.113.8")


async def test_without_redis_the_own_limits_count_alone_and_that_is_said_once(
    gate_at: MakeGate, redis_server: RedisServer, logged: Any
) -> None:
    here, there = await two(gate_at, redis_server, messages="10/h")
    redis_server.kill()
    await eventually(lambda: logged.text.count("each one's limits count alone") == 2)  # once for each process
    assert (left(here), left(there)) == (10, 10)
    redis_server.start()
    await eventually(lambda: redis_server.subscribers() == 4)
    heard = watched(there)
    async with asyncio.timeout(60):
        while not heard:  # what was published before the other one listened again is lost
            assert may_write(here, uuid.uuid4())
            await asyncio.sleep(0.05)
    await eventually(lambda: "Redis can be used again" in logged.text)
    assert logged.text.count("each one's limits count alone") == 2


async def test_what_waited_while_redis_was_away_is_not_counted_late(gate_at: MakeGate) -> None:
    gate = Gate(limits=Limits.of({"all": "off", "messages": "10/h"}))
    sharing = Sharing(gate)
    sharing.start(lambda: None)
    assert may_write(gate)
    sharing.forget()
    assert sharing.pack() == b""


async def test_what_waits_to_be_told_is_bounded() -> None:
    gate = Gate(limits=Limits.of({"all": "off", "messages": "10/h"}))
    sharing, news = Sharing(gate), []
    sharing.start(lambda: news.append(1))
    for number in range(MOST):
        gate.message(uuid.UUID(int=number), "main")
    assert sharing.pack().count(b"messages") <= MOST
    assert len(news) == MOST
    sharing.stop()
    gate.message(ALICE, "main")
    assert sharing.pack() == b""


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[[]]", b"[1]", b'[["messages","x","main",-9]]', b'[["messages",7,"main",1]]', b'[["a","b","c",1]]'],
)
async def test_what_cannot_be_read_harms_nobody(
    gate_at: MakeGate, redis_server: RedisServer, data: bytes, logged: Any
) -> None:
    here, there = await two(gate_at, redis_server, messages="10/h")
    heard = watched(there)
    redis_server.publish("ours.limits", b"x" * 16 + data)
    for _ in range(3):
        assert may_write(here)
    await eventually(lambda: sum(heard[-3:]) >= 3)
    assert left(there) == 7
    assert "died" not in logged.text and "failed" not in logged.text


async def test_never_more_is_taken_off_than_there_is(gate_at: MakeGate) -> None:
    gate = Gate(limits=Limits.of({"all": "off", "messages": "10/s"}))
    gate.heard("messages", str(ALICE), "main", 1_000_000_000)
    with pytest.raises(Refusal) as caught:
        gate.message(ALICE, "main")
    assert caught.value.retry_after == 1


def watched(gate: Gate) -> list[int]:
    """The amounts that it hears of, from now on."""
    amounts: list[int] = []
    hear = gate.heard

    def heard(name: str, who: str, slug: str, amount: int) -> None:
        hear(name, who, slug, amount)
        amounts.append(amount)

    gate.heard = heard  # type: ignore[method-assign]  # only watched, nothing is replaced
    return amounts
