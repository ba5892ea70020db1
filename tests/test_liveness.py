"""Each layer finds out what the others cannot, and the visitor gets the agent's words all the same."""

import asyncio
import uuid
from dataclasses import replace
from typing import Any

import httpx
import pytest

from chat import liveness, resync
from chat.bridge.hub import HubStatus
from chat.models import ContactInbox, Inbox
from chat.runtime import Runtime
from tests.eventually import eventually
from tests.fixtures.fake_hub import CountingChatwoot, GatedChatwoot, answer
from tests.fixtures.world import QUICK, World

POLL_SELDOM = replace(QUICK, hearing=liveness.Timing(poll_s=0.5, echo_s=1, proof_s=1, audit_s=600))


def hub(runtime: Runtime) -> HubStatus:
    (found,) = runtime.holding.liveness.status().hubs
    return found


# Canaries


async def test_a_deaf_cable_is_found_out_and_bridged(world: World, logged: Any) -> None:
    runtime, alice = await world.start(timing=POLL_SELDOM), await world.person()
    device, talk = await world.talk(runtime, alice)
    world.sandbox.faults.set("cable_mute")
    for text in ("can you hear me?", "still there?"):
        world.sandbox.desk.reply(talk, text)
        await eventually(lambda text=text: text in device.texts(), within_s=20)
    assert (hub(runtime).deaf, hub(runtime).confirmed) == (1, 0)
    assert "nothing that is published comes through" in logged.text
    world.sandbox.faults.clear()
    await eventually(lambda: hub(runtime).confirmed == 1 and not hub(runtime).deaf, within_s=20)
    world.sandbox.desk.reply(talk, "now by cable")
    await eventually(lambda: "now by cable" in device.texts())


async def test_where_nobody_is_in_view_a_canary_contact_finds_it_out(world: World) -> None:
    runtime, alice = await world.start(timing=POLL_SELDOM), await world.person()
    device, talk = await world.talk(runtime, alice)
    runtime.conversations.look(device, False)
    await eventually(lambda: world.sandbox.stats()["cable"]["subscriptions"] == 2, within_s=20)  # hers and the canary's
    world.sandbox.faults.set("cable_mute")
    world.sandbox.desk.reply(talk, "can you hear me?")
    await eventually(lambda: "can you hear me?" in device.texts(), within_s=20)
    assert hub(runtime).given_up_deaf >= 1
    assert len(world.conversations()) == 1  # the canary never began one
    assert {frame["type"] for frame in device.frames} <= {"presence"}


async def test_one_canary_contact_serves_all_processes_and_starts(world: World) -> None:
    runtimes = [await world.start() for _ in range(2)]
    for runtime in runtimes:
        person = await world.person()
        device, _ = await world.talk(runtime, person)
        runtime.conversations.look(device, False)
    await eventually(lambda: world.sandbox.stats()["cable"]["subscriptions"] == 4, within_s=60)
    inbox = await world.ask(Inbox.objects.get)
    assert uuid.UUID(inbox.canary_source_id) and inbox.canary_token
    assert await world.ask(ContactInbox.objects.count) == 2  # it is nobody's
    for runtime in runtimes:
        await world.stop(runtime)
    world.sandbox.reset_stats()
    again = await world.start()
    again.conversations.arrive(person.device(), visible=False)
    await eventually(lambda: world.sandbox.stats()["cable"]["update_presence"] > 0, within_s=60)
    assert not [each for each in world.sandbox.stats()["routes"] if each.startswith("POST") and "contacts" in each]


async def test_the_source_id_of_a_canary_is_stored_before_chatwoot_hears_of_it(world: World) -> None:
    runtime = await world.start()
    world.sandbox.faults.set("error_after", method="POST", path="/contacts", times=1)
    tokens = runtime.holding.liveness._tokens
    assert await tokens.canary(world.inbox_id, but=None) is None
    named = (await world.ask(Inbox.objects.get)).canary_source_id
    token = await tokens.canary(world.inbox_id, but=None)
    assert token and (await world.ask(Inbox.objects.get)).canary_source_id == named
    assert await tokens.canary(world.inbox_id, but=None) == token  # from the row
    assert await tokens.canary(world.inbox_id, but=token) == token  # read again: Chatwoot has no other


# Echoes


async def test_a_stopped_job_queue_is_found_out_by_the_missing_echo(world: World, logged: Any) -> None:
    runtime, alice, bob = await world.start(timing=POLL_SELDOM), await world.person(), await world.person()
    device, _ = await world.talk(runtime, alice)
    bobs, bobs_talk = await world.talk(runtime, bob, "I am bob")
    world.sandbox.faults.set("broadcasts_stopped")
    await alice.say(runtime, "is anybody there?")
    await world.settled()
    world.sandbox.desk.reply(bobs_talk, "yes, bob")
    await eventually(lambda: "yes, bob" in bobs.texts(), within_s=20)
    await eventually(lambda: runtime.holding.liveness.status().queues_stopped == 1, within_s=20)
    assert runtime.holding.liveness.status().echoes_missing == 1
    assert hub(runtime).confirmed == 2  # as far as the cable itself tells, all is well
    assert logged.text.count("is its job queue stopped?") == 1
    world.sandbox.faults.clear()
    world.sandbox.desk.reply(bobs_talk, "it runs again")
    await eventually(lambda: runtime.holding.liveness.status().queues_stopped == 0)
    assert logged.text.count("tells by cable again") == 1
    assert device.texts() == ["hello", "is anybody there?"]


async def test_what_a_stopped_queue_lost_is_found_when_it_runs_again(world: World) -> None:
    timing = replace(QUICK, hearing=liveness.Timing(poll_s=600, echo_s=0.5, proof_s=0.5, audit_s=600))
    runtime, alice = await world.start(timing=timing), await world.person()
    device, talk = await world.talk(runtime, alice)
    world.sandbox.faults.set("broadcasts_stopped", drop=True)
    await alice.say(runtime, "is anybody there?")
    await eventually(lambda: runtime.holding.liveness.status().queues_stopped == 1, within_s=20)
    world.sandbox.desk.reply(talk, "you missed this")
    world.sandbox.faults.clear()
    world.sandbox.desk.reply(talk, "but not this")
    await eventually(lambda: {"you missed this", "but not this"} <= set(device.texts()), within_s=20)


async def test_while_all_is_well_no_echo_is_missing(world: World) -> None:
    runtime, alice = await world.start(timing=POLL_SELDOM), await world.person()
    await world.talk(runtime, alice)
    for n in range(3):
        await alice.say(runtime, f"message {n}")
    await world.settled()
    await asyncio.sleep(1.5)  # longer than an echo may take
    status = runtime.holding.liveness.status()
    assert (status.echoes_missing, status.queues_stopped, hub(runtime).given_up_deaf) == (0, 0, 0)


# Audits and polls


async def test_what_no_layer_noticed_is_found_by_the_audit(world: World) -> None:
    timing = replace(QUICK, hearing=liveness.Timing(poll_s=600, echo_s=600, audit_s=1))
    runtime, alice = await world.start(timing=timing), await world.person()
    device, talk = await world.talk(runtime, alice)
    await eventually(lambda: runtime.holding.liveness.status().audits)  # that of the confirm is long over
    with world.sandbox.faults.on("broadcasts_stopped", drop=True):
        world.sandbox.desk.reply(talk, "lost on the way")
    await eventually(lambda: "lost on the way" in device.texts(), within_s=20)
    assert runtime.holding.liveness.status().polls == 0


# Tokens


async def test_a_contact_with_another_token_at_chatwoot_is_held_with_that(world: World, logged: Any) -> None:
    runtime, alice = await world.start(timing=POLL_SELDOM), await world.person()
    device, talk = await world.talk(runtime, alice)
    runtime.conversations.depart(device)
    await world.stop(runtime)
    row = await world.ask(ContactInbox.objects.get)
    right = row.pubsub_token
    row.pubsub_token = "chatwootknowsnosuch"
    await world.ask(row.save)
    again = await world.start(timing=POLL_SELDOM)
    device = alice.device()
    again.conversations.arrive(device, visible=True)
    await eventually(lambda: again.upstreams.hubs() and hub(again).confirmed, within_s=20)
    assert (await world.ask(ContactInbox.objects.get)).pubsub_token == right
    assert "has another token at Chatwoot" in logged.text
    world.sandbox.desk.reply(talk, "hello again")
    await eventually(lambda: "hello again" in device.texts())


async def test_a_contact_that_chatwoot_has_deleted_is_asked_for_no_faster_than_others_are_polled(world: World) -> None:
    timing = replace(QUICK, hearing=liveness.Timing(poll_s=0.5), comparing=resync.Timing(pause_s=0.01))
    chatwoot = CountingChatwoot(answers=[answer({"error": "Not Found"}, 404) for _ in range(200)])
    alice = await world.person(pubsub_token="gone")
    runtime = await world.start(timing=timing, chatwoot=chatwoot)
    runtime.conversations.arrive(alice.device(), visible=True)
    await eventually(lambda: chatwoot.hubs and chatwoot.hub.holds)
    hears = runtime.holding.liveness
    for _ in range(3):
        hears.silent(alice.contact_inbox_id)
        hears.unanswered(alice.contact_inbox_id)
    await asyncio.sleep(2)
    asked = len(chatwoot.at)
    assert 3 <= asked <= 8  # the token once; at first, and every half second, its conversations
    assert (await world.ask(ContactInbox.objects.get)).pubsub_token == "gone"


@pytest.mark.parametrize("status", [500, 404])
async def test_a_token_that_could_not_be_read_is_read_later(world: World, status: int) -> None:
    session = {"source_id": "s", "pubsub_token": "new", "id": 7, "name": ""}
    alice = await world.person(pubsub_token="old")
    chatwoot = CountingChatwoot()
    runtime = await world.start(timing=POLL_SELDOM, chatwoot=chatwoot)
    runtime.conversations.arrive(alice.device(), visible=True)
    await eventually(lambda: chatwoot.hubs and chatwoot.hub.holds)
    chatwoot.answers = [httpx.Response(status, content=b"a proxy's page")]
    runtime.holding.liveness.unanswered(alice.contact_inbox_id)
    await eventually(lambda: not chatwoot.answers)
    chatwoot.answers = [answer(session), answer([])]
    await world.becomes(lambda: ContactInbox.objects.get().pubsub_token == "new")
    await eventually(lambda: chatwoot.hub.held(alice.contact_inbox_id) == 1 and len(chatwoot.hub.holds) == 2)


async def test_where_a_contact_is_shown_with_a_proof_only_its_token_is_not_asked_for(world: World) -> None:
    """The proof would verify its session; without one the answer is a 500 each time."""
    await world.ask(lambda: Inbox.objects.update(hmac_token="secret"))
    chatwoot, alice = GatedChatwoot(), await world.person(pubsub_token="old")
    chatwoot.gate.set()
    runtime = await world.start(chatwoot=chatwoot)
    runtime.conversations.arrive(alice.device(), visible=True)
    await eventually(lambda: chatwoot.hubs and chatwoot.hub.holds)
    runtime.holding.liveness.unanswered(alice.contact_inbox_id)
    await asyncio.sleep(0.3)
    assert [path for path in chatwoot.at_gate if path.endswith(alice.source_id)] == []


async def test_a_chatwoot_that_hangs_is_asked_for_one_token_at_a_time(world: World) -> None:
    timing = replace(QUICK, hearing=liveness.Timing(poll_s=0.05))
    chatwoot, alice = GatedChatwoot(), await world.person(pubsub_token="old")
    runtime = await world.start(timing=timing, chatwoot=chatwoot)
    runtime.conversations.arrive(alice.device(), visible=True)
    await eventually(lambda: chatwoot.hubs and chatwoot.hub.holds)
    runtime.holding.liveness.unanswered(alice.contact_inbox_id)
    await asyncio.sleep(1)  # many polls
    assert len([path for path in chatwoot.at_gate if path.endswith(alice.source_id)]) == 1
    chatwoot.answers = [answer({"error": "later"}, 500)] * 2
    chatwoot.gate.set()
    await eventually(lambda: len([path for path in chatwoot.at_gate if path.endswith(alice.source_id)]) > 1)


@pytest.mark.parametrize("moment", ["silent", "unanswered", "canary_wanted", "lost", "subscribed"])
async def test_what_is_said_of_somebody_unknown_is_ignored(world: World, moment: str) -> None:
    chatwoot = CountingChatwoot()
    runtime = await world.start(chatwoot=chatwoot)
    getattr(runtime.holding.liveness, moment)(12345)
    runtime.holding.answered(12345, 1)
    await asyncio.sleep(0.1)
    assert chatwoot.at == []
