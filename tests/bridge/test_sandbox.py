"""Against the stand-in for Chatwoot: REST on one side, the same things by cable on the other."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from chat.bridge.hub import Hub
from chat.bridge.timing import Timing
from chat.chatwoot.cable import CableTiming
from chat.chatwoot.client import ClientApi
from chat.chatwoot.events import ConversationUpdated, MessageCreated, MessageUpdated, Typing
from chat.chatwoot.resources import ContactSession
from chat.chatwoot.transport import open_http
from tests.bridge.fakes import Remembers
from tests.eventually import eventually
from tests.fixtures.sandbox import SandboxProcess

CONTACTS = 2000
LONG_S = 90


@pytest.fixture
def listener() -> Remembers:
    return Remembers()


@pytest.fixture
async def api(sandbox: SandboxProcess) -> AsyncIterator[ClientApi]:
    async with open_http(sandbox.base_url) as http:
        yield ClientApi(http, sandbox.new_inbox().identifier)


def hub_of(sandbox: SandboxProcess, listener: Remembers, *, confirm_deadline_s: float = 5) -> Hub:
    cable = CableTiming(confirm_deadline_s=confirm_deadline_s)
    return Hub(sandbox.cable_url, listener, timing=Timing(redial_base_s=0.2, redial_cap_s=1, tick_s=0.2, cable=cable))


async def test_two_thousand_contacts_on_four_sockets(sandbox: SandboxProcess, api: ClientApi, listener: Remembers):
    sessions = await people(api, CONTACTS)
    async with hub_of(sandbox, listener) as hub:
        for session in sessions:
            hub.hold(session.contact_id, session.pubsub_token)
        await eventually(lambda: hub.status().confirmed == CONTACTS, within_s=LONG_S)
        assert hub.status().sockets == 4
        for session in sessions[::100]:
            conversation = await api.create_conversation(session.source_id)
            await api.create_message(
                session.source_id, conversation.id, content="hello", echo_id=f"{session.contact_id}.1"
            )
        expected = {(each.contact_id, f"{each.contact_id}.1") for each in sessions[::100]}
        await eventually(lambda: echoes(listener) == expected, within_s=LONG_S)
    assert listener.count("silent") == listener.count("lost") == 0


async def people(api: ClientApi, number: int) -> list[ContactSession]:
    sessions: list[ContactSession] = []

    async def arrive() -> None:
        while len(sessions) < number:
            sessions.append(await api.create_contact(source_id=str(uuid4())))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(arrive())
    return sessions[:number]


def echoes(listener: Remembers) -> set[tuple[object, str | None]]:
    return {(key, each.message.echo_id) for key, each in listener.events if isinstance(each, MessageCreated)}


async def test_what_an_agent_does_is_heard_and_a_private_note_is_not(
    sandbox: SandboxProcess, api: ClientApi, listener: Remembers
):
    session = await api.create_contact(source_id=str(uuid4()))
    conversation = await api.create_conversation(session.source_id, custom_attributes={"chatproxy_key": "k"})
    async with hub_of(sandbox, listener) as hub:
        hold = hub.hold("alice", session.pubsub_token)
        await eventually(lambda: hold.live)
        await asyncio.to_thread(act, sandbox, conversation.id)
        await eventually(lambda: any(isinstance(each, MessageUpdated) for _, each in listener.events))
    events = [each for _, each in listener.events]
    assert [each.message.content for each in events if isinstance(each, MessageCreated)] == ["Hi Alice"]
    assert [each.on for each in events if isinstance(each, Typing)] == [True]
    assert {each.conversation.key for each in events if isinstance(each, ConversationUpdated)} == {"k"}
    assert [each.message.deleted for each in events if isinstance(each, MessageUpdated)][-1:] == [True]
    assert session.pubsub_token not in repr(listener.events)


def act(sandbox: SandboxProcess, conversation: int) -> None:
    sandbox.desk.typing(conversation, private=True)
    sandbox.desk.typing(conversation)
    sandbox.desk.private_note(conversation, "secret")
    reply = sandbox.desk.reply(conversation, "Hi Alice")
    sandbox.desk.delete(conversation, reply["id"])


async def test_a_token_that_chatwoot_does_not_know_is_silence(sandbox: SandboxProcess, listener: Remembers):
    async with hub_of(sandbox, listener, confirm_deadline_s=0.5) as hub:
        hub.hold("nobody", "unknowntoken")
        await eventually(lambda: listener.told == [("silent", "nobody")])
