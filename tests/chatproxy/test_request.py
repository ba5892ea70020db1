"""A request that never comes whole holds neither its connection nor the disk for long."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport

from chat.networks import parse_network
from chat.wire.errors import Refusal
from chatproxy.request import LEAST_BYTES_S, MOST_BYTES, PATIENT_S, SILENT_S, UNDER_WAY, Factory, Request, Unstored
from tests.fixtures.the_server import Serving

HEAD = b"POST %s HTTP/1.1\r\nHost: chat.example\r\nContent-Length: %d\r\n\r\n"


class Line:
    """A connection to the server, and its clock; ``pass_by`` is the moment at which it looks after everybody."""

    def __init__(self) -> None:
        self.now, self.requests = 0.0, list[Request]()
        self.factory = Factory(self, monotonic=lambda: self.now)
        self.open()

    def open(self, peer: str = "192.0.2.7") -> None:
        """Another connection; what is told and looked at from then on is its own."""
        address = IPv4Address("TCP", peer, 4711)
        self.transport = StringTransport(peerAddress=address)
        self.channel = self.factory.buildProtocol(address)
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


def test_a_body_that_stalls_is_cut_however_much_of_it_came(line: Line) -> None:
    line.tell(HEAD % (b"/api/v1/uploads?name=a", 40_000_000))
    for _ in range(39):
        line.tell(bytes(1_000_000))
    assert line.pass_by(after_s=SILENT_S)
    line.tell(b"a")
    assert line.pass_by(after_s=SILENT_S)
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


FORWARDED = b"POST %s HTTP/1.1\r\nHost: chat.example\r\nX-Forwarded-For: %s\r\nContent-Length: %d\r\n\r\n"
FILE = b"/api/v1/uploads?name=a"


def refusal(line: Line) -> object:
    """Why nothing of the newest body is kept; None: it is."""
    content = line.requests[-1].content
    return content.error if isinstance(content, Unstored) else None


@pytest.fixture
def small(settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 10_000


def test_so_much_of_an_address_is_under_way_and_others_come_through(line: Line, small: None) -> None:
    for _ in range(UNDER_WAY):
        line.open()
        line.tell(HEAD % (FILE, 10_000) + bytes(9_999))
        assert refusal(line) is None
    line.open()
    line.tell(HEAD % (b"/api/v1/session", 1_000) + bytes(999))
    too_fast = refusal(line)
    assert isinstance(too_fast, Refusal) and too_fast.status == 429 and too_fast.retry_after
    line.open("192.0.2.8")
    line.tell(HEAD % (FILE, 10_000) + bytes(9_999))
    assert refusal(line) is None


def test_what_went_away_is_under_way_no_longer(line: Line, small: None) -> None:
    for _ in range(3 * UNDER_WAY):
        line.tell(HEAD % (FILE, 10_000) + bytes(9_999))
        assert refusal(line) is None
        line.channel.connectionLost(None)
        assert not line.factory.under_way
        line.open()


def test_behind_our_proxy_each_network_has_its_own(line: Line, small: None, settings: Any) -> None:
    settings.TRUSTED_PROXIES = [parse_network("192.0.2.7/32")]
    found = []
    for client in (b"2001:db8::1", b"2001:db8::2", b"2001:db8:0:1::1"):
        for _ in range(UNDER_WAY - 1):
            line.open()
            line.tell(FORWARDED % (FILE, client, 10_000) + bytes(9_999))
        found.append(refusal(line) is None)
    assert found == [True, False, True]


def test_served_whoever_is_turned_away_reads_why_until_the_others_are_gone(migrated: Path) -> None:
    serving = Serving(migrated, UPLOAD_MAX_BYTES="10000")
    begin = {"inbox": "main", "kind": "app"}
    with serving.running(), httpx.Client(base_url=serving.site, trust_env=False) as http:
        others = [socket.create_connection(("127.0.0.1", serving.port)) for _ in range(UNDER_WAY)]
        for other in others:
            other.sendall(HEAD.replace(b"chat.example", b"localhost") % (FILE, 10_000) + bytes(9_999))
        refused = until_it_is(429, lambda: http.post("/api/v1/session", json=begin))
        assert refused.json()["error"]["code"] == "too_fast" and int(refused.headers["Retry-After"]) > 1
        page = http.post("/admin/login/", data={"username": "operator"})
        assert (page.status_code, page.headers["Retry-After"]) == (429, refused.headers["Retry-After"])
        for other in others:
            other.close()
        until_it_is(201, lambda: http.post("/api/v1/session", json=begin))
        whole = [http.post("/api/v1/session", content=bytes(9_000)).status_code for _ in range(10)]
        assert whole == [415] * 10, "they came whole, and no JSON"
        serving.process.terminate()
        assert "is under way from one address" in serving.said()


def until_it_is(status: int, ask: Callable[[], httpx.Response]) -> httpx.Response:
    until = time.monotonic() + 10
    while (answer := ask()).status_code != status:
        assert time.monotonic() < until, answer
    return answer
