"""A runtime starts, stops and shares its database with others, and leaves nothing behind."""

import asyncio
import threading
import uuid
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from chat import runtime as running
from chat import sessions
from chat.feed import Cursor
from chat.hints import Hints
from chat.models import Delivery, Inbox, Message, Session
from chat.wire.errors import Code, Refusal
from tests.eventually import eventually
from tests.fixtures.fake_hub import CountingChatwoot
from tests.fixtures.stumbling import LOST
from tests.fixtures.world import QUICK, Device, World


def threads() -> set[threading.Thread]:
    return {each for each in threading.enumerate() if each.name.startswith(("writer", "reader"))}


async def test_stopping_in_full_flow_leaves_no_task_thread_or_connection(world: World, logged: Any) -> None:
    await world.ask(lambda: None)  # the tests' own thread
    tasks, before = asyncio.all_tasks(), threads()
    runtime, people = await world.start(), [await world.person() for _ in range(4)]
    talks = [await world.talk(runtime, person) for person in people]
    sends = [person.say(runtime, f"line {n}") for person in people for n in range(5)]
    for _, talk in talks:
        world.sandbox.desk.typing(talk)
        world.sandbox.desk.reply(talk, "what the visitor may miss")
    await asyncio.gather(*sends)
    await world.stop(runtime)
    assert asyncio.all_tasks() <= tasks
    assert threads() <= before
    await eventually(lambda: world.sandbox.stats()["cable"]["open"] == 0)
    assert "died" not in logged.text and "ERROR" not in logged.text


async def test_a_courier_woken_in_the_instant_of_the_stop_stops(world: World) -> None:
    runtime = await world.start()
    await asyncio.sleep(0.05)  # it waits for something to be due
    runtime.courier.wake()
    async with asyncio.timeout(10):
        await runtime.courier.close()


async def test_what_was_accepted_before_the_drain_is_delivered_by_its_end(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    await world.talk(runtime, alice)
    texts = [f"line {each}" for each in range(6)]
    for text in texts:
        await alice.say(runtime, text)
    async with asyncio.timeout(20):
        await runtime.leave(jitter_s=0)
    assert world.said(alice) == ["hello", *texts]


async def test_a_drain_does_not_wait_for_a_chatwoot_that_is_down(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    await world.talk(runtime, alice)
    world.sandbox.faults.set("down")
    await alice.say(runtime, "later")
    async with asyncio.timeout(20):
        await runtime.leave(jitter_s=0)


async def test_a_drain_leaves_what_is_due_to_others_who_stay(world: World) -> None:
    staying, leaving, alice = await world.start(), await world.start(), await world.person()
    await world.talk(leaving, alice)
    await eventually(lambda: leaving.processes.accompanied)
    await staying.courier.close()  # so that what is left to it can be counted
    texts = [f"line {each}" for each in range(30)]
    with world.sandbox.faults.on("delay", seconds=0.3, method="POST", path="/messages", times=30):
        await asyncio.gather(*(alice.say(leaving, text) for text in texts))
        async with asyncio.timeout(60):
            await leaving.leave(jitter_s=0)
        assert await world.ask(Delivery.objects.filter(state__in=Delivery.OPEN).exists)
    await world.start()
    await world.settled()
    assert world.said(alice) == ["hello", *texts]


async def test_what_was_accepted_before_the_stop_is_delivered_after_it(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    await world.talk(runtime, alice)
    for each in range(6):
        await alice.say(runtime, f"line {each}")
    await world.stop(runtime)
    await world.start()
    await world.settled()
    assert world.said() == ["hello", *(f"line {each}" for each in range(6))]


async def test_stopping_does_not_wait_for_a_chatwoot_that_hangs(world: World) -> None:
    timing = replace(QUICK, carrying=replace(QUICK.carrying, unfenced_ms=1_500, lease_ms=1_500))
    runtime, alice = await world.start(timing=timing, read_s=0.3), await world.person()
    await world.talk(runtime, alice)
    with world.sandbox.faults.on("delay", seconds=1, method="POST", path="/messages", times=1):
        await alice.say(runtime, "into the void")
        await world.becomes(lambda: Message.objects.filter(delivery__state="sending").exists())
        await world.stop(runtime)
    await world.start(timing=timing)
    await world.settled()
    assert world.said() == ["hello", "into the void"]


async def test_what_is_tidied_waits_for_a_database_in_trouble_and_has_no_traceback(world: World, logged: Any) -> None:
    class Troubled(Hints):
        async def sweep(self) -> None:
            raise LOST

    runtime = await world.start(timing=replace(QUICK, read_rows_s=0.05))
    runtime.hints = Troubled(runtime.reader, runtime.resyncs, lambda scope: True, gather_s=0.1)
    await eventually(lambda: "tidying waits: connection already closed" in logged.text)
    assert "Traceback" not in logged.text and "ERROR" not in logged.text


async def test_after_the_stop_everything_is_refused_in_words(world: World, logged: Any) -> None:
    runtime, alice = await world.start(), await world.person()
    device, _ = await world.talk(runtime, alice)
    conversation_id = uuid.UUID(device.conversations[0]["id"])
    await world.stop(runtime)
    calls = [
        alice.say(runtime, "too late"),
        runtime.conversations.read(alice.contact_id, since=None),
        runtime.conversations.history(alice.contact_id, conversation_id=conversation_id, before=None),
    ]
    for call in calls:
        with pytest.raises(Refusal) as refused:
            await call
        assert refused.value.code == Code.UNAVAILABLE
    runtime.conversations.arrive(alice.device(), visible=True)
    await runtime.conversations.typing(alice.contact_id, conversation_id=conversation_id, on=True)
    await asyncio.sleep(0.05)
    assert "died" not in logged.text


async def test_what_another_process_wrote_is_noticed(world: World) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person(pubsub_token="known")
    here, there, device = await world.start(chatwoot=chatwoot), await world.start(chatwoot=chatwoot), alice.device()
    await here.courier.close()
    here.conversations.arrive(device, visible=True)
    await alice.say(there, "from the other process")
    head = (await here.conversations.read(alice.contact_id, since=None)).cursor.seq
    await eventually(lambda: (head, head) in device.heads)
    assert device.texts() == []  # a hint, no rows: the socket reads


async def test_a_new_epoch_is_noticed_although_no_head_has_changed(world: World) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person(pubsub_token="known")
    here, device = await world.start(chatwoot=chatwoot), alice.device()
    here.conversations.arrive(device, visible=True)
    before = (await here.conversations.read(alice.contact_id, since=None)).cursor
    await eventually(lambda: device.epoch == before.epoch)
    await world.ask(call_command, "new_epoch", stdout=StringIO())
    await eventually(lambda: device.epoch != before.epoch)
    page = await here.conversations.read(alice.contact_id, since=str(before))
    assert (page.reset, page.cursor) == ("epoch", Cursor(device.epoch, before.seq))


async def test_two_processes_that_hear_the_same_store_it_once(world: World) -> None:
    first, second, alice = await world.start(), await world.start(), await world.person()
    device, talk = await world.talk(first, alice)
    other = alice.device()
    second.conversations.arrive(other, visible=True)
    await eventually(lambda: all(hub.status().confirmed for each in (first, second) for hub in each.upstreams.hubs()))
    for each in range(5):
        world.sandbox.desk.reply(talk, f"reply {each}")
    page = await first.conversations.read(alice.contact_id, since=None)
    await eventually(lambda: len(device.texts("outgoing")) + len(other.texts("outgoing")) >= 5)
    await world.becomes(lambda: Message.objects.count() == 6)
    for each in (device, other):
        each.take((await second.conversations.read(alice.contact_id, since=None)).rows)
        assert each.texts() == ["hello", *(f"reply {n}" for n in range(5))]
    after = await second.conversations.read(alice.contact_id, since=str(page.cursor))
    assert len({row.seq for row in after.rows}) == len(after.rows)


async def test_an_ended_session_is_revoked_and_others_are_not(world: World) -> None:
    def open_session() -> Session:
        return sessions.open_anonymous(Inbox.objects.get(pk=world.inbox_id)).session

    runtime, ended, living = await world.start(), await world.ask(open_session), await world.ask(open_session)
    devices = [Device(each.contact_id, each.pk) for each in (ended, living)]
    for device in devices:
        runtime.conversations.arrive(device, visible=True)
    await eventually(lambda: all(len(device.heads) >= 2 for device in devices))
    assert not any(device.is_revoked for device in devices)
    await world.ask(Session.objects.filter(pk=ended.pk).update, revoked_at=timezone.now())
    await eventually(lambda: devices[0].is_revoked)
    assert not devices[1].is_revoked


async def test_a_listener_that_fails_does_not_end_the_watch(world: World, logged: Any) -> None:
    class Broken(Device):
        def changed(self, head_before: int, head_after: int, rows: Any) -> None:
            raise RuntimeError("a listener of trouble")

    chatwoot, alice = CountingChatwoot(), await world.person()
    runtime, broken, device = await world.start(chatwoot=chatwoot), Broken(alice.contact_id), alice.device()
    runtime.conversations.arrive(broken, visible=True)
    await eventually(lambda: "a listener of trouble" in logged.text)
    runtime.conversations.depart(broken)
    runtime.conversations.arrive(device, visible=True)
    await eventually(lambda: len(device.heads) >= 2)
    assert "died" not in logged.text and "Traceback" in logged.text


async def test_what_takes_long_to_be_cleared_away_keeps_nobody_here_who_was_signed_out(world: World) -> None:
    class Endless:
        """Of a database that has grown for years."""

        begun = False

        async def sweep(self) -> None:
            self.begun = True
            await asyncio.Event().wait()

    chatwoot, endless, alice = CountingChatwoot(), Endless(), await world.person()
    runtime = await world.start(chatwoot=chatwoot, timing=replace(QUICK, read_rows_s=0.05))
    runtime.retention = endless  # type: ignore[assignment]
    await eventually(lambda: endless.begun)
    device = alice.device()
    runtime.conversations.arrive(device, visible=True)
    await eventually(lambda: device.is_revoked)  # no such session is alive


async def test_this_process_has_one_runtime_until_it_is_stopped(transactional_db: None) -> None:
    before = threads()
    first = running.current()
    assert running.current() is first
    await running.stop_current()
    await running.stop_current()
    second = running.current()
    assert second is not first
    await running.stop_current()
    assert threads() <= before


def test_the_bounds_of_production_are_the_designs() -> None:
    timing = running.Timing()
    assert (timing.comparing.pause_s, timing.hearing.poll_s, timing.check_heads_s) == (10, 10, 4)
