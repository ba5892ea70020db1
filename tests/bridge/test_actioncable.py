"""Against Rails' own cable code. Deadlines are short here; the waits of 30 s are tested on a clock turned by hand."""

import asyncio
import time
from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any

import pytest

from chat.bridge.connection import Connection
from chat.bridge.dial import CableDown, dial_websocket
from chat.bridge.hub import Hub
from chat.bridge.timing import Timing
from chat.chatwoot.cable import CableTiming
from chat.chatwoot.cable_events import Confirmed, Received, SubscriptionEvent
from chat.chatwoot.identity import cable_identifier
from tests.bridge.fakes import Remembers
from tests.eventually import eventually
from tests.fixtures.actioncable import ActionCable

pytestmark = [pytest.mark.actioncable, pytest.mark.kit]

CONTACTS = 2000
LONG_S = 60
QUICK = Timing(redial_base_s=0.2, redial_cap_s=1)
SHORT = replace(QUICK, tick_s=0.1, cable=CableTiming(confirm_deadline_s=1, unsure_s=3, rest_s=0.2))


def message(n: int) -> dict[str, Any]:
    """A message as Chatwoot sends it (contract §2.2), cut down."""
    data = {"id": n, "content": f"number {n}", "conversation_id": 1, "message_type": 1, "created_at": 1795356290}
    return {"event": "message.created", "data": data | {"private": False, "inbox_id": 1}}


def ids(listener: Remembers, key: Hashable) -> list[int]:
    return [event.message.id for each, event in listener.events if each == key and hasattr(event, "message")]


@pytest.fixture
def listener() -> Remembers:
    return Remembers()


@pytest.fixture
def hub_of(actioncable: ActionCable, listener: Remembers) -> Callable[..., Hub]:
    def hub(**options: Any) -> Hub:
        return Hub(actioncable.cable_url, listener, **{"timing": QUICK} | options)

    return hub


async def held(hub: Hub, contacts: int, prefix: str = "tok") -> None:
    for n in range(contacts):
        hub.hold(f"{prefix}{n}", f"{prefix}{n}")
    await eventually(lambda: hub.status().confirmed == contacts, within_s=LONG_S)


async def test_two_thousand_contacts_on_four_sockets(
    hub_of: Callable[..., Hub], actioncable: ActionCable, listener: Remembers
):
    async with hub_of() as hub:
        await held(hub, CONTACTS)
        assert hub.status().sockets == 4
        assert (await actioncable.stats())["connections"] == 4
        for n in range(0, CONTACTS, 100):
            await actioncable.broadcast(f"tok{n}", message(n))
        await eventually(lambda: len(listener.events) >= CONTACTS / 100, within_s=LONG_S)
        assert {(key, event.message.id) for key, event in listener.events if hasattr(event, "message")} == {
            (f"tok{n}", n) for n in range(0, CONTACTS, 100)
        }
        await restarted(hub, actioncable.restart, listener)
        await restarted(hub, actioncable.stop, listener, actioncable.start)
        assert hub.status().sockets == 4
        await actioncable.broadcast("tok7", message(7))
        await eventually(lambda: ids(listener, "tok7") == [7])
    assert listener.count("silent") == 0


async def restarted(
    hub: Hub, stop: Callable[[], Any], listener: Remembers, start: Callable[[], Any] | None = None
) -> None:
    """By frame (`/restart`), or by SIGTERM, which ends sockets without any handshake."""
    listener.told.clear()
    await stop()
    await eventually(lambda: listener.count("lost") == CONTACTS, within_s=LONG_S)
    if start:
        await start()
    await eventually(lambda: listener.count("subscribed") == CONTACTS, within_s=LONG_S)
    assert hub.status().confirmed == CONTACTS


async def test_a_burst_arrives_whole_in_whatever_order(actioncable: ActionCable):
    numbers: list[int] = []

    def heard(event: SubscriptionEvent) -> None:
        if isinstance(event, Received) and event.message["event"] == "burst":
            numbers.append(event.message["data"]["n"])
        confirmed.extend([event] if isinstance(event, Confirmed) else [])

    confirmed: list[SubscriptionEvent] = []
    socket = await dial_websocket(actioncable.cable_url)
    connection = Connection(socket, clock=time.monotonic, timing=QUICK, heard=heard, ticked=lambda now, overslept: None)
    connection.subscribe(cable_identifier("tok"), retries=0)
    pump = asyncio.create_task(connection.run())
    await eventually(lambda: confirmed)
    await actioncable.burst("tok", 500)
    await eventually(lambda: len(numbers) == 500)
    assert sorted(numbers) == list(range(500))
    await socket.close()
    with pytest.raises(CableDown):
        await pump


async def test_silence_rejection_and_late_failure_leave_the_others_alone(
    hub_of: Callable[..., Hub], actioncable: ActionCable, listener: Remembers
):
    async with hub_of(timing=SHORT) as hub:
        for token in ("bad-a", "bad-b", "rej-a", "late-a"):
            hub.hold(token, token)
        await eventually(lambda: listener.count("silent") == 4)
        for n in range(50):
            hub.hold(f"tok{n}", f"tok{n}")
        await eventually(lambda: hub.status().confirmed == 50)
        # Its stream was set before it failed: never confirmed, yet heard.
        await actioncable.broadcast("late-a", message(5))
        await eventually(lambda: ids(listener, "late-a") == [5])
        await eventually(lambda: hub.status().silent == 4)
        assert listener.count("lost") == 0
        assert listener.count("silent") == 4


async def test_a_second_try_delivers_once(hub_of: Callable[..., Hub], actioncable: ActionCable, listener: Remembers):
    """late… tokens stream from their first try on: the second must replace it, not double it."""
    async with hub_of(timing=SHORT) as hub:
        hub.hold("late-a", "late-a")
        await eventually(lambda: listener.count("silent") == 1)
        hub.hold("tok", "tok")
        unsubscribed = 0
        while not unsubscribed:
            unsubscribed = (await actioncable.stats()).get("unsubscribed", 0)
        await actioncable.broadcast("tok", message(1))
        await eventually(lambda: ids(listener, "tok") == [1])
        while not ids(listener, "late-a"):  # until the second subscribe has set its stream
            await actioncable.broadcast("late-a", message(7))
        await actioncable.broadcast("late-a", message(8))
        await eventually(lambda: 8 in ids(listener, "late-a"))
        assert ids(listener, "late-a").count(8) == 1


async def test_those_released_before_their_confirm_do_not_go_on_streaming(
    hub_of: Callable[..., Hub], actioncable: ActionCable, listener: Remembers
):
    """Subscribed and unsubscribed in one breath, 54 of 60 went on (performance.md §4)."""
    async with hub_of(linger_s=0, timing=replace(QUICK, tick_s=0.01)) as hub:
        keeper = hub.hold("keeper", "keeper")
        await eventually(lambda: keeper.live)
        for n in range(60):
            hub.hold(f"tok{n}", f"tok{n}").release()
        await eventually(lambda: hub.status().subscriptions == 1)
        subscribed = 0
        while subscribed != 1:  # the server works off what it was sent
            subscribed = sum((await actioncable.stats())["subscriptions"])
        for n in range(60):
            await actioncable.broadcast(f"tok{n}", message(n))
        await actioncable.broadcast("keeper", message(99))
        await eventually(lambda: ids(listener, "keeper") == [99])
        assert (len(listener.events), hub.status().stray) == (1, 0)


async def test_presence_is_told_and_heard(hub_of: Callable[..., Hub], actioncable: ActionCable, listener: Remembers):
    async with hub_of(timing=replace(QUICK, tick_s=0.05)) as hub:
        hub.hold("tok", "tok").visible = True
        await eventually(lambda: ("tok", "Presence(online=True)") in [(k, repr(e)) for k, e in listener.events])
        assert (await actioncable.stats())["presence"] == 1


async def test_a_canary_is_answered_where_nobody_is_in_view(
    hub_of: Callable[..., Hub], actioncable: ActionCable, listener: Remembers
):
    async with hub_of(timing=replace(QUICK, tick_s=0.05, canary_s=0.3, canary_answer_s=2)) as hub:
        hold = hub.hold("tok", "tok")
        await eventually(lambda: hold.live and listener.canaries_wanted)
        hub.canary("the-canary")
        asked = 0
        while asked < 5:
            asked = (await actioncable.stats()).get("presence", 0)
        assert (hub.status().given_up_deaf, hub.status().sockets) == (0, 1)
    assert listener.events == []
