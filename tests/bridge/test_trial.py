"""One socket on trial, on a cable in memory: who is confirmed, who is heard, and why it ended."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from chat.bridge.dial import CableDown
from chat.bridge.timing import Timing
from chat.bridge.trial import Trial, try_cable
from chat.chatwoot.cable import CableTiming
from chat.chatwoot.identity import cable_identifier
from tests.bridge.fakes import FakeCable, FakeSocket

QUICK = Timing(cable=CableTiming(confirm_deadline_s=0.2, stale_s=30), tick_s=0.01, overslept_s=30, canary_answer_s=0.1)
ALICE, BOB = cable_identifier("alice"), cable_identifier("bob")


async def tried(cable: FakeCable, *identifiers: str) -> Trial:
    return await try_cable("ws://cable.test", identifiers, timing=QUICK, dial=cable.dial)


async def test_whoever_is_asked_is_heard_and_the_socket_is_closed() -> None:
    cable = FakeCable()
    trial = await tried(cable, ALICE, BOB)
    assert (trial.heard, trial.down) == (2, "")
    (socket,) = cable.sockets
    assert socket.closed
    assert sorted(cable.commands()) == sorted(
        (what, who) for who in ("alice", "bob") for what in ("subscribe", "update_presence")
    )


async def test_without_anybody_to_ask_the_welcome_is_enough() -> None:
    cable = FakeCable()
    assert await tried(cable) == Trial({})
    assert cable.commands() == []


async def test_a_deaf_cable_is_asked_twice() -> None:
    cable = FakeCable()
    cable.deaf = True
    ear = (await tried(cable, ALICE)).ears[ALICE]
    assert (ear.confirmed, ear.deaf, ear.heard_s) == (True, True, None)
    assert cable.commands().count(("update_presence", "alice")) == 2


@pytest.mark.parametrize("token", ["bad", "rej"])
async def test_who_is_not_confirmed_keeps_nobody_from_being_heard(token: str) -> None:
    trial = await tried(FakeCable(), cable_identifier(token), ALICE)
    refused = trial.ears[cable_identifier(token)]
    assert (refused.confirmed, refused.refused, refused.heard_s) == (False, True, None)
    assert trial.heard == 1


async def test_a_cable_that_never_settles_is_left_in_the_end() -> None:
    cable = FakeCable()
    cable.mute = True
    trial = await try_cable(
        "ws://cable.test", [ALICE], timing=QUICK, dial=cable.dial, clock=lambda: 0
    )  # never too late
    assert trial.heard == 0 and trial.down == "not all was settled in time"


class Odd(FakeCable):
    """``opened`` is done to each new socket."""

    def __init__(self, opened: Callable[[FakeSocket], Any]) -> None:
        super().__init__()
        self._opened = opened

    async def dial(self, url: str) -> FakeSocket:
        socket = await super().dial(url)
        self._opened(socket)
        return socket


async def test_a_socket_without_a_welcome_is_given_up() -> None:
    cable = Odd(lambda socket: socket._frames.get_nowait())
    with pytest.raises(CableDown, match="no welcome came"):
        await tried(cable, ALICE)
    assert cable.sockets[0].closed


async def test_a_socket_that_is_lost_says_why() -> None:
    def later(socket: FakeSocket) -> None:
        asyncio.get_running_loop().call_later(0.05, socket.cut)

    cable = Odd(later)
    cable.deaf = True
    trial = await tried(cable, ALICE)
    assert (trial.down, trial.heard) == ("cut", 0)


async def test_a_server_that_sends_us_away_before_the_welcome_is_reported() -> None:
    def refuse(socket: FakeSocket) -> None:
        socket._frames.get_nowait()
        socket.say({"type": "disconnect", "reason": "unauthorized", "reconnect": False})

    with pytest.raises(CableDown, match="unauthorized"):
        await tried(Odd(refuse), ALICE)


async def test_whose_account_it_is_is_told() -> None:
    def present(socket: FakeSocket) -> None:
        told = {"event": "presence.update", "data": {"account_id": 7, "users": {}}}
        answer = json.dumps({"identifier": ALICE, "message": told})
        asyncio.get_running_loop().call_later(0.02, socket.say, answer)

    cable = Odd(present)
    cable.deaf = True
    assert (await tried(cable, ALICE)).ears[ALICE].account_id == 7
