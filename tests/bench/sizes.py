"""How many and how long: for `make bench`, for `make bench-full`, and as small as a test needs it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    name: str
    relay: tuple[int, ...]  # visitors, each figure by itself
    rate_per_s: int
    relay_s: float
    loads_per_s: tuple[int, ...]
    load_s: float
    visitors: int  # of `load` and `naive`
    restart_s: float  # events go on so long around a restart of the cable
    senders: int
    send_s: float
    deliveries: int
    counted: int  # messages whose SQL statements are counted
    idle: tuple[int, ...]  # visitors, each twice the one before
    idle_s: float
    cuts: tuple[int, ...]  # sockets that are cut at once
    warm_s: float
    settle_s: float
    drain_s: float  # an event that comes later counts as lost


TINY = Sizes(
    name="tiny", relay=(1, 3), rate_per_s=20, relay_s=0.5, loads_per_s=(20,), load_s=0.5, visitors=3, restart_s=2,
    senders=2, send_s=0.3, deliveries=4, counted=1, idle=(2, 4), idle_s=0.3, cuts=(2, 4), warm_s=0.1, settle_s=0.2,
    drain_s=3,
)  # fmt: skip
BENCH = Sizes(
    name="bench", relay=(1, 1_000), rate_per_s=100, relay_s=10, loads_per_s=(100, 1_000), load_s=6, visitors=1_000,
    restart_s=8, senders=100, send_s=8, deliveries=1_000, counted=10, idle=(250, 500, 1_000), idle_s=8,
    cuts=(250, 500, 1_000), warm_s=2, settle_s=2, drain_s=10,
)  # fmt: skip
FULL = Sizes(
    name="full", relay=(1, 1_000, 5_000), rate_per_s=100, relay_s=30, loads_per_s=(100, 500, 1_000, 1_500), load_s=15,
    visitors=1_000, restart_s=15, senders=100, send_s=20, deliveries=5_000, counted=20,
    idle=(1_000, 2_000, 4_000, 8_000, 16_000), idle_s=30, cuts=(1_250, 2_500, 5_000, 10_000), warm_s=5, settle_s=5,
    drain_s=15,
)  # fmt: skip
ALL = {each.name: each for each in (TINY, BENCH, FULL)}
