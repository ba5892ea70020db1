"""What it costs that somebody is there, how fast they come, and how fast they are back; each as visitors double."""

from math import inf

from tests.bench import report
from tests.bench.cable import Generator
from tests.bench.report import Table
from tests.bench.servers import Databases
from tests.bench.sizes import Sizes
from tests.bench.stage import PATIENCE_S, Stage, bare, ours

MEMORY = "memory, KB a visitor"
CPU = "CPU while idle, % of a core per 1,000"
CONNECTED = "connected a second"
BACK = "their sockets cut, all back, s"
TARGETS = {MEMORY: "≤ 35, then 30", BACK: "10,000: ≤ 60 s, then 30 s"}
GROWTH = {MEMORY: "within 10 % from 1,000 to 16,000", CPU: "within 30 %"}


async def idle(databases: Databases, sizes: Sizes) -> Table:
    told = "Visitors who say nothing, subscribed upstream; then sockets cut at once, each page back in its own time."
    table = Table(f"idle, {databases.kind}", told, "bare Channels consumer")
    async with Generator() as cable:
        async with ours(databases, cable, sizes, max(sizes.idle)) as stage:
            mine = await measure(stage)
            sockets = await cable.sockets()
        async with bare(cable, sizes, max(sizes.idle)) as stage:
            their = await measure(stage)
    both = {what: {n: (value, their[what][n]) for n, value in by_size.items()} for what, by_size in mine.items()}
    for what, by_size in both.items():
        for visitors, pair in by_size.items():
            table.add(f"{visitors:,} visitors: {what}", *pair, target=TARGETS.get(what, ""))
    table.add(f"upstream sockets for {max(sizes.idle):,}", sockets, target="≤ 20 for 10,000, then 10")
    for what, by_size in both.items():
        report.growth(table, what, by_size, target=GROWTH.get(what, ""))
    return table


async def measure(stage: Stage) -> dict[str, dict[int, float]]:
    """By what and by how many visitors. Memory is that of those who came last, so that a step shows as a step."""
    found: dict[str, dict[int, float]] = {MEMORY: {}, CPU: {}, CONNECTED: {}, BACK: {}}
    await stage.join(1)
    for visitors in stage.sizes.idle:
        come, before_kb = visitors - len(stage.here), stage.server.rss_kb()
        found[CONNECTED][visitors] = come / await stage.join(visitors)
        found[MEMORY][visitors] = (stage.server.rss_kb() - before_kb) / come
        found[CPU][visitors] = await stage.idle_cpu_percent() * 1000 / visitors
    for visitors in stage.sizes.cuts:
        found[BACK][visitors] = await back_s(stage, visitors)
    return found


async def back_s(stage: Stage, visitors: int) -> float:
    """Infinite where it took too long: what else was measured is no less true."""
    try:
        return await stage.crowd.cut(visitors, within_s=2 * PATIENCE_S)
    except TimeoutError:
        return inf
