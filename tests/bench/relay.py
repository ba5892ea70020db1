"""How much later than a direct subscriber of the same cable a visitor hears, and how much one process carries."""

from tests.bench import report
from tests.bench.cable import Cable, Generator, RailsCable, rackup
from tests.bench.report import Table
from tests.bench.servers import POSTGRESQL, SQLITE, Databases
from tests.bench.sizes import Sizes
from tests.bench.sockets import Direct
from tests.bench.stage import Stage, ours

TARGETS = {SQLITE: ("≤ 2×, then 1.5×", "≤ 3×, then 2×"), POSTGRESQL: ("≤ 2.5×, then 2×", "≤ 4×, then 3×")}
OF_MANY = ("", "≤ 4×, then 3×")
MANY = 5_000


async def relay(databases: Databases, sizes: Sizes) -> Table:
    file = rackup()
    cable: Cable = RailsCable(file) if file else Generator()
    told = f"From before an agent's event is made to the visitor's frame, {sizes.rate_per_s} events/s by {cable.name}."
    table = Table(f"relay, {databases.kind}", told, "direct subscriber")
    async with cable, ours(databases, cable, sizes, max(sizes.relay)) as stage:
        direct = Direct()
        await direct.open(cable.url)
        for visitors in sizes.relay:
            await direct.join(stage.people[len(stage.here) : visitors])
            await stage.join(visitors)
            await stage.play(rate_per_s=sizes.rate_per_s, seconds=sizes.warm_s)
            sent = await stage.play(rate_per_s=sizes.rate_per_s, seconds=sizes.relay_s)
            name = f"{visitors:,} visitor{'s' * (visitors > 1)}"
            compare(table, name, sent, stage, direct, OF_MANY if visitors >= MANY else TARGETS[databases.kind])
        table.add(f"upstream sockets for {visitors:,}", await cable.sockets() - 1, target="≤ 20 for 10,000, then 10")
        await direct.leave()
    return table


async def load(databases: Databases, sizes: Sizes) -> Table:
    told = f"{sizes.visitors:,} visitors, events by a frame generator, cheaper than Rails; each is stored first."
    table = Table(f"load, {databases.kind}", told, "direct subscriber")
    async with Generator() as cable, ours(databases, cable, sizes, sizes.visitors) as stage:
        direct = Direct()
        await direct.open(cable.url)
        await direct.join(stage.people)
        await stage.join(sizes.visitors)
        for rate in sizes.loads_per_s:
            await stage.play(rate_per_s=rate, seconds=sizes.warm_s)
            before_s = stage.server.cpu_s()
            sent = await stage.play(rate_per_s=rate, seconds=sizes.load_s)
            cpu_us = (stage.server.cpu_s() - before_s) / len(sent) * 1e6
            name, here, there = f"{rate:,} events/s", stage.crowd.arrivals.at, direct.arrivals.at
            arrived = report.per_s(sent, here), report.per_s(sent, there)
            table.add(f"{name}: arrived a second", *arrived, target="≥ 1,000/s, then 1,500/s")
            compare(table, name, sent, stage, direct)
            table.add(f"{name}: CPU µs an event", cpu_us)
        await direct.leave()
    return table


def compare(
    table: Table,
    what: str,
    sent: dict[int, float],
    stage: Stage,
    direct: Direct,
    targets: tuple[str, str] = ("", ""),
) -> None:
    direct.check()
    here, there = stage.crowd.arrivals.at, direct.arrivals.at
    table.add_latency(what, report.latency(sent, here), report.latency(sent, there), targets=targets)
    table.add(f"{what}: lost of {len(sent):,}", report.lost(sent, here), report.lost(sent, there), target="0")
