"""An app's server is told that somebody has unread messages and no device open: at least once, and once for each burst.

The receiver listens on a real socket; agents answer at the sandbox's desk.
"""

import asyncio
import hashlib
import hmac
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from chat.models import Contact, Conversation, Message, Notice, Session, Webhook
from chat.notifying import AT_ONCE
from chat.runtime import Runtime
from chat.sessions import open_anonymous
from tests.eventually import eventually
from tests.fixtures.receiver import Receiver
from tests.fixtures.world import QUICK, Device, Person, World

NEVER = replace(QUICK, telling=replace(QUICK.telling, scan_s=3600))


@pytest.fixture(autouse=True)
def quick(settings: Any) -> None:
    settings.NOTICE_DELAY_S, settings.WEBHOOKS_INSIDE = 0.5, True


Subscribe = Callable[..., Awaitable[Webhook]]


@pytest.fixture
def subscribe(world: World, receiver: Receiver) -> Subscribe:
    async def subscribe(**values: Any) -> Webhook:
        values = {"url": receiver.url} | values
        return await world.ask(lambda: Webhook.objects.create(inbox_id=world.inbox_id, **values))

    return subscribe


async def left(world: World, runtime: Runtime) -> tuple[Person, int]:
    """Somebody who has written and left; their contact is still held, as it is for a while. The display id."""
    alice = await world.person()
    device, talk = await world.talk(runtime, alice)
    runtime.conversations.depart(device)
    return alice, talk


async def device_of(world: World, person: Person) -> Device:
    """A device with a session, which the database may mark."""
    session = await world.ask(lambda: _session(person.contact_id))
    return Device(person.contact_id, session_id=session)


def _session(contact_id: uuid.UUID) -> uuid.UUID:
    contact = Contact.objects.select_related("inbox").get(pk=contact_id)
    session = open_anonymous(contact.inbox).session
    Session.objects.filter(pk=session.pk).update(contact=contact)
    return session.pk


async def reply(world: World, talk: int, *texts: str) -> None:
    for text in texts:
        world.sandbox.desk.reply(talk, text)
    await world.becomes(lambda: Message.objects.filter(content__in=texts).count() == len(texts))


def rows(**values: Any) -> Callable[[], list[Notice]]:
    return lambda: list(Notice.objects.filter(**values))


async def nothing_open(world: World) -> None:
    await world.becomes(lambda: not Notice.objects.filter(state=Notice.State.OPEN).exists())


async def test_a_burst_is_told_once(world: World, receiver: Receiver, subscribe: Subscribe) -> None:
    await subscribe()
    runtime = await world.start()
    alice, talk = await left(world, runtime)
    await reply(world, talk, "first word", "second word", "third word")
    await eventually(lambda: receiver.calls)
    await nothing_open(world)
    (call,) = receiver.calls
    newest = await world.ask(lambda: Message.objects.get(content="third word"))
    assert call.json == {
        "event": "contact.unread",
        "id": call.json["id"],
        "inbox": "main-0",
        "contact": {"id": str(alice.contact_id), "identifier": None},
        "conversation": str(newest.conversation_id),
        "unread": 3,
        "at": newest.at,
    }
    assert uuid.UUID(call.json["id"])


async def test_the_next_burst_is_told_again_by_another_name(
    world: World, receiver: Receiver, subscribe: Subscribe
) -> None:
    await subscribe()
    _, talk = await left(world, await world.start())
    await reply(world, talk, "first word")
    await eventually(lambda: len(receiver.calls) == 1)
    await reply(world, talk, "second word")
    await eventually(lambda: len(receiver.calls) == 2)
    first, second = (call.json for call in receiver.calls)
    assert first["id"] != second["id"] and (first["unread"], second["unread"]) == (1, 2)


async def test_text_and_identifier_are_told_where_they_are_known_and_wanted(
    world: World, receiver: Receiver, subscribe: Subscribe
) -> None:
    await subscribe(with_text=True)
    alice, talk = await left(world, await world.start())
    await world.ask(lambda: Contact.objects.filter(pk=alice.contact_id).update(identifier="customer-7"))
    await reply(world, talk, "your **order** has left")
    await eventually(lambda: receiver.calls)
    assert receiver.calls[0].json["text"] == "your order has left"
    assert receiver.calls[0].json["contact"]["identifier"] == "customer-7"


async def test_a_private_note_is_told_to_nobody(world: World, receiver: Receiver, subscribe: Subscribe) -> None:
    await subscribe(with_text=True)
    _, talk = await left(world, await world.start())
    world.sandbox.desk.private_note(talk, "do not tell")
    await reply(world, talk, "hello")
    await eventually(lambda: receiver.calls)
    assert receiver.calls[0].json["unread"] == 1 and b"do not tell" not in receiver.calls[0].body


@pytest.mark.parametrize("answer", [500, 404, "cut", "hang"])
async def test_what_is_not_taken_is_told_again_by_the_same_name(
    world: World, receiver: Receiver, subscribe: Subscribe, answer: Any, logged: Any
) -> None:
    webhook = await subscribe()
    _, talk = await left(world, await world.start())
    receiver.answers = [answer, answer]
    await reply(world, talk, "first word")
    await eventually(lambda: len(receiver.calls) == 3)
    await nothing_open(world)
    assert len({call.json["id"] for call in receiver.calls}) == 1
    assert logged.text.count(f"webhook {webhook.pk} of main-0 does not take a notice") == 1
    await eventually(lambda: "takes notices again" in logged.text)
    assert receiver.url not in logged.text  # an address may hold a secret
    await world.becomes(lambda: Webhook.objects.filter(last_error="", sent_at__gt=0).exists())


async def test_what_comes_between_two_attempts_is_told_with_the_next(
    world: World, receiver: Receiver, subscribe: Subscribe
) -> None:
    await subscribe()
    _, talk = await left(world, await world.start())
    receiver.answers = [500] * 3
    await reply(world, talk, "first word")
    await eventually(lambda: receiver.calls)
    await reply(world, talk, "second word")
    await eventually(lambda: len(receiver.calls) >= 4)
    await nothing_open(world)
    assert receiver.calls[-1].json["unread"] == 2
    assert receiver.calls[0].json["id"] != receiver.calls[-1].json["id"]


async def test_what_comes_while_a_notice_is_on_its_way_is_told_anew(
    world: World, receiver: Receiver, subscribe: Subscribe
) -> None:
    await subscribe()
    _, talk = await left(world, await world.start())
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(call: Any) -> int:
        reached.set()
        await go_on.wait()
        return 200

    receiver.act = slowly
    await reply(world, talk, "first word")
    await reached.wait()
    await reply(world, talk, "second word")
    go_on.set()
    await eventually(lambda: len(receiver.calls) == 2)
    assert [call.json["unread"] for call in receiver.calls] == [1, 2]
    await nothing_open(world)


# Kills


async def test_a_notice_survives_the_process_that_stored_it(
    world: World, receiver: Receiver, subscribe: Subscribe
) -> None:
    await subscribe()
    first = await world.start(timing=NEVER)
    _, talk = await left(world, first)
    await reply(world, talk, "first word")
    assert len(await world.ask(rows())) == 1  # stored with the message
    await world.stop(first)
    await world.start()
    await eventually(lambda: receiver.calls)
    assert receiver.calls[0].json["unread"] == 1


async def test_a_notice_survives_the_process_that_was_sending_it(
    world: World, receiver: Receiver, subscribe: Subscribe
) -> None:
    await subscribe()
    patient = replace(QUICK, telling=replace(QUICK.telling, timeout_s=60, close_s=0.01))
    first = await world.start(timing=patient)
    _, talk = await left(world, first)
    receiver.answers = ["hang"]
    await reply(world, talk, "first word")
    await eventually(lambda: receiver.calls)
    await world.stop(first)
    await world.start()
    await eventually(lambda: len(receiver.calls) == 2)
    assert len({call.json["id"] for call in receiver.calls}) == 1
    await nothing_open(world)


async def test_two_processes_tell_it_once(world: World, receiver: Receiver, subscribe: Subscribe) -> None:
    await subscribe()
    runtimes = [await world.start() for _ in range(2)]
    _, talk = await left(world, runtimes[0])
    await reply(world, talk, "first word")
    await eventually(lambda: receiver.calls)
    await nothing_open(world)
    await asyncio.sleep(3 * QUICK.telling.scan_s)
    assert len(receiver.calls) == 1


# Who needs no notice


async def test_a_visitor_who_has_it_on_a_device_is_not_told_of(
    world: World, receiver: Receiver, subscribe: Subscribe
) -> None:
    """The device is at another process than the one that tells."""
    await subscribe()
    first, second = await world.start(timing=NEVER), await world.start()
    alice, talk = await left(world, first)
    first.conversations.arrive(await device_of(world, alice), visible=True)
    await reply(world, talk, "you are here")
    await nothing_open(world)
    assert not receiver.calls and second.notifying.status().told == 0


async def test_a_device_that_reconnects_in_time_cancels_it(
    world: World, receiver: Receiver, subscribe: Subscribe
) -> None:
    await subscribe()
    runtime = await world.start()
    alice, talk = await left(world, runtime)
    await reply(world, talk, "first word")
    runtime.conversations.arrive(await device_of(world, alice), visible=False)
    await nothing_open(world)
    assert not receiver.calls


async def test_a_device_that_left_just_before_only_delays_it(
    world: World, receiver: Receiver, subscribe: Subscribe
) -> None:
    await subscribe()
    runtime = await world.start()
    alice, talk = await left(world, runtime)
    device = await device_of(world, alice)
    runtime.conversations.arrive(device, visible=True)
    await world.becomes(lambda: Session.objects.filter(pk=device.session_id, connected_until__gt=0).exists())
    runtime.conversations.depart(device)
    await reply(world, talk, "did you see this?")
    await eventually(lambda: receiver.calls)


async def test_what_was_read_on_another_device_meanwhile_is_not_told(
    world: World, receiver: Receiver, subscribe: Subscribe
) -> None:
    await subscribe()
    runtime = await world.start()
    alice, talk = await left(world, runtime)
    await reply(world, talk, "first word")
    message = await world.ask(lambda: Message.objects.get(content="first word"))
    await runtime.conversations.seen(alice.contact_id, conversation_id=message.conversation_id, message_id=message.pk)
    await nothing_open(world)
    assert not receiver.calls


async def test_what_the_agent_took_back_is_not_told(world: World, receiver: Receiver, subscribe: Subscribe) -> None:
    await subscribe()
    _, talk = await left(world, await world.start())
    said = world.sandbox.desk.reply(talk, "a slip")
    await world.becomes(Message.objects.filter(content="a slip").exists)
    world.sandbox.desk.delete(talk, said["id"])
    await nothing_open(world)
    assert not receiver.calls


async def test_without_a_subscription_nothing_is_stored(world: World, subscribe: Subscribe) -> None:
    await subscribe(is_on=False)
    runtime = await world.start()
    alice, talk = await left(world, runtime)
    device = await device_of(world, alice)
    runtime.conversations.arrive(device, visible=True)
    await reply(world, talk, "first word")
    await asyncio.sleep(2 * QUICK.check_heads_s)
    assert await world.ask(rows()) == []
    assert not await world.ask(Session.objects.exclude(connected_at=0).exists)


async def test_a_webhook_switched_off_is_not_asked_any_more(
    world: World, receiver: Receiver, subscribe: Subscribe
) -> None:
    webhook = await subscribe()
    _, talk = await left(world, await world.start())
    await reply(world, talk, "first word")
    await world.ask(lambda: Webhook.objects.filter(pk=webhook.pk).update(is_on=False))
    await nothing_open(world)
    assert not receiver.calls


# Giving up


async def test_410_gives_the_webhook_up_at_once_and_says_so_once(
    world: World, receiver: Receiver, subscribe: Subscribe, logged: Any
) -> None:
    webhook = await subscribe()
    _, talk = await left(world, await world.start())
    receiver.answers = [410]
    await reply(world, talk, "first word")
    await world.becomes(Webhook.objects.filter(gave_up_at__gt=0).exists)
    (notice,) = await world.ask(rows())
    assert (notice.state, notice.reason) == ("given_up", "it answered 410")
    await eventually(lambda: f"webhook {webhook.pk} of main-0 is given up: it answered 410" in logged.text)
    await reply(world, talk, "second word")
    assert len(await world.ask(rows())) == 1 and logged.text.count("is given up") == 1


async def test_what_takes_nothing_for_too_long_is_given_up(
    world: World, receiver: Receiver, subscribe: Subscribe, logged: Any
) -> None:
    await subscribe()
    brief = replace(QUICK, telling=replace(QUICK.telling, give_up_s=1))
    _, talk = await left(world, await world.start(timing=brief))
    receiver.answers = [500] * 100
    await reply(world, talk, "first word")
    await world.becomes(Webhook.objects.filter(gave_up_at__gt=0, last_error="it answered 500").exists)
    await eventually(lambda: "is given up: it answered 500" in logged.text)
    await world.ask(lambda: Webhook.objects.get().try_again())
    receiver.answers = []
    await reply(world, talk, "second word")
    await eventually(lambda: receiver.calls[-1].json["unread"] == 2)


async def test_one_notice_that_is_not_taken_does_not_end_a_webhook_that_takes_others(
    world: World, receiver: Receiver, subscribe: Subscribe, logged: Any
) -> None:
    await subscribe()
    brief = replace(QUICK, telling=replace(QUICK.telling, give_up_s=2))
    runtime = await world.start(timing=brief)
    alice, talk = await left(world, runtime)
    _, other = await left(world, runtime)

    async def but_alice(call: Any) -> int:
        return 500 if call.json["contact"]["id"] == str(alice.contact_id) else 200

    receiver.act = but_alice
    await reply(world, talk, "to alice")
    await reply(world, other, "to bob")
    await world.becomes(Notice.objects.filter(state="given_up").exists)
    await eventually(lambda: "took others, but not notice" in logged.text)
    assert not await world.ask(Webhook.objects.filter(gave_up_at__gt=0).exists)


async def test_one_that_hangs_keeps_no_other_waiting(world: World, receiver: Receiver, subscribe: Subscribe) -> None:
    stuck, fine = await subscribe(url=receiver.url + "?stuck"), await subscribe()
    patient = replace(QUICK, telling=replace(QUICK.telling, timeout_s=60, close_s=0.01))

    async def stuck_or_not(call: Any) -> int | str:
        if "stuck" in call.target:
            await asyncio.sleep(3600)
        return 200

    receiver.act = stuck_or_not
    for _ in range(AT_ONCE + 2):
        person = await world.person()
        await world.ask(_unread, person, [stuck, fine])
    await world.start(timing=patient)
    await world.becomes(lambda: not Notice.objects.filter(webhook=fine).exists())
    assert len(await world.ask(rows(webhook=stuck))) == AT_ONCE + 2


def _unread(person: Person, webhooks: list[Webhook]) -> None:
    """Something that was said, and is to be told to all of them."""
    owner = {"contact_id": person.contact_id, "inbox_id": person.inbox_id, "seq": 1}
    talk = Conversation.objects.create(contact_inbox_id=person.contact_inbox_id, created_at=1, **owner)
    said = Message.objects.create(conversation=talk, direction="outgoing", content="hello", at=1, **owner)
    for webhook in webhooks:
        times = {"since": 1, "created_at": 1, "changed_at": 1, "due_at": 1}
        Notice.objects.create(webhook=webhook, contact_id=person.contact_id, message=said, **times)


async def test_t31_a_subscription_that_leads_inside_is_never_connected_to(
    world: World, receiver: Receiver, subscribe: Subscribe, settings: Any
) -> None:
    settings.WEBHOOKS_INSIDE = False
    await subscribe(url=f"https://localhost:{receiver.port}/")
    await subscribe(url=receiver.url)
    _, talk = await left(world, await world.start())
    await reply(world, talk, "first word")
    await world.becomes(lambda: Notice.objects.filter(attempt__gte=2).count() == 2)
    assert receiver.connections == 0
    reasons = {notice.reason for notice in await world.ask(rows())}
    assert reasons == {
        "its address lies inside a network (WEBHOOKS_INSIDE allows that)",
        "its address is none that may be used",
    }


# Signatures


def verify(secret: str, header: str, body: bytes) -> bool:
    """As docs/webhooks.md says, but for the age."""
    parts = [each.split("=", 1) for each in header.split(",")]
    (at,) = (value for name, value in parts if name == "t")
    expected = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return expected in [value for name, value in parts if name == "v1"]


async def test_the_signature_verifies_by_either_secret_while_one_is_replaced(
    world: World, receiver: Receiver, subscribe: Subscribe
) -> None:
    webhook = await subscribe()
    former = webhook.secret
    await world.ask(webhook.renew_secret)
    _, talk = await left(world, await world.start())
    await reply(world, talk, "first word")
    await eventually(lambda: receiver.calls)
    call, header = receiver.calls[0], receiver.calls[0].headers["chatproxy-signature"]
    assert verify(former, header, call.body) and verify(webhook.secret, header, call.body)
    assert not verify("cpw_other", header, call.body) and not verify(former, header, call.body + b" ")
    assert former not in header and webhook.secret not in header
    await world.ask(webhook.forget_former_secret)
    await reply(world, talk, "second word")
    await eventually(lambda: len(receiver.calls) == 2)
    header = receiver.calls[1].headers["chatproxy-signature"]
    assert not verify(former, header, receiver.calls[1].body)


async def test_secrets_are_neither_logged_nor_printed(world: World, subscribe: Subscribe, logged: Any) -> None:
    webhook = await subscribe(url="http://127.0.0.1:1/?key=very-secret")
    _, talk = await left(world, await world.start())
    await reply(world, talk, "first word")
    await world.becomes(Notice.objects.filter(attempt__gte=2).exists)
    assert webhook.secret not in logged.text and "very-secret" not in logged.text
    assert "very-secret" not in await world.ask(lambda: repr(webhook) + str(webhook))
