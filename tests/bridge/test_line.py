"""A socket's life and its successor's: lost, paced redial, everyone subscribed again."""

import asyncio
import logging
from collections import Counter

import pytest

from chat.bridge.dial import CableDown, CableSocket
from chat.bridge.hub import Hub
from tests.bridge.fakes import World
from tests.eventually import eventually


@pytest.fixture
def world() -> World:
    return World()


async def live(hub: Hub, contacts: int) -> None:
    for n in range(contacts):
        hub.hold(n, f"tok{n}")
    await eventually(lambda: hub.status().confirmed == contacts)


async def test_after_a_cut_everyone_is_subscribed_again_and_told_of_the_gap(world: World):
    async with world.hub() as hub:
        await live(hub, 20)
        world.cable.sockets[0].cut()
        await eventually(lambda: world.listener.count("subscribed") == 40)
        assert Counter(world.listener.told) == {
            (what, n): times for n in range(20) for what, times in (("subscribed", 2), ("lost", 1))
        }
        assert world.cable.sockets[0].closed
        assert hub.status().redials == 1


async def test_that_a_line_is_whole_again_is_said_once(world: World, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, logger="chat.bridge.line")
    async with world.hub() as hub:
        await live(hub, 1)
        world.cable.sockets[0].cut()
        await eventually(lambda: world.listener.count("subscribed") == 2)
        await eventually(lambda: "connected again" in caplog.text)
        await world.pass_time(10)
    said = [each.getMessage() for each in caplog.records if each.levelno == logging.INFO]
    assert len([each for each in said if "cable line 1: connected again after" in each]) == 1


async def test_those_in_view_come_first(world: World):
    async with world.hub() as hub:
        await live(hub, 20)
        hub.hold(19, "tok19").visible = True
        world.cable.sockets[0].cut()
        await eventually(lambda: world.listener.count("subscribed") == 40)
        assert world.cable.sockets[1].commands[0] == ("subscribe", "tok19")


async def test_a_stale_socket_is_given_up(world: World):
    async with world.hub() as hub:
        await live(hub, 1)
        world.pinging = False
        await world.pass_time(10)
        world.pinging = True
        await eventually(lambda: world.listener.count("subscribed") == 2)
        assert world.cable.sockets[0].closed


async def test_while_we_slept_ourselves_nothing_is_stale(world: World):
    async with world.hub() as hub:
        await live(hub, 1)
        world.clock.now += 60
        await world.settle()
        assert world.cable.dials == 1
        assert hub.status().confirmed == 1


async def test_delays_double_with_full_jitter_and_start_again_only_after_a_healthy_while(world: World):
    async with world.hub() as hub:
        await live(hub, 1)
        for _ in range(8):  # welcomed and cut at once, again and again
            confirmed = world.listener.count("subscribed")
            world.cable.open[0].cut()
            await eventually(lambda seen=confirmed: world.listener.count("subscribed") > seen)
        limits = [1, 2, 4, 8, 16, 30, 30, 30]
        assert all(0 <= pause <= limit for pause, limit in zip(world.pauses, limits, strict=True))
        assert max(world.pauses) > 1
        await world.pass_time(11)
        world.cable.open[0].cut()
        await eventually(lambda: len(world.pauses) == 9)
        assert world.pauses[-1] <= 1


async def test_a_server_that_does_not_want_us_back_is_an_alarm_and_a_slow_redial(
    world: World, caplog: pytest.LogCaptureFixture
):
    async with world.hub() as hub:
        await live(hub, 1)
        world.cable.sockets[0].say({"type": "disconnect", "reason": "unauthorized", "reconnect": False})
        await eventually(lambda: world.listener.count("subscribed") == 2)
    assert world.pauses[0] >= 30
    (record,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert "unauthorized" in record.getMessage()


async def test_a_restart_frame_redials_soon(world: World, caplog: pytest.LogCaptureFixture):
    async with world.hub() as hub:
        await live(hub, 1)
        world.cable.sockets[0].say({"type": "disconnect", "reason": "server_restart", "reconnect": True})
        await eventually(lambda: world.listener.count("subscribed") == 2)
    assert world.pauses[0] <= 1
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("refused", [False, True])
async def test_where_nobody_answers_contacts_are_to_be_polled_until_it_does(world: World, refused: bool):
    world.cable.refuse = CableDown("answered 404", refused=refused)
    async with world.hub() as hub:
        hub.hold("alice", "tok-a")
        await world.pass_time(30)
        assert world.listener.told == [("silent", "alice")]
        assert hub.status().sockets == 0
        world.cable.refuse = None
        await eventually(lambda: world.listener.told[-1] == ("subscribed", "alice"))
        assert hub.status().silent == 0


async def test_a_short_loss_is_no_reason_to_poll(world: World):
    async with world.hub() as hub:
        await live(hub, 1)
        world.cable.refuse = CableDown("OSError")
        world.cable.sockets[0].cut()
        await world.pass_time(4)
        world.cable.refuse = None
        await eventually(lambda: world.listener.count("subscribed") == 2)
        assert world.listener.count("silent") == 0


async def test_released_while_the_line_is_down_it_is_not_subscribed_again(world: World):
    async with world.hub(linger_s=0) as hub:
        await live(hub, 1)
        gone = hub.hold("alice", "tok-a")
        await eventually(lambda: gone.live)
        world.cable.refuse = CableDown("OSError")
        world.cable.sockets[0].cut()
        await world.pass_time(1)
        gone.release()
        await world.pass_time(2)
        world.cable.refuse = None
        await eventually(lambda: hub.status().confirmed == 1)
        assert world.cable.sockets[1].commands == [("subscribe", "tok0")]


async def test_a_fault_of_ours_is_logged_and_the_line_goes_on(world: World, caplog: pytest.LogCaptureFixture):
    async with world.hub() as hub:
        await live(hub, 1)
        world.cable.sockets[0].break_down()
        await eventually(lambda: world.listener.count("subscribed") == 2)
    assert "cable line 1 failed" in caplog.text


async def test_a_send_that_fails_is_a_cut(world: World):
    async with world.hub() as hub:
        await live(hub, 1)
        world.cable.sockets[0].down = True
        hub.hold("alice", "tok-a")
        await eventually(lambda: hub.status().confirmed == 2)
        assert len(world.cable.sockets) == 2


async def test_leaving_while_it_dials_leaves_no_task(world: World):
    async def dial(url: str) -> CableSocket:
        await asyncio.Event().wait()
        raise AssertionError("never answered")

    async with Hub("ws://cable.test/cable", world.listener, dial=dial) as hub:
        hub.hold("alice", "tok-a")
        await asyncio.sleep(0)
    assert [each.get_name() for each in asyncio.all_tasks() if "cable" in each.get_name()] == []
