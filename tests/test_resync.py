"""Whatever the cable did not bring is found by comparing, and no more often than agreed."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import OperationalError

from chat.budget import Urgency
from chat.models import ContactInbox
from chat.resync import Resyncs
from chat.writer import Writer
from tests.eventually import eventually
from tests.fixtures.fake_hub import CountingChatwoot, answer
from tests.fixtures.sandbox import SandboxProcess
from tests.fixtures.world import QUICK, MakeWorld, Turnstile, World

# What the cable did not bring


async def test_a_cut_cable_loses_nothing_of_45_messages(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    device, talk = await world.talk(runtime, alice)
    world.sandbox.faults.set("cable_refuse")
    world.sandbox.faults.set("cable_cut")
    await eventually(lambda: not any(hub.status().sockets for hub in runtime.upstreams.hubs()))
    texts = [f"reply {each}" for each in range(45)]
    for text in texts:
        world.sandbox.desk.reply(talk, text)
    world.sandbox.faults.clear()
    await eventually(lambda: len(device.texts("outgoing")) >= 45)
    assert device.texts() == ["hello", *texts]
    page = await runtime.conversations.read(alice.contact_id, since=None)
    assert sum(row.kind == "message" for row in page.rows) == 46


async def test_deletions_status_and_new_conversations_of_the_gap_are_found(world: World) -> None:
    runtime, alice, desk = await world.start(), await world.person(), world.sandbox.desk
    device, talk = await world.talk(runtime, alice)
    doomed = desk.reply(talk, "a slip of the pen")
    await eventually(lambda: "a slip of the pen" in device.texts())
    world.sandbox.faults.set("cable_mute")
    desk.delete(talk, doomed["id"])
    begun = desk.call(
        "POST", "/conversations", json={"source_id": alice.source_id, "inbox_id": world.chatwoot_inbox.id}
    )
    desk.reply(begun["id"], "something else")
    desk.resolve(talk)
    world.sandbox.faults.clear()
    world.sandbox.faults.set("cable_cut")
    await eventually(lambda: "something else" in device.texts())
    await eventually(lambda: {row["status"] for row in device.conversations} == {"resolved", "open"})
    assert sorted(device.texts()) == ["", "hello", "something else"]


async def test_a_restarted_chatwoot_is_found_again(
    make_world: MakeWorld, start_sandbox: Callable[..., SandboxProcess], tmp_path: Path
) -> None:
    state = tmp_path / "state"
    world = await make_world(start_sandbox(state=state))
    runtime, alice = await world.start(), await world.person()
    device, talk = await world.talk(runtime, alice)
    port = httpx.URL(world.sandbox.base_url).port
    world.sandbox.desk.reply(talk, "before")
    world.sandbox.kill()
    world.sandbox = start_sandbox(state=state, port=port)
    world.sandbox.desk.reply(talk, "after")
    await eventually(lambda: device.texts() == ["hello", "before", "after"])


async def test_a_contact_that_is_never_confirmed_is_polled(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    world.sandbox.faults.set("cable_no_confirm")
    device = alice.device()
    runtime.conversations.arrive(device, visible=True)
    await alice.say(runtime, "can you hear me")
    await world.settled()
    talk = world.conversations()[0]["id"]
    for text in ("yes", "still"):
        world.sandbox.desk.reply(talk, text)
        await eventually(lambda text=text: text in device.texts())
    assert not any(hub.status().confirmed for hub in runtime.upstreams.hubs())


@pytest.mark.parametrize("fault", ["broadcasts_doubled", "broadcasts_shuffled"])
async def test_doubled_and_shuffled_broadcasts_change_nothing(world: World, fault: str) -> None:
    runtime, alice, desk = await world.start(), await world.person(), world.sandbox.desk
    device, talk = await world.talk(runtime, alice)
    world.sandbox.faults.set(fault)
    replies = [desk.reply(talk, f"reply {each}") for each in range(12)]
    desk.delete(talk, replies[3]["id"])
    await alice.say(runtime, "in between")
    await world.settled()
    desk.resolve(talk)
    await eventually(lambda: len(device.messages) == 14 and device.conversations[0]["status"] == "resolved")
    await eventually(lambda: any(row["deleted"] for row in device.messages))
    kept = [f"reply {each}" if each != 3 else "" for each in range(12)]
    assert device.texts("outgoing") == kept
    assert device.texts("incoming") == ["hello", "in between"]


async def test_what_comes_while_a_conversation_is_being_created_is_not_lost(world: World) -> None:
    turnstile, alice, desk = Turnstile("/conversations"), await world.person(), world.sandbox.desk
    runtime = await world.start(transport=turnstile)
    device = alice.device()
    runtime.conversations.arrive(device, visible=True)
    await alice.say(runtime, "hello")
    await eventually(turnstile.reached.is_set)
    await eventually(lambda: runtime.resyncs.done)  # the one that follows the confirm knows nothing of it yet
    begun = desk.call(
        "POST", "/conversations", json={"source_id": alice.source_id, "inbox_id": world.chatwoot_inbox.id}
    )
    desk.reply(begun["id"], "we were just writing to you")
    await asyncio.sleep(0.3)  # so that its frames are heard before our conversation has a number
    turnstile.open.set()
    await world.settled()
    await eventually(lambda: "we were just writing to you" in device.texts())
    assert len(device.conversations) == 2


# How often


async def test_one_comparison_per_pause_over_two_processes_and_a_later_wish_is_kept(world: World) -> None:
    timing = replace(QUICK, resync_pause_ms=600)
    chatwoot, alice = CountingChatwoot(), await world.person(pubsub_token="known")
    runtimes = [await world.start(timing=timing, chatwoot=chatwoot) for _ in range(2)]
    for _ in range(10):
        for runtime in runtimes:
            runtime.resyncs.want(alice.scope, urgency=Urgency.REST)
        await asyncio.sleep(0.02)
    await eventually(lambda: len(chatwoot.at) == 3)  # each had a wish that was not served by the other's
    assert all(later - earlier > 0.3 for earlier, later in zip(chatwoot.at, chatwoot.at[1:], strict=False))
    await world.rested(alice, ms=1_300)
    assert len(chatwoot.at) == 3


async def test_a_failed_comparison_comes_again(world: World) -> None:
    chatwoot, alice = CountingChatwoot(answers=[answer({}, 500), answer({}, 502)]), await world.person()
    runtime = await world.start(chatwoot=chatwoot)
    runtime.resyncs.want(alice.scope, urgency=Urgency.REST)
    await eventually(lambda: runtime.resyncs.done == 1)
    assert len(chatwoot.at) == 3


class StumblingWriter(Writer):
    """Fails a few times, as a database does whose disk is full."""

    failures = 0

    async def write(self, run: Any, **options: Any) -> Any:
        if self.failures:
            self.failures -= 1
            raise OperationalError("database or disk is full")
        return await super().write(run, **options)


async def test_a_database_in_trouble_does_not_end_comparing(world: World) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person()
    runtime = await world.start(chatwoot=chatwoot)
    writer = StumblingWriter(runtime.audience)
    writer.failures = 2
    writer.start()
    resyncs = Resyncs(runtime.upstreams, writer, runtime.reader, pause_ms=100)
    resyncs.want(alice.scope, urgency=Urgency.REST)
    await eventually(lambda: not writer.failures)
    resyncs.want(alice.scope, urgency=Urgency.REST)
    await eventually(lambda: resyncs.done)
    await resyncs.close()
    await writer.stop()


async def test_a_wish_that_is_hurried_as_all_ends_does_not_begin(world: World) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person()
    runtime = await world.start(chatwoot=chatwoot)
    runtime.resyncs.want(alice.scope, urgency=Urgency.REST, after_s=60)
    await asyncio.sleep(0.05)
    runtime.resyncs.want(alice.scope, urgency=Urgency.VISIBLE)
    async with asyncio.timeout(10):
        await runtime.resyncs.close()
    assert runtime.resyncs.done == 0 and chatwoot.at == []


async def test_a_contact_inbox_rests_after_a_comparison(world: World) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person()
    runtime = await world.start(timing=replace(QUICK, resync_pause_ms=60_000), chatwoot=chatwoot)
    runtime.resyncs.want(alice.scope, urgency=Urgency.REST)
    await eventually(lambda: chatwoot.at)
    runtime.resyncs.want(alice.scope, urgency=Urgency.VISIBLE)
    await world.becomes(lambda: ContactInbox.objects.get().resynced_at > 0)
    await asyncio.sleep(0.1)
    assert len(chatwoot.at) == 1
