"""Something goes wrong at random, all the time; the same seed gives the same schedule.

A schedule is a list of steps: when, what, and for how long. A part is hurt in one way at a time, several at once.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx

from tests.faults.agents import NotDone
from tests.faults.proxy import Proxy
from tests.faults.rig import Rig

PAUSE_S = (0.1, 1.2)  # between two steps
LINES = ("front", "rest", "cable")
TOXICS: tuple[dict[str, Any], ...] = (
    {"latency_s": 0.3, "jitter_s": 0.2},
    {"bytes_per_s": 4_000},
    {"black_hole": True},
    {"half_open": True},
    {"cut_after": 0, "cut": "reset"},
    {"cut_after": 0, "cut": "hang"},
    {"cut_after": 300, "cut": "close"},
    {"cut_after": 2_000, "cut": "reset"},
)
POSTS = {"method": "POST"}
REST_FAULTS: tuple[dict[str, Any], ...] = (
    {"name": "error_before", "times": 3},
    {"name": "error_after", "times": 3, **POSTS},
    {"name": "lose_answer", "times": 3, **POSTS},
    {"name": "refuse", "times": 3},
    {"name": "delay_answer", "times": 2, "seconds": 1.0, **POSTS},
    {"name": "late_commit", "times": 2, "seconds": 1.0, "cut": True, "path": "/messages", **POSTS},
    {"name": "status", "times": 3, "status": 502, "body": "<html>Bad Gateway</html>"},
    {"name": "status", "times": 2, "status": 503, "body": {"error": "later"}},
    {"name": "status", "times": 1, "status": 429, "seconds": 3},  # without, it would be the rest of a real minute
)
CABLE_FAULTS = (
    "cable_cut",
    "cable_disconnect",
    "cable_refuse",
    "cable_mute",
    "cable_silent",
    "cable_no_confirm",
    "cable_reject",
    "broadcasts_stopped",
    "broadcasts_doubled",
    "broadcasts_shuffled",
)


@dataclass(frozen=True)
class Step:
    """`part` names what is hurt."""

    at_s: float
    for_s: float
    part: str
    what: str
    options: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.at_s:6.2f} s  {self.part}: {self.what} {self.options or ''} for {self.for_s:.2f} s"


def schedule(seed: int, *, seconds: float, applications: int) -> list[Step]:
    """Everything is over at `seconds`."""
    random, steps = Random(seed), list[Step]()
    busy_until: dict[str, float] = {}
    at_s = 0.5
    while at_s < seconds - 0.5:
        part, what, longest_s, options = _choose(random, applications)
        for_s = min(random.uniform(0.2, longest_s), seconds - at_s)
        if busy_until.get(part, 0) < at_s:
            busy_until[part] = at_s + for_s
            steps.append(Step(at_s, for_s, part, what, options))
        at_s += random.uniform(*PAUSE_S)
    return steps


def _choose(random: Random, applications: int) -> tuple[str, str, float, dict[str, Any]]:
    """(part, what, longest duration, options)."""
    kind = random.choice(
        ("kill", "freeze", "line", "line", "line", "rest fault", "rest fault", "cable fault", "chatwoot")
    )
    if kind in ("kill", "freeze"):
        return f"application-{random.randrange(applications)}", kind, 2.5, {}
    if kind == "line":
        toxics = {random.choice(("up", "down")): random.choice(TOXICS)}
        return random.choice(LINES), "toxic", 2.0, toxics
    if kind == "rest fault":
        return "rest faults", "fault", 1.0, random.choice(REST_FAULTS)
    if kind == "cable fault":
        return "cable faults", "fault", 3.0, {"name": random.choice(CABLE_FAULTS)}
    # Frozen past its fence it may do later what we take for undone: that is a row of its own.
    return ("chatwoot", "kill", 2.5, {}) if random.random() < 0.6 else ("chatwoot", "freeze", 0.8, {})


class Nemesis:
    """Carries out a schedule on a rig, while visitors and an agent talk."""

    def __init__(self, rig: Rig, steps: list[Step]) -> None:
        self._rig, self._steps = rig, steps
        self._actions: dict[tuple[str, str], Callable[[Step], Awaitable[None]]] = {
            ("chatwoot", "kill"): self._kill_chatwoot,
            ("chatwoot", "freeze"): lambda step: rig.freeze(rig.chatwoot, step.for_s),
        }

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for step in self._steps:
                group.create_task(self._take(step))

    async def _take(self, step: Step) -> None:
        await asyncio.sleep(step.at_s)
        general = {"kill": self._kill, "freeze": self._freeze, "toxic": self._toxic, "fault": self._fault}
        await self._actions.get((step.part, step.what), general[step.what])(step)

    async def _kill(self, step: Step) -> None:
        application = self._application(step)
        await self._rig.kill(application)
        await asyncio.sleep(step.for_s)
        if not application.alive:
            await application.start()

    async def _freeze(self, step: Step) -> None:
        if self._application(step).alive:
            await self._rig.freeze(self._application(step), step.for_s)

    async def _kill_chatwoot(self, step: Step) -> None:
        await self._rig.kill_chatwoot()
        await asyncio.sleep(step.for_s)
        await self._rig.restart_chatwoot()

    async def _toxic(self, step: Step) -> None:
        proxy: Proxy = getattr(self._rig, step.part)
        self._rig.toxic(proxy, **step.options)
        await asyncio.sleep(step.for_s)
        await proxy.heal()

    async def _fault(self, step: Step) -> None:
        lasting = {} if "times" in step.options else {"seconds": step.for_s}
        with contextlib.suppress(httpx.HTTPError):  # Chatwoot is dead or frozen just now: fault enough.
            await self._rig.fault(**(lasting | step.options))
            await asyncio.sleep(step.for_s)

    def _application(self, step: Step) -> Any:
        return next(each for each in self._rig.applications if each.name == step.part)


async def chatter(rig: Rig, random: Random, *, seconds: float) -> None:
    """An agent who answers, deletes, notes and resolves here and there, as far as Chatwoot is there."""
    loop = asyncio.get_running_loop()
    ends, n = loop.time() + seconds, 0
    written: list[tuple[int, int]] = []
    while loop.time() < ends:
        await asyncio.sleep(random.uniform(0.2, 0.8))
        talks, n = rig.ledger().talks, n + 1
        if not talks:
            continue
        talk = random.choice(talks).id
        with contextlib.suppress(httpx.HTTPError, NotDone):
            match random.choice(("reply", "reply", "reply", "note", "delete", "resolve")):
                case "reply":
                    written.append((talk, await rig.agent.reply(talk, f"{rig.run}/agent/{n}")))
                case "note":
                    await rig.agent.note(talk, f"{rig.run}/note/{n}")
                case "delete" if written:
                    await rig.agent.delete(*written.pop(random.randrange(len(written))))
                case "resolve":
                    await rig.agent.resolve(talk)
