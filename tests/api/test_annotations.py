"""What a page says of a conversation reaches agents beside what they say themselves, once, and proves nothing."""

import uuid
from functools import partial
from typing import Any

import pytest

from chat.chatwoot.resources import CONVERSATION_KEY
from chat.models import Conversation, Delivery, Inbox
from tests.fixtures.world import MakeWorld, Turnstile, World

ATTRIBUTES = "/custom_attributes"
SAID = {"order": "A-17", "total": 42.5, "gift": False}


@pytest.fixture
async def world(make_world: MakeWorld, sandbox: Any) -> World:
    world = await make_world(sandbox)
    inbox = await world.ask(Inbox.objects.get)
    inbox.bot_token, inbox.agent_token = sandbox.world["bot_token"], sandbox.world["agent_token"]
    inbox.account_id, inbox.policy = sandbox.world["account_id"], {"labels": ["vip", "order-question"]}
    await world.ask(inbox.save)
    return world


async def begin(client: Any) -> str:
    """A conversation without a word in it."""
    begun = await client.call("POST", "conversations", {"key": str(uuid.uuid4())})
    return str(begun.json()["conversation"]["id"])


async def say(client: Any, talk: str | None = None, text: str = "hello") -> str:
    said = await client.call("PUT", f"messages/{uuid.uuid4()}", {"text": text, "conversation": talk})
    return str(said.json()["conversation"])


async def talk_of(client: Any, world: World) -> str:
    """One that Chatwoot knows."""
    talk = await say(client)
    await world.settled()
    return talk


async def put(client: Any, talk: str, **attributes: Any) -> Any:
    return await client.call("PUT", f"conversations/{talk}/attributes", {"attributes": attributes})


async def label(client: Any, talk: str, *add: str, remove: tuple[str, ...] = ()) -> Any:
    return await client.call("PUT", f"conversations/{talk}/labels", {"add": add, "remove": remove})


def shown(world: World) -> dict[str, Any]:
    """The newest conversation as agents see it, without our key."""
    row = max(world.sandbox.desk.conversations(inbox_id=world.chatwoot_inbox.id), key=lambda each: each["id"])
    told = dict(row["custom_attributes"])
    assert told.pop(CONVERSATION_KEY)
    return told


def labels(world: World) -> list[str]:
    (row,) = world.sandbox.desk.conversations(inbox_id=world.chatwoot_inbox.id)
    return sorted(row["labels"])


def by_agent(world: World, what: str, value: Any) -> None:
    world.sandbox.desk.call("POST", f"/conversations/{world.conversations()[0]['id']}/{what}", json={what: value})


async def kinds(world: World, **which: Any) -> list[str]:
    rows = Delivery.objects.filter(conversation__isnull=False, **which).order_by("position")
    return await world.ask(lambda: list(rows.values_list("kind", flat=True)))


# Attributes


async def test_what_is_said_before_the_first_message_travels_with_the_creation(alice: Any, world: World) -> None:
    talk = await begin(alice)
    assert (await put(alice, talk, **SAID)).json() == {"attributes": SAID}
    await say(alice, talk)
    await world.settled()
    assert shown(world) == SAID
    assert "attributes" not in await kinds(world)


async def test_what_is_said_later_stands_beside_what_agents_said(alice: Any, world: World) -> None:
    talk = await talk_of(alice, world)
    await put(alice, talk, **SAID)
    await world.settled()
    by_agent(world, "custom_attributes", world.conversations()[0]["custom_attributes"] | {"stage": "two"})
    kept = await put(alice, talk, order=None, total=50, stage=None)
    assert kept.json() == {"attributes": {"total": 50, "gift": False}}
    await world.settled()
    assert shown(world) == {"total": 50, "gift": False, "stage": "two"}, "agents' own is not forgotten from here"


async def test_what_an_agent_changed_stays_until_the_page_says_something_new(alice: Any, world: World) -> None:
    talk = await talk_of(alice, world)
    await put(alice, talk, order="A-17")
    await world.settled()
    by_agent(world, "custom_attributes", world.conversations()[0]["custom_attributes"] | {"order": "B-1"})
    await put(alice, talk, order="A-17")
    await world.settled()
    assert (shown(world), await kinds(world, kind="attributes")) == ({"order": "B-1"}, ["attributes"])
    await put(alice, talk, order="A-18")
    await world.settled()
    assert shown(world) == {"order": "A-18"}


@pytest.mark.parametrize("fault", [None, "lose_answer", "error_after", "error_before"])
async def test_what_agents_wrote_first_is_neither_changed_nor_forgotten_from_here(
    alice: Any, world: World, fault: str | None
) -> None:
    talk = await talk_of(alice, world)
    by_agent(world, "custom_attributes", world.conversations()[0]["custom_attributes"] | {"refund_approved": False})
    for value in (True, "yes", None):
        if fault:
            world.sandbox.faults.set(fault, method="POST", path=ATTRIBUTES, times=1)
        await put(alice, talk, refund_approved=value, order=str(value))
        await world.settled()
        assert shown(world) == {"refund_approved": False, "order": str(value)}
    await put(alice, talk, order=None)
    await world.settled()
    assert shown(world) == {"refund_approved": False}
    by_agent(world, "custom_attributes", world.conversations()[0]["custom_attributes"] | {"order": "B-1"})
    await put(alice, talk, order="A-17")
    await world.settled()
    assert shown(world) == {"refund_approved": False, "order": "B-1"}, "it was free again, and an agent took it"


async def test_what_travelled_with_the_creation_can_be_changed_and_forgotten(alice: Any, world: World) -> None:
    talk = await begin(alice)
    await put(alice, talk, **SAID)
    await say(alice, talk)
    await world.settled()
    await put(alice, talk, order="A-18", gift=None)
    await world.settled()
    assert shown(world) == {"order": "A-18", "total": 42.5}


async def test_while_the_conversation_is_being_created_they_follow_at_once(
    alice: Any, world: World, settings: Any
) -> None:
    (runtime,) = world.runtimes
    await world.stop(runtime)
    gate = Turnstile("/conversations")
    started = await world.start(transport=gate)
    settings.ROOT_URLCONF.urlpatterns = type(settings.ROOT_URLCONF)(started.conversations).urlpatterns
    talk = await say(alice)
    await gate.reached.wait()
    await put(alice, talk, order="A-17")
    await put(alice, talk, order="A-18")
    gate.open.set()
    await world.settled()
    assert shown(world) == {"order": "A-18"}
    assert await kinds(world, lane=talk) == ["attributes", "message"], "agents read them with the first message"


async def test_a_lost_answer_is_asked_for_again_and_what_is_said_behind_it_waits(alice: Any, world: World) -> None:
    talk = await talk_of(alice, world)
    world.sandbox.faults.set("lose_answer", method="POST", path=ATTRIBUTES, times=1)
    await put(alice, talk, order="A-17")
    await say(alice, talk, "behind")
    await world.settled()
    assert shown(world) == {"order": "A-17"}
    (delivery,) = await world.ask(lambda: list(Delivery.objects.filter(kind="attributes")))
    assert (delivery.state, delivery.attempt, delivery.payload) == ("sent", 3, {}), "the first one only reads"


async def test_one_that_was_deleted_comes_into_being_anew_with_them(alice: Any, world: World) -> None:
    talk = await talk_of(alice, world)
    await put(alice, talk, **SAID)
    await world.settled()
    headers = {"Api-Access-Token": world.sandbox.world["admin_token"]}
    account = f"/api/v1/accounts/{world.sandbox.world['account_id']}"
    gone = world.conversations()[0]["id"]
    world.sandbox.http.delete(f"{account}/conversations/{gone}", headers=headers).raise_for_status()
    await say(alice, talk, "are you there?")
    await world.settled()
    assert world.conversations()[0]["id"] != gone
    assert shown(world) == SAID
    await put(alice, talk, order="A-18", total=None)
    await world.settled()
    assert shown(world) == {"order": "A-18", "gift": False}


async def test_where_contacts_have_one_conversation_the_old_one_gets_them(
    alice: Any, make_world: MakeWorld, world: World
) -> None:
    account, headers = world.sandbox.world["account_id"], {"Api-Access-Token": world.sandbox.world["admin_token"]}
    path = f"/api/v1/accounts/{account}/inboxes/{world.chatwoot_inbox.id}"
    world.sandbox.http.patch(path, json={"lock_to_single_conversation": True}, headers=headers).raise_for_status()
    await talk_of(alice, world)
    other = await begin(alice)
    await put(alice, other, order="A-17")
    await label(alice, other, "vip")
    await say(alice, other, "again")
    await world.settled()
    assert (len(world.conversations()), shown(world), labels(world)) == (1, {"order": "A-17"}, ["vip"])


async def test_a_token_that_does_not_serve_holds_up_nothing_and_what_failed_goes_with_the_next(
    alice: Any, world: World
) -> None:
    talk = await talk_of(alice, world)
    good = await world.ask(lambda: Inbox.objects.get().bot_token)
    (runtime,) = world.runtimes

    async def token(text: str) -> None:
        inbox = await world.ask(Inbox.objects.get)
        inbox.bot_token = text
        await world.ask(inbox.save)
        runtime.upstreams.forget()

    await token("no such token")
    await put(alice, talk, order="A-17")
    await say(alice, talk, "behind")
    await world.settled()
    assert await kinds(world, state="failed") == ["attributes"]
    assert not await world.ask(lambda: Inbox.objects.get().paused_until)
    await token(good)
    await put(alice, talk, order="A-17")
    await world.settled()
    assert shown(world) == {"order": "A-17"}


async def test_a_chatwoot_that_cannot_take_them_is_asked_three_times(alice: Any, world: World) -> None:
    talk = await talk_of(alice, world)
    with world.sandbox.faults.on("status", method="POST", path=ATTRIBUTES, status=500):
        await put(alice, talk, order="A-17")
        await say(alice, talk, "behind")
        await world.settled()
    failed = await world.ask(Delivery.objects.get, kind="attributes")
    assert (failed.state, failed.attempt - 1) == ("failed", 3), "the first one only reads"


@pytest.mark.parametrize("fault", ["status", "lose_answer"])
async def test_what_could_not_even_be_read_is_in_no_doubt(alice: Any, world: World, fault: str) -> None:
    talk = await talk_of(alice, world)
    status = {"status": 503} if fault == "status" else {}
    world.sandbox.faults.set(fault, method="PATCH", times=1, **status)
    await put(alice, talk, order="A-17")
    await world.settled()
    assert shown(world) == {"order": "A-17"}


async def test_what_a_bot_may_not_read_an_agent_reads(alice: Any, world: World) -> None:
    talk = await talk_of(alice, world)
    by_agent(world, "custom_attributes", world.conversations()[0]["custom_attributes"] | {"stage": "two"})
    with world.sandbox.faults.on("status", method="PATCH", status=401):
        await put(alice, talk, order="A-17")
        await world.settled()
    assert shown(world) == {"order": "A-17", "stage": "two"}


async def test_a_bot_of_another_account_writes_nowhere(alice: Any, world: World, logged: Any) -> None:
    """Its number names somebody else's conversation there."""
    talk = await talk_of(alice, world)
    other = world.sandbox.new_inbox()
    await world.ask(lambda: Inbox.objects.update(chatwoot_inbox_id=other.id))
    world.runtimes[0].upstreams.forget()
    await put(alice, talk, order="A-17")
    await world.settled()
    assert shown(world) == {}
    assert "the token shows another conversation" in logged.text


async def test_where_there_is_no_bot_token_it_says_so_and_keeps_nothing(alice: Any, world: World) -> None:
    talk = await begin(alice)
    for change in ({"bot_token": ""}, {"bot_token": "token", "marker_off": "an alarm"}, {"account_id": None}):
        inbox = await world.ask(Inbox.objects.get)
        for name, value in ({"marker_off": ""} | change).items():
            setattr(inbox, name, value)
        await world.ask(inbox.save)
        refused = await put(alice, talk, order="A-17")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "unsupported")
        assert await world.ask(lambda: Conversation.objects.get().attributes) == {}


@pytest.mark.parametrize(
    "attributes",
    [
        {CONVERSATION_KEY: "x"},
        {"Chatproxy_key": "x"},
        {"signed_email": "x"},
        {"unverified_x": 1},
        {"consent": "x"},
        {"identifier": "7"},
        {"no key": 1},
        {"order": "x" * 501},
        {"order": 10_000_000_000},
        {"order": -10_000_000_000.5},
        {"order": [1]},
        {f"k{n}": n for n in range(21)},
    ],
)
async def test_t50_what_is_reserved_or_too_much_is_refused_in_words(
    alice: Any, world: World, attributes: dict[str, Any]
) -> None:
    talk = await begin(alice)
    refused = await put(alice, talk, **attributes)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "profile_invalid")
    assert await world.ask(lambda: Conversation.objects.get().attributes) == {}


async def test_the_largest_that_is_taken_chatwoot_takes_too(alice: Any, world: World) -> None:
    talk = await begin(alice)
    most = {"n": 9_999_999_999, "m": -9_999_999_998.5} | {f"k{n}": "ä" * 500 for n in range(18)}
    assert (await put(alice, talk, **most)).status_code == 200
    await say(alice, talk)
    await world.settled()
    assert shown(world) == most
    refused = await put(alice, talk, one="more")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "too_many_attributes")


async def test_t50_an_inbox_takes_only_the_attributes_of_its_list(alice: Any, world: World) -> None:
    talk = await begin(alice)
    await world.ask(lambda: Inbox.objects.update(attribute_keys=["order"]))
    assert (await put(alice, talk, order=1, admin=True)).status_code == 422
    assert (await put(alice, talk, order=1)).status_code == 200


async def test_nobody_elses_conversation_can_be_described(alice: Any, bob: Any, world: World) -> None:
    talk = await begin(alice)
    for refused in (await put(bob, talk, order=1), await label(bob, talk, "vip")):
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "no_such_conversation")


async def test_an_export_holds_what_was_said_of_it(alice: Any, world: World) -> None:
    talk = await begin(alice)
    await put(alice, talk, order="A-17")
    await label(alice, talk, "vip")
    (told,) = (await alice.call("GET", "contact/export")).json()["conversations"]
    assert (told["attributes"], told["labels"]) == ({"order": "A-17"}, ["vip"])


# Labels


async def test_labels_are_set_and_taken_back_beside_those_of_agents(alice: Any, world: World) -> None:
    talk = await talk_of(alice, world)
    by_agent(world, "labels", ["urgent", "order-question"])
    assert (await label(alice, talk, "vip", "order-question")).json() == {"labels": ["vip", "order-question"]}
    await world.settled()
    assert labels(world) == ["order-question", "urgent", "vip"]
    kept = await label(alice, talk, remove=("vip", "order-question", "urgent"))
    assert kept.json() == {"labels": []}
    await world.settled()
    assert labels(world) == ["order-question", "urgent"], "agents' own stay"


async def test_labels_of_a_conversation_that_is_not_there_yet_come_with_it(alice: Any, world: World) -> None:
    talk = await begin(alice)
    await label(alice, talk, "vip")
    assert await kinds(world) == [], "nothing waits for a conversation that may never begin"
    await say(alice, talk)
    await world.settled()
    assert labels(world) == ["vip"]
    assert await kinds(world, lane=talk) == ["labels", "message"]


@pytest.mark.parametrize("fault", ["lose_answer", "error_after", "error_before"])
async def test_after_doubt_it_is_still_known_whose_labels_are(alice: Any, world: World, fault: str) -> None:
    talk = await talk_of(alice, world)
    by_agent(world, "labels", ["order-question"])
    world.sandbox.faults.set(fault, method="POST", path="/labels", times=1)
    await label(alice, talk, "vip", "order-question")
    await world.settled()
    assert labels(world) == ["order-question", "vip"]
    await label(alice, talk, remove=("vip", "order-question"))
    await world.settled()
    assert labels(world) == ["order-question"]


async def test_a_label_that_is_not_allowed_is_refused(alice: Any, world: World) -> None:
    talk = await talk_of(alice, world)
    refused = await label(alice, talk, "vip", "escalate")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "label_refused")
    await world.ask(partial(Inbox.objects.update, policy={}))
    assert (await label(alice, talk, "vip")).status_code == 409, "without a list there is none"
    assert labels(world) == []


async def test_where_there_is_no_agents_token_labels_are_unsupported(alice: Any, world: World) -> None:
    inbox = await world.ask(Inbox.objects.get)
    inbox.agent_token = ""
    await world.ask(inbox.save)
    refused = await label(alice, await begin(alice), "vip")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "unsupported")
