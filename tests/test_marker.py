"""Messages through the agent bot: exact recognition, and no more power than that."""

from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest

from chat import outbox, sql
from chat.chatwoot.resources import MARKER
from chat.models import Conversation, Delivery, Inbox, Message
from tests.eventually import eventually
from tests.fixtures.world import MakeWorld, Person, World

BOT = "/api/v1/accounts/"


class Written(httpx.AsyncBaseTransport):
    """Notes the way of each message; may change what the bot's way answers, and show nobody what is there."""

    def __init__(self, **changed: Any) -> None:
        self.ways: list[str] = []
        self.starts: list[str] = []
        self.changed = changed
        self.hides: Callable[[], bool] = lambda: False
        self._inner = httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        writes = request.method == "POST" and request.url.path.endswith("/messages")
        by_bot = request.url.path.startswith(BOT)
        if request.method == "GET":
            assert "x-request-start" not in request.headers, "another window holds for reads"
            if self.hides():
                return httpx.Response(503)
        elif "/inboxes/" in request.url.path or by_bot:
            self.starts.append(request.headers.get("x-request-start", ""))
        if writes:
            self.ways.append("bot" if by_bot else "client")
        response = await self._inner.handle_async_request(request)
        if writes and by_bot and self.changed:
            row = orjson.loads(await response.aread()) | self.changed
            response = httpx.Response(200, content=orjson.dumps(row), headers={"x-runtime": "0.1"})
            response.stream = httpx.ByteStream(response.content)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


@pytest.fixture
async def world(make_world: MakeWorld, sandbox: Any) -> World:
    world = await make_world(sandbox)
    token, account = sandbox.world["bot_token"], sandbox.world["account_id"]
    inbox = await world.ask(Inbox.objects.get)
    inbox.bot_token, inbox.account_id = token, account
    await world.ask(inbox.save)
    return world


async def arrived(world: World, person: Person, *texts: str) -> None:
    await world.settled()
    assert world.said(person) == list(texts)


async def test_messages_go_through_the_bot_once_chatwoot_has_said_whose_conversation_it_is(world: World) -> None:
    way = Written()
    runtime, alice = await world.start(transport=way), await world.person()
    device, talk = await world.talk(runtime, alice)
    await alice.say(runtime, "again")
    await arrived(world, alice, "hello", "again")
    assert way.ways == ["bot", "bot"]
    rows = world.sandbox.desk.messages(talk)
    told = [row["content_attributes"][MARKER] for row in rows if row["message_type"] == 0]
    ours = await world.ask(lambda: list(Delivery.objects.filter(kind="message").order_by("position")))
    assert told == [f"{each.id}.1" for each in ours]
    assert MARKER.encode() not in device.heard, "visitors see no marker"
    assert all(start.startswith("t=") for start in way.starts[-2:])


@pytest.mark.parametrize("fault", ["lose_answer", "error_after", "refuse", "late_commit"])
async def test_what_the_bot_wrote_in_doubt_is_found_by_its_marker(world: World, fault: str) -> None:
    way = Written()
    runtime, alice = await world.start(transport=way, read_s=0.5), await world.person()
    _, talk = await world.talk(runtime, alice)
    world.sandbox.faults.set("cable_mute")
    late: dict[str, Any] = {"seconds": 0.6, "cut": True} if fault == "late_commit" else {}
    world.sandbox.faults.set(fault, method="POST", path=f"conversations/{talk}/messages", times=1, **late)
    for _ in range(2):
        await alice.say(runtime, "ok")
    await arrived(world, alice, "hello", "ok", "ok")


async def test_what_an_agent_deletes_before_we_have_seen_it_is_not_sent_again(world: World) -> None:
    way = Written()
    runtime, alice = await world.start(transport=way), await world.person()
    device, talk = await world.talk(runtime, alice)
    way.hides = lambda: world.said(alice)[-1] == "unseemly"
    world.sandbox.faults.set("cable_mute")
    world.sandbox.faults.set("lose_answer", method="POST", path=f"conversations/{talk}/messages", times=1)
    said = await alice.say(runtime, "unseemly")
    await eventually(way.hides)
    world.sandbox.desk.delete(talk, world.conversations(alice)[0]["messages"][-1]["id"])
    world.sandbox.faults.clear()
    await world.settled()
    assert device.rows[str(said.message_id)]["deleted"]
    assert len(world.said(alice)) == 2, "deleted, and not sent again"


async def test_a_conversation_that_chatwoot_does_not_confirm_gets_no_marker(world: World) -> None:
    way = Written()
    runtime, alice = await world.start(transport=way), await world.person()
    _, talk = await world.talk(runtime, alice)
    await world.rested(alice, ms=300)
    await eventually(lambda: runtime.resyncs.is_idle)  # a comparison would confirm it
    await world.ask(lambda: Conversation.objects.update(confirmed_at=0))
    world.sandbox.faults.set("status", method="GET", path=f"conversations/{talk}/messages", status=500)
    await alice.say(runtime, "unmarked")
    await arrived(world, alice, "hello", "unmarked")
    assert way.ways == ["bot", "client"]


async def test_a_refused_token_falls_back_and_is_left_alone(world: World, logged: Any) -> None:
    inbox = await world.ask(Inbox.objects.get)
    inbox.bot_token = "no such token"
    await world.ask(inbox.save)
    way = Written()
    runtime, alice = await world.start(transport=way), await world.person()
    await world.talk(runtime, alice)
    await alice.say(runtime, "again")
    await arrived(world, alice, "hello", "again")
    assert way.ways == ["bot", "client", "client"]
    assert f"inbox {world.inbox_id}: the bot token does not serve" in logged.text
    assert (await world.ask(Inbox.objects.get)).paused_until == 0


async def test_a_wrong_account_number_stops_no_message(world: World, logged: Any) -> None:
    inbox = await world.ask(Inbox.objects.get)
    inbox.account_id = 987_654
    await world.ask(inbox.save)
    way = Written()
    runtime, alice = await world.start(transport=way), await world.person()
    await world.talk(runtime, alice)
    await alice.say(runtime, "again")
    await arrived(world, alice, "hello", "again")
    assert way.ways == ["bot", "client", "client"]
    assert (
        logged.text.count("messages go without a marker for 10 minutes: through the bot Chatwoot said: status 404") == 1
    )


@pytest.mark.parametrize("status", [422, 500])
async def test_what_chatwoot_does_not_take_through_the_bot_goes_without_a_marker(world: World, status: int) -> None:
    way = Written()
    runtime, alice = await world.start(transport=way), await world.person()
    _, talk = await world.talk(runtime, alice)
    path = f"/api/v1/accounts/{world.sandbox.world['account_id']}/conversations/{talk}/messages"
    world.sandbox.faults.set("status", method="POST", path=path, status=status)
    for text in ("first again", "second again"):
        await alice.say(runtime, text)
    await arrived(world, alice, "hello", "first again", "second again")
    assert way.ways == ["bot", "bot", "client", "client"]


@pytest.mark.parametrize(
    ("changed", "ways"),
    [
        ({"sender": {"id": 99_999, "name": "Mallory", "type": "contact"}}, ["bot", "client"]),
        ({"inbox_id": 99_999}, ["bot", "client"]),
        ({"conversation_id": 99_999}, ["bot", "client"]),
    ],
    ids=["another sender", "another inbox", "another conversation"],
)
async def test_a_token_that_writes_elsewhere_is_not_used_again(
    world: World, logged: Any, changed: dict[str, Any], ways: list[str]
) -> None:
    """The answer says so; in truth it went where it should, so that nothing needs to be said again."""
    way = Written(**changed)
    runtime, alice = await world.start(transport=way), await world.person()
    device, _ = await world.talk(runtime, alice)
    await eventually(lambda: "the bot token is not used any more" in logged.text)
    assert (await world.ask(Inbox.objects.get)).marker_off
    await alice.say(runtime, "again")
    await arrived(world, alice, "hello", "again")
    assert way.ways == ways
    assert device.texts() == ["hello", "again"]


async def test_a_contact_that_chatwoot_joins_with_another_at_our_word_is_no_reason_for_it(world: World) -> None:
    way = Written()
    runtime, alice = await world.start(transport=way), await world.person()
    await world.talk(runtime, alice)

    def tell() -> None:
        """It was told an e-mail address, and has not answered yet."""
        lane = outbox.creation_lane(alice.contact_inbox_id)
        times = {"created_at": sql.database_now(), "due_at": sql.database_now() + 500_000}
        names = {"contact_inbox_id": alice.contact_inbox_id, "lane": lane, "position": 99}
        Delivery.objects.create(kind="profile", state="unsure", attempt=1, payload={}, **names, **times)

    await world.ask(tell)
    way.changed = {"sender": {"id": 99_999, "name": "Alice", "type": "contact"}}
    await alice.say(runtime, "again")
    await world.becomes(lambda: Message.objects.filter(state="sent", direction="incoming").count() == 2)
    assert (way.ways, (await world.ask(Inbox.objects.get)).marker_off) == (["bot", "bot"], "")
