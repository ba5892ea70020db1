"""F30: Chatwoot is gone for a while."""

import asyncio

import pytest

from tests.faults.conftest import MakeRig

pytestmark = pytest.mark.faults


async def test_f30_chatwoot_restarts_and_everything_arrives(make_rig: MakeRig) -> None:
    rig = await make_rig()
    await rig.visit()
    await rig.introduce()
    talk = rig.talk_of(rig.visitors[0])
    first = await rig.agent.reply(talk.id, f"{rig.run}/agent/0")
    await rig.write(2)
    await rig.kill_chatwoot()
    await rig.write()
    await asyncio.sleep(rig.s(30))
    await rig.restart_chatwoot()
    await rig.agent.delete(talk.id, first)
    await rig.agent.resolve(rig.talk_of(rig.visitors[1]).id)
    await rig.agent.note(talk.id, f"{rig.run}/note/0")
    await rig.agent.begin(rig.talk_of(rig.visitors[2]), f"{rig.run}/agent/1")

    await rig.healed()
