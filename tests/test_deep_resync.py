"""A long history is compared, too: what is new at once, the rest soon after."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest

from chat import sql
from chat.budget import Urgency
from chat.chatwoot.transport import AnswerTooBig
from chat.comparing import MANY
from chat.models import ContactInbox, Conversation, Inbox, Message
from chat.resync import Timing
from chat.runtime import Runtime
from tests.eventually import eventually
from tests.fixtures.fake_hub import CountingChatwoot, answer
from tests.fixtures.world import QUICK, Device, Person, World

LONG = 300
SELDOM = replace(QUICK, comparing=Timing(pause_s=0.3, walk_s=600))


def reply_often(world: World, talk: int, number: int) -> list[dict[str, Any]]:
    """So many replies of the agent, written in the past: Chatwoot takes 200 in a minute."""

    def replies() -> Iterator[dict[str, Any]]:
        for n in range(number):
            if n % 150 == 0:
                world.sandbox.settings(skew_s=n - 2 * number - 120)
            yield world.sandbox.desk.reply(talk, f"reply {n}")
        world.sandbox.settings(skew_s=0)

    return list(replies())


async def long_talk(world: World, runtime: Runtime, person: Person) -> tuple[Device, int, list[dict[str, Any]]]:
    """A visitor with more messages than the index is asked for at every gap; and the replies among them."""
    device, talk = await world.talk(runtime, person)
    replies = await asyncio.to_thread(reply_often, world, talk, LONG - 1)
    await eventually(lambda: len(device.messages) == LONG, within_s=60)
    return device, talk, replies


def verified(upto: int) -> None:
    """Everything up to this id was compared just now: no walk over everything will help."""
    Conversation.objects.update(verified_id=upto)
    ContactInbox.objects.update(walked_at=sql.database_now())


async def cut(world: World, runtime: Runtime) -> None:
    world.sandbox.faults.set("cable_refuse")
    world.sandbox.faults.set("cable_cut")
    await eventually(lambda: not any(hub.status().sockets for hub in runtime.upstreams.hubs()))


def begin(world: World, person: Person, text: str) -> None:
    """By the agent."""
    body = {"source_id": person.source_id, "inbox_id": world.chatwoot_inbox.id}
    world.sandbox.desk.reply(world.sandbox.desk.call("POST", "/conversations", json=body)["id"], text)


def page_reads(world: World) -> int:
    routes = world.sandbox.stats()["routes"]
    return sum(times for name, times in routes.items() if name.startswith("GET") and name.endswith("/messages"))


async def test_what_happened_in_a_gap_arrives_where_300_messages_are_known(world: World) -> None:
    runtime, alice, desk = await world.start(), await world.person(), world.sandbox.desk
    device, talk, replies = await long_talk(world, runtime, alice)
    await cut(world, runtime)
    desk.delete(talk, replies[3]["id"])  # the fifth of all
    begin(world, alice, "something else")
    desk.reply(talk, "the latest")
    desk.resolve(talk)
    world.sandbox.faults.clear()
    await eventually(lambda: {"the latest", "something else"} <= set(device.texts()), within_s=60)
    await eventually(lambda: any(row["deleted"] for row in device.messages), within_s=60)
    await eventually(lambda: {row["status"] for row in device.conversations} == {"resolved", "open"}, within_s=60)
    (deleted,) = [row for row in device.messages if row["deleted"]]
    assert device.messages.index(deleted) == 4
    kept = await world.ask(lambda: Message.objects.get(chatwoot_id=replies[3]["id"]).content)
    assert kept == ""
    assert runtime.resyncs.walked >= 1


async def test_the_newest_is_there_at_once_and_read_in_few_pages(world: World) -> None:
    runtime, alice = await world.start(timing=SELDOM), await world.person()
    device, talk, _ = await long_talk(world, runtime, alice)
    await cut(world, runtime)
    await asyncio.to_thread(reply_often, world, talk, 45)
    world.sandbox.faults.clear()
    await eventually(lambda: len(device.messages) == LONG + 45, within_s=60)
    await eventually(lambda: runtime.resyncs.walked == 1, within_s=60)  # verified
    await world.becomes(lambda: Conversation.objects.get().verified_id > 0)
    done = runtime.resyncs.done
    await cut(world, runtime)
    world.sandbox.desk.reply(talk, "one more")
    world.sandbox.reset_stats()
    world.sandbox.faults.clear()
    await eventually(lambda: "one more" in device.texts(), within_s=60)
    await eventually(lambda: runtime.resyncs.done > done)
    assert 1 <= page_reads(world) <= 3 * (runtime.resyncs.done - done)
    assert runtime.resyncs.walked == 1  # not again within its pause


async def test_a_page_whose_lowest_id_is_out_of_time_hides_nothing(world: World) -> None:
    """Pages go by time: a cursor at the lowest id of a page would jump over all that is between."""
    runtime, alice = await world.start(timing=SELDOM), await world.person()
    device, talk = await world.talk(runtime, alice)
    world.sandbox.settings(skew_s=-150)
    world.sandbox.desk.reply(talk, "dated later than what follows")
    await asyncio.to_thread(reply_often, world, talk, LONG)
    await eventually(lambda: len(device.messages) == LONG + 2, within_s=60)
    await world.ask(verified, 2**40)
    await cut(world, runtime)
    await asyncio.to_thread(reply_often, world, talk, 45)
    world.sandbox.faults.clear()
    await eventually(lambda: len(device.messages) == LONG + 47, within_s=20)


async def test_what_was_committed_out_of_order_around_a_gap_is_found(world: World) -> None:
    """A row below the newest that we know: a cursor that goes on from the newest would never see it."""
    runtime, alice = await world.start(timing=SELDOM), await world.person()
    device, _, replies = await long_talk(world, runtime, alice)
    await world.ask(verified, replies[-30]["id"])
    missed = [replies[-at]["id"] for at in (2, 5, 11)]
    await world.ask(lambda: Message.objects.filter(chatwoot_id__in=missed).delete())
    await runtime.resyncs.run(alice.scope, urgency=Urgency.REST)
    assert await world.ask(lambda: Message.objects.filter(chatwoot_id__in=missed).count()) == 3
    assert len(device.messages) == LONG + 3  # told anew


class Narrow(httpx.AsyncBaseTransport):
    """Lists of these paths, by their ends, are beyond our bounds."""

    def __init__(self, *ends: str) -> None:
        self.ends = ends
        self.refused = 0
        self._inner = httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and request.url.path.endswith(self.ends):
            self.refused += 1
            raise AnswerTooBig("the answer is too big")
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


class Garbled(Narrow):
    """The oldest sixteen of each page of messages tell no id."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        if request.method == "POST" or not request.url.path.endswith("/messages"):
            return response
        rows = orjson.loads(await response.aread())
        return httpx.Response(200, json=[*({**row, "id": None} for row in rows[:16]), *rows[16:]])


async def test_a_page_of_which_hardly_anything_can_be_read_is_not_the_last(world: World) -> None:
    runtime, alice = await world.start(timing=SELDOM), await world.person()
    _, talk, _ = await long_talk(world, runtime, alice)
    await world.stop(runtime)
    await world.ask(verified, 0)
    runtime = await world.start(timing=SELDOM, transport=Garbled("/conversations", f"/conversations/{talk}"))
    await runtime.resyncs.run(alice.scope, urgency=Urgency.REST)
    assert await world.ask(lambda: Conversation.objects.get().verified_id) == 0


async def test_where_the_index_is_too_big_each_conversation_is_asked_for(world: World) -> None:
    narrow = Narrow("/conversations")
    runtime, alice = await world.start(transport=narrow), await world.person()
    device, talk, replies = await long_talk(world, runtime, alice)
    await cut(world, runtime)
    world.sandbox.desk.delete(talk, replies[3]["id"])
    world.sandbox.desk.resolve(talk)
    world.sandbox.faults.clear()
    await eventually(lambda: any(row["deleted"] for row in device.messages), within_s=60)
    await eventually(lambda: device.conversations[0]["status"] == "resolved", within_s=60)
    before = narrow.refused
    await runtime.resyncs.run(alice.scope, urgency=Urgency.REST, whole=True)
    assert narrow.refused == before  # it is remembered


async def test_where_few_messages_make_an_index_that_is_too_big_what_is_new_is_found_all_the_same(world: World) -> None:
    narrow = Narrow("/conversations")
    runtime, alice = await world.start(transport=narrow), await world.person()
    device, talk = await world.talk(runtime, alice)
    await cut(world, runtime)
    world.sandbox.desk.reply(talk, "the latest")
    world.sandbox.desk.resolve(talk)
    world.sandbox.faults.clear()
    await eventually(lambda: "the latest" in device.texts())
    await eventually(lambda: device.conversations[0]["status"] == "resolved")
    before = narrow.refused
    await runtime.resyncs.run(alice.scope, urgency=Urgency.REST)
    assert before >= 1 and narrow.refused == before  # it is remembered


async def test_where_even_the_conversation_is_too_big_its_pages_are_walked(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    device, talk, replies = await long_talk(world, runtime, alice)
    narrow = Narrow("/conversations", f"/conversations/{talk}")
    await world.stop(runtime)
    world.sandbox.desk.delete(talk, replies[3]["id"])
    runtime = await world.start(transport=narrow)
    device = alice.device()
    runtime.conversations.arrive(device, visible=True)
    await world.becomes(lambda: Message.objects.filter(deleted=True).exists())
    assert await world.ask(lambda: Message.objects.get(deleted=True).chatwoot_id) == replies[3]["id"]


async def test_a_walk_over_everything_is_made_once_in_its_pause_over_two_processes(world: World) -> None:
    alice, chatwoot = await world.person(pubsub_token="known"), CountingChatwoot()
    await world.ask(fill, alice)
    runtimes = [await world.start(timing=SELDOM, chatwoot=chatwoot) for _ in range(2)]
    for runtime in runtimes:
        for _ in range(3):
            await runtime.resyncs.run(alice.scope, urgency=Urgency.VISIBLE)
    await eventually(lambda: sum(each.resyncs.walked for each in runtimes) == 1)
    await asyncio.sleep(0.5)
    assert sum(each.resyncs.walked for each in runtimes) == 1


async def test_a_long_history_without_a_conversation_at_chatwoot_is_nothing_to_walk(world: World) -> None:
    alice, chatwoot = await world.person(pubsub_token="known"), CountingChatwoot(answers=[answer([])])
    await world.ask(fill, alice)
    await world.ask(Conversation.objects.update, chatwoot_id=None)
    runtime = await world.start(timing=SELDOM, chatwoot=chatwoot)
    assert await runtime.resyncs.run(alice.scope, urgency=Urgency.REST)


def owned_by(person: Person) -> dict[str, Any]:
    """Of a conversation at their only inbox."""
    return {
        "contact_id": person.contact_id,
        "contact_inbox_id": person.contact_inbox_id,
        "inbox_id": person.inbox_id,
    }


def fill(person: Person) -> None:
    owner = {"contact_id": person.contact_id, "inbox_id": person.inbox_id}
    talk = Conversation.objects.create(**owned_by(person), chatwoot_id=5, created_at=1, seq=1)
    Message.objects.bulk_create(
        Message(**owner, conversation=talk, chatwoot_id=n, direction="outgoing", at=n, seq=n) for n in range(MANY + 1)
    )


class HalfDeleted(CountingChatwoot):
    """An administrator has deleted conversation 6, but not 5; the index is beyond our bounds."""

    async def _answer_counted(self, request: httpx.Request) -> httpx.Response:
        latest = {"id": 999, "message_type": 1, "conversation_id": 5, "created_at": 1_700_000_000, "content": "latest"}
        if request.url.path.endswith("/conversations"):
            raise AnswerTooBig("the answer is too big")
        if "/conversations/6" in request.url.path:
            return answer({"error": "Resource could not be found"}, 404)
        if request.url.path.endswith("/messages"):
            return answer([latest])
        return answer({"id": 5, "inbox_id": 7, "status": "open", "messages": [latest]})


@pytest.mark.parametrize("whole", [False, True])
async def test_a_conversation_that_was_deleted_at_chatwoot_hides_no_other(world: World, whole: bool) -> None:
    alice = await world.person(pubsub_token="known")
    await world.ask(fill, alice)
    await world.ask(lambda: Conversation.objects.create(**owned_by(alice), chatwoot_id=6, created_at=2, seq=2))
    await world.ask(Inbox.objects.update, chatwoot_inbox_id=7)
    runtime = await world.start(timing=SELDOM, chatwoot=HalfDeleted())
    assert await runtime.resyncs.run(alice.scope, urgency=Urgency.REST, whole=whole)
    assert await world.ask(lambda: Message.objects.get(chatwoot_id=999).content) == "latest"


async def test_more_than_a_thousand_changed_rows_come_as_a_new_start(world: World) -> None:
    listed = {"message_type": 1, "conversation_id": 5, "created_at": 1_700_000_000}
    messages = [listed | {"id": n, "content": f"reply {n}"} for n in range(1_050)]
    talk = {"id": 5, "inbox_id": 7, "status": "open", "messages": messages}
    alice, chatwoot = await world.person(pubsub_token="known"), CountingChatwoot(answers=[answer([talk])])
    await world.ask(Inbox.objects.update, chatwoot_inbox_id=7)
    runtime = await world.start(chatwoot=chatwoot)
    start = await runtime.conversations.read(alice.contact_id, since=None)
    await runtime.resyncs.run(alice.scope, urgency=Urgency.REST)
    page = await runtime.conversations.read(alice.contact_id, since=str(start.cursor))
    assert page.reset == "far"
    device = alice.device()
    device.take(page.rows)
    assert device.texts()[-1] == "reply 1049"
