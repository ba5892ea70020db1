"""What a person says of themselves, and what of it reaches Chatwoot."""

import re
import uuid
from functools import partial
from typing import Any

import pytest

from chat import sql
from chat.models import Contact, Delivery, Inbox
from tests.fixtures.sandbox import SandboxProcess
from tests.fixtures.world import Turnstile, World

SAID = {
    "name": "Ada",
    "email": "victim@example.com",
    "phone": "+15551234567",
    "attributes": {"plan": "pro", "seats": 3, "trial": False},
}
AT_CHATWOOT = {
    "plan": "pro",
    "seats": 3,
    "trial": False,
    "unverified_email": "victim@example.com",
    "unverified_phone": "+15551234567",
}


def contacts(world: World) -> list[dict[str, Any]]:
    return [each["meta"]["sender"] for each in world.sandbox.desk.conversations(inbox_id=world.chatwoot_inbox.id)]


async def say(client: Any, text: str = "hello") -> None:
    assert (await client.call("PUT", f"messages/{uuid.uuid4()}", {"text": text})).status_code == 202


async def test_what_was_said_before_the_first_message_travels_with_the_creation(alice: Any, world: World) -> None:
    shown = await alice.call("PATCH", "contact", SAID)
    assert shown.json() == SAID | {"id": str(alice.contact_id), "verified": False, "signed_email": None}
    assert shown.json() == (await alice.call("GET", "contact")).json()
    await say(alice)
    await world.settled()
    (contact,) = contacts(world)
    assert (contact["name"], contact["custom_attributes"]) == ("Ada", AT_CHATWOOT)
    assert not await world.ask(Delivery.objects.filter(kind="profile").exists)


async def test_what_is_said_later_is_told_and_what_is_forgotten_becomes_empty(alice: Any, world: World) -> None:
    await say(alice)
    await world.settled()
    await alice.call("PATCH", "contact", SAID)
    await world.settled()
    (contact,) = contacts(world)
    assert (contact["name"], contact["custom_attributes"]) == ("Ada", AT_CHATWOOT)
    shown = (await alice.call("PATCH", "contact", {"email": None, "attributes": {"plan": None}})).json()
    assert (shown["email"], shown["name"], shown["attributes"]) == (None, "Ada", {"seats": 3, "trial": False})
    await world.settled()
    (contact,) = contacts(world)
    assert contact["custom_attributes"] == AT_CHATWOOT | {"plan": "", "unverified_email": ""}


async def test_an_unproven_address_merges_nobody(alice: Any, bob: Any, world: World) -> None:
    account = f"/api/v1/accounts/{world.sandbox.world['account_id']}"
    headers = {"Api-Access-Token": world.sandbox.world["admin_token"]}
    victim = {"name": "Victim", "email": "victim@example.com", "phone_number": "+15551234567"}
    world.sandbox.http.post(f"{account}/contacts", json=victim, headers=headers)
    await alice.call("PATCH", "contact", SAID)
    await say(alice)
    await say(bob)
    await world.settled()
    await bob.call("PATCH", "contact", SAID)
    await world.settled()
    found = contacts(world)
    assert len({each["id"] for each in found}) == 2
    assert [(each["email"], each["phone_number"], each["identifier"]) for each in found] == [(None, None, None)] * 2


async def test_what_waits_together_is_told_once(alice: Any, world: World) -> None:
    await say(alice)
    await world.settled()
    await world.ask(lambda: Inbox.objects.update(paused_until=sql.database_now() + 300_000))
    for number in range(3):
        await alice.call("PATCH", "contact", {"attributes": {f"key{number}": number}})
        await alice.call("PATCH", "contact", {"attributes": {"key0": None}})
    kept = await world.ask(Delivery.objects.get, kind="profile")
    assert kept.payload == {"custom_attributes": {"key0": "", "key1": 1, "key2": 2}}


async def test_what_is_said_while_the_contact_is_being_created_is_told_after_it(
    alice: Any, world: World, settings: Any
) -> None:
    (runtime,) = world.runtimes
    await world.stop(runtime)
    gate = Turnstile("/contacts")
    settings.ROOT_URLCONF.urlpatterns = type(settings.ROOT_URLCONF)(
        (await world.start(transport=gate)).conversations
    ).urlpatterns
    await say(alice)
    await gate.reached.wait()
    await alice.call("PATCH", "contact", {"name": "Ada"})
    gate.open.set()
    await world.settled()
    assert [each["name"] for each in contacts(world)] == ["Ada"]


async def test_where_updates_ask_for_proof_none_is_given(alice: Any, world: World) -> None:
    """Chatwoot would take the hash as proof, and show this session every conversation of the contact."""
    await world.ask(Inbox.objects.update, told={"identity_validation_enabled": True})
    await say(alice)
    await world.settled()
    world.sandbox.reset_stats()
    await alice.call("PATCH", "contact", {"name": "Ada"})
    await world.settled()
    assert not any(route.startswith("PATCH") for route in world.sandbox.stats()["routes"])


async def test_a_profile_that_chatwoot_cannot_take_holds_up_no_new_conversation(
    alice: Any, world: World, sandbox: SandboxProcess
) -> None:
    await say(alice)
    await world.settled()
    with sandbox.faults.on("status", method="PATCH", status=500):
        await alice.call("PATCH", "contact", {"name": "Ada"})
        body = {"key": str(uuid.uuid4()), "message": {"echo_id": str(uuid.uuid4()), "text": "new"}}
        await alice.call("POST", "conversations", body)
        await world.settled()
    assert len(world.conversations()) == 2
    assert await world.ask(Delivery.objects.filter(kind="profile", state="failed").exists)


@pytest.mark.parametrize(
    "body",
    [
        {"identifier": "7"},
        {"avatar_url": "https://evil.example/x.png"},
        {"id": "x"},
        {"verified": True},
        {"phone_number": "+15551234567"},
        {"attributes": None},
        {"attributes": []},
        {"name": 7},
    ],
)
async def test_t50_nothing_but_what_is_named_can_be_set(alice: Any, world: World, body: Any) -> None:
    answered = await alice.call("PATCH", "contact", body)
    assert (answered.status_code, answered.json()["error"]["code"]) == (422, "bad_request")
    contact = await world.ask(Contact.objects.get, id=alice.contact_id)
    assert (contact.identifier, contact.name, contact.attributes, contact.claims) == (None, "", {}, {})


async def test_t50_an_inbox_takes_only_the_attributes_of_its_list(alice: Any, world: World) -> None:
    await world.ask(Inbox.objects.update, attribute_keys=["plan"])
    refused = await alice.call("PATCH", "contact", {"name": "Ada", "attributes": {"plan": "pro", "admin": True}})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "profile_invalid")
    assert (await alice.call("GET", "contact")).json()["name"] == ""
    assert (await alice.call("PATCH", "contact", {"attributes": {"plan": "pro"}})).status_code == 200


async def test_consent_is_kept_with_its_version_and_time_and_told_to_agents(alice: Any, world: World) -> None:
    async def asks(version: str) -> None:
        consent = {"text": "I agree.", "version": version}
        await world.ask(partial(Inbox.objects.update, policy={"ask": {"consent": consent}}))

    await asks("2026-11")
    refused = await alice.call("PUT", f"messages/{uuid.uuid4()}", {"text": "hello"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "consent_required")
    shown = (await alice.call("PATCH", "contact", {"consent": "2026-11"})).json()["attributes"]
    assert re.fullmatch(r"2026-11, \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", shown["consent"])
    assert (await alice.call("PATCH", "contact", {"consent": "2026-11"})).json()["attributes"] == shown
    early = await alice.call("PATCH", "contact", {"consent": "2027-01"})
    assert (early.status_code, early.json()["error"]["code"]) == (422, "profile_invalid")
    await asks("2027-01")
    other = (await alice.call("PATCH", "contact", {"consent": "2027-01"})).json()["attributes"]
    assert other["consent"].startswith("2027-01, ")
    assert (await alice.call("PATCH", "contact", {"consent": None})).json()["attributes"] == {}


@pytest.mark.parametrize("body", [{"consent": "yes, I do"}, {"attributes": {"consent": "2026-11, 1970-01-01"}}])
async def test_consent_is_a_version_and_its_time_is_ours(alice: Any, world: World, body: Any) -> None:
    refused = await alice.call("PATCH", "contact", body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "profile_invalid")


async def test_what_the_form_asks_for_may_be_answered_beside_the_list(alice: Any, world: World) -> None:
    ask = {"fields": [{"attribute": "order", "label": "Order number"}]}
    await world.ask(partial(Inbox.objects.update, attribute_keys=["plan"], policy={"ask": ask}))
    answered = await alice.call("PATCH", "contact", {"attributes": {"order": "A-17"}})
    assert answered.status_code == 200
    assert (await alice.call("PATCH", "contact", {"attributes": {"admin": True}})).status_code == 422
