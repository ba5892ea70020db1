"""The visitors of the bench as rows, and Chatwoot's side of them as REST answers that agree with what was broadcast."""

import asyncio
import re
import time
import uuid
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import orjson

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Runtime: 0.01\r\nContent-Length: %d\r\n\r\n"
TEXT = "say-{n}- The parcel left the warehouse this morning and should be with you by Thursday."
AGENT = {"id": 2, "name": "Gus Agent", "available_name": "Gus Agent", "avatar_url": "", "type": "user", "thumbnail": ""}


@dataclass(eq=False)
class Person:
    """One visitor. `number` is the display id of their only conversation, `token` the one that their page says."""

    number: int
    source_id: str = field(repr=False)
    pubsub_token: str = field(repr=False)
    token: str = field(default="", repr=False)
    messages: list[dict[str, Any]] = field(default_factory=list)

    def message(self, n: int) -> bytes:
        """The n-th event of the bench: an agent's message, as Chatwoot's cable brings it (contract §2.2)."""
        now = time.time()
        listed = {
            "id": n,
            "content": TEXT.format(n=n),
            "message_type": 1,
            "content_type": "text",
            "content_attributes": {},
            "created_at": int(now),
            "conversation_id": self.number,
            "sender": AGENT,
        }
        self.messages.append(listed)
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
        pushed = listed | {
            "account_id": 1,
            "inbox_id": 1,
            "updated_at": moment,
            "private": False,
            "status": "sent",
            "source_id": None,
            "sender_type": "User",
            "sender_id": 2,
            "external_source_ids": {},
            "additional_attributes": {},
            "processed_message_content": listed["content"],
            "sentiment": {},
            "conversation": {"unread_count": 1, "contact_inbox": {"source_id": self.source_id}},
            "performer": AGENT,
        }
        return orjson.dumps({"event": "message.created", "data": pushed})

    def conversations(self) -> bytes:
        """The index of conversations (contract §2.4)."""
        return orjson.dumps(
            [
                {
                    "id": self.number,
                    "uuid": f"00000000-0000-4000-8000-{self.number:012d}",
                    "inbox_id": 1,
                    "contact_last_seen_at": 0,
                    "agent_last_seen_at": 0,
                    "status": "open",
                    "messages": self.messages,
                    "contact": {},
                }
            ]
        )


def newcomers(number: int) -> list[Person]:
    """Chatwoot's side of people who have written once; `tests.faults.population.write` makes ours."""
    return [Person(n, str(uuid.uuid4()), f"visitor{n}-{uuid.uuid4().hex[:8]}") for n in range(1, number + 1)]


class Rest:
    """Chatwoot's REST, as far as an idle chat asks it."""

    def __init__(self, people: list[Person]) -> None:
        self._people = {each.source_id: each for each in people}
        self._server: asyncio.Server | None = None
        self.compared: set[str] = set()  # whose conversations were asked for
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if length := re.search(rb"content-length: *(\d+)", head, re.IGNORECASE):
                    await reader.readexactly(int(length[1]))
                body = self._answer(head.split(b" ", 2)[1].decode())
                writer.write(OK % len(body) + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, path: str) -> bytes:
        source_id = path.split("/contacts/")[-1].split("/")[0]
        if path.endswith("/conversations") and source_id in self._people:
            self.compared.add(source_id)
            return self._people[source_id].conversations()
        return b""
