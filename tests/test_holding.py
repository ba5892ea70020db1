"""Whom we listen for, how long, and what that costs Chatwoot."""

import asyncio
import uuid
from dataclasses import replace
from random import Random
from typing import Any, cast

import pytest
from django.db import OperationalError

from chat import resync
from chat.bridge.timing import Timing as CableTiming
from chat.chatwoot.events import ConversationCreated, Typing
from chat.holding import Holding
from chat.liveness import Timing
from chat.models import Chatwoot, ContactInbox, Conversation
from chat.writer import Writer
from tests.eventually import eventually
from tests.fixtures.fake_hub import CountingChatwoot, GatedChatwoot, answer
from tests.fixtures.stumbling import FULL, LOST, StumblingReader
from tests.fixtures.world import QUICK, Device, Person, World

PATIENT = replace(QUICK, hearing=Timing(poll_s=30))


async def arrived(world: World, chatwoot: CountingChatwoot, person: Person, **options: Any) -> Any:
    """A runtime where this person is, and the key of their subscription."""
    runtime = await world.start(chatwoot=chatwoot, **options)
    runtime.conversations.arrive(person.device(), visible=False)
    await eventually(lambda: chatwoot.hubs and chatwoot.hub.holds)
    return runtime, chatwoot.hub.holds[0].key


# With the sandbox's cable


async def test_what_is_said_in_the_linger_is_there_at_the_return_without_a_comparison(world: World) -> None:
    runtime, alice = await world.start(timing=PATIENT, cable=CableTiming()), await world.person()
    device, talk = await world.talk(runtime, alice)
    await world.rested(alice, ms=300)
    await eventually(lambda: runtime.resyncs.is_idle)
    before, page = runtime.resyncs.done, await runtime.conversations.read(alice.contact_id, since=None)
    runtime.conversations.depart(device)
    world.sandbox.desk.reply(talk, "are you still there?")
    again = alice.device()
    runtime.conversations.arrive(again, visible=True)
    again.take((await runtime.conversations.read(alice.contact_id, since=str(page.cursor))).rows)
    await eventually(lambda: again.texts() == ["are you still there?"])
    world.sandbox.desk.reply(talk, "ah, there you are")
    await eventually(lambda: "ah, there you are" in again.texts())
    assert runtime.resyncs.done == before
    assert device.texts() == ["hello"]


async def test_who_returns_after_the_linger_is_compared(world: World, settings: Any) -> None:
    settings.CABLE_LINGER_S = 0
    runtime, alice = await world.start(linger_s=0), await world.person()
    device, talk = await world.talk(runtime, alice)
    runtime.conversations.depart(device)
    await eventually(lambda: not any(hub.status().subscriptions for hub in runtime.upstreams.hubs()))
    world.sandbox.desk.reply(talk, "are you still there?")
    again = alice.device()
    runtime.conversations.arrive(again, visible=True)
    await eventually(lambda: again.texts() == ["are you still there?"])


async def test_storms_of_coming_and_going_leave_nothing_behind(world: World) -> None:
    runtime, random = await world.start(linger_s=0), Random(3)
    people = [await world.person() for _ in range(4)]
    for person in people:
        await world.talk(runtime, person)
    devices = [person.device() for person in people for _ in range(3)]
    for _ in range(300):
        for device in random.sample(devices, 3):
            come = random.choice((runtime.conversations.arrive, runtime.conversations.look, None))
            if come is None:
                runtime.conversations.depart(device)
            elif come == runtime.conversations.look:
                runtime.conversations.look(device, random.random() < 0.5)
            else:
                runtime.conversations.arrive(device, visible=random.random() < 0.5)
        if random.random() < 0.2:
            await asyncio.sleep(0.002)
    for listener in [each for person in people for each in runtime.audience.of(person.contact_id)]:
        runtime.conversations.depart(listener)
    await eventually(lambda: not any(hub.status().subscriptions for hub in runtime.upstreams.hubs()))
    await eventually(lambda: world.sandbox.stats()["cable"]["subscriptions"] == 0)
    assert not runtime.audience.contacts()


async def test_presence_is_told_only_while_a_page_is_in_view(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    device = alice.device()
    runtime.conversations.arrive(device, visible=False)
    await alice.say(runtime, "in the background")
    await world.settled()
    await eventually(lambda: any(hub.status().confirmed for hub in runtime.upstreams.hubs()))
    await asyncio.sleep(0.3)
    assert world.sandbox.stats()["cable"]["update_presence"] == 0
    runtime.conversations.look(device, True)
    await eventually(lambda: world.sandbox.stats()["cable"]["update_presence"] > 0)


async def test_visitors_of_one_chatwoot_share_a_socket(world: World) -> None:
    runtime = await world.start()
    for _ in range(6):
        await world.talk(runtime, await world.person())
    cable = world.sandbox.stats()["cable"]
    assert (cable["open"], cable["subscriptions"]) == (1, 6)


# With a hub that does as it is told


async def test_one_subscription_for_all_devices_of_a_person(world: World) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person(pubsub_token="known")
    runtime, key = await arrived(world, chatwoot, alice)
    for _ in range(5):
        runtime.conversations.arrive(alice.device(), visible=True)
    await eventually(lambda: chatwoot.hub.holds[0].visible)
    for device in runtime.audience.of(alice.contact_id)[1:]:
        runtime.conversations.depart(device)
    assert chatwoot.hub.held(key) == 1
    runtime.conversations.depart(runtime.audience.of(alice.contact_id)[0])
    assert chatwoot.hub.held(key) == 0


async def test_a_sync_holds_without_a_listener(world: World) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person(pubsub_token="known")
    runtime = await world.start(chatwoot=chatwoot)
    runtime.conversations.polled(alice.contact_id)
    await eventually(lambda: chatwoot.hubs and chatwoot.hub.held(alice.contact_inbox_id) == 1)


async def test_a_sync_holds_for_its_while_and_no_longer(world: World) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person(pubsub_token="known")
    runtime = await world.start(chatwoot=chatwoot)
    parts = (runtime.upstreams, runtime.writer, runtime.reader, runtime.audience, runtime.resyncs)
    holding = Holding(*parts, timing=QUICK.hearing, polled_s=0.5)
    holding.polled(alice.contact_id)
    await eventually(lambda: chatwoot.hubs and chatwoot.hub.held(alice.contact_inbox_id) == 1)
    await asyncio.sleep(0.2)
    holding.polled(alice.contact_id)  # another sync
    await asyncio.sleep(0.4)
    holding.sweep()
    assert chatwoot.hub.held(alice.contact_inbox_id) == 1
    await asyncio.sleep(0.2)
    holding.sweep()
    assert chatwoot.hub.held(alice.contact_inbox_id) == 0
    await holding.close()


def with_talks(person: Person, *statuses: str) -> list[int]:
    """Contact inboxes of the same person, each with a conversation of this status; oldest first."""
    owner = {"contact_id": person.contact_id, "inbox_id": person.inbox_id}
    made = []
    for number, status in enumerate(statuses):
        row = ContactInbox.objects.create(**owner, source_id=str(uuid.uuid4()), pubsub_token=f"token {number}")
        Conversation.objects.create(**owner, contact_inbox=row, status=status, created_at=number, seq=number + 1)
        made.append(row.pk)
    return made


async def test_of_many_contact_inboxes_the_newest_five_with_an_open_conversation_are_held(world: World) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person(pubsub_token="known")
    statuses = ["open", "resolved", "pending", "open", "snoozed", "resolved", "open", "open", "open"]
    made = await world.ask(with_talks, alice, *statuses)
    await arrived(world, chatwoot, alice)
    await eventually(lambda: len(chatwoot.hub.holds) == 5)
    assert [hold.key for hold in chatwoot.hub.holds] == [made[at] for at in (8, 7, 6, 4, 3)]


async def test_where_none_has_an_open_conversation_the_newest_is_held(world: World) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person(pubsub_token="known")
    made = await world.ask(with_talks, alice, "resolved", "resolved")
    _, key = await arrived(world, chatwoot, alice)
    assert (key, len(chatwoot.hub.holds)) == (made[1], 1)


async def test_what_is_to_be_held_is_read_again_when_it_may_have_changed(world: World) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person(pubsub_token="known")
    old, new = await world.ask(with_talks, alice, "open", "resolved")
    runtime, key = await arrived(world, chatwoot, alice)
    assert key == old
    await world.ask(lambda: Conversation.objects.filter(contact_inbox=old).update(status="resolved"))
    runtime.holding.refresh(alice.contact_id)
    await eventually(lambda: (chatwoot.hub.held(old), chatwoot.hub.held(new)) == (0, 1))
    row = await world.ask(ContactInbox.objects.get, pk=new)
    row.pubsub_token = "another"
    await world.ask(row.save)
    runtime.holding.refresh(alice.contact_id)
    await eventually(lambda: len(chatwoot.hub.holds) == 3)
    assert chatwoot.hub.held(new) == 1  # by its new token only
    runtime.holding.refresh(uuid.uuid4())  # nobody who is here
    assert not any(hold.visible for hold in chatwoot.hub.holds)


async def test_who_is_held_at_an_address_that_is_changed_is_held_at_the_new_one(world: World) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person(pubsub_token="token-of-alice")
    runtime, key = await arrived(world, chatwoot, alice, timing=replace(PATIENT, read_rows_s=0.2))
    await world.ask(Chatwoot.objects.update, cable_url="ws://moved.example/cable")
    await eventually(lambda: len(chatwoot.hubs) == 2 and chatwoot.hubs[1].held(key) == 1)
    assert chatwoot.hubs[0].held(key) == 0
    runtime.holding.sweep()
    assert len(chatwoot.hubs[1].holds) == 1


async def test_somebody_whom_chatwoot_does_not_know_is_not_held(world: World) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person()
    runtime, device = await world.start(chatwoot=chatwoot), alice.device()
    runtime.conversations.arrive(device, visible=True)
    await eventually(lambda: len(device.heads) >= 2)
    assert chatwoot.hubs == [] and chatwoot.at == []


async def test_a_delivery_is_listened_to_while_it_is_under_way(world: World) -> None:
    chatwoot, alice = GatedChatwoot(), await world.person(pubsub_token="known")
    runtime = await world.start(chatwoot=chatwoot)
    await alice.say(runtime, "and off I go")
    await eventually(lambda: chatwoot.at_gate)
    await eventually(lambda: chatwoot.hub.held(alice.contact_inbox_id) == 1)
    await asyncio.sleep(0.3)  # a few sweeps: nobody is here, but it is kept
    assert chatwoot.hub.held(alice.contact_inbox_id) == 1
    chatwoot.answers = [answer({}, 403)] * 10  # its inbox rests
    chatwoot.gate.set()
    await eventually(lambda: chatwoot.hub.held(alice.contact_inbox_id) == 0)


@pytest.mark.parametrize("error", [FULL, LOST])
async def test_a_contact_that_could_not_be_read_is_held_later(world: World, error: Exception, logged: Any) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person(pubsub_token="known")
    runtime, reader = await world.start(chatwoot=chatwoot), StumblingReader(error)
    held = Holding(runtime.upstreams, runtime.writer, reader, runtime.audience, runtime.resyncs)
    held.polled(alice.contact_id)
    await eventually(lambda: not reader.failures)
    held.refresh(alice.contact_id)
    await eventually(lambda: chatwoot.hubs and chatwoot.hub.held(alice.contact_inbox_id) == 1)
    assert "died" not in logged.text
    await held.close()
    await reader.stop()


async def test_who_has_gone_before_the_hold_is_made_is_not_held(world: World) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person(pubsub_token="known")
    runtime, device = await world.start(chatwoot=chatwoot), alice.device()
    runtime.conversations.arrive(device, visible=True)
    runtime.conversations.depart(device)
    await asyncio.sleep(0.2)
    assert not any(hub.held(alice.contact_inbox_id) for hub in chatwoot.hubs)


async def test_each_confirm_is_followed_by_a_comparison(world: World) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person(pubsub_token="known")
    _, key = await arrived(world, chatwoot, alice, timing=PATIENT)
    chatwoot.hub.confirm(key)
    await eventually(lambda: len(chatwoot.at) == 1)
    chatwoot.hub.lose(key)
    chatwoot.hub.confirm(key)
    await eventually(lambda: len(chatwoot.at) == 2)


async def test_a_short_loss_waits_for_the_confirm_that_makes_comparing_worth_while(world: World) -> None:
    timing = replace(QUICK, hearing=Timing(poll_s=0.4), comparing=resync.Timing(pause_s=0))
    chatwoot, alice = CountingChatwoot(), await world.person(pubsub_token="known")
    _, key = await arrived(world, chatwoot, alice, timing=timing)
    chatwoot.hub.confirm(key)
    await eventually(lambda: len(chatwoot.at) == 1)
    await asyncio.sleep(0.6)  # it has been heard for longer than the unheard may wait
    chatwoot.hub.lose(key)
    await asyncio.sleep(0.2)
    assert len(chatwoot.at) == 1
    chatwoot.hub.confirm(key)
    await eventually(lambda: len(chatwoot.at) == 2)


async def test_a_loss_that_lasts_is_bridged_by_comparing_from_time_to_time(world: World) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person(pubsub_token="known")
    _, key = await arrived(world, chatwoot, alice)
    chatwoot.hub.confirm(key)
    chatwoot.hub.lose(key)
    await eventually(lambda: len(chatwoot.at) >= 3)


async def test_typing_in_a_strange_conversation_is_not_shown(world: World) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person(pubsub_token="known")
    runtime, key = await arrived(world, chatwoot, alice)
    device: Any = runtime.audience.of(alice.contact_id)[0]
    for source_id in (alice.source_id, str(uuid.uuid4()), None):
        chatwoot.hub.listener.received(key, Typing(99, 1, source_id, "Gus", True))
    await asyncio.sleep(0.2)
    assert isinstance(device, Device) and device.frames == []


class IllWriter(Writer):
    def post(self, *_: Any, done: Any, **__: Any) -> None:
        done(None, OperationalError("database is locked"))


async def test_what_a_locked_database_does_not_store_is_said_in_one_line(world: World, logged: Any) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person(pubsub_token="known")
    runtime = await world.start(chatwoot=chatwoot)
    parts = (runtime.upstreams, IllWriter(runtime.audience), runtime.reader, runtime.audience, runtime.resyncs)
    holding = Holding(*parts)
    holding.polled(alice.contact_id)
    await eventually(lambda: chatwoot.hubs and chatwoot.hub.holds)
    for _ in range(5):
        holding.liveness.received(chatwoot.hub.holds[0].key, ConversationCreated(cast(Any, None)))
        holding.sweep()
    holding.sweep()
    await holding.close()
    assert logged.text.count("could not be written: 1;") == logged.text.count("could not be written") == 1
    assert "Traceback" not in logged.text


@pytest.mark.parametrize("moment", ["confirmed", "silent", "typing"])
async def test_what_the_hub_says_at_the_very_end_starts_nothing(world: World, moment: str, logged: Any) -> None:
    chatwoot, alice = CountingChatwoot(), await world.person(pubsub_token="known")
    runtime, key = await arrived(world, chatwoot, alice)
    listener, tasks = chatwoot.hub.listener, asyncio.all_tasks()
    typing = Typing(99, 1, alice.source_id, "Gus", True)
    chatwoot.hub.at_exit = {
        "confirmed": lambda: listener.subscribed(key),
        "silent": lambda: listener.silent(key),
        "typing": lambda: listener.received(key, typing),
    }[moment]
    await world.stop(runtime)
    assert asyncio.all_tasks() <= tasks
    assert "died" not in logged.text


@pytest.mark.parametrize("confirmed", [True, False])
async def test_t58_a_thousand_reconnects_cost_one_list_in_ten_seconds(world: World, confirmed: bool) -> None:
    """Neither pages that come and go, nor subscriptions, nor polls multiply what is asked of Chatwoot."""
    chatwoot, alice = CountingChatwoot(), await world.person(pubsub_token="known")
    runtime = await world.start(timing=replace(QUICK, comparing=resync.Timing()), chatwoot=chatwoot)
    begun = asyncio.get_running_loop().time()
    for number in range(1_000):
        device = alice.device()
        runtime.conversations.arrive(device, visible=number % 2 == 0)
        runtime.conversations.polled(alice.contact_id)
        await asyncio.sleep(0)
        if confirmed and chatwoot.hubs and chatwoot.hub.holds:
            chatwoot.hub.confirm(alice.contact_inbox_id)
        runtime.conversations.depart(device)
        if confirmed and number % 10 == 9 and chatwoot.hubs and chatwoot.hub.holds:
            chatwoot.hub.lose(alice.contact_inbox_id)
    await eventually(lambda: chatwoot.at)
    await asyncio.sleep(1.5)
    took_s = asyncio.get_running_loop().time() - begun
    assert 1 <= len(chatwoot.at) <= 1 + took_s / 10
