"""Files on their way to Chatwoot: which row is ours, what was lost, what is told."""

import asyncio
import io
import uuid
from dataclasses import replace

import httpx
import pytest

from chat import files, places
from chat.models import Attachment, Delivery, Message
from chat.runtime import Runtime
from tests.eventually import eventually
from tests.fixtures.world import QUICK, Device, Person, World

TEXT = b"what I ordered\n"
DAMAGED = "attachment_damaged"


async def send(runtime: Runtime, person: Person, *names: str, text: str = "", content: bytes = TEXT) -> uuid.UUID:
    """The id of the message."""
    kept = [
        await runtime.conversations.upload(person.contact_id, name=each, source=io.BytesIO(content)) for each in names
    ]
    return (await person.say(runtime, text, files=[each.id for each in kept])).message_id


def seen_by_agents(world: World, person: Person) -> list[tuple[str, list[str]]]:
    """Text and file names, after the greeting of ``talk``."""
    rows = [each for talk in world.conversations(person) for each in talk["messages"]]
    return [(each["content"] or "", each["attachments"]) for each in rows if each["message_type"] == "incoming"][1:]


def shown(device: Device, message_id: uuid.UUID) -> tuple[str, str | None, list[str]]:
    row = device.rows[str(message_id)]
    return row["state"], row["reason"], [each["name"] for each in row["attachments"]]


async def test_several_files_go_in_one_message_in_their_order(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    device, _ = await world.talk(runtime, alice)
    said = await send(runtime, alice, "b.txt", "Ärger 100%.txt", text="here")
    await world.settled()
    assert seen_by_agents(world, alice) == [("here", ["b.txt", "Ärger 100-.txt"])]
    assert shown(device, said) == ("sent", None, ["b.txt", "Ärger 100-.txt"])
    assert await world.ask(Attachment.objects.filter(chatwoot_id=None).count) == 0


async def test_the_ids_of_files_stay_when_chatwoot_names_them(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    device, _ = await world.talk(runtime, alice)
    said = await send(runtime, alice, "a.txt")
    before = device.rows[str(said)]["attachments"]
    await world.settled()
    assert device.rows[str(said)]["attachments"] == before
    assert await world.ask(files.ids_of, said) == [uuid.UUID(before[0]["id"])]


@pytest.mark.parametrize("hears", [True, False], ids=["by echo", "by looking"])
@pytest.mark.parametrize("fault", ["lose_answer", "error_after"])
async def test_after_doubt_it_is_sent_once_its_files_were_read_back(world: World, fault: str, hears: bool) -> None:
    runtime, alice = await world.start(), await world.person()
    device, _ = await world.talk(runtime, alice)
    if not hears:
        world.sandbox.faults.set("cable_mute")
    world.sandbox.faults.set(fault, method="POST", path="/messages", times=1)
    said = await send(runtime, alice, "a.txt")
    await alice.say(runtime, "after it")
    await world.settled()
    assert seen_by_agents(world, alice) == [("", ["a.txt"]), ("after it", [])]
    await eventually(lambda: shown(device, said) == ("sent", None, ["a.txt"]))


async def test_while_the_storage_does_not_answer_it_is_not_called_sent(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    device, _ = await world.talk(runtime, alice)
    world.sandbox.faults.set("lose_answer", method="POST", path="/messages", times=1)
    world.sandbox.faults.set("error_before", method="GET", path="/rails/active_storage")
    said = await send(runtime, alice, "a.txt")
    await eventually(lambda: seen_by_agents(world, alice))
    await world.becomes(lambda: Message.objects.filter(id=said, chatwoot_id__isnull=False).exists())
    await eventually(lambda: shown(device, said)[0] == "unsure")
    world.sandbox.faults.clear()
    await world.settled()
    assert seen_by_agents(world, alice) == [("", ["a.txt"])]
    assert shown(device, said)[:2] == ("sent", None)


@pytest.mark.parametrize("cut", [True, False])
async def test_what_the_storage_lost_is_told_and_not_repeated(
    world: World, caplog: pytest.LogCaptureFixture, cut: bool
) -> None:
    runtime, alice = await world.start(), await world.person()
    device, _ = await world.talk(runtime, alice)
    world.sandbox.faults.set("blob_lost", method="POST", path="/messages", times=1, cut=cut)
    said = await send(runtime, alice, "a.txt")
    await world.settled()
    assert seen_by_agents(world, alice) == [("", ["a.txt"])]
    assert shown(device, said)[:2] == ("sent", DAMAGED)
    assert "perhaps not its files: of 15 bytes nothing is there" in caplog.text


class Slow(httpx.AsyncBaseTransport):
    """Files take until it is ``open``."""

    def __init__(self) -> None:
        self.waiting, self.open = 0, asyncio.Event()
        self._inner = httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("content-type", "").startswith("multipart/"):
            self.waiting += 1
            await self.open.wait()
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def test_what_has_no_files_does_not_wait_for_what_has(world: World) -> None:
    slow, people = Slow(), [await world.person() for _ in range(2 * places.AT_ONCE + 2)]
    patient = replace(QUICK, carrying=replace(QUICK.carrying, budget_ms=30_000, lease_ms=60_000))
    runtime = await world.start(timing=patient, transport=slow)
    for each in people:
        await send(runtime, each, "photo.txt")
    await eventually(lambda: slow.waiting == places.UPLOADS_AT_ONCE)
    last = await world.person()
    await last.say(runtime, "quick")
    await eventually(lambda: world.said(last) == ["quick"])
    assert slow.waiting == places.UPLOADS_AT_ONCE
    slow.open.set()
    await world.settled()
    assert slow.waiting == len(people)


class Lossy(httpx.AsyncBaseTransport):
    """Loses the answer to the first message with that file, and takes it for another's name or size in lists."""

    def __init__(self, old: bytes, new: bytes) -> None:
        self._old, self._new = old, new
        self._inner = httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        body = await response.aread()
        if request.method == "POST" and self._old in body:
            raise httpx.ReadError("cut")
        body = body.replace(self._old, self._new)
        headers = {name: value for name, value in response.headers.items() if name != "content-length"}
        return httpx.Response(response.status_code, headers=headers, stream=httpx.ByteStream(body))

    async def aclose(self) -> None:
        await self._inner.aclose()


@pytest.mark.parametrize(("old", "new"), [(b"mine.txt", b"hers.txt"), (b'"file_size":15', b'"file_size":16')])
async def test_equal_text_with_other_files_is_not_ours(world: World, old: bytes, new: bytes) -> None:
    patient = replace(QUICK, carrying=replace(QUICK.carrying, budget_ms=60_000))
    runtime, alice = await world.start(timing=patient, transport=Lossy(old, new)), await world.person()
    await world.talk(runtime, alice)
    world.sandbox.faults.set("broadcasts_stopped", drop=True)
    said = await send(runtime, alice, "mine.txt", text="look")
    await world.becomes(lambda: Message.objects.filter(echo_id=None, direction="incoming").exists())
    assert await world.ask(Message.objects.values_list("chatwoot_id", flat=True).get, id=said) is None


async def test_a_file_that_is_gone_from_the_disk_fails_in_words(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    device, _ = await world.talk(runtime, alice)
    world.sandbox.faults.set("down")
    said = await send(runtime, alice, "a.txt")
    for each in await world.ask(files.of, said):
        each.path.unlink()
    world.sandbox.faults.clear()
    await world.settled(failed=1)
    assert shown(device, said)[0] == "failed"
    assert await world.ask(lambda: Delivery.objects.get(message=said).reason) == "an uploaded file is gone"


def test_more_bytes_have_more_time_up_to_a_bound() -> None:
    timing = replace(QUICK.carrying, budget_ms=20_000, unfenced_ms=120_000)
    megabytes = {mb: timing.lasts_ms(fenced=True, size=mb * 1024 * 1024) for mb in (0, 1, 10, 20)}
    assert megabytes == {0: 20_000, 1: 24_000, 10: 60_000, 20: 80_000}
    assert timing.lasts_ms(fenced=False, size=1024 * 1024) == 124_000


def test_no_address_of_a_file_is_in_a_repr() -> None:
    assert "SECRET" not in repr(files.Upload(files.folder(), "a.txt", "text/plain", 3, "https://cw/SECRET"))
