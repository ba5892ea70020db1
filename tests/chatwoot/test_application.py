"""Writing with a bot token: against the stand-in over real sockets, and what a real Chatwoot was recorded to answer."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from chat.chatwoot.application import BotApi
from chat.chatwoot.client import ClientApi
from chat.chatwoot.described import Described
from chat.chatwoot.errors import Ambiguous, Forbidden, Invalid, NotFound
from chat.chatwoot.fence import header
from chat.chatwoot.resources import MARKER, Message, MessageType
from chat.chatwoot.transport import open_http
from chat.chatwoot.upstream_clock import UpstreamClock
from tests.chatwoot.test_recordings import filled
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
def api(http: httpx.AsyncClient, inbox: SandboxInbox) -> ClientApi:
    return ClientApi(http, inbox.identifier)


@pytest.fixture
def bot(http: httpx.AsyncClient, sandbox: SandboxProcess) -> BotApi:
    return BotApi(http, sandbox.world["account_id"], sandbox.world["bot_token"])


@pytest.fixture
async def conversation_id(api: ClientApi) -> int:
    await api.create_contact(source_id=SOURCE_ID, name="Alice")
    return (await api.create_conversation(SOURCE_ID)).id


def answered(answer: httpx.Response) -> httpx.AsyncClient:
    return open_http("http://chatwoot.test", transport=httpx.MockTransport(lambda request: answer))


async def write(bot: BotApi, conversation_id: int, content: str = "hello", headers: dict[str, str] | None = None):
    return await bot.create_message(conversation_id, content=content, echo_id="d.1", marker="d.1", headers=headers)


async def test_it_is_the_visitors_own_message(
    bot: BotApi, conversation_id: int, inbox: SandboxInbox, sandbox: SandboxProcess
):
    sent = await write(bot, conversation_id)
    assert (sent.message_type, sent.content, sent.conversation_id) == (MessageType.INCOMING, "hello", conversation_id)
    assert sent.sender is not None
    assert (sent.inbox_id, sent.sender.kind, sent.sender.name) == (inbox.id, "contact", "Alice")
    (row,) = sandbox.ledger(inbox)[0]["messages"]
    assert (row["source_id"], row["echo_id"], row["sender_type"]) == ("d.1", "d.1", "Contact")
    assert row["content_attributes"] == {MARKER: "d.1"}


async def test_the_marker_is_read_back_by_the_client_api(bot: BotApi, api: ClientApi, conversation_id: int):
    await write(bot, conversation_id)
    (listed,) = (await api.messages(SOURCE_ID, conversation_id)).rows
    (shown,) = (await api.conversations(SOURCE_ID)).rows[0].messages
    assert listed.marker == shown.marker == "d.1"


async def test_attributes_are_replaced_and_read_by_changing_nothing(
    bot: BotApi, api: ClientApi, conversation_id: int, inbox: SandboxInbox, sandbox: SandboxProcess
):
    await bot.set_attributes(conversation_id, {"order": "A-17", "nested": {"a": [1]}})
    await bot.set_attributes(conversation_id, {"stage": 2})
    sandbox.desk.call("POST", f"/conversations/{conversation_id}/labels", json={"labels": ["vip"]})
    before = sandbox.desk.call("GET", f"/conversations/{conversation_id}")
    found = await bot.describe(conversation_id)
    assert (found.id, found.inbox_id, found.attributes) == (conversation_id, inbox.id, {"stage": 2})
    assert found.labels == ("vip",)
    assert sandbox.desk.call("GET", f"/conversations/{conversation_id}") == before
    assert "stage" not in repr(found)


async def test_the_fence_holds_for_attributes_and_what_is_too_long_is_invalid(bot: BotApi, conversation_id: int):
    now = UpstreamClock().now()
    with pytest.raises(Ambiguous) as late:
        await bot.set_attributes(conversation_id, {"a": 1}, headers=header(now - 1000, 90_000))
    assert (late.value.status, late.value.finished) == (500, False)
    with pytest.raises(Invalid, match="length should be") as refused:
        await bot.set_attributes(conversation_id, {"a": "x" * 1501})
    assert refused.value.permanent
    assert (await bot.describe(conversation_id)).attributes == {}


async def test_an_unknown_conversation_has_no_attributes(bot: BotApi):
    for call in (bot.describe(999_999), bot.set_attributes(999_999, {})):
        with pytest.raises(NotFound):
            await call


async def test_the_marker_goes_no_further(bot: BotApi, conversation_id: int):
    assert (await write(bot, conversation_id)).content_attributes == {}


async def test_a_message_of_the_client_api_has_no_marker(api: ClientApi, conversation_id: int):
    assert (await api.create_message(SOURCE_ID, conversation_id, content="hello", echo_id="d.1")).marker is None


async def test_a_deleted_message_has_lost_it(
    bot: BotApi, api: ClientApi, conversation_id: int, sandbox: SandboxProcess
):
    sent = await write(bot, conversation_id)
    sandbox.desk.delete(conversation_id, sent.id)
    (listed,) = (await api.messages(SOURCE_ID, conversation_id)).rows
    assert (listed.deleted, listed.marker) == (True, None)


async def test_the_fence_holds_here_too(bot: BotApi, conversation_id: int, sandbox: SandboxProcess):
    now = UpstreamClock().now()
    with pytest.raises(Ambiguous) as late:
        await write(bot, conversation_id, "late", header(now - 1000, 90_000))
    assert (late.value.status, late.value.finished) == (500, False)
    await write(bot, conversation_id, "in time", header(now + 20_000, 90_000))
    assert [row["content"] for row in sandbox.desk.messages(conversation_id)] == ["in time"]


async def test_too_long_a_text_is_a_permanent_refusal(bot: BotApi, conversation_id: int):
    with pytest.raises(Invalid, match="Content is too long") as refused:
        await write(bot, conversation_id, "x" * 150_001)
    assert (refused.value.permanent, refused.value.finished) == (True, True)


@pytest.mark.parametrize(
    ("words", "permanent"),
    [
        ("Validation failed: Content is too long (maximum is 150000 characters)", True),
        ("Validation failed: Too many messages", False),
        ("'nonsense' is not a valid content_type", False),
        ("PG::ConnectionBad: the connection is closed", False),
    ],
)
async def test_of_all_that_is_answered_with_422_only_a_validation_is_permanent(words: str, permanent: bool):
    async with answered(httpx.Response(422, json={"error": words}, headers={"X-Runtime": "0.01"})) as http:
        with pytest.raises(Invalid) as refused:
            await write(BotApi(http, 1, "t"), 5)
    assert refused.value.permanent is permanent


async def test_a_token_that_does_not_serve_is_forbidden(http: httpx.AsyncClient, sandbox: SandboxProcess):
    with pytest.raises(Forbidden) as refused:
        await write(BotApi(http, sandbox.world["account_id"], "not a token"), 1)
    assert refused.value.status == 401


async def test_whether_a_token_serves_is_found_out_without_a_message(
    bot: BotApi, http: httpx.AsyncClient, conversation_id: int, inbox: SandboxInbox, sandbox: SandboxProcess
):
    assert await bot.is_admitted()
    assert not await BotApi(http, sandbox.world["account_id"], "not a token").is_admitted()
    assert [row["messages"] for row in sandbox.ledger(inbox)] == [[]]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(404, text="a proxy's page"), NotFound),
        (httpx.Response(302, headers={"Location": "/"}), Forbidden),
        (httpx.Response(502), Ambiguous),
    ],
)
async def test_what_a_proxy_says_of_a_token_proves_nothing(answer: httpx.Response, error: type[Exception]):
    async with answered(answer) as http:
        with pytest.raises(error):
            await BotApi(http, 1, "t").is_admitted()


async def test_an_unknown_conversation_is_not_found(bot: BotApi):
    with pytest.raises(NotFound):
        await write(bot, 999_999)


async def test_the_token_stands_in_the_header_alone(caplog: pytest.LogCaptureFixture):
    caplog.set_level("DEBUG")
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(401, json={"error": "Invalid Access Token"})

    async with open_http("http://chatwoot.test", transport=httpx.MockTransport(handler)) as http:
        bot = BotApi(http, 1, "secret")
        with pytest.raises(Forbidden) as refused:
            await write(bot, 5)
    assert asked[0].headers["Api-Access-Token"] == "secret"
    told = f"{asked[0].url} {asked[0].content!r} {bot!r} {refused.value!r} {caplog.text}"
    assert "secret" not in told
    assert json.loads(asked[0].content) == {
        "content": "hello",
        "message_type": "incoming",
        "echo_id": "d.1",
        "source_id": "d.1",
        "content_attributes": {MARKER: "d.1"},
    }


@pytest.mark.kit
def test_what_chatwoot_was_recorded_to_answer_can_be_read(kit: Path):
    """The recording calls its marker relay_id."""
    told = (kit / "chatwoot-4.10/recordings/bot.incoming_marker.json").read_text().replace("relay_id", MARKER)
    steps: dict[str, Any] = {step["step"]: filled(step) for step in json.loads(told)["steps"]}
    wrote = Message.parse(steps["incoming with marker"]["response"]["body"])
    (listed,) = map(Message.parse, steps["client list"]["response"]["body"])
    frames = steps["incoming with marker"]["frames"]["visitor"]
    (heard,) = [Message.parse(frame["message"]["data"]) for frame in frames]
    assert wrote.marker == listed.marker == heard.marker == "mark-<nonce>"
    assert (wrote.id, wrote.inbox_id, wrote.echo_id) == (listed.id, heard.inbox_id, heard.echo_id)
    assert wrote.sender is not None and wrote.sender.kind == "contact"


@pytest.mark.kit
def test_a_conversation_as_it_was_recorded_can_be_read(kit: Path):
    told = json.loads((kit / "chatwoot-4.10/recordings/app.conversations.json").read_text())
    steps = {step["step"]: filled(step) for step in told["steps"]}
    found = Described.parse(steps["show"]["response"]["body"])
    assert (found.attributes, found.labels) == ({}, ())
