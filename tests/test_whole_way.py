"""A visitor's socket and calls, the real use cases behind them, and an agent at the other end."""

import asyncio
import time
import uuid
from typing import Any

import pytest
from channels.routing import URLRouter
from django.test import AsyncClient
from django.urls import include, path

from chat import sessions
from chat.api import app
from chat.consumers import ChatConsumer
from chat.models import Block, Contact, Inbox, Session
from chat.runtime import Runtime
from tests.api.conftest import ApiClient
from tests.eventually import eventually
from tests.fixtures.visitor import VisitorSocket, admitted
from tests.fixtures.world import World, plain


class Visitor:
    """One session, its sockets and its calls; takes frames as a browser does."""

    def __init__(self, world: World, runtime: Runtime, opened: sessions.Opened) -> None:
        self.world, self.runtime, self.opened = world, runtime, opened
        self.api = ApiClient()
        self.api.token = opened.access_token

    async def dial(self, **hello: Any) -> VisitorSocket:
        consumer = ChatConsumer.as_asgi(
            conversations=lambda: self.runtime.conversations,
            authenticate=admitted,
            gate=lambda: self.runtime.gate,
        )
        socket = VisitorSocket(URLRouter([path("ws/v1", consumer)]), "/ws/v1", [(b"host", b"testserver")])
        socket.token = self.opened.access_token
        socket.first = await socket.open(**hello)
        return socket

    async def say(self, socket: VisitorSocket, text: str, echo_id: uuid.UUID | None = None) -> Any:
        frame = {"type": "send", "echo_id": str(echo_id or uuid.uuid4()), "conversation": None, "text": text}
        await socket.tell(frame)
        return await until(socket, lambda frame: frame["type"] in ("accepted", "refused"))

    @property
    def display_id(self) -> int:
        return self.world.conversations()[0]["id"]


async def until(socket, is_it):
    """The first frame that is it, within the patience of the socket; acknowledges as it goes."""
    while not is_it(frame := await socket.next()):
        assert isinstance(frame, dict), f"closed with {frame}"
        if "cursor" in frame and frame["type"] != "pong":
            await socket.tell({"type": "ack", "cursor": frame["cursor"]})
    return frame


def shows(text, state="sent"):
    def is_it(frame):
        messages = frame.get("messages", ())
        return any(plain(message["text"]) == text and message["state"] == state for message in messages)

    return is_it


@pytest.fixture
async def visitor(world: World, settings: Any) -> Visitor:
    runtime = await world.start()
    opened = await world.ask(lambda: sessions.open_anonymous(Inbox.objects.get(pk=world.inbox_id)))

    class Addresses:
        urlpatterns = [*app.urls(lambda: runtime.conversations, lambda: runtime.gate), path("", include("chat.urls"))]

    settings.ROOT_URLCONF = Addresses
    return Visitor(world, runtime, opened)


async def test_visitor_and_agent_talk(visitor, world):
    socket = await visitor.dial()
    assert socket.first["type"] == "reset"
    accepted = await visitor.say(socket, "hello")
    assert accepted["type"] == "accepted"
    await until(socket, shows("hello"))
    assert world.said() == ["hello"]
    world.sandbox.desk.private_note(visitor.display_id, "they look **angry**")
    world.sandbox.desk.typing(visitor.display_id)
    typing = await until(socket, lambda frame: frame["type"] == "typing")
    assert (typing["conversation"], typing["on"]) == (accepted["conversation"], True)
    world.sandbox.desk.reply(visitor.display_id, "hi *there*")
    changes = await until(socket, shows("hi there"))
    assert changes["messages"][0]["direction"] == "outgoing"
    assert "angry" not in str(changes)
    await socket.disconnect()


async def test_a_second_device_and_a_resume_see_the_same(visitor, world):
    first = await visitor.dial()
    await visitor.say(first, "hello")
    changes = await until(first, shows("hello"))
    second = await visitor.dial()
    assert [plain(message["text"]) for message in second.first["messages"]] == ["hello"]
    await first.disconnect()
    world.sandbox.desk.reply(visitor.display_id, "while you were away")
    await until(second, shows("while you were away"))
    again = await visitor.dial(since=changes["cursor"])
    assert shows("while you were away")(again.first)
    assert not shows("hello")(again.first)
    await second.disconnect()
    await again.disconnect()


async def test_a_message_sent_by_both_ways_is_one_message(visitor, world):
    socket, echo_id = await visitor.dial(), uuid.uuid4()
    accepted = await visitor.say(socket, "only once", echo_id)
    call = {"conversation": None, "text": "only once"}
    answers = await asyncio.gather(*(visitor.api.call("PUT", f"messages/{echo_id}", call) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["message"] for answer in answers} == {accepted["message"]}
    await world.settled()
    assert world.said() == ["only once"]
    other = await visitor.api.call("PUT", f"messages/{echo_id}", {"text": "something else"})
    assert (other.status_code, other.json()["error"]["code"]) == (422, "echo_id_mismatch")
    await socket.disconnect()


async def test_an_app_talks_by_calls_alone(visitor, world):
    said = await visitor.api.call("PUT", f"messages/{uuid.uuid4()}", {"text": "hello"})
    assert said.status_code == 202
    await world.settled()
    cursor = (await visitor.api.call("GET", "sync")).json()["cursor"]
    polling = asyncio.create_task(visitor.api.call("GET", f"sync?since={cursor}&wait=20"))
    await eventually(lambda: visitor.runtime.audience.of(visitor.opened.session.contact_id))
    world.sandbox.desk.reply(visitor.display_id, "hi")
    assert shows("hi")((await polling).json())
    page = await visitor.api.call("GET", f"conversations/{said.json()['conversation']}/messages?limit=1")
    assert ([plain(message["text"]) for message in page.json()["messages"]], page.json()["more"]) == (["hi"], True)


@pytest.mark.parametrize("text", ["x" * 10_001, "a\0b", "cut \ud83d", ""])
async def test_a_bad_text_changes_nothing(visitor, world, text):
    socket = await visitor.dial()
    assert (await visitor.say(socket, text))["type"] == "refused"
    assert (await visitor.api.call("PUT", f"messages/{uuid.uuid4()}", {"text": text})).status_code == 422
    assert (await visitor.api.call("GET", "sync")).json()["messages"] == []
    assert await world.deliveries() == []
    await socket.disconnect()


async def test_an_ended_session_loses_its_socket(visitor, world):
    socket = await visitor.dial()
    await world.ask(sessions.end, visitor.opened.session)
    assert (await socket.next())["error"]["code"] == "unknown_token"
    assert await socket.next() == 4401


async def test_t35_sessions_without_end_cost_chatwoot_nothing_and_stay_few(visitor, world):
    before, api, statuses = await world.ask(Contact.objects.count), ApiClient(), []
    slug = (await world.ask(Inbox.objects.get, pk=world.inbox_id)).slug
    began_at = time.monotonic()
    for _ in range(500):
        begun = await api.call("POST", "session", {"inbox": slug, "kind": "app"})
        statuses.append(begun.status_code)
    assert statuses[:11] == [201] * 10 + [429]
    assert statuses.count(201) <= 10 + (time.monotonic() - began_at) / 6
    assert await world.ask(Contact.objects.count) == before + statuses.count(201)
    assert world.sandbox.stats()["areas"]["client"] == 0


async def test_a_block_is_noticed_within_a_look_and_what_was_accepted_still_arrives(visitor, world):
    socket = await visitor.dial()
    await visitor.say(socket, "before the block")
    await world.ask(lambda: Block.objects.create(contact_id=visitor.opened.session.contact_id))
    assert (await until(socket, lambda frame: frame["type"] == "error"))["error"]["code"] == "blocked"
    assert await socket.next() == 4423
    assert (await visitor.api.call("GET", "sync")).status_code == 403
    await world.settled()
    assert world.said() == ["before the block"]
    await world.ask(lambda: Block.objects.all().delete())


async def test_a_thousand_page_loads_cost_chatwoot_nothing_and_write_nothing(visitor, world):
    slug = (await world.ask(Inbox.objects.get, pk=world.inbox_id)).slug
    before = [await world.ask(model.objects.count) for model in (Contact, Session)]
    browser = AsyncClient()
    for _ in range(200):
        for page in ("/", "/demo/", f"/chat/{slug}/", f"/frame/{slug}/", "/sdk.js"):
            assert (await browser.get(page)).status_code == 200
    assert not browser.cookies
    assert [await world.ask(model.objects.count) for model in (Contact, Session)] == before
    stats = world.sandbox.stats()
    assert (stats["areas"]["client"], stats["cable"]["connections"]) == (0, 0)
