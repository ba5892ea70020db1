"""The cable beyond what the recordings show: many subscriptions, agents, order."""

import asyncio
import json

from tests.fixtures.sandbox import SandboxProcess
from tests.sandbox.visitor import Socket, Visitor

CONTACTS, SOCKETS = 2000, 4


async def test_two_thousand_contacts_fit_on_four_sockets(sandbox: SandboxProcess) -> None:
    inbox = sandbox.new_inbox()
    visitors = [Visitor(sandbox, inbox) for _ in range(CONTACTS)]
    async with asyncio.TaskGroup() as tasks:
        for start in range(SOCKETS):
            tasks.create_task(_confirm_all(sandbox, visitors[start::SOCKETS]))


async def _confirm_all(sandbox: SandboxProcess, visitors: list[Visitor]) -> None:
    async with Socket(sandbox.cable_url) as socket:
        for visitor in visitors:
            await socket.command("subscribe", visitor.identifier)
        confirmed = {(await socket.until(type="confirm_subscription"))["identifier"] for _ in visitors}
        assert confirmed == {visitor.identifier for visitor in visitors}


async def test_an_agent_hears_the_account_and_sees_who_is_there(sandbox: SandboxProcess) -> None:
    world, bob = sandbox.world, Visitor(sandbox, sandbox.new_inbox())
    identifier = json.dumps(
        {
            "channel": "RoomChannel",
            "pubsub_token": world["agent_pubsub_token"],
            "account_id": world["account_id"],
            "user_id": world["agent_id"],
        }
    )
    async with Socket(sandbox.cable_url) as desk, Socket(sandbox.cable_url) as visitor:
        await visitor.subscribe(bob.identifier)
        await desk.subscribe(identifier)
        assert str(bob.session["id"]) in (await desk.event("presence.update"))["contacts"]
        conversation = bob.start_conversation()
        assert (await desk.event("conversation.created"))["id"] == conversation
        note = sandbox.desk.private_note(conversation, "careful")
        assert (await desk.event("message.created"))["id"] == note["id"]
        sandbox.desk.reply(conversation, "hello", echo_id="e-1")
        heard = await visitor.event("message.created")
        assert (heard["content"], heard["echo_id"]) == ("hello", "e-1")


async def test_typing_of_a_private_note_reaches_the_contact_as_private(sandbox: SandboxProcess) -> None:
    bob = Visitor(sandbox, sandbox.new_inbox())
    conversation = bob.start_conversation()
    async with Socket(sandbox.cable_url) as socket:
        await socket.subscribe(bob.identifier)
        sandbox.desk.typing(conversation, private=True)
        assert (await socket.event("conversation.typing_on"))["is_private"] is True


async def test_frames_of_one_conversation_keep_their_order(sandbox: SandboxProcess) -> None:
    bob = Visitor(sandbox, sandbox.new_inbox())
    conversation = bob.start_conversation()
    async with Socket(sandbox.cable_url) as socket:
        await socket.subscribe(bob.identifier)
        for number in range(50):
            sandbox.desk.reply(conversation, str(number))
        assert [(await socket.event("message.created"))["content"] for _ in range(50)] == [str(n) for n in range(50)]


async def test_statistics_count_sockets_and_live_subscriptions(sandbox: SandboxProcess) -> None:
    bob = Visitor(sandbox, sandbox.new_inbox())
    before = sandbox.stats()["cable"]
    async with Socket(sandbox.cable_url) as socket:
        await socket.subscribe(bob.identifier)
        await socket.command("message", bob.identifier, data=json.dumps({"action": "update_presence"}))
        await socket.event("presence.update")
        now = sandbox.stats()["cable"]
        assert now["open"] == before["open"] + 1 and now["subscriptions"] == before["subscriptions"] + 1
        assert now["subscribe"] == 1
