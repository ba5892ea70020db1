"""K7 and K9: what the application takes from its machine and from Chatwoot, measured while a row runs."""

import asyncio
import contextlib
import time
from collections import deque

import httpx

from tests.faults.agents import Agent
from tests.faults.processes import Application, Sandbox

EVERY_S = 0.5
WINDOW_S = 5.0
RSS_KB = 60_000  # that a process may have more at the end than when it was warm
FILES = 20


class RateMeter:
    """Requests to Chatwoot in any `WINDOW_S`, our agent's not counted. A sandbox that restarts begins again at 0."""

    def __init__(self, sandbox: Sandbox, agent: Agent, *, per_s: float) -> None:
        self.most = 0.0
        self._sandbox, self._agent, self._per_s = sandbox, agent, per_s
        self._seen: deque[tuple[float, int]] = deque()
        self._sum = self._last = self._calls = 0

    @property
    def wrong(self) -> list[str]:
        """The burst is a quarter of a second's budget; samples are not exact, hence a tenth more."""
        limit = 1.1 * self._per_s * (WINDOW_S + 2 * EVERY_S + 0.25) / WINDOW_S
        return [] if self.most <= limit else [f"K9 {self.most:.0f} requests a second to Chatwoot, above {limit:.0f}"]

    async def watch(self) -> None:
        async with httpx.AsyncClient(base_url=self._sandbox.url, trust_env=False, timeout=5) as http:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    self._note((await http.get("/sandbox/stats")).json()["areas"])
                await asyncio.sleep(EVERY_S)

    def _note(self, areas: dict[str, int]) -> None:
        now, count = time.monotonic(), areas["client"] + areas["account"]
        ours, self._calls = self._agent.calls - self._calls, self._agent.calls
        self._sum += max(0, count - (self._last if count >= self._last else 0) - ours)
        self._last = count
        self._seen.append((now, self._sum))
        while now - self._seen[0][0] > WINDOW_S:
            self._seen.popleft()
        self.most = max(self.most, (self._sum - self._seen[0][1]) / WINDOW_S)


class Appetite:
    """Memory and open files of one life of a process."""

    def __init__(self, application: Application) -> None:
        self._application, self._life = application, application.starts
        self._rss_kb, self._files = application.rss_kb(), application.open_files()

    def wrong(self, *, devices: int) -> list[str]:
        """Nothing is said of a process that has died since. `devices` that came only now have a file each."""
        app = self._application
        if not app.alive or app.starts != self._life:
            return []
        found = []
        if (more := app.rss_kb() - self._rss_kb) > RSS_KB:
            found.append(f"K7 {app.name} has grown by {more} KB")
        if (more := app.open_files() - self._files) > FILES + devices:
            found.append(f"K7 {app.name} has {more} more files open")
        return found
