"""Schemathesis upon a real server: whatever is sent, the answer is of the document. SCHEMATHESIS_S: its seconds."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.fixtures.the_server import Serving

CONFIG = Path(__file__).parent / "schemathesis.toml"
SECONDS = int(os.environ.get("SCHEMATHESIS_S", "10"))
FILE = "/api/v1/attachments/{attachment_id}"
PROGRAM = Path(sys.executable).parent / "schemathesis"


def run(serving: Serving, *only: str, seconds: int) -> str:
    """What it says; raises AssertionError with that when a check fails."""
    command = [str(PROGRAM), "--config-file", str(CONFIG), "run", f"{serving.site}/api/v1/openapi.json"]
    command += ["-H", f"Authorization: Bearer {serving.token()}", "--checks", "all", "--max-time", str(seconds)]
    command += ["--phases", "examples,coverage,fuzzing", "--no-color", "--generation-database", "none", *only]
    env = {"PATH": os.environ["PATH"], "HOME": str(serving.folder), "NO_PROXY": "*"}
    done = subprocess.run(command, env=env, cwd=serving.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def serving(migrated: Path) -> Serving:
    return Serving(migrated)


@pytest.mark.skipif(not PROGRAM.exists(), reason="schemathesis is not there; requirements-dev.txt names it")
def test_every_answer_is_one_of_the_document(serving: Serving) -> None:
    with serving.running():
        said: list[str] = []
        assert serving.process.stderr
        reading = threading.Thread(target=lambda lines: said.extend(lines), args=(serving.process.stderr,), daemon=True)
        reading.start()  # a pipe that is full would halt the server
        run(serving, "--exclude-method", "DELETE", "--exclude-path", FILE, seconds=SECONDS)
        run(serving, "--include-path", FILE, "--exclude-checks", "ignored_auth", seconds=2)  # a bad ticket opens a 404
        run(serving, "--include-method", "DELETE", seconds=2)  # ends its own session
    assert not [line for line in said if "Traceback" in line]
