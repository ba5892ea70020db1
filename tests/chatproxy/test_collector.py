"""Whoever has left is freed at once: a full collection halts the process for as long as there are people in it."""

import json
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection

from tests.fixtures.the_server import Serving

PEOPLE = 10
FORGOTTEN_S = 2.5  # the server looks once a second for those whose connection has ended


def closed(device: ClientConnection) -> None:
    device.close()


def cut(device: ClientConnection) -> None:
    device.socket.close()


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
        assert garbage_of(serving, garbage) == {}


def test_who_shakes_hands_wrongly_leaves_nothing_either(migrated: Path) -> None:
    garbage = migrated / "garbage.json"
    serving = Serving(migrated, GARBAGE=str(garbage))
    with serving.running(program=("-m", "tests.fixtures.collecting")):
        blunder(serving)
        serving.process.send_signal(signal.SIGUSR1)
        for _ in range(PEOPLE):
            blunder(serving)
        assert garbage_of(serving, garbage) == {}


def blunder(serving: Serving) -> None:
    head = b"GET /ws/v1 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    with socket.create_connection(("127.0.0.1", serving.port)) as dial:
        dial.sendall(head)
        assert dial.recv(1_000).startswith(b"HTTP/1.1 400")


def garbage_of(serving: Serving, garbage: Path) -> dict[str, int]:
    """By type, what there is at least one of for each."""
    time.sleep(FORGOTTEN_S)
    serving.process.send_signal(signal.SIGUSR2)
    while not garbage.exists():
        time.sleep(0.05)
    return {name: n for name, n in json.loads(garbage.read_text()).items() if n >= PEOPLE}


def visit(serving: Serving, token: str, leave: Callable[[ClientConnection], None]) -> None:
    with serving.dial() as device:
        device.send(json.dumps({"type": "hello", "token": token, "since": None, "visible": True}))
        assert json.loads(device.recv(timeout=30))["type"] == "reset"
        leave(device)
