"""Hints between the processes: "this contact's feed has a new head", "that was let through". By Redis, if there is one.

A hint may be lost, late or repeated: sockets compare heads with the database every few seconds anyway. So nothing here
waits for Redis, nothing is kept for it, and how it fares is said once and not again until it changes.

One channel for all (a second one for what was let through, ``chat.sharing``), and one message for all hints that came
up while the last one was sent. Not a channel layer: its groups cost a subscription for every contact here, and where
this carries whatever is committed it carried 1,800 events a second.
"""

import asyncio
import logging
import struct
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from redis import asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from chat.audience import Audience
from chat.bridge.tasks import Tasks
from chat.sharing import Sharing

log = logging.getLogger(__name__)

MOST = 4_096  # contacts whose hints wait; a message of them has 100 kB
ANSWER_S = 2.0  # Redis counts as gone when it takes longer
PING_S = 10.0
GATHER_S = 0.01  # the hints of this time share a message
NAME_BYTES = 16
LONGEST_S = 10.0  # between two tries
OPTIONS: dict[str, Any] = {
    "socket_timeout": ANSWER_S,
    "socket_connect_timeout": ANSWER_S,
    "retry": Retry(NoBackoff(), 0),  # tried again here, where it is known what that is worth
}
_HINT = struct.Struct(">16sQ")
TROUBLE = (RedisError, OSError, TimeoutError, ValueError)  # the last: an address that cannot be read


class Neighbours:
    """Does nothing when ``url`` is empty. All methods run on the loop."""

    def __init__(
        self,
        audience: Audience,
        sharing: Sharing | None = None,
        *,
        url: str,
        channel: str,
        ping_s: float = PING_S,
        again_s: float = 0.5,
    ) -> None:
        self._audience = audience
        self._sharing = sharing
        self._url, self._channel, self._limits = url, channel, f"{channel}.limits"
        self._ping_s = ping_s
        self._again_s = again_s
        self._name = uuid.uuid4().bytes
        self._heads: dict[uuid.UUID, int] = {}
        self._news = asyncio.Event()
        self._ill: set[str] = set()
        self._tasks = Tasks()
        self.dropped = 0

    @property
    def is_usable(self) -> bool | None:
        """None: there is to be no Redis."""
        return not self._ill if self._url else None

    def start(self) -> None:
        if self._url:
            self._audience.committed = self._committed
            if self._sharing:
                self._sharing.start(self._news.set)
            self._tasks.spawn(self._forever(self._send), name="hints out")
            self._tasks.spawn(self._forever(self._hear), name="hints in")

    async def close(self) -> None:
        self._audience.committed = None
        if self._sharing:
            self._sharing.stop()
        await self._tasks.cancel()

    def _committed(self, contact_id: uuid.UUID, head: int) -> None:
        """After each commit: costs a dictionary entry, whatever Redis does."""
        if contact_id in self._heads or len(self._heads) < MOST:
            self._heads[contact_id] = head
            self._news.set()
        else:
            self.dropped += 1

    # What Redis does

    async def _forever(self, run: Callable[[redis.Redis], Awaitable[None]]) -> None:
        """Each time with a connection of its own: what a lost one still held is of no use."""
        loop = asyncio.get_running_loop()
        pause_s = self._again_s
        while True:
            begun = loop.time()
            try:
                async with redis.Redis.from_url(self._url, **OPTIONS) as client:
                    await run(client)
            except TROUBLE as error:
                self._note_ill(run.__name__, error)
            pause_s = self._again_s if loop.time() - begun > LONGEST_S else min(2 * pause_s, LONGEST_S)
            await asyncio.sleep(pause_s)

    async def _send(self, client: redis.Redis) -> None:
        if self._sharing:
            self._sharing.forget()
        while True:
            await self._news.wait()
            self._news.clear()
            heads, self._heads = self._heads, {}
            hints = b"".join(_HINT.pack(contact_id.bytes, head) for contact_id, head in heads.items())
            taken = self._sharing.pack() if self._sharing else b""
            for channel, data in ((self._channel, hints), (self._limits, taken)):
                if data:
                    await client.publish(channel, self._name + data)
                    self._note_well("_send")
            await asyncio.sleep(GATHER_S)

    async def _hear(self, client: redis.Redis) -> None:
        async with client.pubsub() as channel:
            await channel.subscribe(self._channel, *([self._limits] if self._sharing else []))
            while True:
                message = await channel.get_message(timeout=self._ping_s)
                if message is None:  # silence: is it still there?
                    await channel.ping()
                    message = await channel.get_message(timeout=ANSWER_S)
                if message is None:
                    raise TimeoutError
                self._note_well("_hear")
                if message["type"] == "message":
                    self._heard(message["data"], of_limits=message["channel"] == self._limits.encode())

    def _heard(self, data: bytes, *, of_limits: bool) -> None:
        name, hints = data[:NAME_BYTES], data[NAME_BYTES:]
        if name == self._name:
            return
        if of_limits and self._sharing:
            return self._sharing.unpack(hints)
        if len(hints) % _HINT.size:
            return
        for raw, head in _HINT.iter_unpack(hints):
            self._audience.hinted(uuid.UUID(bytes=raw), head)

    # What is said about it

    def _note_ill(self, part: str, error: Exception) -> None:
        if not self._ill:  # the kind alone: an address that cannot be read may hold a password
            words = "Redis cannot be used (%s): what other processes store is noticed some seconds later%s"
            limits = ", and each one's limits count alone" if self._sharing else ""
            log.warning(words, type(error).__name__, limits)
        self._ill.add(part)

    def _note_well(self, part: str) -> None:
        if part in self._ill:
            self._ill.remove(part)
            if not self._ill:
                log.info("Redis can be used again; hints dropped meanwhile: %d", self.dropped)
                self.dropped = 0
