"""A visitor's file is kept whole or not at all, and no longer than it is needed."""

import asyncio
import errno
import hashlib
import io
import os
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from chat import files
from chat.audience import Audience
from chat.clock import now_ms
from chat.models import Attachment, Delivery, Message
from chat.reader import Reader
from chat.uploads import AT_ONCE, Uploads
from chat.wire.errors import Code, Refusal
from chat.writer import Writer
from tests.eventually import eventually
from tests.fixtures.world import World

TEXT = b"a parcel list\n"
HOURS_MS = 3_600_000
GB = 1_000_000_000


@pytest.fixture
async def make_uploads(transactional_db: None, tmp_path: Path) -> AsyncIterator[Callable[..., Uploads]]:
    writer, reader = Writer(Audience()), Reader(threads=1)
    writer.start()
    roomy = {"disk": lambda _: (GB, GB)}
    yield partial(Uploads, writer, reader, folder=tmp_path / "uploads", most_bytes=1_000, **roomy)
    await writer.stop()
    await reader.stop()


@pytest.fixture
def kept(make_uploads: Callable[..., Uploads]) -> Uploads:
    return make_uploads()


def lying_in(folder: Path) -> list[str]:
    return sorted(each.name for each in (folder / "uploads").glob("*"))


async def rows(world: World) -> list[Attachment]:
    return await world.ask(lambda: list(Attachment.objects.order_by("created_at")))


async def test_it_is_on_the_disk_and_in_the_database(world: World, kept: Uploads, tmp_path: Path) -> None:
    alice = await world.person()
    told = await kept.keep(alice.contact_id, name="list.exe", source=io.BytesIO(TEXT))
    (row,) = await rows(world)
    assert (told.id, told.name, told.size, told.type) == (row.id, "list.exe.txt", len(TEXT), "file")
    assert (row.contact_id, row.message_id, row.content_type) == (alice.contact_id, None, "text/plain")
    assert (tmp_path / "uploads" / row.path).read_bytes() == TEXT


class Failing(io.BytesIO):
    """A body that the disk would not take, half read."""

    def read(self, size: int | None = -1, /) -> bytes:
        if found := super().read(4):
            return found
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (io.BytesIO(b"x" * 1_001), Code.FILE_TOO_BIG),
        (io.BytesIO(b""), Code.FILE_EMPTY),
        (io.BytesIO(b"<svg onload='alert(1)'/>"), Code.FILE_REFUSED),
        (Failing(TEXT), Code.UNAVAILABLE),
    ],
    ids=["too big", "empty", "refused", "full disk"],
)
async def test_what_is_refused_leaves_nothing_behind(
    world: World, kept: Uploads, tmp_path: Path, source: io.BytesIO, code: Code
) -> None:
    alice = await world.person()
    with pytest.raises(Refusal) as refused:
        await kept.keep(alice.contact_id, name="a", source=source)
    assert refused.value.code == code
    assert lying_in(tmp_path) == []
    assert await rows(world) == []


async def test_one_person_has_a_bounded_number_of_unsent_files(
    world: World, make_uploads: Callable[..., Uploads]
) -> None:
    kept = make_uploads(most_unsent=1)
    alice, bob = await world.person(), await world.person()
    await kept.keep(alice.contact_id, name="a", source=io.BytesIO(TEXT))
    with pytest.raises(Refusal, match="too_fast"):
        await kept.keep(alice.contact_id, name="b", source=io.BytesIO(TEXT))
    await kept.keep(bob.contact_id, name="b", source=io.BytesIO(TEXT))


@pytest.mark.parametrize("bounds", [{"most_unsent": 1}, {"most_a_day": 2 * len(TEXT) - 1}], ids=["number", "bytes"])
async def test_t29_uploads_at_the_same_time_are_counted_too(
    world: World, make_uploads: Callable[..., Uploads], tmp_path: Path, bounds: dict[str, int]
) -> None:
    """By two processes, each of which takes one."""
    processes, alice = [make_uploads(**bounds) for _ in range(2)], await world.person()
    uploads = (each.keep(alice.contact_id, name="a", source=io.BytesIO(TEXT)) for each in processes)
    ended = await asyncio.gather(*uploads, return_exceptions=True)
    refused = [each.code for each in ended if isinstance(each, Refusal)]
    assert refused == [Code.TOO_FAST]
    assert len(await rows(world)) == len(lying_in(tmp_path)) == 1


async def test_t29_one_person_sends_one_file_at_once(
    world: World, make_uploads: Callable[..., Uploads], tmp_path: Path
) -> None:
    kept, alice, bob = make_uploads(), await world.person(), await world.person()
    people = [alice] * 6 + [bob]
    ended = await asyncio.gather(
        *(kept.keep(each.contact_id, name="a", source=io.BytesIO(TEXT)) for each in people), return_exceptions=True
    )
    assert [isinstance(each, Refusal) for each in ended] == [False, True, True, True, True, True, False]
    assert len(await rows(world)) == len(lying_in(tmp_path)) == 2
    await kept.keep(alice.contact_id, name="a", source=io.BytesIO(TEXT))


class Slow(io.BytesIO):
    """A body of which nothing is read until it may go on."""

    def __init__(self, may_go_on: threading.Event) -> None:
        super().__init__(TEXT)
        self.reached, self._may_go_on = threading.Event(), may_go_on

    def read(self, size: int | None = -1, /) -> bytes:
        self.reached.set()
        self._may_go_on.wait(30)
        return super().read(size)


async def test_whose_turn_does_not_come_is_told_so_in_time(
    world: World, make_uploads: Callable[..., Uploads], tmp_path: Path
) -> None:
    kept, may_go_on = make_uploads(patience_s=0.05), threading.Event()
    people = [await world.person() for _ in range(AT_ONCE + 1)]
    slow = [Slow(may_go_on) for _ in range(AT_ONCE)]
    under_way = [
        asyncio.create_task(kept.keep(person.contact_id, name="a", source=source))
        for person, source in zip(people[:-1], slow, strict=True)
    ]
    try:
        await eventually(lambda: all(each.reached.is_set() for each in slow))
        with pytest.raises(Refusal) as refused:
            await kept.keep(people[-1].contact_id, name="a", source=io.BytesIO(TEXT))
        assert refused.value.code == Code.UNAVAILABLE
    finally:
        may_go_on.set()
    await asyncio.gather(*under_way)
    await kept.keep(people[-1].contact_id, name="a", source=io.BytesIO(TEXT))
    assert len(lying_in(tmp_path)) == AT_ONCE + 1


async def test_t29_one_address_does_not_stop_everybodys_files(world: World, kept: Uploads) -> None:
    """Nor does one that goes away: what its thread began goes on, and so does its turn."""
    may_go_on, slow = threading.Event(), [Slow(threading.Event()) for _ in range(2 * AT_ONCE)]
    slow[0]._may_go_on = may_go_on
    people = [await world.person() for _ in range(len(slow) + 1)]
    many = [
        asyncio.create_task(kept.keep(person.contact_id, name="a", source=source, peer="192.0.2.7"))
        for person, source in zip(people[:-1], slow, strict=True)
    ]
    try:
        await eventually(lambda: sum(each.reached.is_set() for each in slow) == AT_ONCE)
        for each in many[:AT_ONCE]:
            each.cancel()
        await asyncio.sleep(0.1)
        assert sum(each.reached.is_set() for each in slow) == AT_ONCE
        alone = kept.keep(people[-1].contact_id, name="a", source=io.BytesIO(TEXT), peer="192.0.2.8")
        alone_task = asyncio.create_task(alone)
        await asyncio.sleep(0.1)
        may_go_on.set()
        await asyncio.wait_for(alone_task, 10)
        assert sum(each.reached.is_set() for each in slow) <= AT_ONCE + 1
    finally:
        for each in slow:
            each._may_go_on.set()
    await asyncio.gather(*many, return_exceptions=True)


async def test_t29_a_day_has_a_bound_in_bytes(world: World, make_uploads: Callable[..., Uploads]) -> None:
    """Sent or not, and whatever became of the file; the next day is another."""
    kept, alice, bob = make_uploads(most_a_day=3 * len(TEXT)), await world.person(), await world.person()
    for _ in range(3):
        await kept.keep(alice.contact_id, name="a", source=io.BytesIO(TEXT))
    await world.ask(Attachment.objects.update, path="")
    with pytest.raises(Refusal, match="within a day") as refused:
        await kept.keep(alice.contact_id, name="a", source=io.BytesIO(b"x"))
    assert refused.value.code == Code.TOO_FAST
    await kept.keep(bob.contact_id, name="a", source=io.BytesIO(TEXT))
    await world.ask(lambda: Attachment.objects.update(created_at=now_ms() - 25 * HOURS_MS))
    await kept.keep(alice.contact_id, name="a", source=io.BytesIO(TEXT))


def spoiled(picture: bytes) -> bytes:
    return picture + b"PK\x03\x04 an archive for Java"


CORPUS = {
    "a page": b"<!doctype html><script>alert(1)</script>",
    "a page called picture": b"<html><img src=x onerror=alert(1)>",
    "a drawing with a script": b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "a drawing, with blanks before it": b"\xef\xbb\xbf \n<svg onload='alert(1)'/>",
    "a picture's first bytes, and a page": b"\x89PNG\r\n\x1a\n<html><script>alert(1)</script>",
    "a GIF's, and a script": b"GIF89a=1;alert(1)//" + bytes(40),
    "a program": b"MZ\x90\0\3\0\0\0",
    "another": b"\x7fELF\2\1\1\0",
    "a script for a shell": b"#!/bin/sh\nrm -rf /",
    "an archive": b"PK\3\4\x14\0\0\0",
    "another archive": b"\x1f\x8b\x08\0",
    "text and a script": b"hello\n<script>alert(1)</script>",
}


@pytest.mark.parametrize("name", ["a.png", "a.html", "a.svg.png", "a.exe.jpg", "Rechnung\u202egnp.exe"])
@pytest.mark.parametrize("kind", CORPUS)
async def test_t27_what_a_browser_or_a_shell_might_run_is_refused(
    world: World, kept: Uploads, tmp_path: Path, kind: str, name: str
) -> None:
    """Whatever its name says."""
    alice = await world.person()
    with pytest.raises(Refusal) as refused:
        await kept.keep(alice.contact_id, name=name, source=io.BytesIO(CORPUS[kind]))
    assert (refused.value.code, lying_in(tmp_path)) == (Code.FILE_REFUSED, [])


async def test_t27_what_hides_behind_a_picture_is_not_kept(world: World, kept: Uploads, tmp_path: Path) -> None:
    """GIFAR: a picture for the page, an archive for whoever runs it. Names that lie about the type are put right."""
    alice, picture = await world.person(), io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(picture, "GIF", comment=b"taken at home")
    told = await kept.keep(alice.contact_id, name="a.html\u202egnp.jar", source=io.BytesIO(spoiled(picture.getvalue())))
    (row,) = await rows(world)
    stored = (tmp_path / "uploads" / row.path).read_bytes()
    assert (b"PK" in stored, b"home" in stored) == (False, False)
    assert (row.size, row.sha256) == (len(stored), hashlib.sha256(stored).hexdigest())
    assert (told.name, told.type, told.size) == ("a.html-gnp.jar.gif", "image", len(stored))
    assert lying_in(tmp_path) == [row.path]


@pytest.mark.parametrize(
    ("total", "free", "fits"),
    [
        (100 * GB, 10 * GB + 1_000, True),
        (100 * GB, 10 * GB + 999, False),
        (GB, 2**28 + 1_000, True),
        (GB, 2**28 + 999, False),
    ],
)
async def test_visitors_files_do_not_fill_the_disk(
    world: World, make_uploads: Callable[..., Uploads], caplog: Any, total: int, free: int, fits: bool
) -> None:
    """On which the database may lie: the largest file would leave a tenth of it free, at least 256 MiB."""
    kept, alice = make_uploads(disk=lambda _: (total, free)), await world.person()
    for _ in range(2):
        try:
            await kept.keep(alice.contact_id, name="a", source=io.BytesIO(TEXT))
            assert fits
        except Refusal as refused:
            assert (refused.code, fits) == (Code.UNAVAILABLE, False)
            assert "no room" in refused.message
    lines = [each for each in caplog.messages if "no room" in each]
    assert len(lines) == (0 if fits else 1)


def age(folder: Path, hours: float) -> None:
    for each in (folder / "uploads").glob("*"):
        os.utime(each, times=(time.time() - hours * 3600,) * 2)


async def test_what_nobody_sent_goes_after_a_day(world: World, kept: Uploads, tmp_path: Path) -> None:
    alice = await world.person()
    await kept.keep(alice.contact_id, name="old", source=io.BytesIO(TEXT))
    await world.ask(lambda: Attachment.objects.update(created_at=now_ms() - 25 * HOURS_MS))
    age(tmp_path, 25)
    await kept.keep(alice.contact_id, name="new", source=io.BytesIO(TEXT))
    await kept.clear()
    (row,) = await rows(world)
    assert row.name == "new.txt"
    assert lying_in(tmp_path) == [row.path]


async def test_what_a_crash_left_without_a_row_goes_after_an_hour(kept: Uploads, tmp_path: Path) -> None:
    (tmp_path / "uploads").mkdir()
    (tmp_path / "uploads" / "half").write_bytes(b"a par")
    await kept.clear()
    assert lying_in(tmp_path) == ["half"]
    age(tmp_path, 1.1)
    await kept.clear()
    assert lying_in(tmp_path) == []


@pytest.mark.parametrize(("state", "stays"), [("sent", False), ("unsure", True), ("failed", True)])
async def test_what_chatwoot_has_goes_after_an_hour_and_its_row_stays(
    world: World, kept: Uploads, tmp_path: Path, state: str, stays: bool
) -> None:
    runtime, alice = await world.start(), await world.person()
    told = await kept.keep(alice.contact_id, name="a.txt", source=io.BytesIO(TEXT))
    world.sandbox.faults.set("down")
    await alice.say(runtime, "", files=[told.id])
    await world.stop(runtime)
    await world.ask(_age_message, state)
    age(tmp_path, 2)
    await kept.clear()
    (row,) = await rows(world)
    assert lying_in(tmp_path) == ([row.path] if stays else [])
    assert bool(row.path) == stays


def _age_message(state: str) -> None:
    Message.objects.update(state=state)
    Delivery.objects.filter(kind="message").update(state=state, started_at=now_ms() - 2 * HOURS_MS)


async def test_only_ones_own_unsent_files_can_be_sent(world: World, kept: Uploads) -> None:
    runtime, alice, bob = await world.start(), await world.person(), await world.person()
    world.sandbox.faults.set("down")
    mine = (await kept.keep(alice.contact_id, name="a", source=io.BytesIO(TEXT))).id
    his = (await kept.keep(bob.contact_id, name="b", source=io.BytesIO(TEXT))).id
    for wrong in ([his], [mine, uuid.uuid4()]):
        with pytest.raises(Refusal, match="no_such_file"):
            await alice.say(runtime, "look", files=wrong)
    with pytest.raises(Refusal, match="too_many_files"):
        await alice.say(runtime, "look", files=[mine, mine])
    assert not await world.ask(Message.objects.exists)
    echo_id = uuid.uuid4()
    said = await alice.say(runtime, "", files=[mine], echo_id=echo_id)
    again = await alice.say(runtime, "", files=[mine], echo_id=echo_id)
    assert (again.message_id, again.replayed) == (said.message_id, True)
    with pytest.raises(Refusal, match="echo_id_mismatch"):
        await alice.say(runtime, "but", echo_id=echo_id)
    with pytest.raises(Refusal, match="no_such_file"):
        await alice.say(runtime, "once more", files=[mine])


async def test_files_of_one_message_share_a_bound(world: World, kept: Uploads, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 2 * len(TEXT) - 1
    runtime, alice = await world.start(), await world.person()
    ids = [(await kept.keep(alice.contact_id, name="a", source=io.BytesIO(TEXT))).id for _ in range(2)]
    with pytest.raises(Refusal, match="file_too_big"):
        await alice.say(runtime, "both", files=ids)


async def test_a_deleted_messages_files_go(world: World, kept: Uploads, tmp_path: Path) -> None:
    runtime, alice = await world.start(), await world.person()
    told = await kept.keep(alice.contact_id, name="a", source=io.BytesIO(TEXT))
    world.sandbox.faults.set("down")
    said = await alice.say(runtime, "", files=[told.id])
    await world.ask(Delivery.objects.filter(kind="message").update, state="failed")
    await runtime.conversations.discard(alice.contact_id, message_id=said.message_id)
    age(tmp_path, 2)
    await kept.clear()
    assert (await rows(world), lying_in(tmp_path)) == ([], [])
    assert await world.ask(files.ids_of, said.message_id) == []
