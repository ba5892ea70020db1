"""Chatwoot's webhook comes in over a real socket, and brings what nobody here listens for."""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from django.test import AsyncClient, AsyncRequestFactory
from django.urls import include, path

from chat import webhooks
from chat.fields import UnknownKey
from chat.gate import Gate, unlimited
from chat.hints import MOST_WAITING, MOST_WISHES, Hints
from chat.limits import Buckets, Limits
from chat.mirror import Scope
from chat.models import ContactInbox, Inbox, Message, Notice, Webhook
from chat.reader import Reader
from chat.rules import Rules
from chat.webhooks import MOST_BYTES
from tests.eventually import eventually
from tests.fixtures.receiver import Call, Receiver
from tests.fixtures.stumbling import StumblingReader
from tests.fixtures.the_server import ROOT, Serving
from tests.fixtures.world import QUICK, Person, World

PAUSE_S = QUICK.comparing.pause_s


class Door:
    """Our address for Chatwoot's webhook: sockets in front of the view."""

    def __init__(self, world: World, receiver: Receiver, address: str) -> None:
        self.world, self.receiver, self.address = world, receiver, address
        self.client = AsyncClient()
        self.statuses: list[int] = []
        self.notices: list[dict[str, Any]] = []  # at /app, beside it
        receiver.act = self.pass_on

    async def pass_on(self, call: Call) -> int:
        if call.target == "/app":
            self.notices.append(call.json)
            return 200
        self.statuses.append((await self.post(call.target, call.body)).status_code)
        return self.statuses[-1]

    async def post(self, address: str, body: bytes) -> Any:
        return await self.client.post(address, body, content_type="application/json")

    async def took_all(self, told: bytes) -> None:
        """Until a hook with these words came, and all of them have been looked up."""
        await eventually(lambda: any(told in call.body for call in self.receiver.calls))
        await eventually(lambda: len(self.statuses) == len(self.receiver.calls))
        await eventually(lambda: not self.world.runtimes[0].hints.status().waiting)

    async def hint(self, body: Any) -> int:
        return int((await self.post(self.address, body if isinstance(body, bytes) else orjson.dumps(body))).status_code)


@pytest.fixture
async def door(world: World, receiver: Receiver, settings: Any) -> Door:
    """The sandbox's inbox knows it; a runtime stands behind it."""
    runtime = await world.start()

    class Addresses:
        urlpatterns = [*webhooks.urls(lambda: world.runtimes[0].hints, unlimited), path("", include("chat.urls"))]

    settings.ROOT_URLCONF = Addresses
    address = await world.ask(lambda: Inbox.objects.get(pk=world.inbox_id).renew_hook_secret())
    url = f"http://127.0.0.1:{receiver.port}{address}"
    sandbox, account = world.sandbox, f"/api/v1/accounts/{world.sandbox.world['account_id']}"
    await asyncio.to_thread(
        sandbox.http.patch,
        f"{account}/inboxes/{world.chatwoot_inbox.id}",
        json={"channel": {"webhook_url": url}},
        headers={"Api-Access-Token": sandbox.world["admin_token"]},
    )
    assert runtime.hints.status().hooks == 0
    return Door(world, receiver, address)


async def absent(world: World) -> tuple[Person, int]:
    """Somebody who has written once and left, and whom no process holds any more; the display id."""
    alice = await world.person()
    runtime = world.runtimes[0]
    device, talk = await world.talk(runtime, alice)
    runtime.conversations.depart(device)
    await world.start()
    await world.stop(runtime)
    return alice, talk


def has(text: str) -> Any:
    return Message.objects.filter(content=text).exists


def hook(talk: int, message: int | None = None, **values: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"event": "message_created", "id": message, "message_type": "outgoing", "private": False}
    if message is None:
        told = {"event": "message_updated", "private": False}
    return told | {"conversation": {"id": talk}} | values


async def reply(world: World, talk: int, text: str) -> dict[str, Any]:
    """Off the loop: the sandbox calls us while it answers."""
    return await asyncio.to_thread(world.sandbox.desk.reply, talk, text)


async def test_an_agents_reply_to_an_absent_visitor_is_fetched(world: World, door: Door) -> None:
    _, talk = await absent(world)
    assert not world.runtimes[0].upstreams.hubs()
    await reply(world, talk, "are you there?")
    await world.becomes(has("are you there?"))
    assert set(door.statuses) == {204}
    said = await asyncio.to_thread(world.sandbox.desk.messages, talk)
    assert {each["status"] for each in said} == {"sent"}  # no hook failed


async def test_an_agents_reply_to_an_absent_visitor_is_told_to_the_apps_server(
    world: World, door: Door, settings: Any
) -> None:
    settings.NOTICE_DELAY_S, settings.WEBHOOKS_INSIDE = 0.2, True
    alice, talk = await absent(world)
    url = f"http://127.0.0.1:{door.receiver.port}/app"
    await world.ask(lambda: Webhook.objects.create(inbox_id=world.inbox_id, url=url))
    await reply(world, talk, "are you there?")
    await eventually(lambda: door.notices)
    assert door.notices[0]["contact"]["id"] == str(alice.contact_id) and door.notices[0]["unread"] == 1
    await world.becomes(lambda: not Notice.objects.exists())
    assert len(door.notices) == 1


async def test_a_conversation_that_an_agent_begins_is_found_by_its_contact(world: World, door: Door) -> None:
    alice, _ = await absent(world)
    begun = await asyncio.to_thread(
        world.sandbox.desk.call,
        "POST",
        "/conversations",
        json={"source_id": alice.source_id, "inbox_id": world.chatwoot_inbox.id},
    )
    await reply(world, begun["id"], "something new")
    await world.becomes(has("something new"))


async def test_nothing_of_the_body_is_believed_or_logged(world: World, door: Door, logged: Any) -> None:
    _, talk = await absent(world)
    lie = hook(talk, 2**40, content="I was never said", sender={"name": "Nobody"}, secret="a-thing-of-the-body")
    assert await door.hint(lie) == 204
    await world.becomes(lambda: world.runtimes[0].resyncs.done == 1)
    assert await world.ask(Message.objects.filter(inbox=world.inbox_id).count) == 1
    assert "never said" not in logged.text and "a-thing-of-the-body" not in logged.text
    assert door.address.rpartition("/")[2] not in logged.text


async def test_what_came_by_cable_meanwhile_is_not_asked_for(world: World, door: Door) -> None:
    runtime, alice = world.runtimes[0], await world.person()
    device, talk = await world.talk(runtime, alice)
    await eventually(lambda: not runtime.hints.status().waiting)
    before = runtime.hints.status().wishes
    await reply(world, talk, "you are here")
    await eventually(lambda: "you are here" in device.texts())
    await door.took_all(b"you are here")
    await asyncio.to_thread(world.sandbox.desk.resolve, talk)
    await eventually(lambda: device.conversations[0]["status"] == "resolved")
    await door.took_all(b"conversation_status_changed")
    assert runtime.hints.status().wishes == before


async def test_a_message_that_the_cable_did_not_bring_is_asked_for(world: World, door: Door) -> None:
    """Though it carries this contact, as far as anybody knows; and something else has changed, too."""
    runtime, alice = world.runtimes[0], await world.person()
    _, talk = await world.talk(runtime, alice)
    await eventually(lambda: not runtime.hints.status().waiting)
    before = runtime.hints.status().wishes
    for body in (hook(talk, 2**40), hook(talk)):
        await door.hint(body)
    await eventually(lambda: not runtime.hints.status().waiting)
    assert runtime.hints.status().wishes == before + 1


async def test_what_a_process_could_not_compare_before_it_stopped_another_one_does(world: World, door: Door) -> None:
    _, talk = await absent(world)
    first = world.runtimes[0]
    world.sandbox.faults.set("down")
    await door.hint(hook(talk, 2**40))
    await world.becomes(ContactInbox.objects.filter(hinted_at__gt=0).exists)
    await world.start(timing=replace(QUICK, read_rows_s=0.2, left_hints_s=0.1))
    await world.stop(first)
    world.sandbox.faults.clear()
    await world.becomes(lambda: not ContactInbox.objects.filter(hinted_at__gt=0).exists())
    assert world.runtimes[0].resyncs.done


async def test_what_was_hinted_at_just_before_the_stop_is_left_to_others(world: World, door: Door) -> None:
    _, talk = await absent(world)
    runtime = world.runtimes[0]
    patient = Hints(runtime.reader, runtime.resyncs, lambda _: False, gather_s=3600)
    patient._note(world.inbox_id, orjson.dumps(hook(talk, 2**40)))
    await asyncio.sleep(0)  # it has begun to gather
    await patient.close()
    await world.becomes(ContactInbox.objects.filter(hinted_at__gt=0).exists)


async def test_t54_a_hint_that_cannot_be_looked_up_keeps_no_later_one_waiting(world: World, logged: Any) -> None:
    runtime, reader = await world.start(), StumblingReader(UnknownKey("ContactInbox.source_id"))
    hints = Hints(reader, runtime.resyncs, lambda _: False, gather_s=0)
    for talk in (1, 2):
        hints._note(world.inbox_id, orjson.dumps(hook(talk)))
        await eventually(lambda: not hints.status().waiting)
    assert logged.text.count("1 hints could not be looked up") == 1 and not reader.failures
    await hints.close()
    await reader.stop()


async def test_t58_hints_leave_room_for_the_wishes_of_those_who_are_here(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    hints = Hints(runtime.reader, runtime.resyncs, lambda _: False, gather_s=0)
    later = {"source_id": "", "inbox_id": world.inbox_id, "chatwoot_inbox_id": None, "contact_id": alice.contact_id}
    for number in range(MOST_WISHES + 10):
        hints._marked[-number] = 2**62
    hints._want(Scope(contact_inbox_id=1, **later), 1)
    assert hints.status().wishes == 0
    await hints.sweep()
    assert len(hints._marked) == MOST_WISHES + 10


async def test_a_hint_of_somebody_unknown_asks_nothing(world: World, door: Door) -> None:
    await absent(world)
    world.sandbox.reset_stats()
    session = {"contact_id": 987_654, "source_id": "somebody-else"}
    assert await door.hint(hook(987_654, 1) | {"conversation": {"id": 987_654, "contact_inbox": session}}) == 204
    await eventually(lambda: not world.runtimes[0].hints.status().waiting)
    assert world.runtimes[0].hints.status().wishes == 0


async def test_a_source_id_that_is_not_ours_is_not_taken_for_the_contacts(world: World, door: Door) -> None:
    alice, _ = await absent(world)
    known = await world.ask(
        ContactInbox.objects.values_list("chatwoot_contact_id", flat=True).get, pk=alice.contact_inbox_id
    )
    session = {"contact_id": known, "source_id": "of-another-session"}
    await door.hint(hook(987_655) | {"conversation": {"id": 987_655, "contact_inbox": session}})
    await eventually(lambda: not world.runtimes[0].hints.status().waiting)
    assert world.runtimes[0].hints.status().wishes == 0


async def test_t58_a_flood_of_hooks_costs_one_list_in_each_pause(world: World, door: Door) -> None:
    _, talk = await absent(world)
    runtime = world.runtimes[0]
    world.sandbox.reset_stats()
    began = time.monotonic()
    for round_ in range(10):
        await asyncio.gather(*(door.hint(hook(talk, 2**30 + 20 * round_ + each)) for each in range(20)))
    await eventually(lambda: not runtime.hints.status().waiting and runtime.resyncs.done)
    await asyncio.sleep(2 * PAUSE_S)  # what waits for its turn still comes
    pauses = (time.monotonic() - began) / PAUSE_S
    assert 1 <= world.sandbox.stats()["areas"]["client"] <= pauses + 1
    assert runtime.hints.status().hooks >= 200


async def test_t58_what_waits_is_bounded(world: World) -> None:
    runtime = await world.start()
    never = Hints(runtime.reader, runtime.resyncs, lambda _: False, gather_s=3600)
    for talk in range(1, MOST_WAITING + 100):
        never._note(world.inbox_id, orjson.dumps(hook(talk, 1)))
    assert never.status().waiting == MOST_WAITING and never.status().dropped == 99
    await never.close()


LONG = orjson.dumps(hook(1, content="x" * MOST_BYTES))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[" * 200_000,
        b"\xff\xfe\x00",
        b'"' + b"x" * MOST_BYTES + b'"',
        b"x" * (3 * MOST_BYTES),
        LONG,
    ],
    ids=["empty", "cut", "null", "deep", "no text", "long", "giant", "right but long"],
)
async def test_t54_a_malicious_body_is_answered_at_once_and_forgotten(world: World, door: Door, body: bytes) -> None:
    assert await door.hint(body) == 204
    status = world.runtimes[0].hints.status()
    assert (status.unreadable, status.wishes) == (1, 0) and not world.runtimes[0].hints.status().waiting
    assert await door.hint(hook(987_656)) == 204  # and the next one is taken


async def test_t42_a_wrong_address_looks_the_same_whatever_is_wrong(world: World, door: Door, logged: Any) -> None:
    secret, slug = door.address.rpartition("/")[2], door.address.split("/")[3]
    wrong = [
        f"/hooks/chatwoot/{slug}/{secret}x",
        f"/hooks/chatwoot/{slug}/{secret[:-1]}",
        f"/hooks/chatwoot/other/{secret}",
        f"/hooks/chatwoot/{slug}/..%2F{slug}%2F{secret}",
        f"/hooks/chatwoot/{slug}%0d%0aX: 1/{secret}",
        f"/hooks/chatwoot/{slug}%00/{secret}",
        f"/hooks/chatwoot/{slug}/%FF%FE",
        f"/hooks/chatwoot/{slug}/",
        f"/hooks/chatwoot/{slug}",
        f"/hooks/{secret}",
        f"/hooks/%0a{secret}",
        "/hooks/",
    ]
    answers = [await door.post(address, orjson.dumps(hook(1))) for address in wrong]
    answers.append(await door.client.get(door.address))
    assert {(each.status_code, each.content) for each in answers} == {(404, answers[0].content)}
    assert answers[0].json()["error"]["code"] == "not_found"
    assert secret not in logged.text and world.runtimes[0].hints.status().hooks == 0


async def test_an_inbox_without_a_secret_has_no_address(world: World, door: Door) -> None:
    await world.ask(lambda: Inbox.objects.filter(pk=world.inbox_id).update(hook_secret=""))
    slug = door.address.split("/")[3]
    assert [(await door.post(f"/hooks/chatwoot/{slug}/{each}", b"{}")).status_code for each in ("None", "x")] == [
        404,
        404,
    ]


async def test_a_new_secret_replaces_the_former(world: World, door: Door) -> None:
    former = door.address
    door.address = await world.ask(lambda: Inbox.objects.get(pk=world.inbox_id).renew_hook_secret())
    assert (await door.post(former, b"{}")).status_code == 404
    assert await door.hint(b"{}") == 204


async def test_a_database_that_does_not_answer_makes_no_message_look_failed(world: World, logged: Any) -> None:
    runtime, reader = await world.start(), Reader(threads=1)
    await reader.stop()
    hints = Hints(reader, runtime.resyncs, lambda _: False, gather_s=0)
    assert await hints.take("main-0", "any", lambda: b"{}")
    assert "hooks cannot be checked" in logged.text


class OneSecret:
    """Hints that know an address, and count how often they were asked for one."""

    def __init__(self) -> None:
        self.asked = 0

    async def take(self, slug: str, secret: str, read: Any) -> bool:
        self.asked += 1
        return secret == "right"


async def hooked(gate: Gate, hints: Any, secret: str, *, times: int, peer: str = "192.0.2.7") -> Counter[int]:
    """How often which status was answered."""
    chatwoot, _ = webhooks.urls(lambda: hints, lambda: gate)
    request = AsyncRequestFactory().post("/hooks/", b"{}", content_type="application/json")
    request.META["REMOTE_ADDR"] = peer
    answers = [await chatwoot.callback(request, "main", secret) for _ in range(times)]
    return Counter(each.status_code for each in answers)


async def test_what_comes_faster_than_chatwoot_can_be_is_forgotten_and_never_refused() -> None:
    still = Buckets(monotonic=lambda: 0.0)
    gate, hints = Gate(limits=Limits.of({}), buckets=still), OneSecret()
    assert await hooked(gate, hints, "right", times=7_000) == {204: 7_000}
    assert hints.asked == 6_000, "a burst of half a minute at the fullest speed"
    assert await hooked(gate, hints, "right", times=1, peer="192.0.2.8") == {204: 1}
    assert hints.asked == 6_001


async def test_after_many_wrong_hooks_an_address_is_looked_up_no_more(caplog: Any) -> None:
    """What comes from it is forgotten, right or wrong, and makes no message look failed."""
    gate, hints = Gate(limits=Limits.of({}), read=no_rules, buckets=Buckets(monotonic=lambda: 0.0)), OneSecret()
    assert await hooked(gate, hints, "right", times=30) == {204: 30}
    assert await hooked(gate, hints, "wrong", times=30) == {404: 10, 204: 20}
    assert await hooked(gate, hints, "right", times=30) == {204: 30}
    assert hints.asked == 40
    assert await hooked(gate, hints, "wrong", times=1, peer="192.0.2.8") == {404: 1}
    await gate.renew()
    assert "50 by wrong_hooks (192.0.2.7)" in caplog.text


async def no_rules() -> Rules:
    return Rules()


def test_chatwoot_is_one_address_and_no_limit_of_an_address_counts_its_hooks(migrated: Path) -> None:
    serving = Serving(migrated, LIMITS="address_calls=2/h")
    with serving.running():
        address = serving.site + new_hook(serving)
        answers = [httpx.post(address, content=b"{}", trust_env=False).status_code for _ in range(20)]
        calls = [serving.get("/api/v1/inbox/main").status_code for _ in range(3)]
    assert (answers, calls) == ([204] * 20, [200, 200, 429])


def test_a_served_address_answers_at_once_and_its_secret_stays_out_of_the_log(migrated: Path) -> None:
    """Daphne, at DEBUG; the body is beyond every bound."""
    serving = Serving(migrated, LOG_LEVEL="DEBUG")
    with serving.running():
        address = serving.site + new_hook(serving)
        answers = [httpx.post(address, content=body, trust_env=False) for body in (b"{}", b"x" * 30_000_000)]
        assert [(answer.status_code, answer.content) for answer in answers] == [(204, b""), (204, b"")]
        wrong = httpx.post(address + "x", content=b"{}", trust_env=False)
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (404, "not_found")
        serving.process.terminate()
        said = serving.said()
    assert address.rpartition("/")[2] not in said and "could not be read" in said


def new_hook(serving: Serving) -> str:
    renew = "from chat.models import Inbox; print(Inbox.objects.get().renew_hook_secret())"
    command = [sys.executable, str(ROOT / "manage.py"), "shell", "--no-imports", "--command", renew]
    return subprocess.run(command, env=serving.env, check=True, capture_output=True, text=True).stdout.strip()
