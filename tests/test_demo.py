"""`make run`, as a newcomer meets it: real processes, real ports, real signals."""

import os
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx
import pytest
from django.core.management.base import CommandError

from chat.management.commands.demo import Command
from chatproxy.tether import Children
from tests.fixtures.the_demo import free_ports

ROOT = Path(__file__).resolve().parent.parent
ENOUGH_S = 60
Start = Callable[[], "Demo"]


class Demo:
    """A running demo; `lines` holds what it has printed until it was ready."""

    def __init__(self, ports: Sequence[int], var_dir: Path) -> None:
        self.port, self.sandbox_port = ports
        environ = {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error", "VAR_DIR": str(var_dir)}
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "demo"],
            env=environ | {"PORT": str(self.port), "SANDBOX_PORT": str(self.sandbox_port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []

    def wait_until_ready(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.strip())
            if line.startswith("Ready"):
                return
        pytest.fail(self.end())

    def end(self, number: int = signal.SIGTERM) -> str:
        """What all its processes wrote to standard error: it returns when not one of them is left."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        _, errors = self.process.communicate(timeout=ENOUGH_S)
        return str(errors)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the demo; each time on the same ports and in the same folder."""
    ports = free_ports(2)
    demos: list[Demo] = []

    def run() -> Demo:
        demos.append(Demo(ports, tmp_path))
        return demos[-1]

    yield run
    for demo in demos:
        demo.end()


def test_it_prints_three_addresses_that_answer_and_ends_whole(start: Start) -> None:
    demo = start()
    demo.wait_until_ready()
    addresses = [line.split()[-1] for line in demo.lines[:3]]
    assert demo.lines[3].startswith("Starting")
    site, desk = f"http://127.0.0.1:{demo.port}", f"http://127.0.0.1:{demo.sandbox_port}"
    assert demo.lines[:3] == [
        f"Demo page   {site}/demo/",
        f"Chat page   {site}/chat/main/",
        f"Agent desk  {desk}/desk/",
    ]
    for address in [*addresses, f"{site}/", f"{site}/healthz", f"{site}/admin/login/"]:
        answer = httpx.get(address)
        assert answer.status_code == 200, address
    assert addresses[2] in httpx.get(f"{site}/").text
    demo.end()
    assert demo.process.returncode == 0


def test_its_inbox_is_connected_so_that_transcripts_and_labels_can_be_tried(start: Start) -> None:
    demo = start()
    demo.wait_until_ready()
    site = f"http://127.0.0.1:{demo.port}/api/v1"
    assert httpx.get(f"{site}/inbox/main").json()["transcript"] == "any"
    session = httpx.post(f"{site}/session", json={"inbox": "main", "kind": "app"}).json()
    with httpx.Client(base_url=site, headers={"Authorization": f"Bearer {session['access_token']}"}) as ada:
        begun = ada.post("/conversations", json={"key": str(uuid.uuid4())}).raise_for_status().json()
        path = f"/conversations/{begun['conversation']['id']}/labels"
        assert ada.put(path, json={"add": ["order-question"]}).json() == {"labels": ["order-question"]}
    demo.end()


def test_a_restart_keeps_the_inbox_of_both_sides(start: Start, tmp_path: Path) -> None:
    worlds = []
    for _ in range(2):
        demo = start()
        demo.wait_until_ready()
        session = httpx.post(f"http://127.0.0.1:{demo.port}/api/v1/session", json={"inbox": "main", "kind": "app"})
        assert session.status_code == 201
        inbox = httpx.get(f"http://127.0.0.1:{demo.sandbox_port}/sandbox/world").json()["demo_inbox"]
        worlds.append((inbox, (tmp_path / "identity_secret").read_text()))
        demo.end(signal.SIGINT)
    assert worlds[0] == worlds[1]
    assert (tmp_path / "identity_secret").stat().st_mode & 0o077 == 0  # whoever reads it is whoever they like


def test_nothing_outlives_a_demo_that_was_killed(start: Start) -> None:
    demo = start()
    demo.wait_until_ready()
    demo.process.kill()
    demo.process.communicate(timeout=ENOUGH_S)  # returns when the last holder of its pipes has ended


@pytest.mark.parametrize("name", ["PORT", "SANDBOX_PORT"])
def test_a_taken_port_is_named_with_the_way_out(tmp_path: Path, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        other = free_ports(1)
        demo = Demo([port, *other] if name == "PORT" else [*other, port], tmp_path)
        out, errors = demo.process.communicate(timeout=ENOUGH_S)
    assert demo.process.returncode == 1
    assert errors == f"CommandError: Port {port} is taken. Choose another: make run {name}={port + 1}\n"
    assert out == ""


def test_one_port_for_both_sides_is_refused(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    demo = Demo([port, port], tmp_path)
    _, errors = demo.process.communicate(timeout=ENOUGH_S)
    assert errors == f"CommandError: PORT and SANDBOX_PORT are both {port}; give them different numbers\n"


def test_when_one_side_ends_the_demo_stops_and_says_which() -> None:
    with Children() as children:
        children.start("sandbox", [sys.executable, "-c", "raise SystemExit(3)"], env=os.environ)
        with pytest.raises(CommandError, match="The sandbox has ended with exit status 3"):
            Command().wait(children, threading.Event(), until=lambda: False)


@pytest.mark.parametrize("command", ["serve", "migrate", "check"])
def test_a_start_without_settings_is_refused_in_words_and_without_a_traceback(tmp_path: Path, command: str) -> None:
    environ = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), command], env=environ, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert run.stderr.startswith("chatproxy cannot start: SECRET_KEY is not set")
    assert "Traceback" not in run.stderr
