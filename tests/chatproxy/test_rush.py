"""More visitors at once than are taken in at once."""

import asyncio
import signal
from pathlib import Path

from tests.eventually import eventually
from tests.faults.swarm import Person, Swarm
from tests.fixtures.the_server import Serving

MANY = 400


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
