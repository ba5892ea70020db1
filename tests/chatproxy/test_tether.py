"""No child outlives its parent, however the parent ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chatproxy.tether import Children

ROOT = Path(__file__).resolve().parent.parent.parent
CHILD = "import signal; from chatproxy import tether; tether.hold(); signal.pause()"
# Says that its child runs, then waits to be killed. The child inherits standard error.
PARENT = f"""
import os, signal, sys
from chatproxy.tether import Children
with Children() as children:
    children.start("child", [sys.executable, "-c", {CHILD!r}], env=os.environ)
    print("started", flush=True)
    signal.pause()
"""


@pytest.fixture
def env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_a_child_ends_with_a_parent_that_was_killed(env: dict[str, str]) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", PARENT], env=env, stdout=pipe, stderr=pipe) as parent:
        assert parent.stdout and parent.stderr
        assert parent.stdout.readline() == b"started\n"
        parent.send_signal(signal.SIGKILL)
        assert parent.stderr.read() == b""  # returns when nobody holds the other end any more


def test_children_are_ended_with_the_block(env: dict[str, str]) -> None:
    with Children() as children:
        children.start("child", [sys.executable, "-c", CHILD], env=env)
        assert children.ended() is None
    assert children.running["child"].returncode == -signal.SIGTERM


def test_a_child_that_ends_by_itself_is_named(env: dict[str, str]) -> None:
    with Children() as children:
        children.start("sandbox", [sys.executable, "-c", "raise SystemExit(3)"], env=env)
        children.running["sandbox"].wait()
        assert children.ended() == "The sandbox has ended with exit status 3"
