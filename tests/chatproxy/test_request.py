"""A request that never comes whole holds neither its connection nor the disk for long."""

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport

from chatproxy.request import LEAST_BYTES_S, MOST_BYTES, PATIENT_S, Factory, Request, Unstored

HEAD = b"POST %s HTTP/1.1\r\nHost: chat.example\r\nContent-Length: %d\r\n\r\n"


class Line:
    """A connection to the server, and its clock; ``pass_by`` is the moment at which it looks after everybody."""

    def __init__(self) -> None:
        self.now, self.requests = 0.0, list[Request]()
        self.transport = StringTransport()
        self.channel = Factory(self, monotonic=lambda: self.now).buildProtocol(IPv4Address("TCP", "192.0.2.7", 4711))
        self.channel.makeConnection(self.transport)

    def protocol_connected(self, request: Request) -> None:
        self.requests.append(request)

    def protocol_disconnected(self, request: Request) -> None:
        self.requests.remove(request)

    def tell(self, data: bytes) -> None:
        self.channel.dataReceived(data)

    def pass_by(self, *, after_s: float) -> bool:
        """False: it was cut."""
        self.now += after_s
        for each in self.requests:
            each.check_timeouts()
        return not self.transport.disconnected


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.channel.connectionLost(None)


def test_a_head_without_an_end_is_cut(line: Line, caplog: Any) -> None:
    line.tell(b"GET / HTTP/1.1\r\n")
    for number in range(int(PATIENT_S)):
        line.tell(b"X-%d: a\r\n" % number)
        assert line.pass_by(after_s=1)
    assert not line.pass_by(after_s=1)
    assert "came too slowly" in caplog.text and "192.0.2.7" not in caplog.text


def test_a_body_that_trickles_in_is_cut(line: Line) -> None:
    line.tell(HEAD % (b"/api/v1/session", 10_000))
    for _ in range(int(PATIENT_S)):
        line.tell(b"a")
        assert line.pass_by(after_s=1)
    assert not line.pass_by(after_s=1)


def test_who_sends_steadily_has_all_the_time_that_takes(line: Line) -> None:
    line.tell(HEAD % (b"/api/v1/uploads?name=a", 40_000_000))
    for _ in range(4_000):
        line.tell(bytes(LEAST_BYTES_S))
        assert line.pass_by(after_s=1)


@pytest.mark.parametrize(("path", "is_kept"), [(b"/api/v1/uploads?name=a", True), (b"/api/v1/session", False)])
def test_more_than_a_mebibyte_is_kept_of_files_alone(line: Line, path: bytes, is_kept: bool) -> None:
    line.tell(HEAD % (path, 40_000_000))
    for _ in range(5):
        line.tell(bytes(MOST_BYTES // 4))
    (request,) = line.requests
    assert isinstance(request.content, Unstored) is not is_kept
