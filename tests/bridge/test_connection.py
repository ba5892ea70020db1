"""A connection ends for one reason, and when it is told to."""

import asyncio
from typing import Any

from chat.bridge.connection import Connection
from tests.bridge.fakes import FAST, Clock, FakeCable


def ignore(*_: Any) -> None:
    pass


async def test_a_connection_that_fails_in_the_instant_of_its_cancellation_is_cancelled() -> None:
    socket = await FakeCable().dial("ws://cable")
    connection = Connection(socket, clock=Clock(), timing=FAST, heard=ignore, ticked=ignore)
    running = asyncio.create_task(connection.run())
    await asyncio.sleep(0.01)  # it waits for a frame
    socket.cut()
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()
