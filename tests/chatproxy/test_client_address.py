"""Whose address and which scheme the application sees, over real sockets."""

import http.client
import socket
from pathlib import Path
from typing import Any

import pytest

from chat import networks
from chatproxy.client_address import ClientAddress
from tests.fixtures.the_server import Serving

CLIENT, PROXY = "203.0.113.7", "10.0.0.1"
TRUSTED = [networks.parse_network("10.0.0.0/8")]


class Inner:
    scope: dict[str, Any]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope = scope


async def seen(kind: str, peer: str, trusted: list[Any], **headers: str) -> tuple[str, str | None]:
    """Address and X-Forwarded-Proto behind the wrapper."""
    inner = Inner()
    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": kind, "client": [peer, 4711], "headers": lines}
    await ClientAddress(inner, trusted=trusted)(scope, lambda: None, lambda message: None)  # type: ignore[arg-type,return-value]
    proto = dict(inner.scope["headers"]).get(b"x-forwarded-proto")
    return inner.scope["client"][0], proto and proto.decode()


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_t38_only_a_proxy_of_ours_is_believed(kind: str) -> None:
    said = {"x_forwarded_for": f"6.6.6.6, {CLIENT}", "x_forwarded_proto": "https"}
    assert await seen(kind, PROXY, TRUSTED, **said) == (CLIENT, "https")
    assert await seen(kind, "198.51.100.1", TRUSTED, **said) == ("198.51.100.1", None)


async def test_without_trusted_proxies_the_scheme_is_the_settings_business() -> None:
    assert await seen("http", PROXY, [], x_forwarded_proto="https") == (PROXY, "https")


async def test_a_proxy_that_is_not_named_is_mentioned_once(caplog: pytest.LogCaptureFixture) -> None:
    wrapper = ClientAddress(Inner(), trusted=[])
    for peer in ("93.184.216.34", PROXY, "10.0.0.2"):
        wrapper.believed({"client": [peer, 1], "headers": [(b"x-forwarded-for", CLIENT.encode())]})
    (record,) = caplog.records
    assert "10.0.0.1" in record.getMessage()
    assert "TRUSTED_PROXIES" in record.getMessage()


def is_secure(port: int, *lines: str) -> bool:
    """Whether we take this request for https: the name of the cookie tells. Raw, so that lines may come twice."""
    body = b'{"inbox": "main"}'
    head = ["POST /api/v1/session HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", *lines]
    request = "\r\n".join([*head, f"Content-Length: {len(body)}", "Connection: close", "", ""])
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request.encode() + body)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 201, answer.read()
        return "__Host-" in (answer.getheader("Set-Cookie") or "")


def test_t38_a_scheme_is_believed_of_a_proxy_of_ours_only(migrated: Path) -> None:
    said = "X-Forwarded-Proto: https"
    for trusted, believed in (("192.0.2.0/24", False), ("127.0.0.0/8", True)):
        with Serving(migrated, TRUST_FORWARDED_PROTO="True", TRUSTED_PROXIES=trusted).running() as serving:
            assert is_secure(serving.port, said, "X-Forwarded-For: 127.0.0.1") is believed
            assert not is_secure(serving.port)
    with Serving(migrated, TRUSTED_PROXIES="127.0.0.0/8").running() as serving:
        assert not is_secure(serving.port, said)
