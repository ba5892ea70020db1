"""A visitor and an agent talk, through everything between them but a browser."""

import asyncio
import uuid

import pytest
from django.db import transaction

from chat import sessions
from chat.budget import Urgency
from chat.conversations import Conversations
from chat.downloads import Downloads
from chat.models import Contact, Conversation, Delivery, Inbox, Message
from chat.wire.errors import Code, Refusal
from chat.writer import WriterFull
from tests.eventually import eventually
from tests.fixtures.sandbox import SandboxProcess
from tests.fixtures.stumbling import FULL, LOST, StumblingReader, StumblingWriter
from tests.fixtures.world import Device, MakeWorld, Turnstile, World
from tests.sandbox.visitor import Socket

CLIENT_API = "POST /public/api/v1/inboxes/:identifier/contacts"


async def posts(world: World) -> list[int]:
    """How often contact, conversation and message were posted for visitors; a canary is nobody."""
    canaries = Inbox.objects.filter(pk=world.inbox_id).values_list("canary_source_id", "canary_token")
    while True:  # one may come into being meanwhile
        source_id, token = before = await world.ask(canaries.get)
        routes = world.sandbox.stats()["routes"]
        if bool(source_id) == bool(token) and before == await world.ask(canaries.get):
            break
        await asyncio.sleep(0.01)
    below = ("", "/:source_id/conversations", "/:source_id/conversations/:conversation_id/messages")
    contacts, *others = (routes.get(CLIENT_API + path, 0) for path in below)
    return [contacts - bool(source_id), *others]


# Visitor to agent


async def test_the_first_message_makes_contact_conversation_and_message_once(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    device, _ = await world.talk(runtime, alice, "hello there")
    assert world.said() == ["hello there"]
    assert len(world.conversations()) == 1
    assert await posts(world) == [1, 1, 1]
    assert await world.deliveries() == [("contact", "sent", 1), ("conversation", "sent", 1), ("message", "sent", 1)]
    assert device.states() == ["sent"]


async def test_a_message_begins_a_conversation_by_its_key_and_the_next_goes_there(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    _, first = await world.talk(runtime, alice, "my order")
    key = uuid.uuid4()
    begun = await alice.say(runtime, "something else", begins=key)
    again = await alice.say(runtime, "and more of it", begins=key)
    assert begun.conversation_id == again.conversation_id
    await world.settled()
    rows = {row["id"]: [each["content"] for each in row["messages"]] for row in world.conversations(alice)}
    assert rows.pop(first) == ["my order"]
    assert list(rows.values()) == [["something else", "and more of it"]]


async def test_a_thousand_sessions_without_a_message_ask_nothing_of_chatwoot(world: World) -> None:
    def open_sessions() -> list[Device]:
        inbox = Inbox.objects.get(pk=world.inbox_id)
        with transaction.atomic():
            opened = [sessions.open_anonymous(inbox).session for _ in range(1_000)]
        return [Device(session.contact_id, session.pk) for session in opened]

    devices = await world.ask(open_sessions)
    runtime = await world.start()
    for device in devices:
        runtime.conversations.arrive(device, visible=True)
    await eventually(lambda: all(len(device.heads) >= 2 for device in devices))  # heads were compared twice
    assert not any(task.get_name().startswith("hold") for task in asyncio.all_tasks())  # one query serves them all
    assert not any(device.is_revoked for device in devices)
    stats = world.sandbox.stats()
    assert (stats["areas"]["client"], stats["cable"]["connections"]) == (0, 0)
    assert await world.ask(Contact.objects.count) == 1_000


async def test_the_same_echo_id_twenty_times_at_once_is_one_message(world: World) -> None:
    runtime, alice, echo_id = await world.start(), await world.person(), uuid.uuid4()
    answers = await asyncio.gather(*(alice.say(runtime, "only once", echo_id=echo_id) for _ in range(20)))
    await world.settled()
    assert len({answer.message_id for answer in answers}) == 1
    assert sorted(answer.replayed for answer in answers) == [False] + [True] * 19
    assert world.said() == ["only once"]
    assert await posts(world) == [1, 1, 1]


async def test_an_echo_id_of_another_text_is_refused(world: World) -> None:
    runtime, alice, echo_id = await world.start(), await world.person(), uuid.uuid4()
    await alice.say(runtime, "the first", echo_id=echo_id)
    with pytest.raises(Refusal) as refused:
        await alice.say(runtime, "the second", echo_id=echo_id)
    assert refused.value.code == Code.ECHO_ID_MISMATCH
    await world.settled()
    assert world.said() == ["the first"]


async def test_five_messages_at_once_arrive_in_the_order_of_acceptance(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    device = alice.device()
    runtime.conversations.arrive(device, visible=True)
    await asyncio.gather(*(alice.say(runtime, f"number {each}") for each in range(5)))
    await world.settled()
    assert world.said() == device.texts() == [f"number {each}" for each in range(5)]
    assert len(world.conversations()) == 1


async def test_visitors_do_not_wait_for_each_other(world: World) -> None:
    runtime = await world.start()
    people = [await world.person() for _ in range(12)]
    await asyncio.gather(*(each.say(runtime, f"line {n}") for n in range(3) for each in people))
    await world.settled()
    assert all(world.said(each) == ["line 0", "line 1", "line 2"] for each in people)


async def test_somebody_elses_conversation_looks_like_none(world: World) -> None:
    runtime, alice, bob = await world.start(), await world.person(), await world.person()
    accepted = await alice.say(runtime, "mine alone")
    message = {"conversation_id": accepted.conversation_id, "message_id": accepted.message_id}
    with pytest.raises(Refusal) as refused:
        await bob.say(runtime, "not yours", conversation_id=accepted.conversation_id)
    with pytest.raises(Refusal):
        await runtime.conversations.seen(bob.contact_id, **message)
    with pytest.raises(Refusal):
        await runtime.conversations.history(bob.contact_id, conversation_id=accepted.conversation_id, before=None)
    assert refused.value.code == Code.NO_SUCH_CONVERSATION
    await world.settled()
    assert world.said() == ["mine alone"]


async def test_writing_reopens_what_the_agent_resolved(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    device, talk = await world.talk(runtime, alice)
    world.sandbox.desk.resolve(talk)
    await eventually(lambda: device.conversations[0]["status"] == "resolved")
    await alice.say(runtime, "one more thing")
    await eventually(lambda: device.conversations[0]["status"] == "open")
    assert len(world.conversations()) == 1


async def test_what_the_visitor_has_seen_and_types_reaches_chatwoot(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    device, talk = await world.talk(runtime, alice)
    world.sandbox.desk.reply(talk, "look at this")
    await eventually(lambda: "look at this" in device.texts())
    ours = {"conversation_id": uuid.UUID(device.conversations[0]["id"])}
    await runtime.conversations.seen(alice.contact_id, message_id=uuid.UUID(device.messages[-1]["id"]), **ours)
    await runtime.conversations.typing(alice.contact_id, on=True, **ours)
    await world.settled()
    assert device.conversations[0]["contact_seen"] == device.messages[-1]["at"]

    def told(end: str) -> bool:
        return any(name.endswith(end) and times == 1 for name, times in world.sandbox.stats()["routes"].items())

    await eventually(lambda: told("/update_last_seen") and told("/toggle_typing"))


# Agent to visitor


async def test_what_an_agent_does_reaches_the_visitor(world: World) -> None:
    runtime, alice, desk = await world.start(), await world.person(), world.sandbox.desk
    device, talk = await world.talk(runtime, alice)
    desk.typing(talk)
    shown = {"type": "typing", "conversation": device.conversations[0]["id"], "name": "Gus Agent", "on": True}
    await eventually(lambda: shown in device.frames)
    reply = desk.reply(talk, "I will **look** into it")
    await eventually(lambda: device.texts("outgoing") == ["I will look into it"])
    desk.seen(talk)  # Chatwoot tells nobody; the next event of the conversation brings it
    desk.delete(talk, reply["id"])
    await eventually(lambda: device.messages[-1]["deleted"])
    assert device.texts() == ["hello", ""]
    desk.resolve(talk)
    await eventually(lambda: device.conversations[0]["status"] == "resolved")
    assert device.conversations[0]["agent_seen"] > 0


async def test_a_private_note_never_leaves(world: World) -> None:
    runtime, alice, desk = await world.start(), await world.person(), world.sandbox.desk
    device, talk = await world.talk(runtime, alice)
    desk.typing(talk, private=True)
    desk.private_note(talk, "between us agents")
    desk.reply(talk, "in public")
    await eventually(lambda: "in public" in device.texts())
    before = runtime.resyncs.done
    runtime.resyncs.want(alice.scope, urgency=Urgency.VISIBLE)
    await eventually(lambda: runtime.resyncs.done > before)
    page = await runtime.conversations.read(alice.contact_id, since=None)
    device.take(page.rows)
    assert b"between us" not in device.heard
    assert b'"typing"' not in device.heard
    assert not await world.ask(Message.objects.filter(content__contains="between us").exists)


async def test_presence_of_agents_reaches_the_visitor(world: World) -> None:
    runtime, alice, told = await world.start(), await world.person(), world.sandbox.world
    async with Socket(world.sandbox.cable_url) as agent:
        who = f'"account_id":{told["account_id"]},"user_id":{told["agent_id"]}'
        await agent.subscribe(f'{{"channel":"RoomChannel","pubsub_token":"{told["agent_pubsub_token"]}",{who}}}')
        device, _ = await world.talk(runtime, alice)
        await eventually(lambda: {"type": "presence", "online": True} in device.frames)
    await eventually(lambda: world.sandbox.stats()["cable"]["update_presence"] > 0)


async def test_nobody_hears_what_is_meant_for_another(world: World) -> None:
    runtime, alice, bob, desk = await world.start(), await world.person(), await world.person(), world.sandbox.desk
    alices, talk = await world.talk(runtime, alice, "this is alice")
    bobs, other = await world.talk(runtime, bob, "this is bob")
    desk.typing(talk)
    desk.reply(talk, "dear alice")
    desk.reply(other, "dear bob")
    await eventually(lambda: "dear alice" in alices.texts() and "dear bob" in bobs.texts())
    assert b"alice" not in bobs.heard and b'"typing"' not in bobs.heard
    assert b"bob" not in alices.heard


async def test_every_device_of_a_visitor_hears_the_same(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    first, talk = await world.talk(runtime, alice)
    second = alice.device()
    runtime.conversations.arrive(second, visible=False)
    second.take((await runtime.conversations.read(alice.contact_id, since=None)).rows)
    world.sandbox.desk.reply(talk, "to all of you")
    await alice.say(runtime, "from the first")
    await eventually(lambda: len(first.messages) == len(second.messages) == 3)
    await world.settled()
    assert first.rows == second.rows


async def test_a_conversation_that_an_agent_begins_arrives(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    device, _ = await world.talk(runtime, alice)
    body = {"source_id": alice.source_id, "inbox_id": world.chatwoot_inbox.id}
    begun = world.sandbox.desk.call("POST", "/conversations", json=body)
    world.sandbox.desk.reply(begun["id"], "we found your parcel")
    await eventually(lambda: "we found your parcel" in device.texts())
    assert len(device.conversations) == 2
    page = await runtime.conversations.read(alice.contact_id, since=None)
    assert sum(row.kind == "conversation" for row in page.rows) == 2


async def test_deleted_words_are_gone_from_our_database_too(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    device, talk = await world.talk(runtime, alice, "my secret number")
    world.sandbox.desk.delete(talk, world.conversations()[0]["messages"][0]["id"])
    await eventually(lambda: device.messages[0]["deleted"])
    assert await world.ask(lambda: Message.objects.get().content) == ""
    assert await world.ask(lambda: Conversation.objects.get().chatwoot_id) == talk
    assert await world.ask(Delivery.objects.count) == 3


async def test_a_greeting_stands_after_what_it_answers(make_world: MakeWorld, sandbox: SandboxProcess) -> None:
    world = await make_world(sandbox, greeting_enabled=True, greeting_message="Welcome to the shop")
    runtime, alice = await world.start(), await world.person()
    device, _ = await world.talk(runtime, alice)
    await eventually(lambda: device.texts() == ["hello", "Welcome to the shop"])


async def test_an_inbox_with_one_conversation_per_contact_keeps_it_at_one(
    make_world: MakeWorld, sandbox: SandboxProcess
) -> None:
    world = await make_world(sandbox, lock_to_single_conversation=True)
    turnstile, alice, desk = Turnstile("/conversations"), await world.person(), sandbox.desk
    runtime, device = await world.start(transport=turnstile), alice.device()
    runtime.conversations.arrive(device, visible=True)
    await alice.say(runtime, "hello")
    await eventually(turnstile.reached.is_set)
    begun = desk.call(
        "POST", "/conversations", json={"source_id": alice.source_id, "inbox_id": world.chatwoot_inbox.id}
    )
    desk.reply(begun["id"], "we began first")
    await asyncio.sleep(0.2)
    turnstile.open.set()
    await world.settled()
    await eventually(lambda: sorted(device.texts()) == ["hello", "we began first"])
    assert len(world.conversations()) == 1
    assert len([row for row in device.conversations if not row["deleted"]]) == 1


@pytest.mark.parametrize("error", [FULL, LOST, WriterFull("full")])
async def test_a_database_in_trouble_is_said_in_words(world: World, error: Exception) -> None:
    runtime, alice = await world.start(), await world.person()
    device, _ = await world.talk(runtime, alice)
    conversation_id, message_id = (uuid.UUID(device.messages[0][name]) for name in ("conversation", "id"))
    writer, reader = StumblingWriter(runtime.audience, error, error), StumblingReader(*[LOST, FULL] * 3)
    files = runtime.uploads, runtime.downloads, runtime.avatars
    troubled = Conversations(writer, reader, runtime.holding, runtime.courier, runtime.upstreams, *files)
    calls = [
        troubled.send(alice.contact_id, echo_id=uuid.uuid4(), conversation_id=None, text="lost?"),
        troubled.seen(alice.contact_id, conversation_id=conversation_id, message_id=message_id),
        troubled.read(alice.contact_id, since=None),
        troubled.history(alice.contact_id, conversation_id=conversation_id, before=None),
        troubled.devices.check_access("who?"),
        troubled.devices.is_alive(uuid.uuid4()),
        Downloads(reader, runtime.upstreams).redeem("what?", uuid.uuid4()),
    ]
    for call in calls:
        with pytest.raises(Refusal) as refused:
            await call
        assert refused.value.code == Code.UNAVAILABLE
    await reader.stop()
