"""Raw sockets of people who mean no good, at a real server."""

import http.client
import json
import socket
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from websockets.sync.client import connect

from tests.fixtures.the_mute import MuteVisitor
from tests.fixtures.the_server import Serving

MIB_KB = 1024
ENOUGH_S = 30
LIMITS = "sessions=2/h address_sockets=5 session_sockets=3 upload_bytes=30M/h"
SESSION = b'{"inbox": "main", "kind": "app"}'


@pytest.fixture(scope="module")
def direct(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """No proxy in front, and none trusted."""
    with Serving(tmp_path_factory.mktemp("direct"), LIMITS=LIMITS).migrated().running() as serving:
        yield serving


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Whoever connects from here is a proxy of ours."""
    folder = tmp_path_factory.mktemp("behind")
    with Serving(folder, LIMITS=LIMITS, TRUSTED_PROXIES="127.0.0.0/8").migrated().running() as serving:
        yield serving


@pytest.fixture
def open_sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def ask(serving: Serving, method: str, path: str, *lines: str, body: bytes = b"") -> http.client.HTTPResponse:
    """One request as it is written here, over a connection of its own."""
    length = [f"Content-Length: {len(body)}"] if body else []
    head = [f"{method} {path} HTTP/1.1", "Host: localhost", *length, *lines, "Connection: close", "", ""]
    with socket.create_connection(("127.0.0.1", serving.port), timeout=ENOUGH_S) as connection:
        connection.sendall("\r\n".join(head).encode("latin-1") + body)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        answer.content = answer.read()  # type: ignore[attr-defined]
    return answer


def content(answer: http.client.HTTPResponse) -> bytes:
    return answer.content  # type: ignore[attr-defined,no-any-return]


def begin(serving: Serving, *lines: str) -> int:
    """The status of a session that somebody wants to begin."""
    return ask(serving, "POST", "/api/v1/session", "Content-Type: application/json", *lines, body=SESSION).status


def came_from(*addresses: str) -> str:
    return f"X-Forwarded-For: {', '.join(addresses)}"


def test_t38_direct_visitors_are_counted_by_their_own_address_whatever_they_write(direct: Serving) -> None:
    forged = [
        [came_from("6.6.6.1")],
        [came_from("6.6.6.2"), came_from("6.6.6.3")],
        [came_from("127.0.0.1", "6.6.6.4"), "Forwarded: for=6.6.6.4", "X-Real-IP: 6.6.6.4"],
        ["X-Forwarded-For: " + "9" * 8_000],
        ["X-Forwarded-For: \xff\x00garbage".replace("\x00", "")],
        ["X-Client-IP: 6.6.6.5", "CF-Connecting-IP: 6.6.6.5", "True-Client-IP: 6.6.6.5"],
    ]
    assert [begin(direct, *lines) for lines in forged] == [201, 201, 429, 429, 429, 429]


def test_t38_behind_a_proxy_of_ours_visitors_are_counted_by_what_it_saw(behind: Serving) -> None:
    home = "203.0.113.7"
    assert begin(behind, came_from(home)) == 201
    assert begin(behind, came_from("6.6.6.6", home)) == 201
    for lines in (
        [came_from(home)],
        [came_from("6.6.6.7", home)],
        [came_from("6.6.6.8"), came_from(home)],
        [came_from("127.0.0.1", home, "127.0.0.9")],
        [came_from(f"::ffff:{home}")],
        [came_from(f"{home}:4711")],
    ):
        assert begin(behind, *lines) == 429, lines
    assert begin(behind, came_from(home, "203.0.113.8")) == 201
    assert [begin(behind, came_from(home, junk)) for junk in ("junk", "", "9" * 5_000)] == [201, 201, 429], "the proxy"


def test_t35_an_ipv6_network_is_one_address(behind: Serving) -> None:
    statuses = [begin(behind, came_from(f"2001:db8:7:7:{n:x}::{n:x}")) for n in range(1, 31)]
    assert statuses == [201, 201] + [429] * 28
    assert begin(behind, came_from("2001:db8:7:8::1")) == 201


def close_of(visitor: MuteVisitor) -> tuple[list[Any], int]:
    """What it was told, and the number of the close."""
    frames: list[Any] = []
    while not isinstance(frame := visitor.next(), int):
        frames.append(frame)
    return frames, frame


def test_t36_an_address_has_so_many_sockets_and_forged_ones_do_not_count(
    direct: Serving, open_sockets: ExitStack
) -> None:
    places = [open_sockets.enter_context(MuteVisitor(direct.port)) for _ in range(5)]
    frames, number = close_of(open_sockets.enter_context(MuteVisitor(direct.port)))
    assert (frames[0]["error"]["code"], frames[0]["error"]["retry_after"], number) == ("too_fast", 30, 4429)
    forged = {"X-Forwarded-For": "6.6.6.6"}
    with connect(direct.url, additional_headers=forged, compression=None, proxy=None) as visitor:
        assert json.loads(visitor.recv(timeout=ENOUGH_S))["error"]["code"] == "too_fast"
    places[0].socket.close()
    assert direct.get("/livez").status_code == 200


def test_t37_compression_is_offered_and_not_taken(behind: Serving) -> None:
    offered = {"X-Forwarded-For": "203.0.113.37"}
    with connect(behind.url, additional_headers=offered, compression="deflate", proxy=None) as visitor:
        assert visitor.request is not None
        assert "permessage-deflate" in visitor.request.headers["Sec-WebSocket-Extensions"]
        assert visitor.response is not None
        assert "Sec-WebSocket-Extensions" not in visitor.response.headers
        assert not visitor.protocol.extensions
    answer = ask(behind, "GET", "/chat/main/", "Accept-Encoding: gzip, deflate, br")
    assert answer.getheader("Content-Encoding") is None


@pytest.mark.parametrize("nested", ["[", '{"a":', '{"type":"answer","values":['])
def test_t36_deep_json_is_refused_and_harms_nobody(behind: Serving, open_sockets: ExitStack, nested: str) -> None:
    deep = nested * (60_000 // len(nested))
    headers = {"X-Forwarded-For": f"2001:db8:{len(nested):x}::36"}
    with connect(behind.url, additional_headers=headers, compression=None, proxy=None) as visitor:
        visitor.send(deep)
        assert json.loads(visitor.recv(timeout=ENOUGH_S))["error"]["code"] == "bad_frame"
    for body in (deep, deep + "]" * deep.count("["), '{"inbox":' + "[" * 30_000 + "]" * 30_000 + "}"):
        answer = ask(behind, "POST", "/api/v1/session", "Content-Type: application/json", body=body.encode())
        assert 400 <= answer.status < 500
        assert b"Traceback" not in answer.content  # type: ignore[attr-defined]
    assert behind.get("/livez").status_code == 200


def test_t36_who_never_finishes_a_request_keeps_nobody_waiting(behind: Serving, open_sockets: ExitStack) -> None:
    behind.get("/livez")
    before_kb = behind.rss_kb()
    for number in range(300):
        slow = socket.create_connection(("127.0.0.1", behind.port), timeout=ENOUGH_S)
        open_sockets.callback(slow.close)
        begun = "GET /ws/v1 HTTP/1.1\r\nHost: localhost\r\nX-a: " if number % 2 else "POST /api/v1/session HT"
        slow.sendall((begun + "a" * 1_000).encode())
    assert behind.get("/livez").status_code == 200
    assert begin(behind, came_from("2001:db8:36::1")) == 201
    assert behind.rss_kb() - before_kb < 30 * MIB_KB


@pytest.mark.parametrize("line", ["X-Long: " + "a" * 100_000, "\r\n".join(f"X-{n}: a" for n in range(10_000))])
def test_t36_headers_without_end_are_not_read(behind: Serving, line: str) -> None:
    with suppress(http.client.HTTPException, OSError):  # it may hang up
        assert ask(behind, "GET", "/livez", line).status >= 400
    assert behind.get("/livez").status_code == 200


PATHS = [
    *("//evil.example", "//evil.example/", "///evil.example/%2f..", "/\\evil.example", "/%5cevil.example", "//demo"),
    *("/%2f/evil.example", "/%09/evil.example", "http://evil.example/demo", "//evil.example/demo"),
]


@pytest.mark.parametrize("path", PATHS)
def test_t40_no_path_leads_away(behind: Serving, path: str) -> None:
    """A slash is added where one was forgotten: that must stay here."""
    answer = ask(behind, "GET", path)
    target = urljoin("http://localhost/", (answer.getheader("Location") or "").replace("\\", "/"))
    assert urlsplit(target).netloc == "localhost"


def test_an_upload_that_does_not_tell_its_size_counts_as_the_largest(behind: Serving) -> None:
    home = came_from("2001:db8:34::1")
    begun = ask(behind, "POST", "/api/v1/session", "Content-Type: application/json", home, body=SESSION)
    token = json.loads(begun.content)["access_token"]  # type: ignore[attr-defined]
    lines = [home, f"Authorization: Bearer {token}", "Content-Type: text/plain"]
    # The body stands among the lines: what follows it is read as the beginning of another request, and dropped.
    chunked = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"
    told = ask(behind, "POST", "/api/v1/uploads?name=a.txt", *lines, body=b"hello")
    untold = [ask(behind, "POST", "/api/v1/uploads?name=a.txt", *lines, chunked).status for _ in range(2)]
    assert (told.status, untold) == (201, [201, 429])


def test_t35_nobody_who_has_no_session_writes_anything(behind: Serving) -> None:
    for path in (f"/api/v1/messages/{uuid.uuid4()}", "/api/v1/uploads"):
        method = "PUT" if "messages" in path else "POST"
        answer = ask(behind, method, path, "Content-Type: application/json", body=b'{"text": "buy"}')
        assert answer.status == 401


def test_t34_pages_count_as_calls_and_the_script_comes_as_it_is_to_whoever_asks_for_very_many(tmp_path: Path) -> None:
    serving = Serving(tmp_path, LIMITS="address_calls=3/h", TRUSTED_PROXIES="127.0.0.0/8").migrated()
    with serving.running():
        answers = [ask(serving, "GET", f"/{page}/main/", came_from("192.0.2.7")) for page in ("chat", "frame") * 2]
        asked, plain = (ask(serving, "GET", f"/sdk.js{query}", came_from("192.0.2.7")) for query in ("?inbox=main", ""))
        elsewhere = ask(serving, "GET", "/sdk.js?inbox=main", came_from("192.0.2.8"))
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert int(answers[-1].headers["Retry-After"]) > 60 and b"Nothing you wrote is lost" in content(answers[-1])
    assert (asked.status, content(asked)) == (200, content(plain)) != (200, content(elsewhere))
