"""The models must notice when a safeguard is gone: each is taken out of a copy of the code, and its model must fail."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ROOT


class Safeguard(NamedTuple):
    """``line`` stands once in ``file``; with ``instead`` of it, the safeguard is gone. ``model`` notices."""

    name: str
    model: str
    file: str
    line: str
    instead: str
    always: bool = False  # the others take minutes, and are left to `make faults-full`


FEED = "models/test_feed_model.py"
SENDER = "test_sender_model.py"
OUTBOX = "models/test_outbox_model.py::test_and_by_loaded_dice[OutboxModel]"
MARKED = "models/test_outbox_model.py::test_and_by_loaded_dice[MarkedModel]"

SAFEGUARDS = (
    Safeguard(
        "the fence",
        OUTBOX,
        "chat/looking.py",
        "self._over = self.over_in_ms <= 0",
        "self._over = True",
        always=True,
    ),
    Safeguard(
        "the overlap of pages",
        OUTBOX,
        "chat/looking.py",
        "before = ids[OVERLAP - 1]",
        "before = ids[0]",
        always=True,
    ),
    Safeguard(
        "the claimed set",
        OUTBOX,
        "chat/mirror.py",
        "record = around.message",
        "record = None",
        always=True,
    ),
    Safeguard(
        "one at a time in a lane",
        OUTBOX,
        "chat/queues.py",
        "FROM chat_delivery e WHERE e.lane = d.lane",
        "FROM chat_delivery e WHERE e.id = d.id",
    ),
    Safeguard(
        "the look after doubt",
        OUTBOX,
        "chat/lanes.py",
        "return self.state != State.ACCEPTED and self.kind != Kind.CONTACT",
        "return False",
    ),
    Safeguard(
        "the marker",
        MARKED,
        "chat/recognition.py",
        "for text in (message.echo_id, message.marker):",
        "for text in (message.echo_id,):",
    ),
    Safeguard(
        "sticky deletion",
        FEED,
        "chat/mirror.py",
        "if record.deleted or not (message.deleted or ",
        "if not (message.deleted or ",
        always=True,
    ),
    Safeguard(
        "lists give way to what came after their reading began",
        FEED,
        "chat/mirror.py",
        "return record.applied_at < read_started",
        "return True",
    ),
    Safeguard(
        "older frames give way to newer ones",
        FEED,
        "chat/mirror.py",
        "return updated_at is not None and updated_at > record.chatwoot_updated_at",
        "return updated_at is not None",
    ),
    Safeguard(
        "only what follows exactly is sent without reading",
        SENDER,
        "chat/sender.py",
        "if rows and seq == head_before and fits",
        "if rows and fits",
    ),
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What the models need of the project."""
    for name in ("chat", "chatproxy", "tests", "templates", "static"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "js", "e2e"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def run_model(folder: Path, model: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"tests/{model}"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


CASES = [
    pytest.param(each, id=each.name, marks=() if each.always else (pytest.mark.faults, pytest.mark.full))
    for each in SAFEGUARDS
]


@pytest.mark.parametrize("safeguard", CASES)
def test_a_model_fails_without(safeguard: Safeguard, copy: Path) -> None:
    file = copy / safeguard.file
    code = file.read_text()
    assert code.count(safeguard.line) == 1, "the safeguard stands elsewhere now; name its line here"
    file.write_text(code.replace(safeguard.line, safeguard.instead))
    result = run_model(copy, safeguard.model)
    assert result.returncode == 1, result.stdout
    assert "AssertionError" in result.stdout or "IntegrityError" in result.stdout, result.stdout
