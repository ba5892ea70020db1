"""`make run`, as a newcomer meets it: real processes, real ports, real signals."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from django.core.management.base import CommandError

from chat.management.commands.demo import Command, follow
from chat.models import Chatwoot, Inbox
from chatproxy.tether import Children
from tests.fixtures.the_demo import free_ports

ROOT = Path(__file__).resolve().parent.parent
ENOUGH_S = 60
Start = Callable[..., "Demo"]
# What a terminal holds in which somebody has set up a chat of their own.
EXPORTED = {
    "SECRET_KEY": "s" * 50,
    "ALLOWED_HOSTS": "chat.example.com",
    "DATABASE_URL": "sqlite:////nowhere/at/all",
    "CHATWOOT_URL": "https://chatwoot.example.com",
}


class Demo:
    """A running demo; `lines` holds what it has printed until it was ready."""

    def __init__(self, ports: Sequence[int], var_dir: Path, **exported: str) -> None:
        self.port, self.sandbox_port = ports
        environ = {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error", "VAR_DIR": str(var_dir)} | exported
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
    """Starts the demo; each time in the same folder, and on the same ports unless others are given."""
    usual = free_ports(2)
    demos: list[Demo] = []

    def run(ports: Sequence[int] = (), **exported: str) -> Demo:
        demos.append(Demo(ports or usual, tmp_path, **exported))
        return demos[-1]

    yield run
    for demo in demos:
        demo.end()


@contextmanager
def ada_at(demo: Demo, authorization: str = "") -> Iterator[httpx.Client]:
    """A visitor, somebody new unless she has been there."""
    with httpx.Client(base_url=f"http://127.0.0.1:{demo.port}/api/v1", timeout=ENOUGH_S) as ada:
        if not authorization:
            session = ada.post("/session", json={"inbox": "main", "kind": "app"}).raise_for_status().json()
            authorization = f"Bearer {session['access_token']}"
        ada.headers["Authorization"] = authorization
        yield ada


def say(ada: httpx.Client, demo: Demo, text: str) -> None:
    """Until it is at Chatwoot."""
    ada.put(f"/messages/{uuid.uuid4()}", json={"text": text}).raise_for_status()
    ledger = f"http://127.0.0.1:{demo.sandbox_port}/sandbox/ledger"
    deadline = time.monotonic() + ENOUGH_S
    while text not in httpx.get(ledger).text:
        assert time.monotonic() < deadline, text
        time.sleep(0.1)


def test_it_prints_addresses_that_answer_and_ends_whole(start: Start) -> None:
    demo = start()
    demo.wait_until_ready()
    addresses = [line.split()[-1] for line in demo.lines[:3]]
    assert demo.lines[3].startswith(f"Admin       http://127.0.0.1:{demo.port}/admin/ ")
    assert demo.lines[4].startswith("Starting")
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
    assert httpx.get(f"http://127.0.0.1:{demo.port}/api/v1/inbox/main").json()["transcript"] == "any"
    with ada_at(demo) as ada:
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


def test_on_other_ports_and_back_the_talk_goes_on(start: Start) -> None:
    token, first, others = "", free_ports(2), free_ports(2)
    texts = ["here", "elsewhere", "here again"]
    for ports, text in zip([first, others, first], texts, strict=True):
        demo = start(ports)
        demo.wait_until_ready()
        with ada_at(demo, token) as ada:
            token = ada.headers["Authorization"]
            say(ada, demo, text)
            messages = ada.get("/sync").json()["messages"]
        demo.end(signal.SIGINT)
    assert [row["text"][0]["c"] for row in messages] == [[text] for text in texts]


@pytest.mark.django_db
def test_an_address_that_the_sandbox_left_without_a_word_is_no_obstacle() -> None:
    here, there = (Chatwoot.objects.create(url=f"http://127.0.0.1:{port}", cable_url="ws://x") for port in (1, 2))
    Inbox.objects.create(slug="main", chatwoot=here, inbox_identifier="abc")
    follow("main", "another", there.url)
    assert Inbox.objects.get().chatwoot.url == here.url
    follow("main", "abc", there.url)
    found = Chatwoot.objects.get()
    assert (found.pk, found.url, found.cable_url) == (here.pk, there.url, "ws://127.0.0.1:2/cable")


def test_what_is_exported_for_a_chat_of_ones_own_does_not_reach_it(start: Start) -> None:
    for exported in ({}, EXPORTED, {}):
        demo = start(**exported)
        demo.wait_until_ready()
        for address in re.findall(r"http://\S+", " ".join(demo.lines)):
            assert httpx.get(address, follow_redirects=True).status_code == 200, address
        assert "chat.example.com" not in demo.end()


def test_a_folder_of_another_key_is_refused_with_the_way_out(start: Start, tmp_path: Path) -> None:
    demo = start()
    demo.wait_until_ready()
    demo.end()
    (tmp_path / "secret_key").unlink()
    demo = start()
    _, errors = demo.process.communicate(timeout=ENOUGH_S)
    assert demo.process.returncode == 1
    assert errors.startswith("CommandError: ") and errors.endswith(f"Remove {tmp_path} to begin anew.\n")


def test_the_folder_of_a_chat_that_is_no_demo_is_left_alone(start: Start, tmp_path: Path) -> None:
    (tmp_path / "chatproxy.sqlite3").touch()
    demo = start()
    out, errors = demo.process.communicate(timeout=ENOUGH_S)
    assert (demo.process.returncode, out) == (1, "")
    assert errors == f"CommandError: VAR_DIR is {tmp_path}, where another chat has its database; unset it\n"
    assert [(path.name, path.stat().st_size) for path in tmp_path.iterdir() if path.name != "secret_key"] == [
        ("chatproxy.sqlite3", 0)
    ]


def test_its_admin_takes_the_operator_whom_it_prints(start: Start) -> None:
    for _ in range(2):
        demo = start()
        demo.wait_until_ready()
        found = re.fullmatch(r"Admin       (\S+)  \((\S+), password (\S+)\)", demo.lines[3])
        assert found
        address, name, password = found.groups()
        with httpx.Client(follow_redirects=True) as browser:
            page = browser.get(address)
            form = {"username": name, "password": password, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
            page = browser.post(str(page.url), data=form, headers={"Referer": str(page.url)})
        assert (page.status_code, str(page.url)) == (200, address)
        demo.end()


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


@pytest.mark.parametrize("words", [("help", "connect_chatwoot"), ("connect_chatwoot", "--help")])
def test_help_needs_no_settings(tmp_path: Path, words: tuple[str, str]) -> None:
    environ = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), "ALLOWED_HOSTS": ""}
    command = [sys.executable, str(ROOT / "manage.py"), *words]
    run = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert "--keep-agent-token" in run.stdout
    assert list(tmp_path.iterdir()) == []
