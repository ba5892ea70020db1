"""F21: files. Agents open what the visitor sent, once, or the visitor is told that it may be damaged."""

import hashlib
from random import Random

import pytest

from chat.places import UPLOADS_AT_ONCE
from tests.faults.conftest import MakeRig
from tests.faults.oracle import LOST
from tests.faults.rig import Rig
from tests.faults.visitors import Visitor

pytestmark = pytest.mark.faults
MARKED = pytest.mark.parametrize("marker", [False, True], ids=["by-content", "by-marker"])
NO_ECHO = r"does not tell it by cable"
DAMAGED = r"arrived, but perhaps not its files"
KB = 1024


def film(size: int, seed: str) -> bytes:
    return b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + Random(seed).randbytes(size)


async def send_films(rig: Rig, size: int = 20 * KB) -> dict[str, str]:
    """Everybody sends a film with words, and says something after it. Digests by the words."""
    digests = {}
    for visitor in rig.visitors:
        words = rig.marker(visitor)
        content = film(size, words)
        digests[words] = hashlib.sha256(content).hexdigest()
        visitor.write(words, files=(await visitor.upload("Urlaub am Meer.mp4", content),))
        visitor.write(rig.marker(visitor))
    return digests


def arrived(rig: Rig) -> dict[str, list[str]]:
    """Digests of what agents can open, by the words beside it."""
    found: dict[str, list[str]] = {}
    for talk in rig.ledger().talks:
        for said in talk.incoming:
            if said.files:
                found.setdefault(said.text, []).extend(said.files)
    return found


def reason_of(visitor: Visitor, words: str) -> str | None:
    echo_id = next(each.echo_id for each in visitor.written if each.text == words)
    return next(row["reason"] for row in visitor.view.messages.values() if row["echo_id"] == echo_id)


def reasons(rig: Rig, words: dict[str, str]) -> set[str | None]:
    writers = [(visitor, each.text) for visitor in rig.visitors for each in visitor.written if each.text in words]
    return {reason_of(visitor, text) for visitor, text in writers}


async def begin(make_rig: MakeRig, *, marker: bool = False, hears: bool = False, **options: str) -> Rig:
    rig = await make_rig(marker=marker, **options)
    await rig.visit()
    await rig.introduce()
    if not hears:
        await rig.fault("broadcasts_stopped", drop=True)
    return rig


@MARKED
@pytest.mark.parametrize("hears", [False, True], ids=["deaf", "hears"])
async def test_f21_an_answer_lost_makes_no_second_file_and_no_note(
    make_rig: MakeRig, marker: bool, hears: bool
) -> None:
    rig = await begin(make_rig, marker=marker, hears=hears)
    await rig.fault("lose_answer", method="POST", path="/messages", times=len(rig.visitors))
    digests = await send_films(rig)

    await rig.healed(expected_errors=[NO_ECHO])

    assert arrived(rig) == {words: [digest] for words, digest in digests.items()}
    assert reasons(rig, digests) == {None}


@pytest.mark.parametrize("cut", [False, True], ids=["error", "cut"])
@pytest.mark.parametrize("hears", [False, True], ids=["deaf", "hears"])
async def test_f21_a_lost_file_is_told_and_never_sent_again(make_rig: MakeRig, cut: bool, hears: bool) -> None:
    rig = await begin(make_rig, hears=hears)
    await rig.fault("blob_lost", method="POST", path="/messages", times=len(rig.visitors), cut=cut)
    digests = await send_films(rig)
    await rig.until(lambda: len(arrived(rig)) == len(rig.visitors), "the films were not sent")

    await rig.healed(expected_errors=[NO_ECHO, DAMAGED])

    assert arrived(rig) == {words: [LOST] for words in digests}
    assert reasons(rig, digests) == {"attachment_damaged"}


async def test_f21_a_big_file_over_a_slow_line_arrives_at_the_first_try(make_rig: MakeRig) -> None:
    """It takes longer than an attempt without files may. In real time: a tenth is too short for a busy machine."""
    rig = await begin(make_rig, DELIVERY_BUDGET_S="20")
    rate = 400_000  # above what an upload's own time is reckoned with
    rig.toxic(rig.rest, up={"bytes_per_s": rate})
    words = rig.marker(rig.visitors[0])
    content = film(22 * rate, words)
    file_id = await rig.visitors[0].upload("long.mp4", content)
    rig.visitors[0].write(words, files=(file_id,))
    await rig.until(lambda: arrived(rig), "the film did not arrive", within_s=120)

    await rig.healed(expected_errors=[NO_ECHO])

    assert arrived(rig) == {words: [hashlib.sha256(content).hexdigest()]}
    assert rig.database.rows("SELECT max(attempt) FROM chat_delivery WHERE kind = 'message'") == [(1,)]


@MARKED
async def test_f21_killed_in_mid_upload_it_is_sent_once(make_rig: MakeRig, marker: bool) -> None:
    rig = await begin(make_rig, marker=marker)
    rig.toxic(rig.rest, up={"bytes_per_s": 100 * KB})
    digests = await send_films(rig, 200 * KB)
    uploading = "SELECT count(*) FROM chat_delivery WHERE kind = 'message' AND state = 'sending'"
    at_once = min(len(rig.visitors), UPLOADS_AT_ONCE)
    await rig.until(lambda: rig.database.rows(uploading)[0][0] == at_once, "nobody uploads")
    await rig.kill(rig.application)
    assert arrived(rig) == {}
    await rig.application.start()

    await rig.healed(expected_errors=[NO_ECHO])

    assert arrived(rig) == {words: [digest] for words, digest in digests.items()}
    assert reasons(rig, digests) == {None}
