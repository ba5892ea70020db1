"""More visitors at once than are taken in at once."""

import asyncio
import base64
import signal
import socket
from pathlib import Path

import httpx

from tests.eventually import eventually
from tests.faults.swarm import Person, Swarm
from tests.fixtures.the_server import Serving

MANY = 400
HEAD = (
    b"GET /ws/v1 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + base64.b64encode(b"sixteen letters!") + b"\r\n\r\n"
)


async def test_a_rush_is_taken_in_bit_by_bit_and_wholly(migrated: Path) -> None:
    with Serving(migrated, DRAIN_S="20", RECONNECT_JITTER_S="0.1").running() as serving:
        swarm = Swarm([Person(0, await asyncio.to_thread(serving.token))] * MANY, port=serving.port)
        swarm.arrive(within_s=0)
        await eventually(lambda: swarm.here == MANY, within_s=120)
        assert swarm.errors == []
        serving.process.send_signal(signal.SIGTERM)
        said = await asyncio.to_thread(serving.said)
        await swarm.leave()
    assert "arrive at once" in said
    assert serving.process.returncode == 0


def test_dials_that_were_given_up_before_they_were_taken_in_become_no_sockets(migrated: Path) -> None:
    """In a rush most are: each would be shaken hands with, and then be found to be gone."""
    with Serving(migrated, METRICS_TOKEN=(token := "t" * 32)).running() as serving:
        serving.process.send_signal(signal.SIGSTOP)
        for _ in range(8):
            with socket.create_connection(("127.0.0.1", serving.port)) as dial:
                dial.sendall(HEAD % serving.port)
        serving.process.send_signal(signal.SIGCONT)
        with serving.dial():
            pass
        answer = httpx.get(f"{serving.site}/metrics", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    closed = [each for each in answer.text.splitlines() if each.startswith("chatproxy_ws_closed_total")]
    assert 'chatproxy_ws_closed_total{code="1006"} 0.0' in closed


async def dialled(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD % port)
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def refused(port: int, told: asyncio.Event) -> asyncio.StreamWriter:
    """A socket that has been closed, does not answer that, and says something all the same."""
    reader, writer = await dialled(port)
    await reader.readuntil(b"\x88")
    await told.wait()
    writer.write(b"\x81\x82" + bytes(4) + b"{}")
    return writer


async def test_whoever_is_refused_and_talks_on_keeps_nobody_else_out(migrated: Path) -> None:
    with Serving(migrated, LIMITS="all=off address_sockets=1").running() as serving:
        _, only = await dialled(serving.port)
        told = asyncio.Event()
        dials = [asyncio.create_task(refused(serving.port, told)) for _ in range(150)]
        await asyncio.sleep(0.5)
        told.set()
        found = await asyncio.gather(*dials, return_exceptions=True)
        writers = [only, *(each for each in found if isinstance(each, asyncio.StreamWriter))]
        assert len(writers) > 100
        for each in writers:
            each.close()
        serving.process.send_signal(signal.SIGTERM)
        said = await asyncio.to_thread(serving.said)
    assert "arrive at once" not in said
