"""Everything that a row needs: real processes with bad lines between them, visitors, an agent, and the verdict."""

import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.faults import checker, database, leaks, oracle
from tests.faults.agents import Agent
from tests.faults.database import Database
from tests.faults.figures import Figures
from tests.faults.meters import Appetite, RateMeter
from tests.faults.ports import HOST
from tests.faults.processes import SECRET_KEY, Application, Process, Sandbox
from tests.faults.proxy import Proxy
from tests.faults.scale import Scale
from tests.faults.visitors import QuickPace, Visitor

HEAL_REAL_S = {True: 60, False: 180}  # by whether the fence holds (K8)
ALLOWANCE_S = 30  # for a machine that runs three other rows
KEEP_EVERY_S = 0.1
EXPECTED_ERRORS = (
    r"delivery \S+, attempt \d+:",  # from the eighth attempt on, an operator should look
    r"the breaker|breaker",
)


@dataclass
class Born:
    """A sandbox that was only just born, and its world: made once, copied for each row."""

    state: Path
    world: dict[str, Any] = field(repr=False)


class Rig:
    """Made by the fixture `make_rig`; see the docstring of the package for how a row uses it."""

    def __init__(
        self, folder: Path, *, born: Born, scale: Scale, database: Database, applications: int, env: dict[str, str]
    ) -> None:
        self.folder, self.scale, self.database, self.world = folder, scale, database, born.world
        self.run = secrets.token_hex(3)
        self.figures = Figures()
        self.timeline: list[str] = []
        self.visitors: list[Visitor] = []
        self.chatwoot = Sandbox(folder, born=born.state)
        self.rest, self.cable = Proxy([self.chatwoot.port]), Proxy([self.chatwoot.port])
        self.rate_per_s = int(env.get("CHATWOOT_RATE_PER_S", 40))
        environment = self._environment() | env
        self.applications = [Application(n, folder, environment) for n in range(applications)]
        self.front = Proxy([each.port for each in self.applications])
        self.agent = Agent(self.chatwoot.url, born.world)
        self.http = httpx.AsyncClient(trust_env=False, timeout=10, limits=httpx.Limits(max_keepalive_connections=0))
        self.meter = RateMeter(self.chatwoot, self.agent, per_s=self.rate_per_s)
        self.appetites: list[Appetite] = []
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
        self._count()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(each.leave() for each in self.visitors))
        await asyncio.gather(*(each.close() for each in (*self.applications, self.chatwoot)))
        await asyncio.gather(*(each.close() for each in (self.front, self.rest, self.cable)))
        await self.agent.close()
        await self.http.aclose()

    def _count(self) -> None:
        self.figures.tried = sum(len(each.written) for each in self.visitors)
        self.figures.accepted = sum(m.outcome == "accepted" for each in self.visitors for m in each.written)

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

    # People

    async def visit(self, number: int | None = None) -> list[Visitor]:
        """So many more visitors, at the tier's number by default; returns when all are online."""
        number = number or self.scale.visitors
        come = [self._visitor(f"v{len(self.visitors) + n}") for n in range(number)]
        self.visitors += come
        for visitor in come:
            visitor.arrive()
        await self.until(lambda: all(each.online.is_set() for each in come), "not everybody got in")
        if not self.appetites:
            self.appetites = [Appetite(each) for each in self.applications if each.alive]
        return come

    def _visitor(self, name: str) -> Visitor:
        pace = QuickPace() if self.scale.short else QuickPace(answer_s=10, pause_s=2, ping_s=15)
        return Visitor(name, url=lambda: f"http://{HOST}:{self.front.port}", http=self.http, pace=pace)

    def device(self, visitor: Visitor) -> Visitor:
        """One more device of the same person, online in its own time."""
        other = visitor.device(f"{visitor.name}d{len(self.visitors)}")
        self.visitors.append(other)
        other.arrive()
        return other

    async def write(self, number: int | None = None, *, every_s: float = 0.1) -> None:
        """Every visitor writes so many messages, the tier's number by default; at once they are only queued."""
        for _ in range(number or self.scale.messages):
            for visitor in self.visitors:
                visitor.write(self.marker(visitor))
            await asyncio.sleep(every_s)

    def marker(self, visitor: Visitor) -> str:
        """A text that was never written before."""
        return f"{self.run}/{visitor.name}/{len(visitor.written)}"

    async def introduce(self) -> None:
        """Everybody writes once and it has arrived: contacts and conversations exist, the cable is subscribed."""
        await self.write(1, every_s=0)
        await self.until(lambda: not checker.unfinished(self.visitors), "the first messages did not arrive")

    def ledger(self) -> oracle.Ledger:
        return oracle.read(self.chatwoot.state)

    def talk_of(self, visitor: Visitor) -> oracle.Talk:
        """The conversation at Chatwoot in which this visitor wrote first."""
        texts = {each.text for each in visitor.written}
        return next(talk for talk in self.ledger().talks if any(row.text in texts for row in talk.incoming))

    # Waiting and judging

    async def until(self, condition: Callable[[], object], words: str, *, within_s: float = ALLOWANCE_S) -> None:
        """Wait for that; `words` say what is wrong when it does not come."""
        deadline = time.monotonic() + within_s
        while not condition():
            for visitor in self.visitors:
                visitor.check()
            assert time.monotonic() < deadline, f"{words}\n{self.report()}"
            await asyncio.sleep(0.05)

    async def healed(
        self,
        *,
        fenced: bool = True,
        may_duplicate: bool = False,
        linger_s: float = 0,
        expected_errors: Iterable[str] = (),
        heal_s: float | None = None,
    ) -> Figures:
        """End all faults, wait until nothing is wrong any more, and assert K1–K10.

        `linger_s`: how long to wait after that before the ledger is read again (a message that comes late, K1).
        `expected_errors`: patterns of ERROR lines that this row causes. `heal_s`: instead of K8's time.
        """
        await self.calm()
        limit_s = heal_s or self.s(HEAL_REAL_S[fenced]) + ALLOWANCE_S
        wrong = await self._wrong_until(self._fault_at + limit_s, may_duplicate=may_duplicate)
        self.figures.slowest_heal_s = time.monotonic() - self._fault_at
        if linger_s:
            await asyncio.sleep(linger_s)
        wrong = wrong or await self._wrong_at_the_end(may_duplicate, (*EXPECTED_ERRORS, *expected_errors))
        assert not wrong, "\n".join(wrong[:40]) + f"\n{self.report()}"
        return self.figures

    async def _wrong_until(self, deadline: float, *, may_duplicate: bool) -> list[str]:
        pause_s = 0.1
        while True:
            for visitor in self.visitors:
                visitor.check()
            wrong = checker.unfinished(self.visitors)
            if not wrong:
                await asyncio.gather(*(each.page_back() for each in self.visitors))
                wrong = self._judge(may_duplicate)
            if not wrong or time.monotonic() > deadline:
                return wrong and [
                    *wrong,
                    f"K8 not healed {time.monotonic() - self._fault_at:.0f} s after the last fault",
                ]
            await asyncio.sleep(pause_s)
            pause_s = min(1.0, pause_s * 1.2)

    def _judge(self, may_duplicate: bool) -> list[str]:
        verdict = checker.compare(self.visitors, self.ledger(), may_duplicate=may_duplicate)
        self.figures.lost, self.figures.duplicated = verdict.lost, verdict.duplicated
        self.figures.out_of_order = verdict.out_of_order
        return verdict.wrong

    async def _wrong_at_the_end(self, may_duplicate: bool, expected_errors: tuple[str, ...]) -> list[str]:
        """What is judged once: a device that comes only now, the ledger again, leaks, logs, appetite, self-report."""
        late = [each.device(f"{each.name}late") for each in self.visitors]
        self.visitors += late
        for device in late:
            device.arrive()
        await self.until(lambda: all(each.view.cursor for each in late), "a late device got nothing")
        await asyncio.gather(*(each.page_back() for each in late))
        wrong = self._judge(may_duplicate) + self._leaks() + self._unexpected(expected_errors) + self.meter.wrong
        for appetite in self.appetites:
            wrong += appetite.wrong()
        told = database.count_duplicates(self.database)
        if told != self.figures.duplicated:
            wrong.append(f"K10 {told} duplicates were counted, the oracle has {self.figures.duplicated}")
        return wrong

    def _leaks(self) -> list[str]:
        ledger = self.ledger()
        heard = {each.name: bytes(each.view.heard) for each in self.visitors}
        said = {each.name: each.text().encode() for each in self.applications}
        own = {each.credentials.refresh_token for each in self.visitors}
        texts = {each.text for visitor in self.visitors for each in visitor.written}
        return leaks.find(ledger.secrets, heard | said) + leaks.find({SECRET_KEY, *own, *texts}, said)

    def _unexpected(self, expected: tuple[str, ...]) -> list[str]:
        """Lines of the logs that nobody announced."""
        found = []
        for process in (*self.applications, self.chatwoot):
            for line in process.text().splitlines():
                alarming = "Traceback" in line or re.search(r"\b(ERROR|CRITICAL)\b", line)
                if alarming and not any(re.search(pattern, line) for pattern in expected):
                    found.append(f"log of {process.name}: {line[:600]}")
        return found

    def report(self) -> str:
        """What happened, for whoever has to find out why."""
        self._count()
        lines = [f"run {self.run}: {self.figures}", *self.timeline]
        for process in (*self.applications, self.chatwoot):
            lines += ["", f"--- {process.name} (starts: {process.starts}, {process.log})", process.tail()[-3000:]]
        return "\n".join(lines)


async def during(work: Awaitable[object], injure: Awaitable[object]) -> None:
    """Do both at the same time; an error of either ends both."""
    async with asyncio.TaskGroup() as group:
        for each in (work, injure):
            group.create_task(_run(each))


async def _run(work: Awaitable[object]) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await work
