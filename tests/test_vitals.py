"""What a process says of itself with its heartbeat."""

import json
import uuid
from types import SimpleNamespace

from chat import vitals
from chat.models import Minute, Process
from chat.vitals import Vitals
from tests.eventually import eventually
from tests.fixtures.world import World


async def test_a_process_says_how_it_goes_and_nothing_of_a_visitor(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    await world.talk(runtime, alice)
    told = runtime.processes.tell()
    (one,) = told["chatwoots"].values()
    assert one["asked_per_s"] > 0 and one["rate_per_s"] > 0 and one["open"]
    assert list(told["inboxes"].values()) == [(1, 1)] and told["polls"] == 1
    await eventually(lambda: next(iter(runtime.processes.tell()["chatwoots"].values()))["canary_s"] is not None)
    said = json.dumps(runtime.processes.tell())
    assert str(alice.contact_id) not in said and len(said) < 1_000


async def test_its_row_and_the_minute_hold_what_it_said(world: World) -> None:
    runtime = await world.start()

    await world.becomes(lambda: Minute.objects.exists())
    process = await world.ask(Process.objects.get, id=runtime.processes.id)
    minute = await world.ask(Minute.objects.get)
    assert process.figures["sockets"] == minute.figures["sockets"] == 0


async def test_who_cannot_say_how_it_is_is_heard_all_the_same(world: World) -> None:
    runtime = await world.start()
    runtime.processes.tell = lambda: {}[uuid.uuid4()]  # type: ignore[index]
    await runtime.processes.drain()
    process = await world.ask(Process.objects.get, id=runtime.processes.id)
    assert process.draining and process.figures == {}


class Counted:
    """As much of a runtime as is counted."""

    def __init__(self) -> None:
        self.done = self.missed = self.waiting = 0
        self.liveness = self

    def status(self) -> "Counted":
        return self

    def links(self) -> list[object]:
        return []

    def listeners(self) -> list[object]:
        return []

    def heard(self) -> dict[int, tuple[int, int]]:
        return {number: (1, 1) for number in range(1_000)}


class Linked:
    """A Chatwoot, and how often it was asked."""

    chatwoot_pk = 3
    available = True
    oldest_s = 0.0

    def __init__(self) -> None:
        self.budget = SimpleNamespace(taken=0, rate_per_s=40.0, waiting=0)
        cable = SimpleNamespace(sockets=1, deaf=0, subscriptions=1, confirmed=1, canary_s=None)
        self.hub = SimpleNamespace(status=lambda: cable)


def test_the_rate_is_of_what_was_asked_lately() -> None:
    counted, times = Counted(), iter((0.0, 20.0, 40.0))
    link = Linked()
    counted.links = lambda: [link]  # type: ignore[method-assign]
    telling = Vitals(counted, counted, counted, counted, now=lambda: next(times))  # type: ignore[arg-type]
    rates = []
    for link.budget.taken in (10, 40):
        rates.append(telling.tell()["chatwoots"]["3"]["asked_per_s"])
    assert rates == [0.5, 1.0]


def test_lately_is_the_last_minute_and_all_is_bounded() -> None:
    counted, times = Counted(), iter((0.0, 5.0, 30.0, 60.0, 61.0, 95.0, 200.0, 200.0))
    telling = Vitals(counted, counted, counted, counted, now=lambda: next(times))  # type: ignore[arg-type]
    lately = []
    for _ in range(6):
        counted.done += 1
        lately.append(telling.tell()["resyncs_lately"])
    assert lately == [1, 2, 3, 3, 2, 1]
    told = telling.tell()
    assert told["resyncs"] == 6 and len(told["inboxes"]) == vitals.MOST
