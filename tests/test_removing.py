"""Who was erased here is deleted at Chatwoot, too, where an operator wants that: all of them, and nobody else."""

import json
import uuid
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from chat import checks, removals
from chat.models import Chatwoot, Contact, ContactInbox, Conversation, Inbox, Removal
from chat.runtime import Runtime
from tests.fixtures.people import NOW, make_inbox
from tests.fixtures.sandbox import SandboxProcess
from tests.fixtures.world import MakeWorld, Person, World
from tests.sandbox.visitor import Socket

Here = tuple[World, Runtime, Person]


@pytest.fixture
async def world(make_world: MakeWorld, sandbox: SandboxProcess, settings: Any) -> World:
    """Connected, and its operator wants erasures to reach Chatwoot."""
    settings.CHATWOOT_ADMIN_TOKEN, settings.CHATWOOT_URL = sandbox.world["admin_token"], sandbox.base_url
    world = await make_world(sandbox)
    told = {"account_id": sandbox.world["account_id"], "policy": {"erase_upstream": True}}
    await world.ask(lambda: Inbox.objects.update(**told))
    return world


@pytest.fixture
async def talking(world: World) -> Here:
    """Alice has written; her page is closed again."""
    runtime, alice = await world.start(), await world.person()
    await alice.say(runtime, "hello")
    await world.settled()
    world.sandbox.forget_presence()
    return world, runtime, alice


def account(world: World, method: str, path: str, **body: Any) -> Any:
    """As an administrator, past the application."""
    headers = {"Api-Access-Token": world.sandbox.world["admin_token"]}
    path = f"/api/v1/accounts/{world.sandbox.world['account_id']}{path}"
    return world.sandbox.http.request(method, path, headers=headers, json=body or None)


async def number(world: World, person: Person) -> int:
    row = await world.ask(ContactInbox.objects.get, pk=person.contact_inbox_id)
    assert row.chatwoot_contact_id is not None
    return row.chatwoot_contact_id


def is_there(world: World, contact: int) -> bool:
    return bool(account(world, "GET", f"/contacts/{contact}").status_code == 200)


async def due(world: World) -> None:
    """Time passes."""
    await world.ask(lambda: Removal.objects.update(due_at=0))


async def rows(world: World) -> list[tuple[bool, str]]:
    return await world.ask(lambda: list(Removal.objects.values_list("is_held", "reason")))


def shared(world: World, contact: int) -> None:
    """Chatwoot knows them in another inbox, too."""
    other = world.sandbox.new_inbox("E-mail")
    account(world, "POST", f"/contacts/{contact}/contact_inboxes", inbox_id=other.id).raise_for_status()


# A visitor's own wish


async def test_who_erases_themselves_is_deleted_at_chatwoot_in_a_moment(talking: Here) -> None:
    world, runtime, alice = talking
    contact = await number(world, alice)
    await runtime.conversations.people.erase(alice.contact_id)
    assert not await world.ask(Contact.objects.exists)
    await runtime.removing.sweep()
    assert is_there(world, contact), "not before Chatwoot counts them as away"
    await due(world)
    await runtime.removing.sweep()
    assert not is_there(world, contact) and world.conversations() == []
    assert await rows(world) == []


async def test_without_the_operators_wish_nothing_is_noted_and_they_stay(talking: Here) -> None:
    world, runtime, alice = talking
    contact = await number(world, alice)
    await world.ask(lambda: Inbox.objects.update(policy={}))
    await runtime.conversations.people.erase(alice.contact_id)
    assert await rows(world) == [] and is_there(world, contact)


async def test_whom_chatwoot_has_never_heard_of_leaves_nothing_to_do(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    await runtime.conversations.people.erase(alice.contact_id)
    assert await rows(world) == []


async def test_all_of_somebody_with_several_sessions_goes(talking: Here) -> None:
    world, runtime, alice = talking
    bob = await world.person()
    await bob.say(runtime, "also me")
    await world.settled()
    numbers = [await number(world, each) for each in (alice, bob)]
    world.sandbox.forget_presence()

    def adopt() -> None:
        Conversation.objects.filter(contact=bob.contact_id).update(contact=alice.contact_id)
        ContactInbox.objects.filter(contact=bob.contact_id).update(contact=alice.contact_id)

    await world.ask(adopt)
    await runtime.conversations.people.erase(alice.contact_id)
    await due(world)
    await runtime.removing.sweep()
    assert [each for each in numbers if is_there(world, each)] == []
    assert await rows(world) == []


async def test_who_is_online_waits_and_is_not_named_in_the_log(talking: Here, logged: Any) -> None:
    world, runtime, alice = talking
    contact = await number(world, alice)
    account(world, "PUT", f"/contacts/{contact}", name="Adalbert")
    token = await world.ask(lambda: ContactInbox.objects.get().pubsub_token)
    async with Socket(world.sandbox.cable_url) as socket:
        await socket.subscribe(json.dumps({"channel": "RoomChannel", "pubsub_token": token}))
    await runtime.conversations.people.erase(alice.contact_id)
    await due(world)
    await runtime.removing.sweep()
    assert is_there(world, contact) and await rows(world) == [(False, "they are still online there")]
    assert "Adalbert" not in logged.text
    world.sandbox.forget_presence()
    await due(world)
    await runtime.removing.sweep()
    assert not is_there(world, contact) and await rows(world) == []


async def test_whom_others_know_too_is_left_to_an_operator(talking: Here, logged: Any) -> None:
    world, runtime, alice = talking
    contact = await number(world, alice)
    shared(world, contact)
    await runtime.conversations.people.erase(alice.contact_id)
    for _ in range(2):
        await due(world)
        await runtime.removing.sweep()
    ((is_held, reason),) = await rows(world)
    assert is_there(world, contact) and is_held and "in the inbox 'E-mail'" in reason
    assert logged.text.count("was erased here and stays at Chatwoot") == 1


async def comes_back(world: World, runtime: Runtime) -> tuple[Person, Person, int]:
    """Alice, who is known by name, erases herself, and writes again: Chatwoot finds its contact again."""
    alice = await known_by_name(world)
    await alice.say(runtime, "hello")
    await world.settled()
    await runtime.conversations.people.erase(alice.contact_id)
    again = await known_by_name(world)
    await again.say(runtime, "hello again")
    await world.settled()
    contact = await number(world, again)
    world.sandbox.forget_presence()
    return alice, again, contact


async def known_by_name(world: World) -> Person:
    """The same one in all of a test, and no other test's."""
    person = await world.person()

    def name() -> None:
        Contact.objects.filter(pk=person.contact_id).update(identifier=f"customer of {world.chatwoot_inbox.id}")
        ContactInbox.objects.filter(contact=person.contact_id).update(identified=True)

    await world.ask(name)
    return person


async def test_who_came_back_stays_until_they_are_erased_again_and_then_all_of_them_goes(
    world: World, logged: Any
) -> None:
    runtime = await world.start()
    _, again, contact = await comes_back(world, runtime)
    for _ in range(2):
        await due(world)
        await runtime.removing.sweep()
    ((is_held, reason),) = await rows(world)
    assert is_there(world, contact) and not is_held and "they are here again" in reason
    assert logged.text.count("they are here again") == 2
    await runtime.conversations.people.erase(again.contact_id)
    for _ in range(2):
        await due(world)
        await runtime.removing.sweep()
    assert not is_there(world, contact) and await rows(world) == []


async def test_who_came_back_and_is_known_elsewhere_is_left_to_an_operator(world: World) -> None:
    runtime = await world.start()
    *_, contact = await comes_back(world, runtime)
    shared(world, contact)
    await due(world)
    await runtime.removing.sweep()
    ((is_held, reason),) = await rows(world)
    assert is_there(world, contact) and is_held and "'E-mail'" in reason


async def test_a_number_that_was_given_out_again_is_somebody_elses(talking: Here) -> None:
    """Chatwoot was restored: it no longer knows the session, and another has its number."""
    world, runtime, alice = talking
    stranger = account(world, "POST", "/contacts", name="Eve").json()["payload"]["contact"]["id"]
    await runtime.conversations.people.erase(alice.contact_id)
    lost = {"source_id": str(uuid.uuid4()), "chatwoot_contact_id": stranger, "due_at": 0}
    await world.ask(lambda: Removal.objects.update(**lost))
    await runtime.removing.sweep()
    assert is_there(world, stranger) and await rows(world) == []


async def test_without_a_token_it_waits_and_says_so_once(talking: Here, settings: Any, logged: Any) -> None:
    world, runtime, alice = talking
    settings.CHATWOOT_ADMIN_TOKEN = ""
    await runtime.conversations.people.erase(alice.contact_id)
    await due(world)
    for _ in range(3):
        await runtime.removing.sweep()
    assert logged.text.count("1 contacts were erased here and wait to be deleted at Chatwoot") == 1
    assert len(await rows(world)) == 1


async def test_the_token_goes_to_no_other_chatwoot(talking: Here, settings: Any) -> None:
    world, runtime, alice = talking
    contact = await number(world, alice)
    settings.CHATWOOT_URL = "https://another.example"
    await runtime.conversations.people.erase(alice.contact_id)
    await due(world)
    world.sandbox.reset_stats()
    await runtime.removing.sweep()
    assert is_there(world, contact) and len(await rows(world)) == 1
    assert "POST /api/v1/accounts/:account_id/contact_inboxes/filter" not in world.sandbox.stats()["routes"]


async def test_the_token_does_not_follow_an_address_that_was_written_a_moment_ago(
    talking: Here, settings: Any, logged: Any
) -> None:
    """The row names the operator's Chatwoot again, and this process still knows what stood there meanwhile."""
    world, runtime, alice = talking
    contact = await number(world, alice)
    settings.CHATWOOT_URL = "https://named.example"
    await runtime.conversations.people.erase(alice.contact_id)
    await due(world)
    await world.ask(lambda: Chatwoot.objects.update(url="https://named.example"))
    await runtime.removing.sweep()
    assert is_there(world, contact) and "its address has just changed" in logged.text


async def test_the_token_needs_an_address_beside_it(talking: Here, settings: Any, logged: Any) -> None:
    """The only Chatwoot in the database is one that somebody has written there."""
    world, runtime, alice = talking
    contact = await number(world, alice)
    settings.CHATWOOT_URL = ""
    await runtime.conversations.people.erase(alice.contact_id)
    await due(world)
    await runtime.removing.sweep()
    assert is_there(world, contact) and "wait to be deleted at Chatwoot, by nobody" in logged.text


@pytest.mark.parametrize("wrong", ["token", "account"])
async def test_what_chatwoot_refuses_is_an_alarm_and_tried_again(
    talking: Here, settings: Any, logged: Any, wrong: str
) -> None:
    world, runtime, alice = talking
    contact = await number(world, alice)
    if wrong == "token":
        settings.CHATWOOT_ADMIN_TOKEN = world.sandbox.world["bot_token"]
    else:
        await world.ask(lambda: Inbox.objects.update(account_id=None))
    await runtime.conversations.people.erase(alice.contact_id)
    await due(world)
    await runtime.removing.sweep()
    ((is_held, reason),) = await rows(world)
    assert (is_held, is_there(world, contact)) == (False, True)
    assert f"was erased here and is still at Chatwoot: {reason}" in logged.text
    (row,) = await world.ask(lambda: list(Removal.objects.all()))
    assert row.attempts == 1 and row.due_at > row.created_at + removals.FIRST_MS / 2


@pytest.mark.django_db
def test_what_lies_far_ahead_is_due_and_one_process_takes_it() -> None:
    inbox = make_inbox()
    row = Removal.objects.create(
        contact_id=uuid.uuid4(), inbox=inbox, source_id="s", due_at=NOW + 2 * removals.LONGEST_MS, created_at=NOW
    )
    (found,) = removals.due(NOW, url=inbox.chatwoot.url)
    assert removals.claim(found, now=NOW) and not removals.claim(found, now=NOW)
    assert removals.due(NOW, url=inbox.chatwoot.url) == []
    for attempts, wait_ms in ((0, 30_000), (3, 240_000), (40, removals.LONGEST_MS)):
        row.attempts = attempts
        removals.put_off(row, now=NOW, reason="x" * 300)
        assert Removal.objects.get().due_at == NOW + wait_ms


@pytest.mark.django_db
def test_an_operator_is_told_that_nobody_does_it(settings: Any) -> None:
    inbox = make_inbox(policy={"erase_upstream": True})
    (warning,) = checks.erasures_reach_chatwoot()
    assert (warning.id, warning.obj) == ("chat.W007", "main")
    settings.CHATWOOT_URL, settings.CHATWOOT_ADMIN_TOKEN = inbox.chatwoot.url, "token"
    assert checks.erasures_reach_chatwoot() == []
    settings.CHATWOOT_URL = ""
    (warning,) = checks.erasures_reach_chatwoot()
    assert "CHATWOOT_URL" in str(warning.hint), "what the only row says does not count"
    settings.CHATWOOT_URL = "https://another.example"
    assert len(checks.erasures_reach_chatwoot()) == 1


def test_an_operator_finds_who_waits_and_sees_no_secret(admin_client: Client) -> None:
    values = {"reason": "they are still online there", "due_at": 0, "created_at": NOW}
    row = Removal.objects.create(contact_id=uuid.uuid4(), inbox=make_inbox(), source_id="a-bearer-secret", **values)
    found = admin_client.get("/admin/chat/removal/", {"q": str(row.contact_id)})
    shown = admin_client.get(f"/admin/chat/removal/{row.pk}/change/")
    for page in (found, shown):
        assert "they are still online there" in page.content.decode()
        assert "a-bearer-secret" not in page.content.decode()


# By command


async def run(world: World, contact: uuid.UUID, *options: str) -> str:
    said = StringIO()
    await world.ask(call_command, "erase_contact", str(contact), "--upstream", *options, stdout=said)
    return said.getvalue()


async def test_an_operator_deletes_somebody_everywhere_and_may_say_so_twice(talking: Here) -> None:
    world, _, alice = talking
    contact = await number(world, alice)
    said = await run(world, alice.contact_id)
    assert "was erased, with 0 files" in said and f"{world.sandbox.base_url}: deleted" in said
    assert not is_there(world, contact) and await rows(world) == []
    assert "is gone" in await run(world, alice.contact_id)


async def test_what_was_deleted_at_chatwoot_by_hand_is_gone(talking: Here) -> None:
    world, _, alice = talking
    account(world, "DELETE", f"/contacts/{await number(world, alice)}").raise_for_status()
    assert "they are gone" in await run(world, alice.contact_id)
    assert not await world.ask(Contact.objects.exists)


def _no_token(world: World, settings: Any) -> None:
    settings.CHATWOOT_ADMIN_TOKEN = ""


def _no_such_token(world: World, settings: Any) -> None:
    settings.CHATWOOT_ADMIN_TOKEN = "nobodys"


def _odd_token(world: World, settings: Any) -> None:
    settings.CHATWOOT_ADMIN_TOKEN = "no token"


def _agents(world: World, settings: Any) -> None:
    settings.CHATWOOT_ADMIN_TOKEN = world.sandbox.world["agent_token"]


def _bots(world: World, settings: Any) -> None:
    settings.CHATWOOT_ADMIN_TOKEN = world.sandbox.world["bot_token"]


def _another_account(world: World, settings: Any) -> None:
    Inbox.objects.update(account_id=4711)


def _no_account(world: World, settings: Any) -> None:
    Inbox.objects.update(account_id=None)


def _down(world: World, settings: Any) -> None:
    world.sandbox.faults.set("status", path="/api/v1/accounts", status=503)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_no_token, "There is no token: set CHATWOOT_ADMIN_TOKEN"),
        (_odd_token, "That is no access token"),
        (_no_such_token, "it does not know this token"),
        (_agents, "is only agent in account"),
        (_bots, "this is the token of an agent bot"),
        (_another_account, "is not in account 4711"),
        (_no_account, "is not known: run manage.py connect_chatwoot"),
        (_down, "Run the same command again"),
    ],
)
async def test_each_refusal_is_in_words_and_then_nobody_was_erased(
    talking: Here, settings: Any, spoil: Callable[[World, Any], None], words: str
) -> None:
    world, _, alice = talking
    await world.ask(spoil, world, settings)
    with pytest.raises(CommandError, match=words):
        await run(world, alice.contact_id)
    world.sandbox.faults.clear()
    assert await world.ask(Contact.objects.filter(id=alice.contact_id).exists)
    assert is_there(world, await number(world, alice)) and await rows(world) == []


async def test_what_else_would_go_is_said_and_goes_only_when_that_is_wanted(talking: Here) -> None:
    world, _, alice = talking
    contact = await number(world, alice)
    shared(world, contact)
    with pytest.raises(CommandError, match=r"known by others, too, in the inbox 'E-mail' \(number \d+\). Give --even"):
        await run(world, alice.contact_id)
    assert await world.ask(Contact.objects.filter(id=alice.contact_id).exists)
    await run(world, alice.contact_id, "--even-shared")
    assert not is_there(world, contact)


async def test_what_was_cut_short_is_gone_on_with(talking: Here) -> None:
    world, _, alice = talking
    contact = await number(world, alice)
    words = "erased here, and not yet at Chatwoot"
    with world.sandbox.faults.on("status", method="DELETE", status=500), pytest.raises(CommandError, match=words):
        await run(world, alice.contact_id)
    assert not await world.ask(Contact.objects.exists) and is_there(world, contact)
    assert "deleted" in await run(world, alice.contact_id)
    assert not is_there(world, contact) and await rows(world) == []


async def test_what_was_left_to_an_operator_is_done_by_command(talking: Here) -> None:
    world, runtime, alice = talking
    contact = await number(world, alice)
    shared(world, contact)
    await runtime.conversations.people.erase(alice.contact_id)
    await due(world)
    await runtime.removing.sweep()
    with pytest.raises(CommandError, match="Give --even-shared"):
        await run(world, alice.contact_id)
    await run(world, alice.contact_id, "--even-shared")
    assert not is_there(world, contact) and await rows(world) == []


async def test_who_came_back_is_deleted_by_command_when_they_are_erased_again(world: World) -> None:
    runtime = await world.start()
    alice, again, contact = await comes_back(world, runtime)
    assert "deleted" in await run(world, again.contact_id)
    assert not is_there(world, contact)
    assert "they are gone" in await run(world, alice.contact_id)
    assert await rows(world) == []


async def test_whom_chatwoot_never_knew_is_erased_without_a_token(world: World, settings: Any) -> None:
    settings.CHATWOOT_ADMIN_TOKEN = ""
    alice = await world.person()
    assert "Chatwoot knows nothing of them" in await run(world, alice.contact_id)
    assert not await world.ask(Contact.objects.exists)


async def test_it_is_about_chatwoot(world: World) -> None:
    with pytest.raises(CommandError, match="goes with --upstream"):
        await world.ask(call_command, "erase_contact", str(uuid.uuid4()), "--even-shared")
