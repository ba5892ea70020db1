"""Figures beside their peers, their tables and their line in the history."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from math import isfinite, isnan
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

ABSENT = "–"


class Latency(NamedTuple):
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Figure:
    """`what` names its unit. `target`: what docs/benchmarks.md asks of the ratio or of our figure."""

    what: str
    ours: float
    peer: float | None = None
    target: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours in units of the peer's; None where there is none."""
        return self.ours / self.peer if self.peer else None


@dataclass
class Table:
    """The figures of one part. `told`: how they came about, in a sentence."""

    name: str
    told: str
    peer: str
    figures: list[Figure] = field(default_factory=list)

    def add(self, what: str, ours: float, peer: float | None = None, *, target: str = "") -> None:
        self.figures.append(Figure(what, ours, peer, target))

    def add_latency(self, what: str, ours: Latency, peer: Latency, *, targets: tuple[str, str] = ("", "")) -> None:
        for name, mine, theirs, target in zip(("p50", "p99"), ours, peer, targets, strict=True):
            self.add(f"{what}: {name} ms", mine, theirs, target=target)

    def markdown(self) -> str:
        lines = [f"**{self.name}.** {self.told}", "", f"| what | chatproxy | {self.peer} | ratio | target |"]
        lines.append("|---|---:|---:|---:|---|")
        for each in self.figures:
            cells = (each.what, number(each.ours), number(each.peer), times(each.ratio), each.target)
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join(lines)


def percentiles(milliseconds: list[float]) -> Latency:
    assert len(milliseconds) > 1, "hardly anything arrived; the log of the application may say why"
    cuts = quantiles(milliseconds, n=100, method="inclusive")
    return Latency(cuts[49], cuts[98])


def latency(sent: Mapping[int, float], arrived: Mapping[int, float]) -> Latency:
    """From the moment before an event was made to the moment it was there; those that never came do not count."""
    return percentiles([(arrived[n] - at) * 1000 for n, at in sent.items() if n in arrived])


def lost(sent: Mapping[int, float], arrived: Mapping[int, float]) -> int:
    return sum(n not in arrived for n in sent)


def per_s(sent: Mapping[int, float], arrived: Mapping[int, float]) -> float:
    """Of what was sent, what arrived a second, from the first sending to the last arrival."""
    came = [arrived[n] for n in sent if n in arrived]
    return len(came) / (max(came) - min(sent.values())) if came else 0.0


def growth(table: Table, what: str, by_size: Mapping[int, tuple[float, float]], *, target: str = "") -> None:
    """A line for each doubling: by what factor ours and the peer's figure changed."""
    sizes = sorted(by_size)
    for small, big in pairwise(sizes):
        ours, peer = (b / a if a else 0.0 for a, b in zip(by_size[small], by_size[big], strict=True))
        name = f"{what}, {small:,} → {big:,} visitors: factor"
        table.add(name, ours, peer if isfinite(peer) else None, target=target)


# What a run leaves in docs/benchmarks.md: heading, the part, and which of its figures.
HISTORY = (
    ("relay, 1 visitor: p50 / p99 ms", "relay, SQLite", ("1 visitor: p50 ms", "1 visitor: p99 ms")),
    ("1,000 visitors", "relay, SQLite", ("1,000 visitors: p50 ms", "1,000 visitors: p99 ms")),
    ("1,000, PostgreSQL", "relay, PostgreSQL", ("1,000 visitors: p50 ms", "1,000 visitors: p99 ms")),
    ("1,000 events/s: arrived /s", "load, SQLite", ("1,000 events/s: arrived a second",)),
    ("1,000 events/s: p50 / p99 ms", "load, SQLite", ("1,000 events/s: p50 ms", "1,000 events/s: p99 ms")),
    ("CPU µs/event", "load, SQLite", ("1,000 events/s: CPU µs an event",)),
    ("upstream sockets for 1,000", "naive, SQLite", ("upstream sockets",)),
    ("accepted: p50 / p99 ms", "send, SQLite", ("accepted: p50 ms", "accepted: p99 ms")),
    ("delivered /s", "send, SQLite", ("delivered a second",)),
    ("SQL a message", "statements, SQLite", ("SQL statements a message",)),
    ("KB an idle visitor", "naive, SQLite", ("memory, KB a visitor",)),
    ("1,000 sockets cut: back in s", "idle, SQLite", ("1,000 visitors: their sockets cut, all back, s",)),
)


def history(tables: Iterable[Table], *, run: str) -> str:
    """One line of the history: figures, and in brackets how many times the peer's each is."""
    found = {(table.name, each.what): each for table in tables for each in table.figures}
    cells = [run]
    for _, name, whats in HISTORY:
        figures = [found[name, what] for what in whats if (name, what) in found]
        ratios = " / ".join(times(each.ratio) for each in figures if each.ratio is not None)
        told = " / ".join(number(each.ours) for each in figures)
        cells.append((told + (f" ({ratios})" if ratios else "")) or ABSENT)
    return f"| {' | '.join(cells)} |"


def number(value: float | None) -> str:
    if value is None or isnan(value):
        return ABSENT
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2f}"


def times(ratio: float | None) -> str:
    """To two places that say something: 1.25×, 0.002×."""
    if ratio is None:
        return ABSENT
    return f"{number(ratio) if ratio >= 100 else f'{ratio:.2f}' if ratio >= 0.1 else f'{ratio:.2g}'}×"


def write(tables: list[Table], path: Path) -> None:
    parts = [asdict(table) for table in tables]
    for part, table in zip(parts, tables, strict=True):
        part["figures"] = [asdict(each) | {"ratio": each.ratio} for each in table.figures]
    path.write_text(json.dumps(parts, indent=2) + "\n")
