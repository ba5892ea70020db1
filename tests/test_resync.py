"""Whatever the cable did not bring is found by comparing, and no more often than agreed."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from chat import sql
from chat.budget import Budget, Urgency
from chat.models import ContactInbox, Conversation, Inbox
from chat.resync import AT_ONCE, Resyncs, Timing
from chat.runtime import Runtime
from chat.upstreams import Upstream, Upstreams
from chat.writer import WriterFull
from tests.eventually import eventually
from tests.fixtures.fake_hub import CountingChatwoot, GatedChatwoot, answer
from tests.fixtures.sandbox import SandboxProcess
from tests.fixtures.stumbling import FULL, LOST, StumblingReader, StumblingWriter
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


async def test_it_is_told_once_of_each_agents_message_that_nobody_had_brought_and_how_old_it_is(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    found: list[tuple[int, float]] = []
    runtime.resyncs.found = lambda scope, age_s: found.append((scope.contact_inbox_id, age_s))
    device, talk = await world.talk(runtime, alice)
    world.sandbox.desk.reply(talk, "by cable")
    await eventually(lambda: "by cable" in device.texts())
    with world.sandbox.faults.on("broadcasts_stopped", drop=True):
        world.sandbox.desk.reply(talk, "lost on the way")
    for _ in range(2):
        done = runtime.resyncs.done
        runtime.resyncs.want(alice.scope, urgency=Urgency.VISIBLE)
        await eventually(lambda done=done: runtime.resyncs.done > done)
    ((contact_inbox_id, age_s),) = found
    assert contact_inbox_id == alice.contact_inbox_id and -2 < age_s < 600


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
    world.sandbox.desk.reply(talk, "before it fell")
    world.sandbox.kill()
    world.sandbox = start_sandbox(state=state, port=port)
    world.sandbox.desk.reply(talk, "since it rose")
    await eventually(lambda: device.texts() == ["hello", "before it fell", "since it rose"])


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


@pytest.mark.parametrize("learnt", [7, None])
async def test_what_the_index_shows_of_other_inboxes_is_not_ours(world: World, learnt: int | None, logged: Any) -> None:
    listed = [{"id": 10 + inbox_id, "inbox_id": inbox_id, "status": "open"} for inbox_id in (8, 7, 9)]
    chatwoot, alice = CountingChatwoot(answers=[answer(listed)]), await world.person()
    await world.ask(Inbox.objects.update, chatwoot_inbox_id=learnt)
    runtime = await world.start(chatwoot=chatwoot)
    complete = await runtime.resyncs.run(alice.scope, urgency=Urgency.REST)
    stored = await world.ask(lambda: list(Conversation.objects.values_list("chatwoot_id", flat=True)))
    assert (complete, stored) == ((True, [17]) if learnt else (False, []))
    assert "dropped" not in logged.text  # a verified contact's index spans all inboxes: nothing is wrong with it


# Who goes first


async def test_a_visible_contact_goes_before_all_who_wait(world: World) -> None:
    chatwoot, people = GatedChatwoot(), [await world.person() for _ in range(AT_ONCE + 4)]
    runtime, *resting, hurried = await world.start(chatwoot=chatwoot), *people
    visible, writer = resting.pop(), StumblingWriter(runtime.audience)
    writer.start()
    await world.ask(Inbox.objects.update, chatwoot_inbox_id=7)
    await (await runtime.upstreams.of(world.inbox_id)).ready()  # from now on it is known, and nobody waits for it
    resyncs = Resyncs(runtime.upstreams, writer, runtime.reader)
    for person in (*resting, hurried):
        resyncs.want(person.scope, urgency=Urgency.REST)
    await eventually(lambda: len(chatwoot.at_gate) == AT_ONCE)
    resyncs.want(visible.scope, urgency=Urgency.VISIBLE)
    await asyncio.sleep(0)  # it stands in line
    resyncs.want(hurried.scope, urgency=Urgency.VISIBLE)
    chatwoot.gate.set()
    await eventually(lambda: resyncs.done == len(people))
    order = [*resting[:AT_ONCE], visible, hurried, *resting[AT_ONCE:]]
    assert writer.locked == [[person.contact_id] for person in order]  # the claims, as they were made
    await resyncs.close()
    await writer.stop()


class NotingUpstreams(Upstreams):
    """Whose budget notes how urgent each request was."""

    def __init__(self, like: Runtime, chatwoot: CountingChatwoot) -> None:
        super().__init__(like.reader, open_http=chatwoot.open_http, open_hub=chatwoot.open_hub)
        self.listener = like.holding
        self.noted: list[Urgency] = []

    async def of(self, inbox_id: int) -> Upstream:
        noted = self.noted

        class NotingBudget(Budget):
            async def take(self, urgency: Urgency) -> None:
                noted.append(urgency)
                await super().take(urgency)

        upstream = await super().of(inbox_id)
        upstream.link.budget = NotingBudget()
        return upstream


async def test_the_budget_is_asked_as_urgently_as_the_wish(world: World) -> None:
    chatwoot, runtime = CountingChatwoot(), await world.start(chatwoot=CountingChatwoot())
    upstreams = NotingUpstreams(runtime, chatwoot)
    resyncs = Resyncs(upstreams, runtime.writer, runtime.reader)
    for urgency in (Urgency.VISIBLE, Urgency.REST):
        resyncs.want((await world.person()).scope, urgency=urgency)
    hurried = (await world.person()).scope
    resyncs.want(hurried, urgency=Urgency.REST, after_s=60)
    await asyncio.sleep(0)
    resyncs.want(hurried, urgency=Urgency.VISIBLE)
    await eventually(lambda: resyncs.done == 3)
    assert sorted(upstreams.noted) == [Urgency.VISIBLE, Urgency.VISIBLE, Urgency.REST]
    await resyncs.close()
    await upstreams.close()


# A storm


async def test_a_storm_of_wishes_keeps_the_budget_and_whoever_looks_goes_first(world: World, logged: Any) -> None:
    chatwoot, people = CountingChatwoot(), await world.ask(lambda: [world._person("known") for _ in range(300)])
    await world.ask(Inbox.objects.update, chatwoot_inbox_id=7)
    runtime = await world.start(timing=replace(QUICK, rate_per_s=200), chatwoot=chatwoot)
    await (await runtime.upstreams.of(world.inbox_id)).ready()
    begun = asyncio.get_running_loop().time()
    for person in people:
        runtime.resyncs.want(person.scope, urgency=Urgency.REST)
    looking = people[200:220]
    for person in looking:
        runtime.resyncs.want(person.scope, urgency=Urgency.VISIBLE)
    await eventually(lambda: runtime.resyncs.done >= 40)
    soonest = await world.ask(lambda: list(ContactInbox.objects.filter(resynced_at__gt=0).values_list("pk", flat=True)))
    assert {each.contact_inbox_id for each in looking} <= set(soonest)
    await eventually(lambda: runtime.resyncs.done == len(people), within_s=60)
    for at, asked_at in enumerate(chatwoot.at):
        assert at <= 50 + 200 * (asked_at - begun) + 10  # the burst, the rate, and what probes ask
    assert logged.text.count("contacts wait") >= 1
    assert logged.text.count("nobody waits any more") == 1


async def test_wishes_beyond_the_bound_are_refused_and_said(world: World, logged: Any) -> None:
    chatwoot, people = GatedChatwoot(), [await world.person() for _ in range(8)]
    runtime = await world.start(timing=replace(QUICK, comparing=Timing(most_waiting=5)), chatwoot=chatwoot)
    for person in people:
        runtime.resyncs.want(person.scope, urgency=Urgency.REST, after_s=60)
    assert "resync: 1 wishes were refused, 5 wait already" in logged.text


@pytest.mark.parametrize("ahead_ms", [8_000, 3_600_000])
async def test_a_clock_that_was_put_back_keeps_no_resync_waiting(world: World, ahead_ms: int) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person()
    runtime = await world.start(timing=replace(QUICK, comparing=Timing(pause_s=60)), chatwoot=chatwoot)
    await world.ask(lambda: ContactInbox.objects.update(resynced_at=sql.database_now() + ahead_ms))
    runtime.resyncs.want(alice.scope, urgency=Urgency.REST)
    await eventually(lambda: runtime.resyncs.done == 1)
    runtime.resyncs.want(alice.scope, urgency=Urgency.REST)
    await asyncio.sleep(0.3)
    assert runtime.resyncs.done == 1, "and the pause holds again"


async def test_a_chatwoot_that_is_left_alone_costs_no_claims(world: World) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person()
    runtime = await world.start(timing=replace(QUICK, comparing=Timing(pause_s=0.1)), chatwoot=chatwoot)
    link = (await runtime.upstreams.of(world.inbox_id)).link
    await eventually(link.tried.is_set)
    await link.pause(1.5)
    runtime.resyncs.want(alice.scope, urgency=Urgency.REST)
    await asyncio.sleep(0.5)
    assert (await world.ask(ContactInbox.objects.get)).resynced_at == 0
    await eventually(lambda: runtime.resyncs.done == 1)


async def test_a_contact_that_chatwoot_does_not_know_is_not_asked_for_again_and_again(world: World) -> None:
    chatwoot, alice = CountingChatwoot(answers=[answer({}, 404)]), await world.person()
    runtime = await world.start(timing=replace(QUICK, comparing=Timing(pause_s=0.05)), chatwoot=chatwoot)
    runtime.resyncs.want(alice.scope, urgency=Urgency.REST)
    await eventually(lambda: not chatwoot.answers)
    await asyncio.sleep(0.4)
    assert runtime.resyncs.done == 0


async def test_a_404_of_a_proxy_says_nothing_of_the_contact(world: World) -> None:
    """Of an ingress, while Chatwoot's pods are replaced."""
    page = httpx.Response(404, content=b"404 page not found")
    chatwoot, alice = CountingChatwoot(answers=[page]), await world.person(pubsub_token="known")
    runtime = await world.start(timing=replace(QUICK, comparing=Timing(pause_s=0.05)), chatwoot=chatwoot)
    runtime.resyncs.want(alice.scope, urgency=Urgency.REST)
    await eventually(lambda: runtime.resyncs.done == 1)


# How often


async def test_one_comparison_per_pause_over_two_processes_and_a_later_wish_is_kept(world: World) -> None:
    timing = replace(QUICK, comparing=Timing(pause_s=0.6))
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


async def test_a_chatwoot_that_asks_for_time_gets_it(world: World) -> None:
    throttled = httpx.Response(429, headers={"Retry-After": "1"})
    chatwoot, alice = CountingChatwoot(answers=[throttled]), await world.person()
    runtime = await world.start(chatwoot=chatwoot)
    runtime.resyncs.want(alice.scope, urgency=Urgency.REST)
    await eventually(lambda: runtime.resyncs.done == 1)
    asked, again = chatwoot.at
    assert again - asked > 0.9 > QUICK.comparing.pause_s


@pytest.mark.parametrize("failures", [(FULL, FULL), (LOST, LOST), (WriterFull("full"), LOST)])
async def test_a_database_in_trouble_does_not_end_comparing(world: World, failures: tuple[Exception, ...]) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person()
    runtime = await world.start(chatwoot=chatwoot)
    writer = StumblingWriter(runtime.audience, *failures)
    writer.start()
    resyncs = Resyncs(runtime.upstreams, writer, runtime.reader, timing=Timing(pause_s=0.1))
    resyncs.want(alice.scope, urgency=Urgency.REST)
    await eventually(lambda: resyncs.done)
    assert not writer.failures
    await resyncs.close()
    await writer.stop()


@pytest.mark.parametrize("broken", [FULL, LOST])
async def test_a_database_that_breaks_in_the_comparison_brings_it_again(world: World, broken: Exception) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person()
    runtime, reader = await world.start(chatwoot=chatwoot), StumblingReader(broken)
    resyncs = Resyncs(runtime.upstreams, runtime.writer, reader, timing=Timing(pause_s=0.1))
    resyncs.want(alice.scope, urgency=Urgency.REST)
    await eventually(lambda: resyncs.done)
    assert not reader.failures and len(chatwoot.at) == 1
    await resyncs.close()
    await reader.stop()


@pytest.mark.parametrize("stumbles", ["in the row of the inbox", "in the claim", "in the comparison"])
async def test_what_nobody_thought_of_ends_no_comparing(world: World, stumbles: str, logged: Any) -> None:
    unforeseen, chatwoot, alice = RuntimeError("nobody thought of this"), CountingChatwoot(), await world.person()
    runtime = await world.start(chatwoot=chatwoot)
    reader, upstreams = StumblingReader(*[unforeseen][: stumbles != "in the claim"]), runtime.upstreams
    if stumbles == "in the row of the inbox":
        upstreams = Upstreams(reader, open_http=chatwoot.open_http, open_hub=chatwoot.open_hub)
    writer = StumblingWriter(runtime.audience, *[unforeseen][: stumbles == "in the claim"])
    writer.start()
    upstreams.listener = runtime.holding
    resyncs = Resyncs(upstreams, writer, reader, timing=Timing(pause_s=0.05, walk_s=0.1))
    resyncs.want(alice.scope, urgency=Urgency.REST)
    await eventually(lambda: "and comes again" in logged.text)
    await eventually(lambda: resyncs.done)
    await resyncs.close()
    await writer.stop()
    await reader.stop()


async def test_a_contact_that_was_removed_here_is_not_compared(world: World, logged: Any) -> None:
    runtime, alice = await world.start(chatwoot=CountingChatwoot()), await world.person()
    await world.ask(ContactInbox.objects.all().delete)
    runtime.resyncs.want(alice.scope, urgency=Urgency.REST)
    await eventually(lambda: "was removed; it is not compared any more" in logged.text)
    assert runtime.resyncs.done == 0


async def test_a_claim_holds_the_lock_of_its_contact(world: World) -> None:
    """Claims share transactions; without the ordered locks two processes wait for each other's rows."""
    alice, runtime = await world.person(), await world.start(chatwoot=CountingChatwoot())
    writer = StumblingWriter(runtime.audience)
    writer.start()
    resyncs = Resyncs(runtime.upstreams, writer, runtime.reader)
    resyncs.want(alice.scope, urgency=Urgency.REST)
    await eventually(lambda: resyncs.done)
    assert writer.locked == [[alice.contact_id]]
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
    runtime = await world.start(timing=replace(QUICK, comparing=Timing(pause_s=60)), chatwoot=chatwoot)
    runtime.resyncs.want(alice.scope, urgency=Urgency.REST)
    await eventually(lambda: chatwoot.at)
    runtime.resyncs.want(alice.scope, urgency=Urgency.VISIBLE)
    await world.becomes(lambda: ContactInbox.objects.get().resynced_at > 0)
    await asyncio.sleep(0.1)
    assert len(chatwoot.at) == 1
