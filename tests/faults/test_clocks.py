"""F50: clocks that jump while messages are on their way, ours and Chatwoot's."""

import asyncio
import re
import time
from pathlib import Path

import pytest

from tests.faults.conftest import MakeRig
from tests.faults.rig import Rig, during

pytestmark = pytest.mark.faults
HOUR_S = 3600
JUMPED = r"the clock of \S+ jumped by at least (\d+) ms"


class OurClock:
    """The wall clock of every application of a row."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "offset"
        self.file.write_text("0")

    def pause(self, rig: Rig, seconds: float) -> None:
        """As after a 429: Chatwoot is left alone until then, by this clock."""
        until = round(time.time() * 1000 + int(self.file.read_text()) + seconds * 1000)
        rig.database.write(f"UPDATE chat_chatwoot SET paused_until = {until}")

    def is_off(self, rig: Rig, seconds: float) -> None:
        rig.injected(f"our clock is off by {seconds} s")
        self.file.write_text(str(round(seconds * 1000)))


async def in_the_middle(rig: Rig, clock: OurClock, off_s: float) -> None:
    """It jumps with messages under way and a pause in force; then it begins anew, with what it had written down."""
    await asyncio.sleep(0.3)
    clock.pause(rig, rig.s(30))
    clock.is_off(rig, off_s)
    await asyncio.sleep(0.5)
    await rig.kill(rig.application)
    await rig.application.start()


async def answer(rig: Rig) -> None:
    """An agent writes to everybody, and takes one of two replies back."""
    for visitor in rig.visitors:
        talk = rig.talk_of(visitor)
        await rig.agent.reply(talk.id, f"{rig.run}/agent/{visitor.name}")
        taken_back = await rig.agent.reply(talk.id, f"{rig.run}/agent/{visitor.name}/taken back")
        await rig.agent.delete(talk.id, taken_back)


@pytest.mark.parametrize(
    "jumps",
    [
        pytest.param((HOUR_S,), id="an-hour-ahead"),
        pytest.param((-HOUR_S,), id="an-hour-back"),
        pytest.param((8,), id="8-s-ahead"),
        pytest.param((HOUR_S, 0), id="ahead-and-right-again"),
    ],
)
async def test_f50_our_clock_jumps_while_messages_are_on_their_way(
    make_rig: MakeRig, tmp_path: Path, jumps: tuple[float, ...]
) -> None:
    clock = OurClock(tmp_path)
    rig = await make_rig(CLOCK_OFFSET_FILE=str(clock.file))
    await rig.visit()
    await rig.introduce()
    await rig.fault("delay", method="POST", path="/messages", seconds=0.2)  # a lease is always held
    for off_s in jumps:
        await during(rig.write(rig.scale.messages // len(jumps)), in_the_middle(rig, clock, off_s))
        await answer(rig)

    await rig.healed(linger_s=rig.s(10))

    assert rig.figures.duplicated == 0
    assert not re.search(JUMPED, rig.application.text()), "Chatwoot's clock did not jump"


@pytest.mark.parametrize("skew_s", [8, -8])
async def test_f50_chatwoots_clock_jumps_while_messages_are_on_their_way(make_rig: MakeRig, skew_s: float) -> None:
    rig = await make_rig()
    await rig.visit()
    await rig.introduce()
    await rig.fault("delay", method="POST", path="/messages", seconds=0.2)

    async def jump() -> None:
        await asyncio.sleep(0.4)
        await rig.http.post(f"{rig.chatwoot.url}/sandbox/settings", json={"skew_s": skew_s})
        rig.injected(f"chatwoot's clock is off by {skew_s} s")
        await asyncio.sleep(0.3)
        rig.rest.cut("reset")

    await during(rig.write(), jump())
    await rig.until(lambda: re.search(JUMPED, rig.application.text()), "nobody noticed", within_s=rig.s(90) + 30)
    await answer(rig)
    await rig.write(2)

    await rig.healed(linger_s=rig.s(60))

    assert rig.figures.duplicated == 0
    jumped = re.search(JUMPED, rig.application.text())
    assert jumped is not None and int(jumped[1]) > 5_000
