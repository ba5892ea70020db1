"""A Chatwoot that fails again and again: the operator is told in words, and not over and over."""

from typing import Any

from chat.models import Delivery, Inbox
from tests.fixtures.world import World


async def test_an_inbox_that_chatwoot_does_not_know_is_paused_in_words(world: World, logged: Any) -> None:
    runtime, alice = await world.start(), await world.person()
    ours = f"{world.chatwoot_inbox.identifier}/contacts"
    world.sandbox.faults.set("status", method="POST", path=ours, status=404, times=1)
    await alice.say(runtime, "anybody there")
    await world.becomes(lambda: Inbox.objects.get().paused_until > 0)
    assert f"inbox {world.inbox_id} is paused: Chatwoot knows no inbox with its identifier" in logged.text
    await world.settled()
    assert world.said() == ["anybody there"]


async def test_a_message_that_fails_often_is_said_ever_more_rarely(world: World, logged: Any) -> None:
    runtime, alice = await world.start(), await world.person()
    _, talk = await world.talk(runtime, alice)
    world.sandbox.faults.set("error_before", method="POST", path=f"conversations/{talk}/messages", times=9)
    await alice.say(runtime, "at last")
    await world.settled()
    assert world.said() == ["hello", "at last"]
    attempts = await world.ask(lambda: Delivery.objects.order_by("attempt").last())
    assert attempts is not None and attempts.attempt == 10
    said = [line.split("attempt ")[1].split(":")[0] for line in logged.text.splitlines() if ", attempt " in line]
    assert said == ["1", "2", "4", "8"]
