"""What a health check and a restart ask, and how they take the answer."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.fixtures.examples import ROOT
from tests.fixtures.the_demo import HOST, free_ports


class Answering(HTTPServer):
    """503 so many times, then 200; `asked` says under which name and for what."""

    def __init__(self, host: str = HOST) -> None:
        super().__init__((host, 0), Handler)
        self.refusing, self.asked = 0, list[tuple[str, str]]()


class Handler(BaseHTTPRequestHandler):
    server: Answering

    def do_GET(self) -> None:
        self.server.asked.append((self.headers["Host"], self.path))
        self.server.refusing -= 1
        self.send_response(503 if self.server.refusing >= 0 else 200)
        self.end_headers()
        self.wfile.write(b"draining: this process is about to stop\n")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def process() -> Iterator[Answering]:
    with answering() as server:
        yield server


@contextmanager
def answering(host: str = HOST) -> Iterator[Answering]:
    server = Answering(host)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(*words: str, port: int, **env: str) -> tuple[int, str]:
    """The exit status, and what was said."""
    command = [sys.executable, "-m", "chatproxy.ask", *words]
    done = subprocess.run(command, cwd=ROOT, env={"PORT": str(port), **env}, capture_output=True, text=True)
    return done.returncode, done.stderr.strip()


@pytest.mark.parametrize(
    ("hosts", "host"),
    [
        ("chat.example.com, other.example", "chat.example.com"),
        (".example.com", "example.com"),
        ("*", "localhost"),
        ("", "localhost"),
    ],
)
def test_it_asks_under_a_name_that_is_allowed(process: Answering, hosts: str, host: str) -> None:
    proxies = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    assert ask("livez", port=process.server_port, ALLOWED_HOSTS=hosts, **proxies) == (0, "")
    assert process.asked == [(host, "/livez")]


@pytest.mark.parametrize(("bind", "host"), [("127.0.0.2", "127.0.0.2"), ("", HOST), ("0.0.0.0", HOST), ("::", HOST)])
def test_it_asks_where_the_process_listens(bind: str, host: str) -> None:
    with answering(host) as process:
        assert ask("livez", port=process.server_port, BIND=bind) == (0, "")


def test_an_answer_that_is_not_well_is_a_failure_in_words(process: Answering) -> None:
    process.refusing = 1
    assert ask("readyz", port=process.server_port) == (1, "503 draining: this process is about to stop")


def test_nobody_there_is_a_failure_too() -> None:
    (port,) = free_ports(1)
    status, said = ask("livez", "--port", str(port), port=1)
    assert (status, said.split(":")[0]) == (1, "ConnectionRefusedError")


def test_it_asks_again_until_all_is_well(process: Answering) -> None:
    process.refusing = 2
    assert ask("readyz", "--within", "60", port=process.server_port) == (0, "")
    assert len(process.asked) == 3
