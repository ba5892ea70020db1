"""F30, at length: Chatwoot is down for ten minutes, and the chat goes on."""

import asyncio
import random

import pytest

from tests.faults.conftest import MakeRig
from tests.faults.rig import Rig

pytestmark = pytest.mark.faults
REAL_S = 600
EACH = 5


async def reload(rig: Rig) -> None:
    """Everybody leaves and comes back now and then, and wants to see at once what they had before."""
    dice = random.Random(30)
    for visitor in rig.visitors:
        shown = set(visitor.view.messages)
        await visitor.leave()
        again = visitor.device(f"{visitor.name}again")
        again.arrive()
        await rig.until(lambda device=again: device.view.cursor, "a page did not load while Chatwoot was down")
        assert shown <= set(again.view.messages), f"{visitor.name} misses history after a reload"
        await again.leave()
        visitor.arrive()
        await asyncio.sleep(dice.uniform(0, rig.s(2)))


async def test_f30_ten_minutes_without_chatwoot_and_everything_arrives_once(make_rig: MakeRig) -> None:
    rig = await make_rig()
    await rig.visit(200 if not rig.scale.short else None)
    await rig.introduce()
    await rig.kill_chatwoot()
    down = asyncio.create_task(asyncio.sleep(rig.s(REAL_S) if not rig.scale.short else 10))
    await rig.write(EACH)
    await reload(rig)
    await down
    assert all(each.outcome == "accepted" for visitor in rig.visitors for each in visitor.written)
    await rig.restart_chatwoot()

    await rig.healed(expected_errors=[r"has not answered for \d+ s; messages wait for it"])
