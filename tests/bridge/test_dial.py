"""The only file that knows websockets, against real sockets."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from chat.bridge.dial import SUBPROTOCOL, CableDown, dial_websocket
from chat.bridge.hub import Hub
from chat.bridge.timing import Timing
from tests.bridge.fakes import Remembers
from tests.eventually import eventually


@asynccontextmanager
async def cable(
    *, answer: HTTPStatus | None = None, say: tuple[str, ...] = (), then_close: bool = False
) -> AsyncIterator[tuple[str, list[ServerConnection]]]:
    """A server that answers the upgrade with a status, or says frames; yields its URL and connections."""
    connections: list[ServerConnection] = []

    def gate(connection: ServerConnection, request: Request) -> Response | None:
        if answer is None:
            return None
        response = connection.respond(answer, "no")
        response.headers["Location"] = "ws://elsewhere.test/"
        return response

    async def talk(connection: ServerConnection) -> None:
        connections.append(connection)
        for frame in say:
            await connection.send(frame)
        if not then_close:
            await connection.wait_closed()

    subprotocols = ["actioncable-v1-json"]
    async with serve(talk, "127.0.0.1", 0, process_request=gate, subprotocols=subprotocols) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/cable", connections


async def test_it_offers_the_subprotocol_and_no_compression():
    async with cable(say=("hello",)) as (url, connections):
        socket = await dial_websocket(url)
        assert await socket.receive() == b"hello"
        assert connections[0].subprotocol == "actioncable-v1-json"
        assert "Sec-WebSocket-Extensions" not in connections[0].request.headers
        await socket.close()
        await connections[0].wait_closed()
        assert connections[0].close_code == 1000


async def test_closed_by_the_server():
    async with cable(then_close=True) as (url, _):
        socket = await dial_websocket(url)
        with pytest.raises(CableDown, match="closed with 1000"):
            await socket.receive()
        with pytest.raises(CableDown):
            await socket.send("x")
        await socket.close()


async def test_cut_without_a_handshake():
    async with cable() as (url, connections):
        socket = await dial_websocket(url)
        connections[0].transport.abort()
        with pytest.raises(CableDown, match="cut"):
            await socket.receive()


async def test_a_frame_that_is_too_big_ends_the_socket():
    async with cable(say=("x" * (1024 * 1024 + 1),)) as (url, _):
        socket = await dial_websocket(url)
        with pytest.raises(CableDown):
            await socket.receive()


@pytest.mark.parametrize(
    ("status", "refused"),
    [(404, True), (403, True), (429, False), (500, False), (503, False), (302, False)],
)
async def test_only_a_4xx_means_that_redialling_soon_is_useless(status: int, refused: bool):
    async with cable(answer=HTTPStatus(status)) as (url, _):
        with pytest.raises(CableDown, match=f"answered {status}") as caught:
            await dial_websocket(url)
    assert caught.value.refused is refused


async def test_nobody_there():
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(CableDown) as caught:
        await dial_websocket(f"ws://127.0.0.1:{port}/cable")
    assert not caught.value.refused


async def test_not_an_address():
    with pytest.raises(CableDown, match="InvalidURI"):
        await dial_websocket("http://cable.test/")


async def test_frames_are_never_logged(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    async with cable(say=("SECRET-1",)) as (url, _):
        socket = await dial_websocket(url)
        await socket.receive()
        await socket.send("SECRET-2")
        await socket.close()
    own = [each for each in caplog.records if each.name.startswith("chat")]
    assert not any("SECRET" in each.getMessage() for each in own)


async def test_a_socket_that_pings_but_was_never_welcomed_is_closed_said_and_dialled_again(
    caplog: pytest.LogCaptureFixture,
):
    """As after a failure that swallowed the welcome alone: it never comes any more, and pings do."""
    connections: list[ServerConnection] = []

    async def talk(connection: ServerConnection) -> None:
        connections.append(connection)
        if len(connections) > 1:
            await connection.send('{"type":"welcome"}')
        with suppress(ConnectionClosed):
            while True:
                await connection.send('{"type":"ping","message":1}')
                await asyncio.sleep(0.05)

    timing = Timing.of(stale_s=0.5, confirm_s=5, retry_s=30, canary_s=15, redial_s=0.1)
    async with serve(talk, "127.0.0.1", 0, subprotocols=[SUBPROTOCOL]) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/cable"
        async with Hub(url, Remembers(), timing=timing) as hub:
            hub.hold("alice", "tok-a")
            await eventually(lambda: hub.status().sockets == 1, within_s=5)
            assert hub.status().given_up_stale == 1
    assert len(connections) == 2
    assert "cable line 1: it pings, but did not say welcome" in caplog.text
