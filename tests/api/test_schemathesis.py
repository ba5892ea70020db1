"""Schemathesis upon a real server: whatever is sent, the answer is of the document.

``SCHEMATHESIS_S``: its seconds; ``make test`` gives it three minutes.
"""

import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.api.lived import Lived
from tests.fixtures.sandbox import SandboxProcess
from tests.fixtures.the_server import Serving

HERE = Path(__file__).parent
SECONDS = int(os.environ.get("SCHEMATHESIS_S", "15"))
PROGRAM = Path(sys.executable).parent / "schemathesis"
MANY = 50  # so many calls of one operation reach what they are about; a slow machine makes fewer
PHASES = "examples,coverage,fuzzing,stateful"


class Run:
    """One visitor's API, tried for so long."""

    def __init__(self, serving: Serving, lived: Lived) -> None:
        self._serving, self._lived, self._folder = serving, lived, serving.folder / "schemathesis"
        (self._folder / "known").mkdir(parents=True)
        for name in ("schemathesis.toml", "schemathesis_hooks.py"):
            shutil.copy(HERE / name, self._folder)
        for kind, names in lived.known.items():
            (self._folder / f"known/{kind}.txt").write_text("".join(f'"{each}"\n' for each in names))
        self._heard = self._folder / "heard.tsv"

    def run(self, *, seconds: int) -> str:
        """What it says; raises AssertionError with that when a check fails."""
        site, token = self._serving.site, self._lived.token
        command = [str(PROGRAM), "--config-file", "schemathesis.toml", "run", f"{site}/api/v1/openapi.json"]
        command += ["--phases", PHASES, "--max-time", str(seconds), "--no-color", "--generation-database", "none"]
        env = {"PATH": os.environ["PATH"], "HOME": str(self._folder), "NO_PROXY": "*"}
        env |= {"SCHEMATHESIS_HEARD": str(self._heard), "SCHEMATHESIS_SITE": site, "SCHEMATHESIS_TOKEN": token}
        done = subprocess.run(command, env=env, cwd=self._folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def answers(self) -> dict[str, Counter[int]]:
        """How often each operation answered with which status."""
        found: dict[str, Counter[int]] = {}
        for line in self._heard.read_text().splitlines():
            label, status, _ = line.split("\t")
            found.setdefault(label, Counter())[int(status)] += 1
        return found


def done(answers: Counter[int]) -> float:
    """The share of 2xx."""
    return sum(count for status, count in answers.items() if status < 300) / answers.total()


@pytest.mark.long
@pytest.mark.skipif(not PROGRAM.exists(), reason="schemathesis is not there; requirements-dev.txt names it")
def test_every_answer_is_one_of_the_document(migrated: Path, start_sandbox: Callable[..., SandboxProcess]) -> None:
    sandbox = start_sandbox()
    chatwoot = {"CHATWOOT_URL": sandbox.base_url, "CHATWOOT_INBOX_IDENTIFIER": sandbox.new_inbox().identifier}
    chatwoot["CHATWOOT_PORTAL"] = sandbox.world["demo_portal"]
    chatwoot["ATTACHMENT_HOSTS"] = "127.0.0.1"
    with Serving(migrated, **chatwoot, CHATWOOT_RATE_PER_S="10000").running() as serving:
        said: list[str] = []
        assert serving.process.stderr
        reading = threading.Thread(target=lambda lines: said.extend(lines), args=(serving.process.stderr,), daemon=True)
        reading.start()  # a pipe that is full would halt the server
        lived = Lived(serving, sandbox)
        with closing(lived):
            lived.live()
        run = Run(serving, lived)
        report = run.run(seconds=SECONDS)
    assert not [line for line in said if "Traceback" in line]
    answers = run.answers()
    table = "\n".join(
        f"{label:60} {done(counts):5.0%} {dict(sorted(counts.items()))}" for label, counts in sorted(answers.items())
    )
    print(report, table, sep="\n")
    assert not [label for label, counts in answers.items() if counts.total() >= MANY and not done(counts)], table
