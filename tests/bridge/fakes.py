"""A cable in memory, a clock to turn by hand, and a listener that remembers."""

import asyncio
import json
from collections.abc import Hashable
from typing import Any

from chat.bridge.dial import CableDown
from chat.bridge.hub import Hub
from chat.bridge.timing import Timing
from chat.chatwoot.events import Event
from tests.eventually import eventually

CUT = object()
PRESENCE = {"event": "presence.update", "data": {"users": {}}}
FAST = Timing(tick_s=0.001, overslept_s=5)


class Clock:
    """Steady seconds; `reads` counts who looked."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.reads = 0
        self.broken = False

    def __call__(self) -> float:
        self.reads += 1
        if self.broken:
            raise RuntimeError("the clock stands still")
        return self.now


class FakeSocket:
    """Answers like ActionCable: bad… tokens get silence, rej… a rejection, all others a confirm."""

    def __init__(self, cable: "FakeCable") -> None:
        self._cable = cable
        self._frames: asyncio.Queue[Any] = asyncio.Queue()
        self.commands: list[tuple[str, str]] = []  # command or action, token
        self.closed = self.down = False
        self.say({"type": "welcome"})

    def say(self, frame: dict[str, Any] | str) -> None:
        self._frames.put_nowait(frame if isinstance(frame, str) else json.dumps(frame))

    def cut(self) -> None:
        self.down = True
        self._frames.put_nowait(CUT)

    def break_down(self) -> None:
        """Fail in a way that no socket should: stands for any fault of ours."""
        self._frames.put_nowait(RuntimeError("a fault of ours"))

    async def send(self, frame: str) -> None:
        if self.down:
            raise CableDown("cut")
        command = json.loads(frame)
        token = json.loads(command["identifier"])["pubsub_token"]
        action = json.loads(command["data"])["action"] if "data" in command else command["command"]
        self.commands.append((action, token))
        if action == "subscribe" and not token.startswith("bad") and not self._cable.mute:
            kind = "reject_subscription" if token.startswith("rej") else "confirm_subscription"
            self.say({"identifier": command["identifier"], "type": kind})
        if action == "update_presence" and not self._cable.deaf:
            self.say({"identifier": command["identifier"], "message": PRESENCE})

    async def receive(self) -> str:
        frame = await self._frames.get()
        if frame is CUT:
            raise CableDown("cut")
        if isinstance(frame, Exception):
            raise frame
        return frame

    async def close(self) -> None:
        self.closed = self.down = True

    def tokens(self, command: str) -> list[str]:
        return [token for each, token in self.commands if each == command]


class FakeCable:
    """All sockets that were dialled, the open ones last to come."""

    def __init__(self) -> None:
        self.sockets: list[FakeSocket] = []
        self.dials = 0
        self.mute = False  # subscribes are not answered
        self.deaf = False  # its Redis is gone: it confirms, but publishes nothing
        self.refuse: CableDown | None = None

    async def dial(self, url: str) -> FakeSocket:
        self.dials += 1
        if self.refuse:
            raise self.refuse
        self.sockets.append(FakeSocket(self))
        return self.sockets[-1]

    @property
    def open(self) -> list[FakeSocket]:
        return [each for each in self.sockets if not each.down]

    def commands(self) -> list[tuple[str, str]]:
        return [each for socket in self.sockets for each in socket.commands]

    def tell(self, token: str, message: dict[str, Any]) -> None:
        identifier = '{"channel":"RoomChannel","pubsub_token":"' + token + '"}'
        for socket in self.open:
            socket.say({"identifier": identifier, "message": message})


class Remembers:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Hashable]] = []
        self.events: list[tuple[Hashable, Event]] = []
        self.suspects: list[Hashable] = []  # whose subscribe was not answered
        self.canaries_wanted: list[Hashable] = []

    def subscribed(self, key: Hashable) -> None:
        self.told.append(("subscribed", key))

    def lost(self, key: Hashable) -> None:
        self.told.append(("lost", key))

    def silent(self, key: Hashable) -> None:
        self.told.append(("silent", key))

    def unanswered(self, key: Hashable) -> None:
        self.suspects.append(key)

    def canary_wanted(self, key: Hashable) -> None:
        self.canaries_wanted.append(key)

    def received(self, key: Hashable, event: Event) -> None:
        self.events.append((key, event))

    def count(self, what: str) -> int:
        return sum(each == what for each, _ in self.told)


class World:
    """A hub between a fake cable and a listener that remembers."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.cable = FakeCable()
        self.listener = Remembers()
        self.pauses: list[float] = []
        self.pinging = True

    def hub(self, **options: Any) -> Hub:
        options = {"timing": FAST} | options
        return Hub(
            "ws://cable.test/cable", self.listener, dial=self.cable.dial, clock=self.clock, sleep=self._sleep, **options
        )

    async def pass_time(self, seconds: int) -> None:
        """Second by second, each seen by every tick; open sockets ping."""
        await self.settle()
        for _ in range(seconds):
            self.clock.now += 1
            if self.pinging:
                for socket in self.cable.open:
                    socket.say({"type": "ping", "message": 1})
            await self.settle()

    async def settle(self) -> None:
        """Let every task run and every tick tick."""
        seen = self.clock.reads + 8 + 8 * len(self.cable.open)
        await eventually(lambda: self.clock.reads >= seen)

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)
