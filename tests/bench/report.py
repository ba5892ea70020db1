"""Figures, their table and their file."""

import json
from collections.abc import Mapping
from pathlib import Path
from statistics import quantiles
from typing import Any

from tests.bench.sockets import Arrivals


def percentiles(milliseconds: list[float]) -> tuple[float, float]:
    """p50 and p99."""
    assert len(milliseconds) > 1, "hardly anything arrived; the log of the application may say why"
    cuts = quantiles(milliseconds, n=100, method="inclusive")
    return cuts[49], cuts[98]


def compare(sent: Mapping[int, float], direct: Arrivals, relay: Arrivals) -> dict[str, float]:
    """Latency of both ends over the same events, from before the POST to the parsed frame."""
    figures: dict[str, float] = {"events": len(sent), "late": sum(n not in relay.at for n in sent)}
    for name, arrivals in (("direct", direct), ("relay", relay)):
        took = [(arrivals.at[n] - at) * 1000 for n, at in sent.items() if n in arrivals.at]
        figures[f"{name}_p50_ms"], figures[f"{name}_p99_ms"] = percentiles(took)
    for part in ("p50", "p99"):
        figures[f"ratio_{part}"] = figures[f"relay_{part}_ms"] / figures[f"direct_{part}_ms"]
    return {name: round(value, 3) for name, value in figures.items()}


def table(figures: dict[str, Any]) -> str:
    """Markdown."""
    return "\n".join([*_relay(figures), "", *_load(figures), "", *_rest(figures)])


def _relay(figures: dict[str, Any]) -> list[str]:
    lines = [
        f"Relay: an agent's event to the visitor's frame, through {figures['cable']} and the whole application"
        f" ({figures['database']}), {figures['rate']} events/s, beside a direct subscriber of the same cable.",
        "",
        "| visitors | events | late | direct p50 / p99 ms | relay p50 / p99 ms | ratio p50 / p99 |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for visitors, row in figures["relay"].items():
        lines.append(
            f"| {visitors} | {row['events']:.0f} | {row['late']:.0f} | {_pair(row, 'direct')} | {_pair(row, 'relay')} |"
            f" {row['ratio_p50']:.2f} / {row['ratio_p99']:.2f} |"
        )
    return lines


def _load(figures: dict[str, Any]) -> list[str]:
    lines = [
        "From a frame generator, where the cable itself costs next to nothing (late: not there 15 s afterwards):",
        "",
        "| visitors | offered events/s | stored and sent /s | late | relay p50 / p99 ms | CPU µs/event |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for row in figures["load"]:
        lines.append(
            f"| {row['visitors']} | {row['offered_per_s']} | {row['achieved_per_s']:.0f} | {row['late']:.0f} |"
            f" {_pair(row, 'relay')} | {row['cpu_us_per_event']} |"
        )
    return lines


def _rest(figures: dict[str, Any]) -> list[str]:
    return [
        "| what | figure |",
        "|---|---:|",
        f"| memory per idle visitor, subscribed upstream | {figures['rss_per_visitor_kb']} KB |",
        f"| upstream sockets for {figures['most_visitors']} visitors | {figures['upstream_sockets']} |",
        f"| the bench took | {figures['took_s']} s |",
    ]


def write(figures: dict[str, Any], path: str) -> None:
    Path(path).write_text(json.dumps(figures, indent=2) + "\n")


def _pair(row: Mapping[str, float], name: str) -> str:
    return f"{row[f'{name}_p50_ms']:.2f} / {row[f'{name}_p99_ms']:.2f}"
