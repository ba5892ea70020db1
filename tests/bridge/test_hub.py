"""Holding: subscribe, linger, spread over sockets, and tell the listener the truth."""

import asyncio
import logging
from collections.abc import Hashable
from dataclasses import replace

import pytest

from chat.chatwoot.cable import CableTiming
from chat.chatwoot.events import Event, Presence
from tests.bridge.fakes import FAST, Remembers, World
from tests.eventually import eventually

ONLINE = {"event": "presence.update", "data": {"users": {"2": "online"}}}


@pytest.fixture
def world() -> World:
    return World()


async def test_a_hold_dials_and_subscribes(world: World):
    async with world.hub() as hub:
        await world.settle()
        assert world.cable.dials == 0
        hold = hub.hold("alice", "tok-a")
        assert not hold.live
        await eventually(lambda: hold.live)
        assert world.listener.told == [("subscribed", "alice")]
        assert world.cable.commands() == [("subscribe", "tok-a")]
        assert (hub.status().sockets, hub.status().confirmed) == (1, 1)


async def test_two_holders_share_one_subscription(world: World):
    async with world.hub() as hub:
        first = hub.hold("alice", "tok-a")
        await eventually(lambda: first.live)
        second = hub.hold("alice", "tok-a")
        assert second.live
        first.release()
        first.release()
        await world.pass_time(120)
        assert second.live
        assert not first.live
        assert world.cable.commands() == [("subscribe", "tok-a")]


async def test_after_the_last_release_it_lingers_then_goes(world: World):
    async with world.hub() as hub:
        alice, bob = hub.hold("alice", "tok-a"), hub.hold("bob", "tok-b")
        await eventually(lambda: alice.live and bob.live)
        alice.release()
        await world.pass_time(58)
        assert hub.status().subscriptions == 2
        await world.pass_time(3)
        assert world.cable.commands() == [("subscribe", "tok-a"), ("subscribe", "tok-b"), ("unsubscribe", "tok-a")]
        assert hub.status().subscriptions == 1


async def test_held_again_while_it_lingers_nothing_is_asked_and_nothing_told(world: World):
    async with world.hub() as hub:
        hold = hub.hold("alice", "tok-a")
        await eventually(lambda: hold.live)
        hold.release()
        await world.pass_time(30)
        again = hub.hold("alice", "tok-a")
        assert again.live
        await world.pass_time(90)
        assert world.cable.commands() == [("subscribe", "tok-a")]
        assert world.listener.told == [("subscribed", "alice")]


async def test_a_socket_that_nobody_needs_is_closed(world: World):
    async with world.hub() as hub:
        hold = hub.hold("alice", "tok-a")
        await eventually(lambda: hold.live)
        hold.release()
        await world.pass_time(62)
        await eventually(lambda: world.cable.sockets[0].closed)
        assert hub.status().sockets == 0
        again = hub.hold("alice", "tok-a")
        await eventually(lambda: again.live)
        assert len(world.cable.sockets) == 2


async def test_sockets_are_filled_one_after_another(world: World):
    async with world.hub(per_socket=2) as hub:
        holds = [hub.hold(n, f"tok{n}") for n in range(5)]
        await eventually(lambda: all(each.live for each in holds))
        assert [len(each.commands) for each in world.cable.sockets] == [2, 2, 1]
        holds[0].release()  # It lingers, so its place is taken.
        hub.hold(5, "tok5")
        hub.hold(6, "tok6")
        await eventually(lambda: hub.status().confirmed == 7)
        assert len(world.cable.sockets) == 4


async def test_beyond_the_last_socket_contacts_are_to_be_polled_until_there_is_room(world: World):
    async with world.hub(per_socket=1, max_sockets=1) as hub:
        alice, bob = hub.hold("alice", "tok-a"), hub.hold("bob", "tok-b")
        await eventually(lambda: alice.live)
        await world.pass_time(6)
        assert world.listener.told == [("subscribed", "alice"), ("silent", "bob")]
        alice.release()
        await world.pass_time(62)
        await eventually(lambda: bob.live)


async def test_released_without_a_place_it_is_forgotten(world: World):
    async with world.hub(per_socket=1, max_sockets=1, linger_s=0) as hub:
        alice = hub.hold("alice", "tok-a")
        await eventually(lambda: alice.live)
        hub.hold("bob", "tok-b").release()
        await world.pass_time(2)
        assert hub.status().subscriptions == 1
        assert world.cable.commands() == [("subscribe", "tok-a")]


async def test_events_go_to_their_contact(world: World):
    async with world.hub() as hub:
        alice, bob = hub.hold("alice", "tok-a"), hub.hold("bob", "tok-b")
        await eventually(lambda: alice.live and bob.live)
        world.cable.tell("tok-b", ONLINE)
        world.cable.tell("tok-x", ONLINE)
        world.cable.tell("tok-a", {"event": "contact.updated", "data": {}})
        await eventually(lambda: hub.status().stray == 1)
        assert world.listener.events == [("bob", Presence(True))]


async def test_two_contacts_with_one_token_get_a_socket_each(world: World):
    async with world.hub() as hub:
        alice, twin = hub.hold("alice", "tok-a"), hub.hold("twin", "tok-a")
        await eventually(lambda: alice.live and twin.live)
        assert len(world.cable.sockets) == 2


async def test_unreadable_frames_are_counted_and_named_by_contact_only(world: World, caplog: pytest.LogCaptureFixture):
    async with world.hub() as hub:
        hold = hub.hold("alice", "tok-a")
        await eventually(lambda: hold.live)
        world.cable.sockets[0].say("{")
        world.cable.tell("tok-a", {"event": "message.created", "data": {"private": False, "content": "the text"}})
        world.cable.tell("tok-a", ONLINE)
        await eventually(lambda: world.listener.events)
        assert hub.status().malformed == 2
    assert "'alice' cannot be read: id: NoneType" in caplog.text
    for secret in ("tok-a", "the text"):
        assert secret not in caplog.text


async def test_a_listener_that_fails_takes_nothing_down(world: World, caplog: pytest.LogCaptureFixture):
    class Fails(Remembers):
        def subscribed(self, key: Hashable) -> None:
            raise RuntimeError("the database is away")

    world.listener = Fails()
    async with world.hub() as hub:
        alice, bob = hub.hold("alice", "tok-a"), hub.hold("bob", "tok-b")
        await eventually(lambda: alice.live and bob.live)
        world.cable.tell("tok-a", ONLINE)
        await eventually(lambda: world.listener.events)
        assert world.cable.dials == 1
    assert "of 'alice'" in caplog.text
    assert "tok-a" not in caplog.text


async def test_a_new_token_replaces_the_old_one(world: World):
    async with world.hub() as hub:
        old = hub.hold("alice", "tok-1")
        await eventually(lambda: old.live)
        new = hub.hold("alice", "tok-2")
        assert not old.live
        await eventually(lambda: new.live)
        assert world.cable.commands() == [("subscribe", "tok-1"), ("unsubscribe", "tok-1"), ("subscribe", "tok-2")]
        assert [what for what, _ in world.listener.told] == ["subscribed", "lost", "subscribed"]


async def test_a_new_token_of_one_that_was_never_live(world: World):
    async with world.hub() as hub:
        hub.hold("alice", "bad-a")
        await world.pass_time(6)
        new = hub.hold("alice", "tok-2")
        await eventually(lambda: new.live)
        assert world.listener.told == [("silent", "alice"), ("subscribed", "alice")]


async def test_of_those_that_fall_silent_together_one_may_be_replaced_meanwhile(world: World):
    class Replaces(Remembers):
        def silent(self, key: Hashable) -> None:
            super().silent(key)
            hub.hold("bob", "tok-b")

    world.listener = Replaces()
    async with world.hub() as hub:
        hub.hold("alice", "bad-a")
        bob = hub.hold("bob", "bad-b")
        await world.pass_time(6)
        await eventually(lambda: bob.live)
        assert world.listener.told == [("silent", "alice"), ("subscribed", "bob")]


async def test_what_a_listener_changes_while_it_is_told_is_heeded(world: World):
    class Renames(Remembers):
        def received(self, key: Hashable, event: Event) -> None:
            super().received(key, event)
            hub.hold(key, "tok-2")

    world.listener = Renames()
    async with world.hub() as hub:
        old = hub.hold("alice", "tok-1")
        await eventually(lambda: old.live)
        world.cable.tell("tok-1", ONLINE)
        world.cable.tell("tok-1", ONLINE)
        await eventually(lambda: world.listener.count("subscribed") == 2)
        assert len(world.listener.events) == 1


# Silence


async def test_one_that_is_never_confirmed_is_to_be_polled(world: World):
    async with world.hub() as hub:
        hub.hold("alice", "bad-a")
        await world.pass_time(4)
        assert world.listener.told == []
        await world.pass_time(20)
        assert world.listener.told == [("silent", "alice")]
        assert hub.status().silent == 1


async def test_a_silent_one_gets_one_more_try_on_the_next_socket(world: World):
    async with world.hub() as hub:
        hub.hold("alice", "bad-a")
        await world.pass_time(29)
        assert world.cable.commands() == [("subscribe", "bad-a")]
        await world.pass_time(200)
        first, second = world.cable.sockets
        assert first.commands == [("subscribe", "bad-a"), ("unsubscribe", "bad-a")]
        assert second.commands == [("subscribe", "bad-a")]
        assert world.listener.told == [("silent", "alice")]
        assert hub.status().sockets == 1


async def test_it_gets_it_on_the_same_socket_while_others_are_confirmed_promptly(world: World):
    async with world.hub() as hub:
        hub.hold("alice", "bad-a")
        await world.pass_time(10)
        hub.hold("bob", "tok-b")
        await world.pass_time(200)
        (socket,) = world.cable.sockets
        again = [("unsubscribe", "bad-a"), ("subscribe", "bad-a")]
        assert socket.commands == [("subscribe", "bad-a"), ("subscribe", "tok-b"), *again]


async def test_a_second_try_that_is_answered_heals(world: World):
    world.cable.mute = True
    async with world.hub() as hub:
        hold = hub.hold("alice", "tok-a")
        await world.pass_time(20)
        world.cable.mute = False
        await world.pass_time(15)
        await eventually(lambda: hold.live)
        assert world.listener.told == [("silent", "alice"), ("subscribed", "alice")]


async def test_where_there_is_no_next_socket_it_stays_silent(world: World):
    async with world.hub(max_sockets=1) as hub:
        hub.hold("alice", "bad-a")
        await world.pass_time(100)
        assert world.cable.commands() == [("subscribe", "bad-a")]


async def test_released_while_unconfirmed_it_keeps_its_place_until_it_is_safe_to_unsubscribe(world: World):
    async with world.hub(linger_s=0, per_socket=2) as hub:
        keeper = hub.hold("bob", "tok-b")
        await eventually(lambda: keeper.live)
        hub.hold("alice", "bad-a").release()
        await world.pass_time(3)
        assert hub.status().subscriptions == 1
        hub.hold("carol", "tok-c")  # The server may still hold alice here: carol goes elsewhere.
        await world.pass_time(10)
        assert [each.tokens("unsubscribe") for each in world.cable.sockets] == [[], []]
        await world.pass_time(20)
        assert [each.tokens("unsubscribe") for each in world.cable.sockets] == [["bad-a"], []]


async def test_a_rejected_one_is_to_be_polled(world: World):
    async with world.hub() as hub:
        hub.hold("alice", "rej-a")
        await eventually(lambda: world.listener.told == [("silent", "alice")])
        await world.pass_time(60)
        assert world.cable.commands() == [("subscribe", "rej-a")]


async def test_who_waits_too_long_for_the_window_of_a_slow_server_is_to_be_polled(world: World):
    timing = replace(FAST, cable=CableTiming(window=1, confirm_deadline_s=1000))
    async with world.hub(timing=timing) as hub:
        hub.hold("alice", "bad-a")
        hub.hold("bob", "tok-b")
        await world.pass_time(22)
        assert ("silent", "bob") in world.listener.told


# Presence


async def test_only_visible_contacts_are_present_and_every_fifteen_seconds(world: World):
    async with world.hub() as hub:
        alice, bob = hub.hold("alice", "tok-a"), hub.hold("bob", "tok-b")
        alice.visible = True
        alice.visible = True
        assert (alice.visible, bob.visible) == (True, False)
        await eventually(lambda: alice.live and bob.live)
        await world.pass_time(60)
        beats = world.cable.sockets[0].tokens("update_presence")
        assert set(beats) == {"tok-a"}
        assert 4 <= len(beats) <= 6
        alice.visible = False
        await world.pass_time(30)
        assert len(world.cable.sockets[0].tokens("update_presence")) == len(beats)


async def test_a_contact_is_visible_while_any_of_its_holds_is(world: World):
    async with world.hub() as hub:
        first, second = hub.hold("alice", "tok-a"), hub.hold("alice", "tok-a")
        first.visible = second.visible = True
        await eventually(lambda: first.live)
        first.release()
        await world.pass_time(16)
        assert world.cable.sockets[0].tokens("update_presence")
        second.release()
        beats = len(world.cable.commands())
        await world.pass_time(20)
        assert len(world.cable.commands()) == beats
        first.visible = True  # released: has no say any more
        await world.pass_time(2)
        assert len(world.cable.commands()) == beats


async def test_presence_is_spread_over_ticks(world: World):
    async with world.hub() as hub:
        for n in range(60):
            hub.hold(n, f"tok{n}").visible = True
        await eventually(lambda: hub.status().confirmed == 60)
        await world.pass_time(15)
        assert len(set(world.cable.sockets[0].tokens("update_presence"))) == 60


# Lifetime


async def test_a_tick_that_fails_is_logged_and_the_next_one_does_better(world: World, caplog: pytest.LogCaptureFixture):
    async with world.hub() as hub:
        world.clock.broken = True
        await eventually(lambda: "tick failed" in caplog.text)
        world.clock.broken = False
        hold = hub.hold("alice", "tok-a")
        await eventually(lambda: hold.live)
        hold.release()
        await world.pass_time(62)
        assert hub.status().subscriptions == 0


async def test_leaving_closes_the_sockets_and_tells_nothing_more(world: World):
    async with world.hub() as hub:
        hold = hub.hold("alice", "tok-a")
        await eventually(lambda: hold.live)
    assert world.cable.sockets[0].closed
    assert world.listener.told == [("subscribed", "alice")]
    assert [each.get_name() for each in asyncio.all_tasks() if "cable" in each.get_name()] == []
    hold.release()
    with pytest.raises(RuntimeError, match="closed"):
        hub.hold("bob", "tok-b")


async def test_nothing_prints_a_token(world: World, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    async with world.hub() as hub:
        hold = hub.hold("alice", "SECRET")
        await eventually(lambda: hold.live)
        world.cable.sockets[0].cut()
        await eventually(lambda: world.listener.count("subscribed") == 2)
        told = f"{hold!r} {hub!r} {hub.status()!r} {vars(hold)!r}"
    assert "alice" in told
    assert "SECRET" not in told + caplog.text
