"""What an examination finds: rows, and how they are shown. docs/check_chatwoot.schema.json describes the JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import NamedTuple

import orjson


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"
    NOT_ASKED = "not asked"


class Finding(NamedTuple):
    """``reading``: what was seen; ``cure``: what to do, empty where there is nothing to be done. No secrets."""

    verdict: Verdict
    reading: str
    cure: str = ""


def ok(reading: str) -> Finding:
    return Finding(Verdict.OK, reading)


def warning(reading: str, cure: str) -> Finding:
    return Finding(Verdict.WARNING, reading, cure)


def wrong(reading: str, cure: str) -> Finding:
    return Finding(Verdict.WRONG, reading, cure)


def not_asked(reason: str) -> Finding:
    return Finding(Verdict.NOT_ASKED, f"not asked, because {reason}")


@dataclass(frozen=True, slots=True)
class Row:
    """``about``: the address of a Chatwoot, the slug of an inbox, or "here"."""

    name: str
    about: str
    verdict: Verdict
    reading: str
    cure: str

    @property
    def is_well(self) -> bool:
        return self.verdict in (Verdict.OK, Verdict.WARNING)


def verdict_of(rows: Sequence[Row]) -> Verdict:
    """Of all together. What was not asked is no fault of its own."""
    found = {row.verdict for row in rows}
    return next((each for each in (Verdict.WRONG, Verdict.WARNING) if each in found), Verdict.OK)


def as_json(rows: Sequence[Row]) -> str:
    document = {"verdict": verdict_of(rows), "rows": [asdict(row) for row in rows]}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def as_table(rows: Sequence[Row]) -> str:
    """A line for each row, and its cure below it."""
    columns = [(row.verdict, row.name, row.about) for row in rows]
    widths = [max(map(len, column)) for column in zip(*columns, strict=True)]
    lines = []
    for row, cells in zip(rows, columns, strict=True):
        lines.append("  ".join([*(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)), row.reading]))
        if row.cure:
            lines.append(" " * (widths[0] + 2) + f"Cure: {row.cure}")
    return "\n".join(lines)
