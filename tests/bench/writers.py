"""Visitors who write, the application, and the sandbox to which it delivers."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from tests.bench.servers import Chatwoot, fresh_folder, serve, started
from tests.bench.sockets import Crowd
from tests.bench.stage import PATIENCE_S
from tests.faults.database import Database, name_inbox
from tests.faults.population import populate
from tests.faults.ports import HOST
from tests.faults.processes import Application

SENT = "SELECT count(*) FROM chat_message WHERE direction = 'incoming' AND state = 'sent'"
COMPARED = "SELECT count(*) FROM chat_contactinbox WHERE resynced_at >= {since_ms}"
Make = Callable[[Application], Application]


@dataclass
class Writing:
    chatwoot: Chatwoot
    application: Application
    crowd: Crowd
    database: Database

    async def delivered(self, number: int, *, within_s: float) -> None:
        """Until so many are known to be at Chatwoot."""
        await self.counts(SENT, number, within_s=within_s)

    async def counts(self, query: str, number: int, *, within_s: float) -> None:
        async with asyncio.timeout(within_s):
            while (await asyncio.to_thread(self.database.rows, query))[0][0] < number:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)


@asynccontextmanager
async def writers(database: Database, visitors: int, *, make: Make | None = None, **env: str) -> AsyncIterator[Writing]:
    """All there and compared. `make` may put another process in the place of `serve`; `env`: its settings."""
    async with AsyncExitStack() as ends:
        chatwoot = Chatwoot()
        ends.push_async_callback(chatwoot.close)
        await started(chatwoot)
        await asyncio.to_thread(name_inbox, database.url, chatwoot.world, fresh_folder())
        cable_url = f"ws://{HOST}:{chatwoot.port}/cable"
        application = serve(database, rest_url=chatwoot.url, cable_url=cable_url, world=chatwoot.world, **env)
        application = make(application) if make else application
        people = await populate(visitors, sandbox=chatwoot, database=database, world=chatwoot.world)
        ends.push_async_callback(application.close)
        since_ms = int(time.time() * 1000)
        await started(application)
        crowd = Crowd(application.port)
        ends.push_async_callback(crowd.leave)
        await crowd.join(people, within_s=PATIENCE_S)
        writing = Writing(chatwoot, application, crowd, database)
        await writing.counts(COMPARED.format(since_ms=since_ms), visitors, within_s=PATIENCE_S + visitors / 10)
        yield writing
