"""A visitor who talks to the sandbox directly, and a bare cable socket: nothing of ours in between."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests.fixtures.sandbox import SandboxInbox, SandboxProcess


@dataclass
class Visitor:
    sandbox: SandboxProcess
    inbox: SandboxInbox
    name: str = "Bob"
    session: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        answer = self.sandbox.http.post(f"{self.inbox.path}/contacts", json={"name": self.name})
        self.session = answer.json()

    @property
    def path(self) -> str:
        return f"{self.inbox.path}/contacts/{self.session['source_id']}"

    @property
    def identifier(self) -> str:
        return json.dumps({"channel": "RoomChannel", "pubsub_token": self.session["pubsub_token"]})

    def start_conversation(self) -> int:
        return int(self.sandbox.http.post(f"{self.path}/conversations", json={}).json()["id"])

    def say(self, conversation: int, content: str, **options: Any) -> httpx.Response:
        body = {"content": content, **options.pop("json", {})}
        return self.sandbox.http.post(f"{self.path}/conversations/{conversation}/messages", json=body, **options)

    def contents(self, conversation: int) -> list[str]:
        """As the Client API lists them."""
        return [
            m["content"] for m in self.sandbox.http.get(f"{self.path}/conversations/{conversation}/messages").json()
        ]


class Socket:
    """One cable socket; frames are read on demand."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.connection: ClientConnection

    async def __aenter__(self) -> Self:
        protocols: Any = ["actioncable-v1-json"]
        self.connection = await connect(self._url, subprotocols=protocols, proxy=None, compression=None)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.connection.close()

    async def command(self, command: str, identifier: str, **more: str) -> None:
        await self.connection.send(json.dumps({"command": command, "identifier": identifier, **more}))

    async def subscribe(self, identifier: str) -> None:
        """Returns once confirmed."""
        await self.command("subscribe", identifier)
        assert (await self.until(type="confirm_subscription"))["identifier"] == identifier

    async def until(self, **wanted: Any) -> dict[str, Any]:
        """The next frame that has these values; others are dropped."""
        async with asyncio.timeout(20):
            while True:
                frame = json.loads(await self.connection.recv())
                if all(frame.get(key) == value for key, value in wanted.items()):
                    return dict(frame)

    async def event(self, name: str) -> dict[str, Any]:
        """The data of the next such event; others are dropped."""
        async with asyncio.timeout(20):
            while True:
                message = json.loads(await self.connection.recv()).get("message")
                if isinstance(message, dict) and message["event"] == name:
                    return dict(message["data"])
