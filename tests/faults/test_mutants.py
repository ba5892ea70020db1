"""A suite that cannot fail proves nothing: without one rule of the design, the row that is about it must fail.

Each mutant is a copy of the project with one line changed, in which the row runs as ever.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.processes import ROOT

NOTICED = r"AssertionError: (K\d|.* was deleted and came back)"
COPIED = ("chat", "chatproxy", "static", "templates", "tests", "manage.py", "pyproject.toml")


@dataclass(frozen=True)
class Mutant:
    """`row` is what pytest's -k is given."""

    file: str
    line: str
    instead: str
    row: str


MUTANTS = {
    "blind repetition": Mutant(
        "chat/outcome.py",
        "return Outcome(Step.DOUBT, finished=error.finished,",
        "return Outcome(Step.LATER, finished=error.finished,",
        row="f11 and by-content",
    ),
    "no fence": Mutant(
        "chat/courier.py",
        "headers = fence.header(claim.fence_at, window_ms) if window_ms is not None else {}",
        "headers: dict[str, str] = {}",
        row="f14 and does_not_come and content",
    ),
    "no overlap of pages": Mutant(
        "chat/looking.py",
        "before = ids[OVERLAP - 1]",
        "before = ids[0]",
        row="f33_what_is_looked_for",
    ),
    "no claimed set": Mutant(
        "chat/mirror.py",
        "record = around.message",
        "record = None",
        row="f31_doubled",
    ),
    "a deletion that is not sticky": Mutant(
        "chat/mirror.py",
        "if record.deleted or not (message.deleted or ",
        "if not (message.deleted or ",
        row="f31_a_stale_list",
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_the_code_still_says_what_a_mutant_changes(name: str) -> None:
    """In every run of the tests: the mutants themselves run but seldom."""
    mutant = MUTANTS[name]
    assert (ROOT / mutant.file).read_text().count(mutant.line) == 1, f"{mutant.file} does not say {mutant.line!r}"


@pytest.mark.faults
@pytest.mark.full
@pytest.mark.parametrize("name", MUTANTS)
def test_without_this_rule_the_row_fails(name: str, tmp_path: Path) -> None:
    mutant = MUTANTS[name]
    for each in COPIED:
        copy = shutil.copytree if (ROOT / each).is_dir() else shutil.copy
        copy(ROOT / each, tmp_path / each)
    changed = tmp_path / mutant.file
    changed.write_text(changed.read_text().replace(mutant.line, mutant.instead))

    found = run(mutant.row, tmp_path)

    assert found.returncode == 1, f"the suite does not miss this rule:\n{found.stdout[-3000:]}"
    assert re.search(NOTICED, found.stdout), found.stdout[-3000:]


def run(row: str, project: Path) -> "subprocess.CompletedProcess[str]":
    """At a tenth of the real times, whatever the tier of this session."""
    command = [sys.executable, "-m", "pytest", "--quiet", "-m", "faults and not full", "-k", row, "tests/faults"]
    env = {name: value for name, value in os.environ.items() if name != "FAULTS" and not name.startswith("PYTEST")}
    return subprocess.run([*command, "-p", "no:cacheprovider"], cwd=project, env=env, capture_output=True, text=True)
