"""F5 and F6: a process of ours that is frozen with a message in its hands, or that has the wrong time."""

import asyncio
import re
from pathlib import Path

import pytest

from tests.faults.conftest import MakeRig
from tests.faults.rig import Rig
from tests.faults.test_late import TWICE, unfence, verdict

pytestmark = pytest.mark.faults
CONTENDED = r"refuses writes: OperationalError: database is locked"  # SQLite, two processes, and one of them killed


async def freeze_before_sending(rig: Rig, *, real_s: float) -> None:
    """The first application stops between the commit of an attempt and its first byte; the other takes over.

    It does nothing else just then: a process frozen in a transaction would keep SQLite's one lock (K1 holds, K8 not).
    """
    frozen, other = rig.applications
    await frozen.restart(FAILPOINTS="courier.before_send=stop@1")
    await lead(rig, [frozen.port])
    await calm_down(rig)
    rig.visitors[0].write(rig.marker(rig.visitors[0]))
    await rig.until(lambda: frozen.stopped, "the failpoint was not reached")
    rig.injected(f"{frozen.name} has stopped before sending")
    began = asyncio.get_running_loop().time()
    await lead(rig, [other.port])
    await rig.write()
    await rig.until(lambda: looked_for(rig), "nobody took over", within_s=rig.s(200) + 30)
    await asyncio.sleep(max(0, began + rig.s(real_s) - asyncio.get_running_loop().time()))
    frozen.cont()
    rig.injected(f"{frozen.name} goes on")
    rig.front.targets = [each.port for each in rig.applications]


async def lead(rig: Rig, ports: list[int]) -> None:
    """Everybody to these applications."""
    await rig.front.refuse()
    rig.front.cut("reset")
    await rig.until(lambda: not any(each.online.is_set() for each in rig.visitors), "not everybody was cut off")
    rig.front.targets = ports
    await rig.front.open()
    await rig.until(lambda: all(each.online.is_set() for each in rig.visitors), "not everybody came back")


async def calm_down(rig: Rig) -> None:
    """Until Chatwoot has not been asked anything for a while: everybody is subscribed and compared."""
    asked, before, since = 0, -1, asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() - since < 1.5:
        areas = (await rig.http.get(f"{rig.chatwoot.url}/sandbox/stats")).json()["areas"]
        asked = areas["client"] + areas["account"]
        if asked != before:
            before, since = asked, asyncio.get_running_loop().time()
        await asyncio.sleep(0.1)


def looked_for(rig: Rig) -> int:
    """Deliveries that somebody claimed again without a new attempt: whoever made the last one was not asked."""
    return rig.database.rows("SELECT count(*) FROM chat_delivery WHERE lease_no > attempt")[0][0]


@pytest.mark.parametrize("marker", [False, True], ids=["by-content", "by-marker"])
async def test_f5_a_process_that_wakes_up_late_sends_nothing_twice(make_rig: MakeRig, marker: bool) -> None:
    rig = await make_rig(applications=2, marker=marker)
    await rig.visit()
    await rig.introduce()
    await freeze_before_sending(rig, real_s=90)
    refused = r"message delivery \S+, attempt 1: status 500"
    await rig.until(lambda: re.search(refused, rig.application.text()), "Chatwoot did not refuse what came too late")

    await rig.healed(linger_s=rig.s(10), expected_errors=[CONTENDED])


async def test_f5_unfenced_a_process_that_wakes_up_much_too_late_is_counted(make_rig: MakeRig) -> None:
    rig = await make_rig(applications=2)
    await unfence(rig, stripped=False)
    await rig.visit()
    await rig.introduce()
    assert verdict(rig) == "unfenced"
    await freeze_before_sending(rig, real_s=250)

    await rig.healed(may_duplicate=True, linger_s=rig.s(10), expected_errors=[TWICE, CONTENDED])

    assert rig.figures.duplicated == 1


async def test_f6_a_process_five_minutes_ahead_takes_leases_and_doubles_nothing(
    make_rig: MakeRig, tmp_path: Path
) -> None:
    rig = await make_rig(applications=2)
    await rig.visit()
    await rig.introduce()
    offset = tmp_path / "offset"
    offset.write_text("300000")
    await rig.applications[1].restart(CLOCK_OFFSET_FILE=str(offset))
    rig.injected("application-1 is five minutes ahead")
    rig.front.cut("reset")
    await rig.fault("delay", method="POST", path="/messages", seconds=0.5)  # time enough to take a lease
    await rig.write()
    await rig.until(lambda: looked_for(rig), "no lease was taken from the other")

    await rig.healed(linger_s=rig.s(10), expected_errors=[CONTENDED])
