"""Exactly once and in order, whatever Chatwoot, the network or our own processes do in between."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import connection

from chat import courier, places, probing
from chat.models import Chatwoot, Delivery, Duplicate, Inbox, Message
from tests.eventually import eventually
from tests.fixtures.sandbox import ROOT, SandboxProcess
from tests.fixtures.world import QUICK, MakeWorld, Turnstile, World

# Longer than any attempt below lives.
CAREFUL = replace(QUICK, carrying=replace(QUICK.carrying, lease_ms=1_000))
READ_S = 0.3
FAULTS: dict[str, dict[str, Any]] = {
    "lose_answer": {},
    "error_after": {},
    "error_before": {},
    "refuse": {},
    "delay": {"seconds": 2 * READ_S},
    "delay_answer": {"seconds": 2 * READ_S},
    "late_commit": {"seconds": 2 * READ_S, "cut": True},
    "status": {"status": 502},
}
ENDS = {"contact": "/contacts", "conversation": "/conversations", "message": "/messages"}


def end_of(kind: str, world: World) -> str:
    """How the path of such a POST to this inbox ends; the fence is probed with contacts of no inbox."""
    return world.chatwoot_inbox.identifier + ENDS[kind] if kind == "contact" else ENDS[kind]


# One answer goes wrong


@pytest.mark.parametrize("hears", [True, False], ids=["by echo", "by looking"])
async def test_messages_in_doubt_arrive_once_and_in_order(world: World, hears: bool) -> None:
    runtime = await world.start(timing=CAREFUL, read_s=READ_S)
    people = {fault: await world.person() for fault in FAULTS}
    talks = {fault: await world.talk(runtime, person) for fault, person in people.items()}
    if not hears:
        world.sandbox.faults.set("cable_mute")
    for fault, (_, talk) in talks.items():
        path = f"{people[fault].source_id}/conversations/{talk}/messages"
        world.sandbox.faults.set(fault, method="POST", path=path, times=1, **FAULTS[fault])
    for text in ("doubtful", "and after it"):
        await asyncio.gather(*(person.say(runtime, text) for person in people.values()))
    await world.settled()
    said = {fault: world.said(person) for fault, person in people.items()}
    assert said == {fault: ["hello", "doubtful", "and after it"] for fault in FAULTS}
    assert {fault: device.texts() for fault, (device, _) in talks.items()} == said
    assert {tuple(device.states()) for device, _ in talks.values()} == {("sent", "sent", "sent")}


@pytest.mark.parametrize("hears", [True, False], ids=["by cable", "by looking"])
async def test_conversations_in_doubt_are_created_once(world: World, hears: bool) -> None:
    runtime = await world.start(timing=CAREFUL, read_s=READ_S)
    people = {fault: await world.person() for fault in FAULTS}
    if not hears:
        world.sandbox.faults.set("cable_refuse")
    for fault, person in people.items():
        path = f"{person.source_id}/conversations"
        world.sandbox.faults.set(fault, method="POST", path=path, times=1, **FAULTS[fault])
    for text in ("the first", "the second"):
        await asyncio.gather(*(person.say(runtime, text) for person in people.values()))
    await world.settled()
    assert {fault: len(world.conversations(person)) for fault, person in people.items()} == dict.fromkeys(FAULTS, 1)
    said = {fault: world.said(person) for fault, person in people.items()}
    assert said == {fault: ["the first", "the second"] for fault in FAULTS}


@pytest.mark.parametrize("fault", ["lose_answer", "error_after"])
async def test_chatwoots_number_of_the_inbox_is_learnt_although_the_answer_was_lost(world: World, fault: str) -> None:
    runtime, alice = await world.start(), await world.person()
    world.sandbox.faults.set(fault, method="POST", path="/conversations", times=1)
    device, talk = await world.talk(runtime, alice)
    assert await world.ask(lambda: Inbox.objects.get().chatwoot_inbox_id) == world.chatwoot_inbox.id
    world.sandbox.faults.set("cable_mute")
    world.sandbox.desk.reply(talk, "by resync only")
    world.sandbox.faults.set("cable_cut")
    await eventually(lambda: "by resync only" in device.texts())


@pytest.mark.parametrize("fault", ["lose_answer", "refuse", "late_commit"])
async def test_a_contact_in_doubt_is_created_once(world: World, fault: str) -> None:
    runtime, alice = await world.start(timing=CAREFUL, read_s=READ_S), await world.person()
    world.sandbox.faults.set(fault, method="POST", path=end_of("contact", world), times=1, **FAULTS[fault])
    await alice.say(runtime, "who am I")
    await world.settled()
    assert len({row["contact_id"] for row in world.conversations()}) == 1
    assert world.said() == ["who am I"]


@pytest.mark.parametrize("hears", [True, False], ids=["by echo", "by looking"])
async def test_while_an_attempt_can_still_take_effect_absence_proves_nothing(world: World, hears: bool) -> None:
    timing = replace(QUICK, carrying=replace(QUICK.carrying, budget_ms=6_000))
    runtime, alice = await world.start(timing=timing), await world.person()
    await world.talk(runtime, alice)
    if not hears:
        world.sandbox.faults.set("cable_mute")
    world.sandbox.faults.set("late_commit", method="POST", path="/messages", times=1, seconds=2, cut=True)
    await alice.say(runtime, "very late")
    await world.settled()
    assert world.said() == ["hello", "very late"]
    assert ("message", "sent", 2) not in await world.deliveries()  # it was not sent again before it arrived


async def test_an_earlier_undecided_message_keeps_the_later_ones_back(world: World) -> None:
    runtime, alice = await world.start(timing=CAREFUL, read_s=READ_S), await world.person()
    device, _ = await world.talk(runtime, alice)
    world.sandbox.faults.set("refuse", method="POST", path="/messages", times=1)
    await alice.say(runtime, "undecided")
    await alice.say(runtime, "waits for it")
    await eventually(lambda: device.states() == ["sent", "unsure", "accepted"])
    assert world.said() == ["hello"]
    await world.settled()
    assert world.said() == ["hello", "undecided", "waits for it"]


# Chatwoot says no


class Throttling(httpx.AsyncBaseTransport):
    """Says 429 to the first message."""

    def __init__(self) -> None:
        self.said_no = False
        self._inner = httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not self.said_no and request.method == "POST" and request.url.path.endswith("/messages"):
            self.said_no = True
            return httpx.Response(429, headers={"Retry-After": "1"}, stream=httpx.ByteStream(b""))
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def test_429_pauses_that_chatwoot_and_then_goes_on(world: World) -> None:
    transport = Throttling()
    runtime, alice, bob = await world.start(transport=transport), await world.person(), await world.person()
    await alice.say(runtime, "too much")
    await eventually(lambda: transport.said_no)
    await world.becomes(lambda: Chatwoot.objects.get().paused_until > 0)
    await bob.say(runtime, "me too")
    assert world.said() == []
    await world.settled()
    assert world.said(alice) == ["too much"] and world.said(bob) == ["me too"]


async def test_429_to_a_look_pauses_that_chatwoot_too(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    _, talk = await world.talk(runtime, alice)
    world.sandbox.faults.set("cable_mute")
    world.sandbox.faults.set("lose_answer", method="POST", path=f"/conversations/{talk}/messages", times=1)
    world.sandbox.faults.set("status", method="GET", path=f"{alice.source_id}/conversations", status=429)
    await alice.say(runtime, "still there?")
    await world.becomes(lambda: Chatwoot.objects.get().paused_until > 0)


async def test_401_pauses_the_inbox_and_says_so(world: World, logged: Any) -> None:
    runtime, alice = await world.start(), await world.person()
    world.sandbox.faults.set("status", method="POST", path=end_of("contact", world), status=401, times=1)
    await alice.say(runtime, "let me in")
    await world.becomes(lambda: Inbox.objects.get().paused_until > 0)
    assert f"inbox {world.inbox_id} is paused" in logged.text
    await world.settled()
    assert world.said() == ["let me in"]


async def test_413_fails_that_message_with_a_reason_and_the_lane_goes_on(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    device, _ = await world.talk(runtime, alice)
    world.sandbox.faults.set("status", method="POST", path="/messages", status=413, times=1)
    await alice.say(runtime, "much too big")
    await alice.say(runtime, "small")
    await world.settled(failed=1)
    assert device.states() == ["sent", "failed", "sent"]
    assert device.messages[1]["reason"]
    assert world.said() == ["hello", "small"]


async def test_a_validation_error_fails_the_message_once_it_is_certainly_absent(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    device, _ = await world.talk(runtime, alice)
    body = {"message": "Content is too long", "attributes": ["content"]}
    world.sandbox.faults.set("status", method="POST", path="/messages", status=422, body=body, times=1)
    await alice.say(runtime, "not valid")
    await alice.say(runtime, "valid")
    await world.settled(failed=1)
    assert device.states() == ["sent", "failed", "sent"]
    assert world.said() == ["hello", "valid"]


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("kind", ["contact", "conversation"])
async def test_a_refused_creation_is_tried_again_and_its_messages_are_not_stranded(
    world: World, kind: str, status: int
) -> None:
    runtime, alice = await world.start(), await world.person()
    body = {"message": "Something is invalid", "attributes": ["something"]}
    world.sandbox.faults.set("status", method="POST", path=end_of(kind, world), status=status, body=body, times=1)
    await alice.say(runtime, "still here")
    await world.settled()
    assert world.said() == ["still here"]


# Chatwoot is away


async def test_while_chatwoot_is_down_messages_are_kept_and_then_delivered_in_order(
    make_world: MakeWorld, start_sandbox: Callable[..., SandboxProcess], tmp_path: Path
) -> None:
    state = tmp_path / "state"
    world = await make_world(start_sandbox(state=state))
    runtime, alice = await world.start(), await world.person()
    device, _ = await world.talk(runtime, alice)
    port = httpx.URL(world.sandbox.base_url).port
    world.sandbox.kill()
    texts = [f"while you were away {each}" for each in range(5)]
    for text in texts:
        await alice.say(runtime, text)
    await eventually(lambda: device.texts() == ["hello", *texts])
    await eventually(lambda: not any(hub.status().sockets for hub in runtime.upstreams.hubs()))
    assert set(device.states()[1:]) <= {"accepted", "unsure"}
    world.sandbox = start_sandbox(state=state, port=port)
    await world.settled()
    assert world.said() == ["hello", *texts]
    assert len(world.conversations()) == 1


# We are away


@pytest.mark.parametrize("took_effect", [True, False], ids=["it had arrived", "it had not"])
@pytest.mark.parametrize("kind", ENDS)
async def test_a_runtime_that_dies_between_claim_and_answer_leaves_no_doubt_behind(
    world: World, kind: str, took_effect: bool
) -> None:
    turnstile, alice = Turnstile(end_of(kind, world)), await world.person()
    runtime = await world.start(timing=CAREFUL, transport=turnstile)
    await alice.say(runtime, "remember me")
    await eventually(turnstile.reached.is_set)
    await runtime.courier.close()
    turnstile.says = None if took_effect else httpx.ReadError("cut")
    turnstile.open.set()
    await world.stop(runtime)
    world.sandbox.reset_stats()
    await world.start(timing=CAREFUL)
    await world.settled()
    assert world.said() == ["remember me"]
    assert len(world.conversations()) == 1
    if kind == "message":
        routes = [name for name in world.sandbox.stats()["routes"] if name.endswith("/messages")]
        assert all(name.startswith("GET") for name in routes[:1]), "it must look before it sends again"


async def test_two_processes_deliver_one_outbox_once(world: World) -> None:
    first, second = await world.start(), await world.start()
    people = [await world.person() for _ in range(8)]
    sends = [each.say(runtime, f"line {n}") for n, runtime in enumerate((first, second, first)) for each in people]
    await asyncio.gather(*sends)
    await world.settled()
    assert all(sorted(world.said(each)) == ["line 0", "line 1", "line 2"] for each in people)
    assert len(world.conversations()) == len(people)
    ours = await world.ask(lambda: list(Message.objects.order_by("at").values_list("contact", "content")))
    assert all(world.said(each) == [text for contact, text in ours if contact == each.contact_id] for each in people)


@pytest.fixture
def start_carrier(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Start processes that deliver from the tests' database; they are killed at the end."""
    started: list[subprocess.Popen[str]] = []
    env = os.environ | {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "tests.carrier", str(connection.settings_dict["NAME"])]

    def start() -> subprocess.Popen[str]:
        started.append(subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


async def test_killed_processes_lose_nothing_and_double_nothing(
    world: World, start_carrier: Callable[[], subprocess.Popen[str]]
) -> None:
    accepting, people = await world.start(), [await world.person() for _ in range(4)]
    await accepting.courier.close()
    carriers = [start_carrier() for _ in range(2)]
    texts = [f"line {each}" for each in range(6)]
    for text in texts:
        for person in people:
            await person.say(accepting, text)
    for some in (1, 5, 12):  # messages that have arrived when the longest running one is killed
        await eventually(lambda some=some: len(world.said()) >= some, within_s=30)
        carriers.pop(0).kill()
        carriers.append(start_carrier())
    await world.settled()
    assert [world.said(each) for each in people] == [texts] * 4
    assert len(world.conversations()) == 4


async def test_who_lost_the_lease_decides_nothing(world: World) -> None:
    turnstile, alice = Turnstile("/messages"), await world.person()
    first = await world.start(timing=CAREFUL, transport=turnstile)
    await alice.say(first, "slow")
    await eventually(turnstile.reached.is_set)
    second = await world.start()
    await alice.say(second, "next")
    await world.settled()
    turnstile.says = httpx.ReadError("cut")
    turnstile.open.set()
    await world.stop(first)
    assert world.said() == ["slow", "next"]
    assert await world.ask(lambda: set(Message.objects.values_list("state", flat=True))) == {"sent"}


async def test_who_lost_the_lease_does_not_give_the_delivery_to_a_third(world: World) -> None:
    slow, stuck, alice = Turnstile("/messages"), Turnstile("/messages"), await world.person()
    first = await world.start(timing=CAREFUL, transport=slow)
    await alice.say(first, "not thrice")
    await eventually(slow.reached.is_set)
    await world.start(transport=stuck)
    await eventually(stuck.reached.is_set)  # its lease is over: another one looked, and sends again
    slow.says = httpx.ConnectError("never arrived")
    slow.open.set()
    await world.stop(first)
    await world.start()
    await asyncio.sleep(0.5)
    stuck.open.set()
    await world.settled()
    assert world.said() == ["not thrice"]


async def test_a_courier_that_is_woken_as_it_closes_does_close(world: World) -> None:
    runtime = await world.start()
    await asyncio.sleep(0.05)
    runtime.courier.wake()
    async with asyncio.timeout(10):
        await runtime.courier.close()


PATIENT = replace(QUICK, carrying=replace(QUICK.carrying, lease_ms=60_000, close_s=10))


async def test_a_stop_lets_what_is_in_flight_end_and_begins_nothing_more(world: World) -> None:
    turnstile, alice = Turnstile("/messages"), await world.person()
    runtime = await world.start(timing=PATIENT, transport=turnstile)
    await alice.say(runtime, "in flight")
    await alice.say(runtime, "not begun")
    await eventually(turnstile.reached.is_set)
    closing = asyncio.create_task(runtime.courier.close())
    await asyncio.sleep(0.2)
    assert not closing.done()
    turnstile.open.set()
    await closing
    found = [(state, attempt) for kind, state, attempt in await world.deliveries() if kind == "message"]
    assert found == [("accepted", 0), ("sent", 1)]
    await world.start()
    await world.settled()
    assert world.said() == ["in flight", "not begun"]


async def test_a_stop_gives_back_the_leases_of_what_does_not_end(world: World) -> None:
    turnstile, alice = Turnstile("/messages"), await world.person()
    timing = replace(PATIENT, carrying=replace(PATIENT.carrying, close_s=0.1))
    runtime = await world.start(timing=timing, transport=turnstile)
    await alice.say(runtime, "in flight")
    await eventually(turnstile.reached.is_set)
    await runtime.courier.close()
    turnstile.says = httpx.ReadError("cut")
    turnstile.open.set()
    await world.stop(runtime)
    await world.start(timing=timing)
    await world.settled()  # its lease would have lasted longer than this waits
    assert world.said() == ["in flight"]


async def test_what_wakes_up_after_its_fence_is_refused_by_chatwoot_itself(world: World) -> None:
    """A worker that was frozen between writing the attempt down and its first byte."""
    turnstile, alice = Turnstile("/messages"), await world.person()
    frozen = await world.start(timing=CAREFUL, transport=turnstile)
    await alice.say(frozen, "once")
    await eventually(turnstile.reached.is_set)
    await world.start()
    await world.settled()  # another one looked, and sent it again
    turnstile.open.set()
    await world.stop(frozen)  # ends when the late request was answered
    assert world.said() == ["once"]
    assert await world.ask(Duplicate.objects.count) == 0


class Timeless(httpx.AsyncBaseTransport):
    """Tells its time only once the first message was cut on its way, which Chatwoot takes a while later."""

    def __init__(self, late_s: float) -> None:
        self._late_s = late_s
        self._late: asyncio.Task[httpx.Response] | None = None
        self._inner = httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api" and self._late is None:
            raise httpx.ReadTimeout("slow")
        if self._late is None and request.method == "POST" and request.url.path.endswith("/messages"):
            self._late = asyncio.create_task(self._send_late(request))
            raise httpx.ReadTimeout("cut")
        return await self._inner.handle_async_request(request)

    async def _send_late(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(self._late_s)
        return await self._inner.handle_async_request(request)

    async def late(self) -> int:
        assert self._late is not None
        return (await self._late).status_code

    async def aclose(self) -> None:
        await self._inner.aclose()


@pytest.mark.parametrize("skew_s", [0, 180])
async def test_a_clock_that_is_learnt_in_doubt_ends_no_doubt(world: World, skew_s: int) -> None:
    asking = probing.Timing(first_s=0.2, retry_s=0.1, every_s=0.1, sample_s=0.05)
    timing = replace(QUICK, carrying=replace(QUICK.carrying, unfenced_ms=4_000), asking=asking)
    world.sandbox.settings(skew_s=skew_s)
    timeless = Timeless(late_s=2.5)
    runtime, alice = await world.start(timing=timing, transport=timeless), await world.person()
    await alice.say(runtime, "hello")
    await world.settled()
    assert await timeless.late() == 200
    assert world.said() == ["hello"]


async def test_a_chatwoot_that_hangs_keeps_no_other_waiting(
    world: World, make_world: MakeWorld, start_sandbox: Callable[..., SandboxProcess]
) -> None:
    timing = replace(QUICK, carrying=replace(QUICK.carrying, budget_ms=8_000))
    runtime, people = await world.start(timing=timing, read_s=9), [await world.person() for _ in range(40)]
    other = await make_world(start_sandbox())
    carol = await other.person()
    contacts = end_of("contact", world)
    world.sandbox.faults.set("delay", method="POST", path=contacts, times=places.AT_ONCE, seconds=6)
    await asyncio.gather(*(each.say(runtime, "slow") for each in people))
    await carol.say(runtime, "quick")  # more wait before her than a scan reads
    await eventually(lambda: other.said() == ["quick"])
    done = Delivery.objects.filter(contact_inbox__inbox=world.inbox_id, state="sent")
    assert await world.ask(done.count) == 0
    await world.settled()
    assert world.said() == ["slow"] * len(people)


async def test_the_bounds_of_production_are_the_designs() -> None:
    timing = courier.Timing()
    assert (timing.budget_ms, timing.unfenced_ms, timing.margin_ms) == (20_000, 120_000, 5_000)
    assert (timing.apart_ms, timing.lease_ms, timing.give_up_ms) == (1_000, 60_000, 86_400_000)
