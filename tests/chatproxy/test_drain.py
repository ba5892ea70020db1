"""`manage.py serve` told to stop while visitors are there."""

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from tests.fixtures.the_mute import MuteVisitor
from tests.fixtures.the_server import Serving

ENOUGH_S = 60


@pytest.fixture
def open_sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def arrive(serving: Serving, open_sockets: ExitStack) -> ClientConnection:
    visitor = open_sockets.enter_context(serving.dial())
    visitor.send(json.dumps({"type": "hello", "token": serving.token()}))
    assert json.loads(visitor.recv(timeout=ENOUGH_S))["type"] == "reset"
    return visitor


def farewell(visitor: ClientConnection) -> tuple[list[dict[str, object]], int]:
    """What came until the close, and its number."""
    frames = []
    with pytest.raises(ConnectionClosed):
        while True:
            frames.append(json.loads(visitor.recv(timeout=ENOUGH_S)))
    return frames, visitor.close_code or 0


def test_each_visitor_is_told_when_to_come_back_and_closed_with_1012(migrated: Path, open_sockets: ExitStack) -> None:
    with Serving(migrated, DRAIN_S="10", RECONNECT_JITTER_S="1").running() as serving:
        visitors = [arrive(serving, open_sockets) for _ in range(8)]
        serving.process.send_signal(signal.SIGTERM)
        farewells = [farewell(visitor) for visitor in visitors]
        assert [code for _, code in farewells] == [1012] * 8
        assert [[frame["type"] for frame in frames] for frames, _ in farewells] == [["reconnect"]] * 8
        moments = {frames[0]["in_ms"] for frames, _ in farewells}
        assert len(moments) > 4
        assert all(isinstance(each, int) and 0 <= each <= 1000 for each in moments)
        errors = serving.said()
    assert serving.process.returncode == 0
    assert "draining: 8 visitors" in errors
    assert "Traceback" not in errors and "ERROR" not in errors


def test_a_draining_process_says_so_and_lets_nobody_in(migrated: Path, open_sockets: ExitStack) -> None:
    with Serving(migrated, DRAIN_S="160", RECONNECT_JITTER_S="150").running() as serving:
        assert [serving.get(path).status_code for path in ("/livez", "/readyz", "/healthz")] == [200, 200, 200]
        visitors = [arrive(serving, open_sockets) for _ in range(8)]
        serving.process.send_signal(signal.SIGTERM)
        farewells = [json.loads(visitor.recv(timeout=ENOUGH_S)) for visitor in visitors]
        assert [frame["type"] for frame in farewells] == ["reconnect"] * 8
        assert [serving.get(path).status_code for path in ("/livez", "/readyz", "/healthz")] == [200, 503, 200]
        assert serving.get("/readyz").text == "draining: this process is about to stop\n"
        with pytest.raises(InvalidStatus) as refused:
            serving.dial()
        assert refused.value.response.status_code == 503
        last = visitors[max(range(8), key=lambda number: farewells[number]["in_ms"])]
        last.send(json.dumps({"type": "ping"}))  # until then they are served
        assert json.loads(last.recv(timeout=ENOUGH_S))["type"] == "pong"
        for visitor in visitors:
            visitor.close()
        said = serving.said()
        assert "Traceback" not in said and "ERROR" not in said  # and once they have left, nobody is waited for
    assert serving.process.returncode == 0


def test_a_second_signal_ends_at_once(migrated: Path, open_sockets: ExitStack) -> None:
    with Serving(migrated, DRAIN_S="100", RECONNECT_JITTER_S="60").running() as serving:
        visitor = arrive(serving, open_sockets)
        serving.process.send_signal(signal.SIGTERM)
        assert json.loads(visitor.recv(timeout=ENOUGH_S))["type"] == "reconnect"
        serving.process.send_signal(signal.SIGINT)
        assert "ending at once" in serving.said()
    assert serving.process.returncode == 1


@pytest.mark.parametrize("jitter_s", ["0.1", "1", "30"])
def test_clients_that_never_answer_do_not_hold_up_the_end(migrated: Path, jitter_s: str) -> None:
    with Serving(migrated, DRAIN_S="4", RECONNECT_JITTER_S=jitter_s).running() as serving, ExitStack() as mutes:
        for _ in range(3):
            mute = mutes.enter_context(MuteVisitor(serving.port))
            mute.tell({"type": "hello", "token": serving.token()})
            assert mute.next()["type"] == "reset"
        mutes.enter_context(MuteVisitor(serving.port))  # says not even hello
        serving.process.send_signal(signal.SIGTERM)
        errors = serving.said()
    assert serving.process.returncode == 0  # 1 when the bound had to be enforced
    assert "not all have left" not in errors
