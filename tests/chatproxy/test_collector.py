"""Whoever has left is freed at once: a full collection halts the process for as long as there are people in it."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection

from tests.fixtures.the_server import Serving

PEOPLE = 10
FORGOTTEN_S = 2.5  # the server looks once a second for those whose connection has ended


def closed(socket: ClientConnection) -> None:
    socket.close()


def cut(socket: ClientConnection) -> None:
    socket.socket.close()


@pytest.mark.parametrize("leave", [closed, cut])
def test_whoever_has_left_leaves_nothing_for_the_collector(
    migrated: Path, leave: Callable[[ClientConnection], None]
) -> None:
    garbage = migrated / "garbage.json"
    serving = Serving(migrated, GARBAGE=str(garbage))
    with serving.running(program=("-m", "tests.fixtures.collecting")):
        tokens = [serving.token() for _ in range(PEOPLE)]
        visit(serving, tokens[0], leave)  # what is made once is made
        serving.process.send_signal(signal.SIGUSR1)
        for token in tokens:
            visit(serving, token, leave)
        time.sleep(FORGOTTEN_S)
        serving.process.send_signal(signal.SIGUSR2)
        while not garbage.exists():
            time.sleep(0.05)
    found = json.loads(garbage.read_text())
    assert {name: n for name, n in found.items() if n >= PEOPLE} == {}


def visit(serving: Serving, token: str, leave: Callable[[ClientConnection], None]) -> None:
    with serving.dial() as socket:
        socket.send(json.dumps({"type": "hello", "token": token, "since": None, "visible": True}))
        assert json.loads(socket.recv(timeout=30))["type"] == "reset"
        leave(socket)
