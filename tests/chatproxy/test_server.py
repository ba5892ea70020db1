"""`manage.py serve`, as a supervisor meets it."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.fixtures.the_demo import free_ports

ROOT = Path(__file__).resolve().parent.parent.parent
ENOUGH_S = 60


def environ(var_dir: Path, port: int, **more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "DEBUG": "True", "VAR_DIR": str(var_dir), "PORT": str(port), **more}


def serve(env: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "manage.py"), "serve"]
    return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def port() -> int:
    return free_ports(1)[0]


@pytest.fixture
def var_dir(tmp_path: Path, port: int) -> Path:
    command = [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity=0"]
    subprocess.run(command, env=environ(tmp_path, port), check=True)
    return tmp_path


@contextmanager
def started(var_dir: Path, port: int, **more: str) -> Iterator[subprocess.Popen[str]]:
    process = serve(environ(var_dir, port, **more))
    assert process.stderr
    for line in process.stderr:
        if "serving on" in line:
            break
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.fixture
def server(var_dir: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    with started(var_dir, port) as process:
        yield process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_in_order_while_visitors_are_connected(
    server: subprocess.Popen[str], port: int, number: signal.Signals
) -> None:
    with httpx.Client() as kept_alive, connect(f"ws://127.0.0.1:{port}/ws/v1"):
        assert kept_alive.get(f"http://127.0.0.1:{port}/healthz").text == "ok\n"
        server.send_signal(number)
        _, errors = server.communicate(timeout=ENOUGH_S)
    assert server.returncode == 0
    assert "Traceback" not in errors
    assert "did not stop" not in errors


@pytest.mark.parametrize(("size", "number"), [(300_000, 4413), (3_000_000, 1009)])
def test_an_oversize_frame_is_closed_with_a_number(
    server: subprocess.Popen[str], port: int, size: int, number: int
) -> None:
    with connect(f"ws://127.0.0.1:{port}/ws/v1", compression=None) as visitor:
        visitor.send("x" * size)
        with pytest.raises(ConnectionClosed):
            while True:
                visitor.recv(timeout=ENOUGH_S)
    assert visitor.close_code == number


def test_a_port_that_is_taken_is_said_in_words(var_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = serve(environ(var_dir, port))
        _, errors = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 1
    assert f"Cannot listen on 127.0.0.1 port {port}" in errors
    assert "PORT or --port chooses another" in errors
    assert "Traceback" not in errors


def test_an_address_that_is_not_ours_is_said_in_words(var_dir: Path, port: int) -> None:
    process = serve(environ(var_dir, port, BIND="192.0.2.1"))
    _, errors = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 1
    assert f"Cannot listen on 192.0.2.1 port {port}" in errors
    assert "BIND or --bind chooses another" in errors
    assert "Traceback" not in errors


def test_it_stops_in_order_while_a_call_waits_for_the_database(var_dir: Path, port: int) -> None:
    chatwoot = {"CHATWOOT_URL": "http://127.0.0.1:1", "CHATWOOT_INBOX_IDENTIFIER": "abc"}
    site, text = f"http://127.0.0.1:{port}/api/v1", {"text": "hello"}
    with started(var_dir, port, **chatwoot) as process, httpx.Client(timeout=ENOUGH_S) as visitor:
        opened = visitor.post(f"{site}/session", json={"inbox": "main", "kind": "app"}).json()
        visitor.headers["Authorization"] = f"Bearer {opened['access_token']}"
        request = visitor.build_request("PUT", f"{site}/messages/{uuid.uuid4()}", json=text)
        lines = ["PUT " + request.url.path + " HTTP/1.1", *(f"{k}: {v}" for k, v in request.headers.items()), "", ""]
        with closing(sqlite3.connect(var_dir / "chatproxy.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with socket.create_connection(("127.0.0.1", port)) as waiting:
                waiting.sendall("\r\n".join(lines).encode() + request.content)
                visitor.get(f"{site}/sync")  # a whole call later the other one waits
                process.send_signal(signal.SIGTERM)
                assert process.stderr and any("stopping" in line for line in process.stderr)
            _, errors = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "never retrieved" not in errors


def test_without_an_inbox_it_refuses_before_it_listens(var_dir: Path, port: int) -> None:
    needed = {"DEBUG": "False", "SECRET_KEY": "s" * 50, "ALLOWED_HOSTS": "localhost"}
    process = serve(environ(var_dir, port, **needed))
    _, errors = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 1
    assert "CommandError: There is no inbox: nobody can chat. Run manage.py connect_chatwoot" in errors


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("DATABASE_URL", "sqlite:////nowhere/at/all.sqlite3", "/nowhere/at/all.sqlite3 cannot be used: unable to open"),
        ("DATABASE_URL", f"sqlite:///{__file__}", "cannot be used: file is not a database. DATABASE_URL names it"),
        ("DATABASE_URL", "postgres://u:hush@127.0.0.1:1/x", "The database x cannot be used: connection failed"),
        ("VAR_DIR", "/dev/null/var", "VAR_DIR is '/dev/null/var'; write a folder that can be made"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(
    tmp_path: Path, port: int, variable: str, value: str, words: str
) -> None:
    process = serve(environ(tmp_path, port) | {variable: value})
    _, errors = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 1
    assert words in errors
    assert errors.count("\n") == 1
    assert "hush" not in errors


def test_keys_that_do_not_fit_the_database_are_refused_in_one_line(var_dir: Path, port: int) -> None:
    chatwoot = {"CHATWOOT_URL": "http://127.0.0.1:1", "CHATWOOT_INBOX_IDENTIFIER": "abc"}
    said = []
    for letter in "ab":
        keys = {"SECRET_KEY": letter * 50, "BIND": "192.0.2.1"}  # not ours: the first one ends, too
        _, errors = serve(environ(var_dir, port, **chatwoot, **keys)).communicate(timeout=ENOUGH_S)
        said.append(errors.splitlines()[-1])
    assert said[0].startswith("CommandError: Cannot listen")
    assert "was encrypted with a key not in FIELD_KEYS. Put the old key" in said[1]


def test_a_database_that_is_locked_is_refused_in_one_line(var_dir: Path, port: int) -> None:
    chatwoot = {"CHATWOOT_URL": "http://127.0.0.1:1", "CHATWOOT_INBOX_IDENTIFIER": "abc"}
    with closing(sqlite3.connect(var_dir / "chatproxy.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        process = serve(environ(var_dir, port, **chatwoot))
        _, errors = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 1
    assert "cannot be used: database is locked" in errors
    assert errors.count("\n") == 1


def test_it_prepares_once(var_dir: Path, port: int) -> None:
    needed = {"DEBUG": "False", "SECRET_KEY": "s" * 50, "ALLOWED_HOSTS": "127.0.0.1"}
    chatwoot = {"CHATWOOT_URL": "http://127.0.0.1:1", "CHATWOOT_INBOX_IDENTIFIER": "abc"}
    with serve(environ(var_dir, port, **needed, **chatwoot)) as process:
        assert process.stderr
        said = []
        for line in process.stderr:
            said.append(line)
            if "serving on" in line:
                break
        assert httpx.get(f"http://127.0.0.1:{port}/healthz").text == "ok\n"
        process.terminate()
        said += process.stderr
    assert sum("names no allowed origins" in line for line in said) == 1


def test_a_database_that_was_not_migrated_is_refused(tmp_path: Path, port: int) -> None:
    process = serve(environ(tmp_path, port))
    _, errors = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 1
    assert "Run manage.py migrate, then start again." in errors
