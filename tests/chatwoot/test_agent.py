"""What an agent's token may do, against the stand-in over real sockets."""

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from chat.chatwoot.agent import AgentApi, Member
from chat.chatwoot.client import ClientApi
from chat.chatwoot.errors import Ambiguous, Forbidden, Invalid, Malformed, NotFound
from chat.chatwoot.fence import header
from chat.chatwoot.transport import open_http
from chat.chatwoot.upstream_clock import UpstreamClock
from tests.fixtures.sandbox import SandboxInbox, SandboxProcess

SOURCE_ID = str(uuid4())


@pytest.fixture
def inbox(sandbox: SandboxProcess) -> SandboxInbox:
    return sandbox.new_inbox()


@pytest.fixture
async def http(sandbox: SandboxProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with open_http(sandbox.base_url) as http:
        yield http


@pytest.fixture
def agent(http: httpx.AsyncClient, sandbox: SandboxProcess) -> AgentApi:
    return AgentApi(http, sandbox.world["account_id"], sandbox.world["agent_token"])


@pytest.fixture
async def conversation_id(http: httpx.AsyncClient, inbox: SandboxInbox) -> int:
    api = ClientApi(http, inbox.identifier)
    await api.create_contact(source_id=SOURCE_ID, name="Alice")
    return (await api.create_conversation(SOURCE_ID)).id


async def test_an_agent_knows_who_else_is_in_the_inbox(agent: AgentApi, inbox: SandboxInbox):
    (gus,) = await agent.members(inbox.id)
    assert (gus.name, gus.picture) == ("Gus Agent", "")


async def test_labels_replace_those_that_are_there(agent: AgentApi, conversation_id: int):
    assert await agent.labels(conversation_id) == ()
    assert await agent.set_labels(conversation_id, ["billing", "vip"]) == ("billing", "vip")
    assert await agent.set_labels(conversation_id, ["vip"]) == await agent.labels(conversation_id) == ("vip",)


async def test_a_conversation_is_described_with_what_anybody_said_of_it(
    agent: AgentApi, conversation_id: int, inbox: SandboxInbox
):
    await agent.set_labels(conversation_id, ["vip"])
    found = await agent.describe(conversation_id)
    assert (found.id, found.inbox_id, found.attributes, found.labels) == (conversation_id, inbox.id, {}, ("vip",))


async def test_labels_that_come_too_late_are_not_set(agent: AgentApi, conversation_id: int):
    with pytest.raises(Ambiguous):
        await agent.set_labels(conversation_id, ["late"], headers=header(UpstreamClock().now() - 1000, 90_000))
    assert await agent.labels(conversation_id) == ()


async def test_a_transcript_goes_to_an_address_and_to_no_other(agent: AgentApi, conversation_id: int):
    await agent.send_transcript(conversation_id, "alice@example.test")
    with pytest.raises(Invalid, match="email param missing"):
        await agent.send_transcript(conversation_id, "")
    with pytest.raises(NotFound):
        await agent.send_transcript(999_999, "alice@example.test")


async def test_who_is_no_member_is_refused_and_an_administrator_is_not(
    http: httpx.AsyncClient, sandbox: SandboxProcess, agent: AgentApi, inbox: SandboxInbox, conversation_id: int
):
    headers = {"Api-Access-Token": sandbox.world["admin_token"]}
    body = {"inbox_id": inbox.id, "user_ids": [sandbox.world["agent_id"]]}
    path = f"/api/v1/accounts/{sandbox.world['account_id']}/inbox_members"
    sandbox.http.request("DELETE", path, json=body, headers=headers).raise_for_status()
    for refused in (
        agent.members(inbox.id),
        agent.labels(conversation_id),
        agent.send_transcript(conversation_id, "alice@example.test"),
    ):
        with pytest.raises(Forbidden, match="not authorized to do this action"):
            await refused
    boss = AgentApi(http, sandbox.world["account_id"], sandbox.world["admin_token"])
    assert await boss.members(inbox.id) == ()
    assert await boss.set_labels(conversation_id, ["late"]) == ("late",)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"available_name": "Gus", "name": "Gustav"}, Member(1, "Gus", "", False)),
        ({"available_name": "", "name": "Gustav", "thumbnail": None}, Member(1, "Gustav", "", False)),
        (
            {"thumbnail": "https://x.test/g.png", "availability_status": "online"},
            Member(1, "", "https://x.test/g.png", True),
        ),
        ({"availability_status": None, "email": "gus@x.test", "role": "agent"}, Member(1, "", "", False)),
    ],
)
def test_a_member_is_called_as_they_wish_to_be(row: dict[str, object], expected: Member):
    assert Member.parse({"id": 1} | row) == expected


@pytest.mark.parametrize("body", [{}, {"payload": [1]}, {"payload": "x"}])
async def test_labels_that_are_no_texts_are_not_read(body: object):
    answer = httpx.MockTransport(lambda _: httpx.Response(200, json=body))
    async with open_http("http://chatwoot.test", transport=answer) as http:
        with pytest.raises(Malformed):
            await AgentApi(http, 1, "t").labels(1)
