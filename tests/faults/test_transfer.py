"""F15 and F16: requests and answers that come slowly, without an end, or only in part."""

from collections.abc import Iterator

import pytest

from tests.faults.conftest import MakeRig
from tests.faults.rig import Rig
from tests.faults.rogue import Answer, Rogue
from tests.faults.visitors import Visitor

pytestmark = pytest.mark.faults
LONG = "A parcel that never came, and the whole story of it. " * 80  # 4 KB


def write_long(rig: Rig, number: int) -> None:
    for visitor in rig.visitors:
        for _ in range(number):
            visitor.write(f"{rig.marker(visitor)} {LONG.strip()}")


async def test_f15_a_body_cut_in_the_middle_takes_no_effect_and_is_sent_again(make_rig: MakeRig) -> None:
    rig = await make_rig()
    await rig.visit()
    await rig.introduce()
    before = len(rig.ledger().texts)
    rig.toxic(rig.rest, up={"cut_after": 2_000, "cut": "reset"})
    write_long(rig, 3)
    await rig.until(lambda: "attempt 1:" in rig.application.text(), "no upload was cut")
    assert len(rig.ledger().texts) == before

    await rig.healed()


async def test_f15_a_slow_upload_arrives(make_rig: MakeRig) -> None:
    rig = await make_rig()
    await rig.visit()
    await rig.introduce()
    rig.toxic(rig.rest, up={"bytes_per_s": round(1_000 * rig.scale.factor)})
    write_long(rig, 3)
    await rig.until(
        lambda: len(rig.ledger().texts) == 4 * len(rig.visitors), "not all arrived", within_s=rig.s(300) + 30
    )

    await rig.healed()


def dripping() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n"
    while True:
        yield b" "


def endless_headers() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield b"x-more: and more\r\n" * 1_000


def huge() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000000\r\n\r\n"
    for _ in range(1_000):
        yield b" " * 100_000


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(dripping, pause_s=0.5), id="a-byte-now-and-then"),
        pytest.param(Answer(endless_headers, pause_s=0.01), id="headers-without-end"),
        pytest.param(Answer(huge), id="100-MB"),
    ],
)
async def test_f16_an_answer_without_an_end_holds_up_nobody_else(make_rig: MakeRig, answer: Answer) -> None:
    rig = await make_rig()
    await rig.visit()
    await rig.introduce()
    unlucky, *others = rig.visitors
    path = f"/conversations/{rig.talk_of(unlucky).id}/messages"
    async with Rogue(rig, wants=lambda asked: asked.startswith("POST") and asked.endswith(path)) as rogue:
        rogue.forever = answer
        await rig.write()
        await rig.until(lambda: all(arrived(rig, each) for each in others), "the others were held up")
        assert rogue.given and not arrived(rig, unlucky)

    await rig.healed()


def arrived(rig: Rig, visitor: Visitor) -> bool:
    return {each.text for each in visitor.written} <= set(rig.ledger().texts)
