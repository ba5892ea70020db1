"""What the journeys have in common: the app, the agent at the other end, and what was begun so far."""

from __future__ import annotations

import struct
import uuid
import zlib

from agent import Agent
from calls import Refused


class Broken(Exception):
    """Something is not as it was promised."""


def check(fact, promise: str) -> None:
    if not fact:
        raise Broken(promise)


class Story:
    """`client` is the app: the class `Polling` or `Live`."""

    conversation: str  # the app's id of the first conversation
    number: int  # Chatwoot's, which an app never sees
    user: str  # who it is, in the words of your server

    def __init__(self, client, site: str, desk: str) -> None:
        self.client, self.site = client, site
        self.me, self.second, self.agent = client(site), client(site), Agent(desk)
        self.name = uuid.uuid4().hex[:8]  # so that the agent tells us from all others

    def hears(self, text: str, who=None) -> dict:
        """The message with these words, once it is there."""
        who = who or self.me
        return who.wait_until(lambda: who.rows.saying(text), text)

    def answer_to(self, message: int):
        return self.agent.message(self.number, message)["content_attributes"].get("submitted_values")

    def row(self, message: str) -> dict | None:
        return self.me.rows.messages.get(message)

    def state(self, message: str) -> str | None:
        return (self.row(message) or {}).get("state")

    def agent_has_seen(self, message: dict) -> bool:
        return self.me.rows.conversations[self.conversation]["agent_seen"] >= message["at"]

    def agent_types(self) -> bool:
        return self.conversation in self.me.agent_types

    def fails(self, text: str) -> None:
        self.agent.refuse_next(self.number)
        sent = self.me.send(text, self.conversation)
        self.me.wait_until(lambda: self.state(sent["message"]) == "failed", "failed")

    def arrives_once(self, text: str) -> None:
        messages = self.agent.hears(self.number, text)
        check(sum(row["content"] == text for row in messages) == 1, "the agent has it once")

    def status(self) -> str:
        return self.me.rows.conversations[self.conversation]["status"]


def is_out(client) -> bool:
    try:
        client.api.read_contact()
    except Refused as refused:
        return refused.code == "unknown_token"
    return False


def picture() -> bytes:
    """A PNG of eight by eight red points."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    points = zlib.compress((b"\0" + b"\xff\0\0" * 8) * 8)
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", points) + chunk(b"IEND", b"")
