"""T12, T13: a visitor who names what is another's. Every operation of the document and every frame, so that a new one
cannot be forgotten."""

import json
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, get_args

import pytest
from channels.routing import URLRouter
from django.urls import path

from chat.api import examples
from chat.api.app import api
from chat.api.document import PREFIX, document
from chat.consumers import ChatConsumer
from chat.draining import Drain
from chat.models import Delivery, Inbox, Message, upsert_inbox
from chat.runtime import Runtime
from chat.wire.frames import ClientFrame
from tests.api.conftest import ApiClient
from tests.fixtures.visitor import VisitorSocket, admitted
from tests.fixtures.world import World

OPERATIONS = {
    f"{method} {path_.removeprefix(PREFIX)}": operation
    for path_, methods in document(api)["paths"].items()
    for method, operation in methods.items()
    if "security" in operation
}
CLIENT_MADE = ("echo_id", "key")  # names that mean something for this visitor alone
Spot = tuple[str, ...]  # ("path" | "query", name), or ("body", key, …)


@dataclass
class Visitor:
    """Somebody with one of each that can be named."""

    client: ApiClient
    conversation: str = ""
    message: str = ""
    file: str = ""
    echo_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def named(self, spot: Spot, operation: str) -> str:
        names = [each for each in spot if not each.isdigit()]
        if names[-1] in ("files", "attachments", "attachment_id"):
            return self.file
        if names[-1] == "before":
            return self.conversation if operation == "get /conversations" else self.message
        return self.conversation if names[-1].startswith("conversation") else self.message


async def settle(client: ApiClient, world: World) -> Visitor:
    who = Visitor(client)
    uploaded = await client.call("POST", "uploads?name=a.txt", b"secret", content_type="text/plain")
    who.file = uploaded.json()["id"]
    said = (await client.call("PUT", f"messages/{who.echo_id}", {"text": "secret words"})).json()
    await world.settled()
    who.conversation, who.message = said["conversation"], said["message"]
    return who


@pytest.fixture
async def alice_there(alice: ApiClient, world: World) -> Visitor:
    """With a question of an agent's in her conversation."""
    who = await settle(alice, world)

    def ask() -> str:
        row = Message.objects.get(id=who.message)
        asked = Message.objects.create(
            conversation_id=row.conversation_id,
            contact_id=row.contact_id,
            inbox_id=row.inbox_id,
            chatwoot_id=2**40,
            direction="outgoing",
            content_type="input_csat",
            content="secret question",
            at=row.at + 1,
            seq=row.seq,
        )
        return str(asked.id)

    who.message = await world.ask(ask)
    return who


@pytest.fixture(params=["the same inbox", "another inbox"])
async def stranger(
    request: pytest.FixtureRequest, newcomer: Callable[[], Awaitable[ApiClient]], world: World, runtime: Runtime
) -> Visitor:
    if request.param == "the same inbox":
        return await settle(await newcomer(), world)
    other = world.sandbox.new_inbox()
    inbox: Inbox = await world.ask(
        upsert_inbox,
        slug="other",
        url=world.sandbox.base_url,
        cable_url=world.sandbox.cable_url,
        inbox_identifier=other.identifier,
    )
    opened = await runtime.conversations.devices.open(inbox, kind="app")
    client = ApiClient()
    client.token, client.contact_id = opened.access_token, opened.session.contact_id
    return await settle(client, world)


def spots(name: str) -> Iterator[Spot]:
    """Where an operation takes an id."""
    operation = OPERATIONS[name]
    for each in operation["parameters"]:
        if "uuid" in json.dumps(each["schema"]):
            yield (each["in"], each["name"])
    if name in examples.REQUESTS:
        for found in _ids(examples.REQUESTS[name][1]):
            yield ("body", *found)


def _ids(value: Any, *where: str) -> Iterator[Spot]:
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(each, dict | list):
            yield from _ids(each, *where, str(key))
        elif isinstance(each, str) and len(each) == 36:
            yield (*where, str(key))


def schema_names(name: str) -> set[str]:
    """Fields of a body that hold ids, by its schema: the example must show each of them."""
    if name not in examples.REQUESTS:
        return set()
    schema = examples.REQUESTS[name][0].model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    fields = (pair for part in parts for pair in part.get("properties", {}).items())
    return {key for key, value in fields if '"uuid"' in json.dumps(value)}


async def call(who: Visitor, name: str, ids: dict[Spot, str]) -> Any:
    """With ids of one's own, but for these."""
    method, path_ = name.split(" ")
    query, body = "", None
    if name in examples.REQUESTS:
        body = json.loads(json.dumps(examples.REQUESTS[name][1]))
    for spot in spots(name):
        own = str(uuid.uuid4()) if spot[-1] in CLIENT_MADE else who.named(spot, name)
        value = ids.get(spot, own)
        if spot[0] == "path":
            path_ = path_.replace(f"{{{spot[1]}}}", value)
        elif spot[0] == "query":
            query = f"?{spot[1]}={value}" if spot in ids else query
        else:
            _put(body, spot[1:], value)
    return await who.client.call(method.upper(), path_.lstrip("/") + query, body)


def _put(body: Any, where: Spot, value: str) -> None:
    *above, last = where
    for key in above:
        body = body[int(key) if isinstance(body, list) else key]
    body[int(last) if isinstance(body, list) else last] = value


MATRIX = [(name, spot) for name in OPERATIONS for spot in spots(name) if spot[-1] not in CLIENT_MADE]
ENDS = ("post /uploads", "delete /contact", "delete /session")  # takes another body, or ends what asks
NAMELESS = [name for name in OPERATIONS if not list(spots(name)) and name not in ENDS]
MISSING = {"post /attachments/tickets": 200}  # of many, what is not there is left out


def test_t12_the_matrix_knows_every_id_of_the_document() -> None:
    assert len(MATRIX) >= 13
    for name in OPERATIONS:
        shown = {each for spot in spots(name) for each in spot}
        optional = {"conversation"} if name == "put /messages/{echo_id}" else set()
        assert schema_names(name) - shown == optional, name


async def test_t12_t13_what_is_anothers_does_not_exist(alice_there: Visitor, stranger: Visitor, world: World) -> None:
    before = await world.ask(Delivery.objects.count)
    world.sandbox.reset_stats()
    for name, spot in MATRIX:
        foreign = await call(stranger, name, {spot: alice_there.named(spot, name)})
        unknown = await call(stranger, name, {spot: str(uuid.uuid4())})
        assert (foreign.status_code, foreign.content) == (MISSING.get(name, 404), unknown.content), (name, spot)
    body = {"text": "mine", "conversation": alice_there.conversation}
    assert (await stranger.client.call("PUT", f"messages/{uuid.uuid4()}", body)).status_code == 404
    assert await world.ask(Delivery.objects.count) == before
    assert not [route for route in world.sandbox.stats()["routes"] if not route.startswith("GET")]


async def test_t12_a_name_that_another_made_is_ones_own(alice_there: Visitor, stranger: Visitor) -> None:
    said = await stranger.client.call("PUT", f"messages/{alice_there.echo_id}", {"text": "mine"})
    assert said.status_code == 202
    assert said.json()["conversation"] == stranger.conversation
    assert "secret question" not in said.content.decode()


async def test_t12_what_names_nothing_tells_of_nobody_else(alice_there: Visitor, stranger: Visitor) -> None:
    hers = (alice_there.conversation, alice_there.message, alice_there.file, "secret question")
    for name in NAMELESS:
        answered = await call(stranger, name, {})
        assert answered.status_code < 300, name
        assert not [each for each in hers if each in answered.content.decode()], name


# Frames


FRAMES = [
    (frame, key)
    for frame in get_args(ClientFrame)
    for key, value in frame.model_json_schema()["properties"].items()
    if '"uuid"' in json.dumps(value) and key not in ("echo_id", "begins")  # names of the client's own
]
FILL: dict[str, Any] = {"text": "hi", "on": True, "values": {"value": "a"}}


def frame_of(frame: Any, who: Visitor, key: str, value: str) -> dict[str, Any]:
    filled: dict[str, Any] = {"type": frame.__name__.lower()}
    for name in frame.model_fields.keys() - {"type", "files"}:
        ids = {"echo_id": who.echo_id, "conversation": who.conversation, "message": who.message}
        filled[name] = ids.get(name, FILL.get(name))
    return filled | {key: [value] if key == "files" else value}


async def said(socket: VisitorSocket, frame: dict[str, Any]) -> list[Any]:
    """What a frame is answered with, until the pong."""
    await socket.tell(frame)
    found = [await socket.ask({"type": "ping", "visible": True})]
    while isinstance(found[-1], dict) and found[-1]["type"] != "pong":
        found.append(await socket.next())
    return [each for each in found if each["type"] in ("refused", "error", "accepted")]


async def test_t12_t13_no_frame_reaches_what_is_anothers(
    alice_there: Visitor, stranger: Visitor, world: World, runtime: Runtime
) -> None:
    consumer = ChatConsumer.as_asgi(conversations=lambda: runtime.conversations, authenticate=admitted, drain=Drain)
    socket = VisitorSocket(URLRouter([path("ws/v1", consumer)]), "/ws/v1", [(b"host", b"testserver")])
    socket.token = stranger.client.token or ""
    assert (await socket.open())["type"] == "reset"
    before = await world.ask(Delivery.objects.count)
    world.sandbox.reset_stats()
    assert len(FRAMES) >= 9
    for frame, key in FRAMES:
        unknown = str(uuid.uuid4())
        names = {"conversation": alice_there.conversation, "message": alice_there.message, "files": alice_there.file}
        stranger.echo_id = str(uuid.uuid4())
        foreign = await said(socket, frame_of(frame, stranger, key, names[key]))
        nobody = await said(socket, frame_of(frame, stranger, key, unknown))
        assert str(foreign).replace(names[key], unknown) == str(nobody), frame
        codes = [each["error"]["code"][:8] for each in foreign]
        assert codes == ([] if frame.__name__ == "Typing" else ["no_such_"]), frame
    await socket.disconnect()
    assert await world.ask(Delivery.objects.count) == before
    assert not [route for route in world.sandbox.stats()["routes"] if not route.startswith("GET")]
