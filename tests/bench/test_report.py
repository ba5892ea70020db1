"""The report's arithmetic, and that the history in the document has its columns."""

import json
from itertools import zip_longest
from math import inf
from pathlib import Path

import pytest

from tests.bench import report
from tests.bench.report import Figure, Latency, Table

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/benchmarks.md"
SENT = {1: 10.0, 2: 10.5, 3: 11.0, 4: 11.5}
CAME = {1: 10.002, 2: 10.504, 3: 11.006, 9: 12.0}  # 4 never came; 9 is of another play


def test_a_latency_is_of_the_events_that_came() -> None:
    assert report.latency(SENT, CAME) == pytest.approx(Latency(4.0, 5.96), abs=1e-6)


def test_what_never_came_is_counted_as_lost() -> None:
    assert report.lost(SENT, CAME) == 1


def test_a_rate_runs_from_the_first_sending_to_the_last_arrival() -> None:
    assert report.per_s(SENT, CAME) == pytest.approx(3 / 1.006)
    assert report.per_s(SENT, {}) == 0


def test_no_percentile_is_made_of_next_to_nothing() -> None:
    with pytest.raises(AssertionError, match="hardly anything arrived"):
        report.latency(SENT, {1: 10.1})


@pytest.mark.parametrize(("ours", "peer", "ratio"), [(6, 4, 1.5), (2, 1_000, 0.002), (3, None, None), (3, 0, None)])
def test_a_ratio_is_ours_in_units_of_the_peers(ours: float, peer: float | None, ratio: float | None) -> None:
    assert Figure("what", ours, peer).ratio == ratio


def test_growth_compares_each_size_with_the_one_before() -> None:
    table = Table("idle", "", "bare")
    report.growth(table, "memory", {1_000: (30, 20), 4_000: (36, 0), 2_000: (33, 0)}, target="flat")
    assert [(each.what, round(each.ours, 3), each.peer) for each in table.figures] == [
        ("memory, 1,000 → 2,000 visitors: factor", 1.1, 0),
        ("memory, 2,000 → 4,000 visitors: factor", 1.091, 0),
    ]


def test_what_took_for_ever_does_not_cost_the_other_figures() -> None:
    table = Table("idle", "told", "peer")
    table.add("all back, s", 31.5, inf)
    report.growth(table, "all back, s", {1: (1.0, inf), 2: (2.5, inf)})
    assert "| all back, s | 31.50 | inf | 0× |" in table.markdown()
    assert "factor | 2.50 | – | – |" in table.markdown()


def test_a_table_has_ours_the_peer_the_ratio_and_the_target_in_a_row() -> None:
    table = Table("relay, SQLite", "How.", "direct subscriber")
    table.add_latency("1 visitor", Latency(4.52, 741), Latency(2.06, 4.57), targets=("≤ 2×", ""))
    table.add("sockets", 2, 1_000)
    table.add("CPU", 914)
    assert table.markdown().splitlines() == [
        "**relay, SQLite.** How.",
        "",
        "| what | chatproxy | direct subscriber | ratio | target |",
        "|---|---:|---:|---:|---|",
        "| 1 visitor: p50 ms | 4.52 | 2.06 | 2.19× | ≤ 2× |",
        "| 1 visitor: p99 ms | 741 | 4.57 | 162× |  |",
        "| sockets | 2 | 1,000 | 0.002× |  |",
        "| CPU | 914 | – | – |  |",
    ]


def test_a_line_of_the_history_has_figures_their_ratios_and_dashes_for_what_did_not_run() -> None:
    table = Table("relay, SQLite", "", "")
    table.add_latency("1,000 visitors", Latency(4.79, 26.14), Latency(2.2, 20.8))
    cells = report.history([table], run="today").strip("| ").split(" | ")
    assert cells == ["today", "–", "4.79 / 26.14 (2.18× / 1.26×)", *["–"] * (len(report.HISTORY) - 2)]


def test_the_document_keeps_lines_as_the_report_prints_them() -> None:
    lines = DOCUMENT.read_text().partition("\n## History\n")[2].strip().splitlines()
    head, _, *runs = [line for line in lines if line.startswith("|")]
    assert head.strip("| ").split(" | ") == ["run", *(heading for heading, _, _ in report.HISTORY)]
    assert runs
    for line in runs:
        run, *cells = line.strip("| ").split(" | ")
        tables = [measured(*each) for each in zip(cells, report.HISTORY, strict=True) if each[0] != report.ABSENT]
        assert report.history(tables, run=run) == line


def measured(cell: str, column: tuple[str, str, tuple[str, ...]]) -> Table:
    """What the report has printed in that cell."""
    _, name, whats = column
    told, _, ratios = cell.rstrip(")").partition(" (")
    figures = [float(each.replace(",", "")) for each in told.split(" / ")]
    peers = [float(each.removesuffix("×").replace(",", "")) for each in ratios.split(" / ") if each]
    table = Table(name, "", "")
    for what, ours, ratio in zip_longest(whats, figures, peers):
        table.add(what, ours, ours / ratio if ratio else None)
    return table


def test_the_file_of_figures_has_the_ratios(tmp_path: Path) -> None:
    table = Table("send", "", "bare view")
    table.add("accepted", 3, 2, target="≤ 3×")
    report.write([table], tmp_path / "figures.json")
    (part,) = json.loads((tmp_path / "figures.json").read_text())
    assert part["figures"] == [{"what": "accepted", "ours": 3, "peer": 2, "target": "≤ 3×", "ratio": 1.5}]
