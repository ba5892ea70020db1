"""Clients that stop reading, or die without a word, at a real server that has much to tell them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from tests.faults.conftest import MakeRig
from tests.faults.population import populate
from tests.faults.rig import Rig
from tests.faults.swarm import TOLD, Person, Swarm
from tests.fixtures.the_mute import MuteVisitor

pytestmark = pytest.mark.faults
DEVICES = 10
SMALL = 4096
MIB_KB = 1024
MESSAGES = 60  # Chatwoot takes 200 in one conversation and minute
SENTENCE = "Lorem ipsum dolor sit amet. "
SENTENCES = {True: 800, False: 5_200}  # by whether the tier is short: 1.3 and 9 MB for each device
CLOSED = "closed with 4409"


class Scene:
    """Somebody with one page that reads, and an agent who has much to say."""

    def __init__(self, rig: Rig, person: Person) -> None:
        self.rig, self.person = rig, person
        self.swarm = Swarm([person], port=rig.application.port)
        self.readers = Swarm([person] * DEVICES, port=rig.application.port)
        self.said = 0

    async def tell(self) -> int:
        """Say much; how many KB the application grew at most while it told everybody."""
        before = most = self.rig.application.rss_kb()
        text = SENTENCE * SENTENCES[self.rig.scale.short]
        for _ in range(MESSAGES):
            await self.rig.agent.reply(self.person.talk, f"say-{self.said}- {text}")
            self.said += 1
            most = max(most, self.rig.application.rss_kb())
        deadline = time.monotonic() + 30
        while len(self.swarm.pages[0].told) < self.said:
            assert time.monotonic() < deadline, self.rig.report()
            await asyncio.sleep(0.05)
            most = max(most, self.rig.application.rss_kb())
        return most - before

    def arrive(self, *, since: str | None = None) -> MuteVisitor:
        mute = MuteVisitor(self.rig.application.port, receive_bytes=SMALL)
        mute.tell({"type": "hello", "token": self.person.token, "since": since})
        return mute

    def closed(self) -> int:
        return self.rig.application.text().count(CLOSED)


def read(mute: MuteVisitor, *, upto: int | None = None) -> tuple[set[int], str]:
    """What it was told, to the end or until message `upto` has come, and its cursor; it acknowledges on the way."""
    told: set[int] = set()
    cursor = ""
    with contextlib.suppress(ConnectionError):
        while not isinstance(frame := mute.next(), int):
            if frame and "cursor" in frame and frame["type"] != "pong":
                cursor = frame["cursor"]
                told |= {int(each) for each in TOLD.findall(repr(frame["messages"]).encode())}
                time.sleep(0.06)  # 20 frames a second are a client's limit
                mute.tell({"type": "ack", "cursor": cursor})
            if upto is not None and upto in told:
                break
    return told, cursor


@pytest.fixture
async def scene(make_rig: MakeRig) -> AsyncIterator[Scene]:
    rig = await make_rig(LOG_LEVEL="INFO")
    (person,) = await populate(1, sandbox=rig.chatwoot, database=rig.database, world=rig.world)
    scene = Scene(rig, person)
    scene.swarm.arrive(within_s=0)
    await rig.until(lambda: scene.swarm.here == 1, "the page did not come")
    yield scene
    await scene.swarm.leave()


@pytest.fixture
def open_mutes() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


async def test_devices_that_stop_reading_cost_little_and_miss_nothing(scene: Scene, open_mutes: ExitStack) -> None:
    scene.readers.arrive(within_s=0)
    await scene.rig.until(lambda: scene.readers.here == DEVICES, "the readers did not come")
    await scene.tell()
    usual_kb = await scene.tell()
    await scene.readers.leave()

    begun = scene.said
    since = scene.swarm.pages[0].cursor
    mutes = [open_mutes.enter_context(await asyncio.to_thread(scene.arrive, since=since)) for _ in range(DEVICES)]
    first = [await asyncio.to_thread(mute.next) for mute in mutes]
    scene.rig.injected(f"{DEVICES} devices stop reading")
    closed = scene.closed()
    most_kb = await scene.tell()
    print(f"grew by {most_kb} KB while {DEVICES} devices did not read, by {usual_kb} KB while they read")
    assert (most_kb - usual_kb) / DEVICES < MIB_KB
    await scene.rig.until(lambda: scene.closed() >= closed + DEVICES, "not all were closed", within_s=35)

    for mute, frame in zip(mutes, first, strict=True):
        told, cursor = await asyncio.to_thread(read, mute)
        assert len(told) < MESSAGES
        with await asyncio.to_thread(scene.arrive, since=cursor or frame["cursor"]) as again:
            rest, _ = await asyncio.to_thread(read, again, upto=scene.said - 1)
        assert told | rest >= set(range(begun, scene.said))


@pytest.mark.full
async def test_who_acknowledges_nothing_or_says_nothing_is_closed_in_time(scene: Scene) -> None:
    begun = time.monotonic()
    with await asyncio.to_thread(scene.arrive) as mute:  # takes its start state and says no more
        await asyncio.to_thread(mute.next)
        await scene.rig.until(lambda: scene.closed() == 1, "what was sent was not missed", within_s=31.5)
        assert time.monotonic() - begun >= 29
    with await asyncio.to_thread(scene.arrive, since=scene.swarm.pages[0].cursor) as dead:  # has nothing to acknowledge
        await asyncio.to_thread(dead.next)
        await scene.rig.until(lambda: scene.closed() == 2, "a dead peer was not noticed", within_s=65)
