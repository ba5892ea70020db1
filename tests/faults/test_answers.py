"""F10–F13: Chatwoot answers wrongly or not at all; what was written is there once all the same."""

import asyncio
from typing import Any

import pytest

from tests.faults.conftest import MakeRig

pytestmark = pytest.mark.faults


async def test_f10_an_error_before_the_commit_is_sent_again(make_rig: MakeRig) -> None:
    rig = await make_rig()
    await rig.visit()
    for path in ("/contacts", "/conversations", "/messages"):
        await rig.fault("error_before", method="POST", path=path, times=4)
    await rig.write()

    await rig.healed()


@pytest.mark.parametrize("marker", [False, True], ids=["by-content", "by-marker"])
async def test_f11_committed_then_500_on_every_post_is_there_once(make_rig: MakeRig, marker: bool) -> None:
    rig = await make_rig(marker=marker)
    await rig.visit()
    await rig.introduce()
    await rig.fault("error_after", method="POST")
    await rig.fault("broadcasts_stopped")  # as when its Redis is down; else the echo would tell before we look
    await rig.visit(2)  # newcomers: their contacts and conversations are committed with a 500, too
    await rig.write()
    await asyncio.sleep(rig.s(60))

    await rig.healed()


@pytest.mark.parametrize("how", ["reset", "close", "hang"])
async def test_f12_an_answer_that_is_lost_is_looked_for(make_rig: MakeRig, how: str) -> None:
    rig = await make_rig()
    await rig.visit()
    await rig.introduce()
    rig.toxic(rig.rest, down={"cut_after": 0, "cut": how})
    await rig.write()
    await asyncio.sleep(rig.s(20))

    await rig.healed()


@pytest.mark.parametrize(
    "toxics",
    [
        pytest.param({"cut_after": 0, "cut": "reset"}, id="reset"),
        pytest.param({"cut_after": 100, "cut": "close"}, id="cut-in-the-middle"),
        pytest.param({"black_hole": True}, id="hang"),
    ],
)
async def test_f13_a_request_that_never_arrives_is_sent_again(make_rig: MakeRig, toxics: dict[str, Any]) -> None:
    rig = await make_rig()
    await rig.visit()
    await rig.introduce()
    rig.toxic(rig.rest, up=toxics)
    await rig.write()
    await asyncio.sleep(rig.s(20))

    await rig.healed()
