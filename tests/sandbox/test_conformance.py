"""The stand-in answers as a real Chatwoot 4.10 did: recordings of the shared kit, in slices side by side."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures.sandbox import SandboxProcess

SLICES = 6
LONGEST_S = 900


def slices(names: list[str]) -> list[list[str]]:
    """Longest first, dealt out in turn, so that the slices take about the same time."""
    return [names[start::SLICES] for start in range(SLICES)]


@pytest.mark.kit
def test_every_recording_of_a_real_chatwoot_passes(kit: Path, start_sandbox: Callable[..., SandboxProcess]) -> None:
    folder = kit / "chatwoot-4.10"
    recordings = sorted(folder.glob("recordings/*.json"), key=lambda file: -len(json.loads(file.read_text())["steps"]))
    names = [file.stem for file in recordings]
    command = [sys.executable, str(folder / "conformance.py"), "check", "--recordings", str(folder / "recordings")]
    checks = [
        subprocess.Popen(
            [*command, "--world", str(start_sandbox().world_file), *part],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for part in slices(names)
    ]
    passed, said = 0, []
    for check, part in zip(checks, slices(names), strict=True):
        output, _ = check.communicate(timeout=LONGEST_S)
        last = output.strip().splitlines()[-1]
        if last == f"{len(part)} passed, 0 failed":
            passed += len(part)
        said.append(output)
    assert passed == len(names) > 50, "\n".join(said)
