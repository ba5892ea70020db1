"""Everything that a row needs: an installation, people who use it, and the verdict."""

import asyncio
import re
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import httpx

from tests.faults import checker, database, leaks, oracle
from tests.faults.client import Pace
from tests.faults.figures import Figures
from tests.faults.installation import Installation
from tests.faults.meters import Appetite
from tests.faults.ports import HOST
from tests.faults.processes import SECRET_KEY
from tests.faults.visitors import Visitor

HEAL_REAL_S = {True: 60, False: 180}  # by whether the fence holds (K8)
ALLOWANCE_S = 30  # for a machine that runs three other rows
EXPECTED_ERRORS = (
    r"delivery \S+, attempt \d+:",  # from the eighth attempt on, an operator should look
    r"the breaker|breaker",
)


class Rig(Installation):
    """Made by the fixture `make_rig`; see the docstring of the package for how a row uses it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.visitors: list[Visitor] = []
        self.appetites: list[Appetite] = []

    async def close(self) -> None:
        self._count()
        await asyncio.gather(*(each.leave() for each in self.visitors))
        await super().close()

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
        pace = Pace() if self.scale.short else Pace(answer_s=10, pause_s=2, ping_s=15)
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
        within_s = ALLOWANCE_S + len(self.visitors) / 4  # each takes four requests of the budget
        words = "the first messages did not arrive"
        await self.until(lambda: not checker.unfinished(self.visitors), words, within_s=within_s)

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
            wrong = await self._judge(may_duplicate)
            if not wrong:
                return []
            if time.monotonic() > deadline:
                return [*wrong, f"K8 not healed {time.monotonic() - self._fault_at:.0f} s after the last fault"]
            await asyncio.sleep(pause_s)
            pause_s = min(1.0, pause_s * 1.2)

    async def _judge(self, may_duplicate: bool) -> list[str]:
        try:
            await asyncio.gather(*(each.page_back() for each in self.visitors))
        except (httpx.HTTPError, AssertionError) as error:
            return [f"K5 the history could not be read: {error!r}"]
        if unfinished := checker.unfinished(self.visitors):
            return unfinished
        verdict = checker.compare(self.visitors, self.ledger(), may_duplicate=may_duplicate)
        self.figures.lost, self.figures.duplicated = verdict.lost, verdict.duplicated
        self.figures.out_of_order = verdict.out_of_order
        if (told := database.count_duplicates(self.database)) != verdict.duplicated:
            verdict.wrong.append(f"K10 {told} duplicates were counted, an agent sees {verdict.duplicated}")
        return verdict.wrong

    async def _wrong_at_the_end(self, may_duplicate: bool, expected_errors: tuple[str, ...]) -> list[str]:
        """What is judged once: a device that comes only now, the ledger again, leaks, logs, appetite, self-report."""
        late = [each.device(f"{each.name}late") for each in self.visitors]
        self.visitors += late
        for device in late:
            device.arrive()
        await self.until(lambda: all(each.view.cursor for each in late), "a late device got nothing")
        wrong = await self._judge(may_duplicate)
        wrong += self._leaks() + self._unexpected(expected_errors) + self.meter.wrong
        for appetite in self.appetites:
            wrong += appetite.wrong(devices=len(late))
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

    def _count(self) -> None:
        self.figures.tried = sum(len(each.written) for each in self.visitors)
        self.figures.accepted = sum(m.outcome == "accepted" for each in self.visitors for m in each.written)


async def during(*work: Coroutine[Any, Any, object]) -> None:
    """Do all of this at the same time; an error of one ends the others."""
    async with asyncio.TaskGroup() as group:
        for each in work:
            group.create_task(each)
