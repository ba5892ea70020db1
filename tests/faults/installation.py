"""Real processes with bad lines between them, and every way to hurt them. Each fault is counted."""

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.faults.agents import Agent
from tests.faults.database import Database
from tests.faults.figures import Figures
from tests.faults.meters import RateMeter
from tests.faults.ports import HOST
from tests.faults.processes import Application, Process, Sandbox
from tests.faults.proxy import Proxy
from tests.faults.scale import Scale

KEEP_EVERY_S = 0.1


@dataclass
class Born:
    """A sandbox that was only just born, and its world: made once, copied for each row."""

    state: Path
    world: dict[str, Any] = field(repr=False)


class Installation:
    """One Chatwoot, our application in one or several processes, and three lines that can be made bad."""

    def __init__(
        self, folder: Path, *, born: Born, scale: Scale, database: Database, applications: int, env: dict[str, str]
    ) -> None:
        self.folder, self.scale, self.database, self.world = folder, scale, database, born.world
        self.run = secrets.token_hex(3)
        self.figures = Figures()
        self.timeline: list[str] = []
        self.chatwoot = Sandbox(folder, born=born.state)
        self.rest, self.cable = Proxy([self.chatwoot.port]), Proxy([self.chatwoot.port])
        self.rate_per_s = int(env.get("CHATWOOT_RATE_PER_S", 40))
        environment = self._environment() | env
        self.applications = [Application(n, folder, environment) for n in range(applications)]
        self.front = Proxy([each.port for each in self.applications])
        self.agent = Agent(self.chatwoot.url, born.world)
        self.http = httpx.AsyncClient(trust_env=False, timeout=10, limits=httpx.Limits(max_keepalive_connections=0))
        self.meter = RateMeter(self.chatwoot, self.agent, per_s=self.rate_per_s)
        self.kept: set[Application] = set()
        self._begun_at = self._fault_at = time.monotonic()
        self._tasks: list[asyncio.Task[Any]] = []

    def _environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.database.url,
            "CHATWOOT_URL": f"http://{HOST}:{self.rest.port}",
            "CHATWOOT_CABLE_URL": f"ws://{HOST}:{self.cable.port}/cable",
            "CHATWOOT_INBOX_IDENTIFIER": self.world["inbox"]["identifier"],
            "ALLOWED_ORIGINS": "https://shop.example",
            **self.scale.settings,
        }

    @property
    def application(self) -> Application:
        return self.applications[0]

    def s(self, real_s: float) -> float:
        """So many seconds of real life, at the scale of this tier."""
        return self.scale.s(real_s)

    # Beginning and ending

    def settle_in(self, *, marker: bool) -> None:
        """Let the inbox's row name our lines, and forget its bot unless there is to be one."""
        rest, cable = self._environment()["CHATWOOT_URL"], self._environment()["CHATWOOT_CABLE_URL"]
        self.database.write(f"UPDATE chat_chatwoot SET url = '{rest}', cable_url = '{cable}'")
        if not marker:
            self.database.write("UPDATE chat_inbox SET bot_token = ''")

    async def open(self, failpoints: str = "") -> None:
        """Start everything. `failpoints` are the first application's, in its first life."""
        await asyncio.gather(self.rest.open(), self.cable.open(), self.front.open())
        self.chatwoot.launch()
        for number, application in enumerate(self.applications):
            application.launch(**({"FAILPOINTS": failpoints} if failpoints and number == 0 else {}))
        await asyncio.gather(*(each.ready() for each in (self.chatwoot, *self.applications)))
        self._tasks = [asyncio.create_task(self._keep()), asyncio.create_task(self.meter.watch())]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(each.close() for each in (*self.applications, self.chatwoot)))
        await asyncio.gather(*(each.close() for each in (self.front, self.rest, self.cable)))
        await self.agent.close()
        await self.http.aclose()

    async def _keep(self) -> None:
        """Start again what was killed: every application in `kept`, without failpoints."""
        while True:
            await asyncio.sleep(KEEP_EVERY_S)
            for application in self.kept:
                if application.exit_status not in (None, 0):
                    self.injected(f"{application.name} died ({application.exit_status})")
                    await application.start()

    # Faults: each is counted, and the clock of healing begins anew

    def injected(self, words: str) -> None:
        self.figures.faults += 1
        self._fault_at = time.monotonic()
        self.timeline.append(f"{self._fault_at - self._begun_at:6.2f} s  {words}")

    async def fault(self, name: str, **options: Any) -> None:
        """Set a fault of the sandbox; names and options are those of `chat.sandbox.faults`."""
        answer = await self.http.post(f"{self.chatwoot.url}/sandbox/faults", json={"name": name, **options})
        assert answer.status_code == 200, answer.text
        self.injected(f"chatwoot: {name} {options or ''}")

    async def clear_faults(self) -> None:
        """Of the sandbox only; `calm` mends everything."""
        (await self.http.delete(f"{self.chatwoot.url}/sandbox/faults")).raise_for_status()
        self._fault_at = time.monotonic()

    def toxic(self, proxy: Proxy, **toxics: Any) -> None:
        """``rig.toxic(rig.rest, down={"black_hole": True}, up={"latency_s": 1})``: both directions of one line."""
        for direction, values in toxics.items():
            for name, value in values.items():
                setattr(getattr(proxy, direction), name, value)
        self.injected(f"{self._name_of(proxy)}: {toxics}")

    async def kill(self, process: Process) -> None:
        self.injected(f"{process.name} is killed")
        await process.kill()

    async def kill_chatwoot(self) -> None:
        """Nobody listens there any more; its journal survives. `restart_chatwoot` brings it back."""
        self.injected("chatwoot is killed")
        await asyncio.gather(self.rest.refuse(), self.cable.refuse())
        await self.chatwoot.kill()
        self.rest.cut("reset")
        self.cable.cut("reset")

    async def restart_chatwoot(self) -> None:
        if not self.chatwoot.alive:
            await self.chatwoot.start()
        await asyncio.gather(self.rest.open(), self.cable.open())

    async def freeze(self, process: Process, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after so long."""
        self.injected(f"{process.name} is frozen for {seconds:.2f} s")
        process.stop()
        await asyncio.sleep(seconds)
        process.cont()
        self._fault_at = time.monotonic()

    async def calm(self) -> None:
        """The end of all faults: everything runs, nothing is in the way, no failpoint is armed."""
        await asyncio.gather(*(proxy.heal() for proxy in (self.front, self.rest, self.cable)))
        for process in (self.chatwoot, *self.applications):
            if process.stopped:
                process.cont()
        await self.restart_chatwoot()
        await self.clear_faults()
        await asyncio.gather(*(each.start() for each in self.applications if not each.alive))
        self._fault_at = time.monotonic()

    def _name_of(self, proxy: Proxy) -> str:
        return {self.front: "front", self.rest: "rest", self.cable: "cable"}[proxy]
