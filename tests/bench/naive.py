"""Beside the naive design, a cable socket for each visitor: what either costs, and how it comes through a restart."""

import asyncio
import time

from tests.bench import report
from tests.bench.cable import Generator
from tests.bench.report import Latency, Table
from tests.bench.servers import Databases
from tests.bench.sizes import Sizes
from tests.bench.stage import PATIENCE_S, Stage, ours
from tests.bench.stage import naive as theirs

SOCKETS = "upstream sockets"
MEMORY = "memory, KB a visitor"
LOST = "cable restarted: events that never came"
TARGETS = {SOCKETS: "≤ 20 for 10,000, then 10", MEMORY: "≤ 35, then 30", LOST: "0"}


async def naive(databases: Databases, sizes: Sizes) -> Table:
    told = f"{sizes.visitors:,} visitors, {sizes.rate_per_s} events/s by a frame generator; the peer stores nothing."
    table = Table(f"naive, {databases.kind}", told, "a cable socket for each")
    async with Generator() as cable, ours(databases, cable, sizes, sizes.visitors) as stage:
        mine, latency = await measure(stage, cable)
    async with Generator() as cable, theirs(cable, sizes, sizes.visitors) as stage:
        their, their_latency = await measure(stage, cable)
    for what, value in mine.items():
        table.add(what, value, their[what], target=TARGETS.get(what, ""))
    table.add_latency("event to frame", latency, their_latency)
    return table


async def measure(stage: Stage, cable: Generator) -> tuple[dict[str, float], Latency]:
    """Each figure by what it is, and how long events take while all is well."""
    sizes, server = stage.sizes, stage.server
    await stage.join(1)
    base_kb = server.rss_kb()
    await stage.join(sizes.visitors)
    found: dict[str, float] = {SOCKETS: await cable.sockets()}
    found[MEMORY] = (server.rss_kb() - base_kb) / (sizes.visitors - 1)
    found["CPU while idle, % of a core"] = await stage.idle_cpu_percent()
    before_s = server.cpu_s()
    sent = await stage.play(rate_per_s=sizes.rate_per_s, seconds=sizes.load_s)
    found["CPU µs an event"] = (server.cpu_s() - before_s) / len(sent) * 1e6
    return found | await restart(stage, cable), report.latency(sent, stage.crowd.arrivals.at)


async def restart(stage: Stage, cable: Generator) -> dict[str, float]:
    """While events go on. The cable is back at once; what counts is who listens there."""
    sizes, server = stage.sizes, stage.server
    playing = asyncio.create_task(stage.play(rate_per_s=sizes.rate_per_s, seconds=sizes.restart_s))
    await asyncio.sleep(sizes.restart_s / 4)
    begun, before_s = time.perf_counter(), server.cpu_s()
    await cable.restart()
    await stage.crowd.until(lambda: cable.subscribed() == sizes.visitors, within_s=PATIENCE_S)
    took_s, cpu_ms = time.perf_counter() - begun, (server.cpu_s() - before_s) * 1000
    lost = report.lost(await playing, stage.crowd.arrivals.at)
    return {
        "cable restarted: all listened for again, s": took_s,
        "cable restarted: CPU ms until then": cpu_ms,
        LOST: lost,
    }
