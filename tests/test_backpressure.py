"""Clients that do not read, or write without end, at a real server: its memory stays flat and they are closed."""

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from tests.fixtures.the_mute import PING, MuteVisitor, packed
from tests.fixtures.the_server import Serving

SMALL = 4096
MIB_KB = 1024
EVERYTHING_S = 60.0


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Serving(tmp_path_factory.mktemp("serving")).migrated().running() as serving:
        yield serving


@pytest.fixture
def open_sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def arrive(serving: Serving, token: str, open_sockets: ExitStack, **hello: Any) -> MuteVisitor:
    visitor = open_sockets.enter_context(MuteVisitor(serving.port, receive_bytes=SMALL))
    visitor.tell({"type": "hello", "token": token} | hello)
    return visitor


def read_to_the_end(visitor: MuteVisitor) -> tuple[list[dict[str, Any]], int | None]:
    """All frames and the number of the close; None for a line that was simply cut."""
    frames = []
    try:
        while True:
            if isinstance(frame := visitor.next(), int):
                return frames, frame
            if frame:
                frames.append(frame)
    except ConnectionError:
        return frames, None


def write_until_cut(visitor: MuteVisitor, data: bytes) -> int:
    """Bytes taken before the server hung up."""
    taken, ends = 0, time.monotonic() + EVERYTHING_S
    try:
        while time.monotonic() < ends:
            visitor.socket.sendall(data)
            taken += len(data)
    except OSError:
        return taken
    raise AssertionError("never cut")


def most_kb(serving: Serving, act: Callable[[], object]) -> int:
    """How much the server grew at most while that was done."""
    before = most = serving.rss_kb()
    acting = threading.Thread(target=act)
    acting.start()
    while acting.is_alive():
        most = max(most, serving.rss_kb())
        acting.join(0.02)
    return most - before


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(packed(b'{"type": "ping"}') * 500, id="pings of ours"),
        pytest.param(packed(b"p" * 125, PING) * 500, id="the protocol's pings"),
        pytest.param(packed(b"x" * 60_000) * 20, id="large frames"),
        pytest.param(packed(b"") * 10_000, id="empty frames"),
    ],
)
def test_a_flood_is_cut_and_leaves_the_memory_flat(serving: Serving, open_sockets: ExitStack, data: bytes) -> None:
    visitor = arrive(serving, serving.token(), open_sockets)
    visitor.next()
    assert most_kb(serving, lambda: write_until_cut(visitor, data)) < 4 * MIB_KB


def test_a_flood_is_answered_with_4429(serving: Serving, open_sockets: ExitStack) -> None:
    visitor = arrive(serving, serving.token(), open_sockets)
    visitor.socket.sendall(packed(b'{"type": "ping"}') * 60)
    assert read_to_the_end(visitor)[1] == 4429


def test_frames_that_nobody_can_handle_yet_wait_at_their_sender(serving: Serving, open_sockets: ExitStack) -> None:
    visitor = arrive(serving, serving.token(), open_sockets)
    visitor.next()
    message = {"type": "send", "echo_id": str(uuid.uuid4()), "text": "waits for the database"}
    visitor.socket.settimeout(1)  # of silence: the server reads no more

    def write() -> None:
        visitor.tell(message)
        with pytest.raises(TimeoutError):
            while True:
                visitor.socket.sendall(packed(json.dumps(message | {"text": "x" * 60_000}).encode()))

    with closing(sqlite3.connect(serving.folder / "chatproxy.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert most_kb(serving, write) < 4 * MIB_KB
