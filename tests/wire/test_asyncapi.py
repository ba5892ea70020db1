"""The description of the socket against what reads frames, what writes them, and what is really sent."""

import json
import signal
import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from websockets.sync.client import ClientConnection

from chat import wire
from chat.wire import asyncapi, examples
from chat.wire.close import Close
from chat.wire.errors import Code, Refusal
from chat.wire.frames import ClientFrame
from chat.wire.server_frames import ServerFrame
from tests.eventually import eventually
from tests.fixtures import described
from tests.fixtures.described import complaints
from tests.fixtures.sandbox import SandboxInbox, SandboxProcess
from tests.fixtures.the_server import Serving
from tests.sandbox.visitor import Socket

DOCUMENT = asyncapi.document()
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]
ID = uuid.UUID(examples.MESSAGE)


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [each for value in part.values() for each in references(value)]
    return [each for value in part for each in references(value)] if isinstance(part, list) else []


def test_it_is_asyncapi_3_and_every_reference_leads_somewhere() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0" and DOCUMENT["info"].keys() >= {"title", "version"}
    assert {each["action"] for each in DOCUMENT["operations"].values()} == {"send", "receive"}
    found = references(DOCUMENT)
    assert len(found) > 50
    for reference in found:
        part: Any = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]


def test_every_frame_in_both_directions_is_described_with_examples() -> None:
    client = {f"client.{frame.__name__.lower()}" for frame in get_args(ClientFrame)}
    assert {name for name in MESSAGES if name.startswith("client.")} == client
    assert len(MESSAGES) == len(client) + len(get_args(ServerFrame))
    assert all(message["examples"] for message in MESSAGES.values())
    told = {name: [ref["$ref"] for ref in each["messages"]] for name, each in DOCUMENT["operations"].items()}
    assert len(told["receive"]) == len(client) and len(told["send"]) == len(get_args(ServerFrame))


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_an_example_is_as_described_and_the_server_takes_it(name: str) -> None:
    for example in MESSAGES[name]["examples"]:
        assert list(complaints(example["payload"], MESSAGES[name]["payload"])) == []
        if name.startswith("client."):
            assert wire.parse(json.dumps(example["payload"])).type == name.removeprefix("client.")


def test_closes_and_errors_stand_there_with_what_to_do() -> None:
    channel = DOCUMENT["channels"]["socket"]
    assert {(each["code"], each["client"]) for each in channel["x-close-codes"]} == {
        (int(close), close.policy.value) for close in Close
    }
    assert [each["code"] for each in channel["x-error-codes"]] == [code.value for code in Code]


def row(kind: str, value: dict[str, Any]) -> Any:
    return SimpleNamespace(kind=kind, seq=value["seq"], data=json.dumps(value).encode())


EXAMPLE = examples.OF["server.reset"][0]
ROWS = [row("conversation", EXAMPLE["conversations"][0]), row("message", EXAMPLE["messages"][0])]
ENCODED = [
    wire.encode_reset("a.1", "far", ROWS, True),
    wire.encode_changes("a.1", ROWS, False),
    wire.encode_accepted(ID, message_id=ID, conversation_id=ID),
    *(wire.encode_refused(subject, ID, Refusal(Code.NOT_LOST)) for subject in ("echo_id", "message", "conversation")),
    wire.encode_typing(ID, name="Gus", on=False),
    wire.encode_presence(online=True),
    wire.encode_pong("a.1"),
    wire.encode_reconnect(in_ms=1),
    *(wire.encode_error(Refusal(code)) for code in Code),
]


def test_everything_the_server_can_encode_is_described() -> None:
    for frame in ENCODED:
        described.check_frame(frame)
    assert {f"server.{json.loads(frame)['type']}" for frame in ENCODED} == set(filter_side("server"))


def filter_side(side: str) -> list[str]:
    return [name for name in MESSAGES if name.startswith(f"{side}.")]


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "pong", "cursor": 1},
        {"type": "pong"},
        {"type": "pong", "cursor": "a.1", "pubsub_token": "x"},
        {"type": "typing", "conversation": "not one", "name": "Gus", "on": True},
        {"type": "presence", "online": 1},
        {"type": "news"},
        {**EXAMPLE, "reason": "why not"},
        {**EXAMPLE, "messages": [{**EXAMPLE["messages"][0], "text": [{"t": "html", "s": "<b>"}]}]},
    ],
    ids=str,
)
def test_a_frame_that_is_not_as_described_is_noticed(frame: dict[str, Any]) -> None:
    with pytest.raises((AssertionError, ValueError)):
        described.check_frame(json.dumps(frame))


# A real server says every frame that is described


def tell(socket: ClientConnection, **frame: Any) -> None:
    socket.send(json.dumps(frame))


def hear(socket: ClientConnection, is_it: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The next frame of which that is true; `recv` has held each to the description."""
    while not is_it(frame := json.loads(socket.recv(timeout=30))):
        pass
    return dict(frame)


def of(kind: str) -> Callable[[dict[str, Any]], bool]:
    return lambda frame: frame["type"] == kind


async def test_a_real_socket_says_every_frame_and_each_is_as_described(sandbox: SandboxProcess, tmp_path: Path) -> None:
    inbox = sandbox.new_inbox()
    settings = {"CHATWOOT_URL": sandbox.base_url, "CHATWOOT_INBOX_IDENTIFIER": inbox.identifier}
    serving = Serving(tmp_path, CHATWOOT_CABLE_URL=sandbox.cable_url, RECONNECT_JITTER_S="1", **settings)
    described.SEEN.clear()
    with serving.migrated().running(), serving.dial() as socket:
        tell(socket, type="hello", token=serving.token())
        hear(socket, of("reset"))
        await converse(socket, sandbox, inbox)
        with serving.dial() as other:
            other.send("not JSON")
            hear(other, of("error"))
        serving.process.send_signal(signal.SIGTERM)
        hear(socket, of("reconnect"))
    assert set(filter_side("server")) == described.SEEN


async def converse(socket: ClientConnection, sandbox: SandboxProcess, inbox: SandboxInbox) -> None:
    tell(socket, type="send", echo_id=str(uuid.uuid4()), text="hello")
    accepted = hear(socket, of("accepted"))
    await eventually(lambda: sandbox.ledger(inbox) and sandbox.ledger(inbox)[0]["messages"])
    talk = sandbox.ledger(inbox)[0]["id"]
    rich = "**bold** _em_ `code` [link](https://example.com)\n\n> quote\n\n1. one\n2. two\n\n```\nblock\n```"
    sandbox.desk.reply(talk, rich)
    hear(socket, lambda frame: any(each["direction"] == "outgoing" for each in frame.get("messages", ())))
    sandbox.desk.typing(talk)
    hear(socket, of("typing"))
    told = sandbox.world
    async with Socket(sandbox.cable_url) as agent:
        who = f'"account_id":{told["account_id"]},"user_id":{told["agent_id"]}'
        await agent.subscribe(f'{{"channel":"RoomChannel","pubsub_token":"{told["agent_pubsub_token"]}",{who}}}')
        tell(socket, type="ping", visible=True)
        hear(socket, of("pong"))
        hear(socket, of("presence"))
    tell(socket, type="retry", message=accepted["message"])
    hear(socket, of("refused"))
