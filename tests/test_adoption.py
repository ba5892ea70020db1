"""Somebody signs in while Chatwoot is being told what they said: nothing is lost, doubled, or shown to anybody else.

And who Chatwoot learns they are: only what the site signed, and no e-mail address by which it would join contacts.
"""

import asyncio
import json
from functools import partial
from itertools import repeat
from typing import Any

import httpx
import pytest

from chat import mirror, sessions
from chat.identity import Identity
from chat.models import Contact, ContactInbox, Conversation, Inbox, Message
from chat.runtime import Runtime
from chat.sessions import Opened
from chat.writer import Priority
from tests.eventually import eventually
from tests.fixtures.people import conversation
from tests.fixtures.sandbox import SandboxProcess
from tests.fixtures.world import Device, MakeWorld, Person, Turnstile, World

ALICE, BOB = Identity("alice-7"), Identity("bob-8")


async def inbox_of(world: World, **settings: Any) -> Inbox:
    def read() -> Inbox:
        Inbox.objects.filter(pk=world.inbox_id).update(**settings)
        return Inbox.objects.get(pk=world.inbox_id)

    return await world.ask(read)


async def person_of(world: World, opened: Opened) -> Person:
    def read() -> Person:
        row = ContactInbox.objects.filter(contact=opened.session.contact_id).order_by("id")[0]
        return Person(row.contact_id, row.pk, row.source_id, row.inbox_id)

    return await world.ask(read)


def device_of(opened: Opened, runtime: Runtime) -> Device:
    """A socket of this session at this process."""
    device = Device(opened.session.contact_id, opened.session.pk)
    runtime.conversations.arrive(device, visible=True)
    return device


async def nameless(world: World, runtime: Runtime) -> tuple[Opened, Person]:
    opened = await runtime.conversations.devices.open(await inbox_of(world), kind="browser")
    return opened, await person_of(world, opened)


async def enter(world: World, runtime: Runtime, who: Identity, on: Opened | None = None, **settings: Any) -> Opened:
    inbox, token = await inbox_of(world, **settings), on.refresh_token if on else ""
    return await runtime.conversations.devices.sign_in(inbox, who, kind="browser", refresh_token=token)


async def shown(runtime: Runtime, device: Device) -> Device:
    """The same device, after it has read what it was not told."""
    page = await runtime.conversations.read(device.contact_id, since=None)
    device.take(page.rows)
    return device


class Recorder(httpx.AsyncBaseTransport):
    """Keeps what was asked of Chatwoot."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._inner = httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        content = await request.aread()
        body = json.loads(content) if content.startswith(b"{") else {}
        self.asked.append((f"{request.method} {request.url.path}", body | dict(request.url.params)))
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def contacts(self) -> list[dict[str, Any]]:
        """What was said of contacts, without the canary's."""
        return [body for call, body in self.asked if call.endswith("/contacts") and "canary" not in str(body)]


# On its way while somebody signs in


@pytest.mark.parametrize("end", ["/contacts", "/conversations", "/messages"])
@pytest.mark.parametrize("says", [None, httpx.ReadError("cut")], ids=["answered", "cut"])
async def test_what_is_in_flight_when_somebody_signs_in_arrives_once(
    world: World, end: str, says: Any, logged: Any
) -> None:
    gate = Turnstile(end)
    gate.says = says
    runtime = await world.start(transport=gate)
    laptop = await enter(world, runtime, ALICE)
    listening = device_of(laptop, runtime)
    opened, person = await nameless(world, runtime)
    await person.say(runtime, "in flight")
    await gate.reached.wait()
    phone = await enter(world, runtime, ALICE, opened)
    assert phone.session.contact_id == laptop.session.contact_id
    gate.open.set()
    await world.settled()
    assert world.said(person) == ["in flight"]
    device = await shown(runtime, device_of(phone, runtime))
    await eventually(lambda: device.states() == ["sent"])
    (talk,) = world.conversations(person)
    world.sandbox.desk.reply(talk["id"], "welcome back")
    await eventually(lambda: "welcome back" in device.texts())
    await eventually(lambda: "welcome back" in listening.texts())
    assert "Traceback" not in logged.text
    assert await world.ask(Conversation.objects.exclude(contact=laptop.session.contact_id).count) == 0


async def test_what_an_agent_says_while_a_conversation_changes_hands_is_shown(world: World) -> None:
    """The cable still brings it for the contact that it was; nobody is here to hear it for the new one."""
    runtime = await world.start()
    opened, person = await nameless(world, runtime)
    await enter(world, runtime, ALICE)
    before = device_of(opened, runtime)
    await person.say(runtime, "hello")
    await world.settled()
    await eventually(lambda: all(hub.status().confirmed for hub in runtime.upstreams.hubs()))
    await world.rested(person, ms=300)
    phone = await enter(world, runtime, ALICE, opened)
    assert before.is_revoked
    runtime.conversations.depart(before)
    (talk,) = world.conversations(person)
    world.sandbox.desk.reply(talk["id"], "are you there?")
    await asyncio.sleep(0.2)
    device = await shown(runtime, device_of(phone, runtime))
    await eventually(lambda: device.texts() == ["hello", "are you there?"])
    assert before.texts("outgoing") == []


async def test_a_device_at_another_process_hears_what_was_adopted_here(world: World) -> None:
    here, there = await world.start(), await world.start()
    laptop = await enter(world, there, ALICE)
    await (await person_of(world, laptop)).say(there, "at home")
    await world.settled()
    listening = device_of(laptop, there)
    opened, person = await nameless(world, here)
    await person.say(here, "in the shop")
    await world.settled()
    await enter(world, here, ALICE, opened)
    await world.stop(here)
    (talk,) = world.conversations(person)
    world.sandbox.desk.reply(talk["id"], "both of you")

    async with asyncio.timeout(20):
        for pause_s in repeat(0.05):
            if "both of you" in (await shown(there, listening)).texts():
                return
            await asyncio.sleep(pause_s)


async def test_a_conversation_that_an_agent_begins_belongs_to_who_has_adopted_it(world: World) -> None:
    runtime = await world.start()
    laptop = await enter(world, runtime, ALICE)
    opened, person = await nameless(world, runtime)
    await person.say(runtime, "hello")
    await world.settled()
    stale = person.scope
    await enter(world, runtime, ALICE, opened)
    heard = conversation(999, inbox_id=None, source_id=person.source_id)
    apply = partial(mirror.apply_conversation, scope=stale, conversation=heard, read_started=None)
    assert await runtime.writer.write(apply, contacts=(stale.contact_id,), priority=Priority.MIRROR) is None
    assert await world.ask(Conversation.objects.exclude(contact=laptop.session.contact_id).count) == 0


# Who was here before is cut off


async def test_t7_a_change_of_user_cuts_the_former_one_off_here_and_elsewhere(world: World) -> None:
    here, there = await world.start(), await world.start()
    alice = await enter(world, here, ALICE)
    person = await person_of(world, alice)
    await person.say(here, "my account number is 12")
    near, far = device_of(alice, here), device_of(alice, there)
    bob = await enter(world, here, BOB, alice)
    assert near.is_revoked
    await eventually(lambda: far.is_revoked)
    device = await shown(here, device_of(bob, here))
    assert device.rows == {}
    await world.settled()
    assert world.said(person) == ["my account number is 12"]
    assert device.rows == {}


async def test_signing_out_cuts_off_this_device_and_no_other(world: World) -> None:
    here, there = await world.start(), await world.start()
    phone, laptop = await enter(world, here, ALICE), await enter(world, here, ALICE)
    near, far, other = device_of(phone, here), device_of(phone, there), device_of(laptop, here)
    await here.conversations.devices.end(phone.session)
    assert (near.is_revoked, other.is_revoked) == (True, False)
    await eventually(lambda: far.is_revoked)
    assert not other.is_revoked
    with pytest.raises(sessions.UnknownToken):
        await here.conversations.devices.refresh(phone.refresh_token, kind="browser")


# What Chatwoot is told


def known_to(world: World, text: str) -> list[dict[str, Any]]:
    """The contacts that an agent finds by this."""
    headers = {"Api-Access-Token": world.sandbox.world["admin_token"]}
    path = f"/api/v1/accounts/{world.sandbox.world['account_id']}/contacts/search"
    found: list[dict[str, Any]] = world.sandbox.http.get(path, params={"q": text}, headers=headers).json()["payload"]
    return found


async def test_chatwoot_learns_who_is_verified_with_its_own_proof(
    make_world: MakeWorld, sandbox: SandboxProcess
) -> None:
    world = await make_world(sandbox, channel={"hmac_mandatory": True})
    runtime = await world.start()
    await world.ask(Inbox.objects.filter(pk=world.inbox_id).update, hmac_token="")
    inbox = await inbox_of(world)

    def keep() -> None:
        inbox.hmac_token = world.chatwoot_inbox.hmac_token
        inbox.save()

    await world.ask(keep)
    who = Identity("alice of hmac", name="Alice", email="alice-hmac@shop.example")
    opened = await enter(world, runtime, who)
    await (await person_of(world, opened)).say(runtime, "hello")
    await world.settled()
    (contact,) = known_to(world, "alice of hmac")
    assert (contact["identifier"], contact["name"], contact["email"]) == ("alice of hmac", "Alice", None)
    assert contact["custom_attributes"] == {"signed_email": "alice-hmac@shop.example"}


async def test_two_devices_of_a_person_are_one_contact_at_chatwoot(world: World) -> None:
    runtime = await world.start()
    opened, person = await nameless(world, runtime)
    await person.say(runtime, "before")
    laptop = await enter(world, runtime, Identity("alice of two"), opened)
    await world.settled()
    await enter(world, runtime, Identity("alice of two"))
    await (await person_of(world, laptop)).say(runtime, "after")
    await world.settled()
    assert world.said(person) == ["before", "after"]
    assert len(known_to(world, "alice of two")) <= 1


VICTIM = {"email": "victim@shop.example", "phone_number": "+4930999999", "name": "Victim"}


def victim(world: World) -> dict[str, Any]:
    """Somebody whom the agents know already."""
    if not known_to(world, VICTIM["email"]):
        world.sandbox.http.post(f"{world.chatwoot_inbox.path}/contacts", json=VICTIM).raise_for_status()
    (contact,) = known_to(world, VICTIM["email"])
    return contact


@pytest.mark.parametrize(
    "who",
    [None, Identity("mallory", name="Mallory", email=VICTIM["email"], phone=VICTIM["phone_number"])],
    ids=["nobody", "somebody whose site is not trusted"],
)
async def test_t11_who_gives_the_address_of_another_leaves_that_one_alone(world: World, who: Identity | None) -> None:
    recorder = Recorder()
    runtime, before = await world.start(transport=recorder), victim(world)
    opened = await enter(world, runtime, who) if who else (await nameless(world, runtime))[0]
    person = await person_of(world, opened)
    await person.say(runtime, "it is me, really")
    await world.settled()
    after = victim(world)
    for name in ("id", "name", "email", "phone_number", "identifier", "custom_attributes"):
        assert after[name] == before[name]
    (asked,) = recorder.contacts()
    assert not asked.keys() & {"email", "phone_number"}
    assert await world.ask(_chatwoot_contact, person) != before["id"]


def _chatwoot_contact(person: Person) -> int | None:
    return ContactInbox.objects.get(pk=person.contact_inbox_id).chatwoot_contact_id


async def test_whose_site_is_trusted_is_joined_with_the_contact_of_that_address(world: World) -> None:
    runtime, before = await world.start(), victim(world)
    opened = await enter(world, runtime, Identity("the victim", email=VICTIM["email"]), trusts_claims=True)
    person = await person_of(world, opened)
    await person.say(runtime, "it is me, really")
    await world.settled()
    assert await world.ask(_chatwoot_contact, person) == before["id"]


async def test_an_agent_learns_soon_whom_they_are_talking_to_and_nothing_is_verified_by_it(world: World) -> None:
    recorder = Recorder()
    runtime = await world.start(transport=recorder)
    opened, person = await nameless(world, runtime)
    await person.say(runtime, "who am I?")
    await world.settled()
    who = Identity("alice of soon", name="Alice", email=VICTIM["email"], phone=VICTIM["phone_number"])
    phone = await enter(world, runtime, who, opened)
    await enter(world, runtime, who, phone)
    await world.settled()
    (talk,) = world.conversations(person)
    sender = world.sandbox.desk.conversations(inbox_id=world.chatwoot_inbox.id)[0]["meta"]["sender"]
    assert (sender["name"], sender["email"], sender["phone_number"]) == ("Alice", None, None)
    assert sender["custom_attributes"] == {"signed_email": who.email, "signed_phone": who.phone}
    told = [body for call, body in recorder.asked if call.startswith("PATCH")]
    assert [set(body) for body in told] == [{"name", "custom_attributes"}]
    assert talk["messages"][0]["content"] == "who am I?"


async def test_who_signs_in_where_the_site_is_trusted_is_joined_with_the_contact_of_that_address(world: World) -> None:
    await inbox_of(world, trusts_claims=True)
    runtime, before = await world.start(), victim(world)
    opened, person = await nameless(world, runtime)
    await person.say(runtime, "it is me")
    await world.settled()
    await enter(world, runtime, Identity("the late victim", email=VICTIM["email"]), opened)
    await world.settled()
    assert await world.ask(_chatwoot_contact, person) == before["id"]
    assert world.said(person) == ["it is me"]


async def test_where_an_update_would_have_to_verify_the_session_there_is_none(world: World) -> None:
    """A verified session sees all inboxes of the account (contract §1.5), and every conversation that is merged in."""
    recorder = Recorder()
    await inbox_of(world, told={"identity_validation_enabled": True})
    runtime = await world.start(transport=recorder)
    opened, person = await nameless(world, runtime)
    await person.say(runtime, "hello")
    await world.settled()
    await enter(world, runtime, Identity("alice of proof", name="Alice"), opened)
    await world.settled()
    assert not [call for call, _ in recorder.asked if call.startswith("PATCH")]


@pytest.mark.parametrize("claims", [{"email": "no address"}, {"phone": "030 12"}], ids=str)
async def test_what_chatwoot_would_not_take_keeps_nobody_from_writing(world: World, claims: dict[str, str]) -> None:
    runtime = await world.start()
    opened = await enter(world, runtime, Identity(f"odd {claims}", **claims), trusts_claims=True)
    await (await person_of(world, opened)).say(runtime, "hello")
    await world.settled()
    (contact,) = known_to(world, f"odd {claims}")
    assert list(contact["custom_attributes"].values()) == list(claims.values())


async def test_t41_no_address_of_a_picture_reaches_chatwoot_and_nothing_verifies_a_session_there(world: World) -> None:
    """It would fetch the picture; and a verified session there sees every inbox of the account (contract §1.5)."""
    recorder = Recorder()
    runtime = await world.start(transport=recorder)
    opened, person = await nameless(world, runtime)
    await person.say(runtime, "before")
    phone = await enter(world, runtime, Identity("alice of 41", name="Alice", email="a41@shop.example"), opened)
    await (await person_of(world, phone)).say(runtime, "after")
    await world.settled()
    await eventually(lambda: any(call.endswith("/conversations") for call, _ in recorder.asked))
    assert not any("avatar_url" in body for _, body in recorder.asked)
    hashed = [call for call, body in recorder.asked if "identifier_hash" in body and not call.endswith("/contacts")]
    assert hashed == []


# Rotation, as the runtime does it


async def test_a_generation_is_confirmed_by_whoever_comes_with_it(world: World) -> None:
    runtime = await world.start()
    opened, _ = await nameless(world, runtime)
    devices = runtime.conversations.devices
    again = await devices.refresh(opened.refresh_token, kind="browser")
    admission = await world.ask(sessions.admit, again.access_token)
    assert admission.news == 1
    devices.confirm(admission.session_id, admission.news)
    await world.becomes(lambda: sessions.admit(again.access_token).news == 0)


async def test_two_tabs_that_refresh_at_two_processes_get_the_same_token(world: World) -> None:
    here, there = await world.start(), await world.start()
    opened, _ = await nameless(world, here)
    ask = [each.conversations.devices.refresh(opened.refresh_token, kind="browser") for each in (here, there) * 3]
    answers = await asyncio.gather(*ask)
    assert len({each.refresh_token for each in answers}) == 1
    assert {each.session.generation for each in answers} == {1}


async def test_two_devices_that_sign_in_for_the_first_time_at_two_processes_are_one_contact(world: World) -> None:
    here, there = await world.start(), await world.start()
    talks = [await nameless(world, each) for each in (here, there)]
    for (_, person), runtime in zip(talks, (here, there), strict=True):
        await person.say(runtime, f"from {'here' if runtime is here else 'there'}")
    both = [enter(world, runtime, ALICE, opened) for (opened, _), runtime in zip(talks, (here, there), strict=True)]
    one, two = await asyncio.gather(*both)
    assert one.session.contact_id == two.session.contact_id
    await world.settled()
    owners = await world.ask(lambda: set(Message.objects.values_list("contact", flat=True)))
    assert owners == {one.session.contact_id}
    assert await world.ask(Contact.objects.filter(identifier="alice-7").count) == 1
    assert sorted(world.said()) == ["from here", "from there"]
