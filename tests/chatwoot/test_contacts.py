"""What an administrator does with contacts, against the stand-in over real sockets."""

import json
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from chat.chatwoot.client import ClientApi
from chat.chatwoot.contacts import AccountContact, ContactsApi
from chat.chatwoot.errors import Forbidden, Invalid, Malformed, NotFound
from chat.chatwoot.transport import open_http
from tests.fixtures.sandbox import SandboxInbox, SandboxProcess
from tests.sandbox.visitor import Socket


@pytest.fixture
def inbox(sandbox: SandboxProcess) -> SandboxInbox:
    return sandbox.new_inbox("Shop")


@pytest.fixture
async def http(sandbox: SandboxProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with open_http(sandbox.base_url) as http:
        yield http


@pytest.fixture
def api(http: httpx.AsyncClient, sandbox: SandboxProcess) -> ContactsApi:
    return ContactsApi(http, sandbox.world["account_id"], sandbox.world["admin_token"])


@pytest.fixture
async def source_id(http: httpx.AsyncClient, inbox: SandboxInbox) -> str:
    source_id = str(uuid4())
    await ClientApi(http, inbox.identifier).create_contact(source_id=source_id, name="ada")
    return source_id


async def test_a_contact_is_found_by_its_session_and_shows_where_it_is_known(
    api: ContactsApi, inbox: SandboxInbox, source_id: str
):
    found = await api.by_source(inbox.id, source_id)
    (session,) = found.sessions
    assert (session.inbox_id, session.inbox_name, session.source_id) == (inbox.id, "Shop", source_id)
    assert await api.contact(found.id) == found
    assert source_id not in repr(found)


async def test_what_is_deleted_is_gone_in_every_way(
    api: ContactsApi, http: httpx.AsyncClient, inbox: SandboxInbox, source_id: str
):
    client = ClientApi(http, inbox.identifier)
    await client.create_conversation(source_id)
    contact = await api.by_source(inbox.id, source_id)
    await api.delete(contact.id)
    asked = (api.by_source(inbox.id, source_id), api.contact(contact.id), api.delete(contact.id))
    for gone in (*asked, client.conversations(source_id)):
        with pytest.raises(NotFound) as missing:
            await gone
        assert missing.value.finished


async def test_who_is_online_is_not_deleted(
    api: ContactsApi, http: httpx.AsyncClient, sandbox: SandboxProcess, inbox: SandboxInbox, source_id: str
):
    session = await ClientApi(http, inbox.identifier).create_contact(source_id=source_id)
    async with Socket(sandbox.cable_url) as socket:
        await socket.subscribe(json.dumps({"channel": "RoomChannel", "pubsub_token": session.pubsub_token}))
    contact = await api.by_source(inbox.id, source_id)
    with pytest.raises(Invalid, match="Ada is Online") as refused:
        await api.delete(contact.id)
    assert not refused.value.permanent
    sandbox.forget_presence()
    await api.delete(contact.id)


async def test_only_an_administrator_may(http: httpx.AsyncClient, sandbox: SandboxProcess, api: ContactsApi):
    with pytest.raises(NotFound):
        await api.delete(999_999)
    agent = ContactsApi(http, sandbox.world["account_id"], sandbox.world["agent_token"])
    with pytest.raises(Forbidden, match="not authorized to do this action"):
        await agent.delete(999_999)


@pytest.mark.parametrize("body", [{}, {"id": 1}, {"id": 1, "contact_inboxes": [{"source_id": "x"}]}])
def test_a_contact_that_does_not_say_where_it_is_known_is_not_read(body: dict[str, object]):
    with pytest.raises(Malformed):
        AccountContact.parse(body)
