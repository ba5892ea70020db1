"""How many SQL statements one delivered message takes, and whose they are. No times: the same on every machine."""

import asyncio
import json
import os
import signal
import time
from collections import Counter

from tests.bench.report import Table
from tests.bench.send import TEXT
from tests.bench.servers import Counted, Databases
from tests.bench.sizes import Sizes
from tests.bench.stage import PATIENCE_S
from tests.bench.writers import Writing, writers
from tests.eventually import eventually

SHOWN = 0.15  # an origin with fewer statements a message is one that was due anyway


async def statements(databases: Databases, sizes: Sizes) -> Table:
    told = f"One visitor, {sizes.counted} messages one after the other; less what an idle process asks in that time."
    table = Table(f"statements, {databases.kind}", told, "–")
    async with writers(databases.fresh(), 1, make=Counted) as writing:
        await write(writing, range(1))
        await asyncio.sleep(sizes.settle_s)
        before, begun = await counts(writing), time.monotonic()
        await write(writing, range(1, 1 + sizes.counted))
        after, middle = await counts(writing), time.monotonic()
        await asyncio.sleep(min(middle - begun, PATIENCE_S))
        share = (middle - begun) / (time.monotonic() - middle)
        idle = await counts(writing) - after
    each = {name: (n - idle[name] * share) / sizes.counted for name, n in (after - before).items()}
    table.add("SQL statements a message", sum(each.values()))
    for name, n in sorted(each.items(), key=lambda item: -item[1]):
        if n >= SHOWN:
            table.add(name, n)
    return table


async def write(writing: Writing, numbers: range) -> None:
    (visitor,) = writing.crowd.pages
    for n in numbers:
        await visitor.send(TEXT, within_s=PATIENCE_S)
        await writing.delivered(n + 1, within_s=PATIENCE_S)


async def counts(writing: Writing) -> Counter[str]:
    file = writing.application.counts
    file.unlink(missing_ok=True)
    os.kill(writing.application.pid, signal.SIGUSR1)
    await eventually(file.exists, within_s=PATIENCE_S)
    return Counter(json.loads(file.read_text()))
