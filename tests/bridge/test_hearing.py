"""A server that pings and confirms, but publishes nothing, is found out; and heard again when it publishes."""

import logging

import pytest

from tests.bridge.fakes import World
from tests.eventually import eventually


@pytest.fixture
def world() -> World:
    return World()


def asked(world: World) -> list[str]:
    return [token for command, token in world.cable.commands() if command == "update_presence"]


async def test_a_socket_that_goes_deaf_is_dialled_anew_and_its_contacts_are_to_be_polled(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="chat.bridge.line")
    async with world.hub() as hub:
        alice, bob = hub.hold("alice", "tok-a"), hub.hold("bob", "tok-b")
        alice.visible = True
        await eventually(lambda: alice.live and bob.live)
        await world.pass_time(20)
        assert world.cable.dials == 1
        world.cable.deaf = True
        await world.pass_time(26)  # the pause, and two answers
        assert world.cable.sockets[0].closed and world.cable.dials > 1
        assert {("silent", "alice"), ("silent", "bob")} <= set(world.listener.told)
        await world.pass_time(5)
        assert not (alice.live or bob.live)  # confirmed again, but that proves nothing
        assert (hub.status().deaf, hub.status().confirmed, hub.status().silent) == (1, 0, 2)
        world.cable.deaf = False
        world.listener.told.clear()
        await world.pass_time(40)
        assert sorted(world.listener.told) == [("subscribed", "alice"), ("subscribed", "bob")]
        assert alice.live and bob.live
        assert (hub.status().deaf, hub.status().silent) == (0, 0)
        assert hub.status().given_up_deaf >= 1
    assert "nothing that is published comes through" in caplog.text
    assert "what is published comes through again" in caplog.text


async def test_one_missing_answer_is_not_deafness(world: World) -> None:
    async with world.hub() as hub:
        hold = hub.hold("alice", "tok-a")
        hold.visible = True
        await eventually(lambda: hold.live and asked(world))
        for _ in range(5):
            world.cable.deaf = True
            await world.pass_time(3)
            world.cable.deaf = False
            await world.pass_time(15)
        assert world.cable.dials == 1
        assert hub.status().given_up_deaf == 0


async def test_somebody_in_view_is_asked_and_no_canary_is_needed(world: World) -> None:
    async with world.hub() as hub:
        hub.hold("bob", "tok-b")
        hub.hold("alice", "tok-a").visible = True
        await eventually(lambda: hub.status().confirmed == 2)
        await world.pass_time(60)
        assert set(asked(world)) == {"tok-a"}
        assert 4 <= len(asked(world)) <= 6  # the canary's question is her presence, too
        assert world.listener.canaries_wanted == []


async def test_where_nobody_is_in_view_each_socket_listens_for_the_canary_contact(world: World) -> None:
    async with world.hub(per_socket=2) as hub:
        for n in range(4):
            hub.hold(n, f"tok{n}")
        await eventually(lambda: hub.status().confirmed == 4)
        await eventually(lambda: world.listener.canaries_wanted)
        assert asked(world) == []
        hub.canary("the-canary")
        await world.pass_time(20)
        assert [each.tokens("subscribe")[-1] for each in world.cable.sockets] == ["the-canary"] * 2
        assert [set(each.tokens("update_presence")) for each in world.cable.sockets] == [{"the-canary"}] * 2
        assert world.listener.events == []  # the visitors' listeners hear nothing of it
        assert hub.status().subscriptions == 4
        world.cable.deaf = True
        await world.pass_time(30)
        assert all(world.cable.sockets[n].closed for n in range(2))
        assert hub.status().silent == 4


async def test_for_a_canary_is_asked_again_but_not_all_the_time(world: World) -> None:
    async with world.hub() as hub:
        hub.hold("alice", "tok-a")
        await world.pass_time(50)
        assert 2 <= len(world.listener.canaries_wanted) <= 4
        assert set(world.listener.canaries_wanted) == {"alice"}


async def test_a_canary_that_chatwoot_does_not_know_is_asked_for_anew(world: World) -> None:
    async with world.hub() as hub:
        hub.canary("bad-canary")
        hub.hold("alice", "tok-a")
        await world.pass_time(20)
        assert world.listener.canaries_wanted == ["alice"]
        assert world.listener.told == [("subscribed", "alice")]
        assert world.listener.suspects == []
        hub.canary("good-canary")
        await world.pass_time(20)
        assert set(asked(world)) == {"good-canary"}
        assert world.cable.sockets[0].tokens("unsubscribe") == ["bad-canary"]
        assert world.cable.dials == 1


async def test_who_leaves_while_being_asked_is_no_proof(world: World) -> None:
    world.cable.deaf = True
    async with world.hub(linger_s=0) as hub:
        hub.hold("bob", "tok-b")
        for n in range(8):
            hold = hub.hold(n, f"tok{n}")
            hold.visible = True
            await world.pass_time(3)
            hold.release()
        assert world.cable.dials == 1


async def test_while_we_slept_ourselves_nobody_is_deaf(world: World) -> None:
    async with world.hub() as hub:
        hold = hub.hold("alice", "tok-a")
        hold.visible = True
        await eventually(lambda: hold.live and asked(world))
        for _ in range(6):
            world.cable.deaf = True
            await world.pass_time(1)
            world.clock.now += 60
            await world.settle()
            world.cable.deaf = False
            await world.pass_time(16)
        assert world.cable.dials == 1


async def test_whose_subscribe_is_not_answered_is_named(world: World) -> None:
    async with world.hub() as hub:
        hub.hold("alice", "bad-a")
        hub.hold("bob", "rej-b")
        hub.hold("carol", "tok-c")
        await world.pass_time(10)
        assert sorted(map(str, world.listener.suspects)) == ["alice", "bob"]
