"""What Chatwoot knows and visitors must not: rows of the threat table, with the words of ``tests.fixtures.canary``."""

import json
import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from chat.budget import Urgency
from chat.chatwoot.identity import cable_identifier
from chat.models import Message, upsert_inbox
from chat.runtime import Runtime
from tests.eventually import eventually
from tests.fixtures.canary import Canary, canary, forms
from tests.fixtures.sandbox import SandboxProcess
from tests.fixtures.the_server import Serving
from tests.fixtures.world import Person, World

# The mechanism


async def test_a_word_in_a_public_message_is_heard(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    device, talk = await world.talk(runtime, alice)
    before = canary.heard.get("rows", 0)
    world.sandbox.desk.reply(talk, f"in public: {canary.public}")
    await eventually(lambda: f"in public: {canary.public}" in device.texts())
    assert canary.heard["rows"] > before


def test_a_word_that_came_through_is_found_in_every_disguise() -> None:
    for form in forms((own := Canary()).secret):
        own.look(b"before " + form + b" after", "http")
        assert own.take() and not own.take()
    own.look(b"nothing of it", "http")
    assert not own.take()


def test_the_sandbox_says_the_word_in_every_private_field(sandbox: SandboxProcess) -> None:
    inbox = sandbox.new_inbox()
    made = sandbox.http.post(f"{inbox.path}/contacts", json={"source_id": str(uuid.uuid4())}).json()
    talk = sandbox.http.post(f"{inbox.path}/contacts/{made['source_id']}/conversations", json={}).json()
    secret = [inbox.identifier, inbox.hmac_token, made["pubsub_token"], made["email"], sandbox.world["bot_token"]]
    secret += [sandbox.world["agent_token"], sandbox.world["emails"]["agent"], json.dumps(talk)]
    assert [each for each in secret if canary.secret not in each] == []


# T15: no byte of any kind of answer


async def test_t15_no_page_answer_error_or_description_holds_a_secret(sandbox: SandboxProcess, tmp_path: Path) -> None:
    inbox = sandbox.new_inbox()
    settings = {"CHATWOOT_URL": sandbox.base_url, "CHATWOOT_INBOX_IDENTIFIER": inbox.identifier}
    settings |= {"CHATWOOT_CABLE_URL": sandbox.cable_url, "CHATWOOT_HMAC_TOKEN": inbox.hmac_token}
    found: dict[str, int] = {}
    with Serving(tmp_path, **settings).migrated().running() as serving:
        for path in PATHS:
            answer = serving.get(path)
            found[path] = answer.status_code
            assert sandbox.base_url not in answer.text
        with serving.dial() as socket:
            socket.send(json.dumps({"type": "hello", "token": serving.token()}))
            socket.recv()
            socket.send(json.dumps({"type": "send", "echo_id": str(uuid.uuid4()), "text": "hello"}))
            await eventually(lambda: sandbox.ledger(inbox) and sandbox.ledger(inbox)[0]["messages"])
            talk = sandbox.ledger(inbox)[0]["id"]
            sandbox.desk.private_note(talk, "between us")
            sandbox.desk.reply(talk, canary.public)
            while canary.public not in socket.recv(timeout=20):
                pass
            socket.send("[" * 20_000)
            while '"error"' not in socket.recv(timeout=20):
                pass
    assert {200, 401, 404, 405} <= set(found.values())
    assert canary.heard["socket"]


PATHS = [
    *("/", "/demo/", "/chat/main/", "/frame/main/", "/sdk.js", "/admin/login/"),
    *("/livez", "/readyz", "/healthz", "/metrics"),
    *("/api/v1/openapi.json", "/api/v1/asyncapi.json", "/api/v1/sync", "/api/v1/session", "/api/v1/nothing"),
    *("/chat/nobody/", "/static/nothing.js", "/%00", "/public/api/v1/inboxes/x", "/api/v1/sync?since=%ff"),
]


@pytest.mark.django_db
def test_t15_the_admin_shows_and_exports_no_secret(sandbox: SandboxProcess, client: Client) -> None:
    """The middleware of the tests looks at each page."""
    told = sandbox.new_inbox()
    inbox = upsert_inbox(
        slug="main",
        url=sandbox.base_url,
        cable_url=sandbox.cable_url,
        inbox_identifier=told.identifier,
        hmac_token=told.hmac_token,
        bot_token=sandbox.world["bot_token"],
        agent_token=sandbox.world["agent_token"],
    )
    client.force_login(User.objects.create_superuser("operator"))
    heard = canary.bytes.get("http", 0)
    for model in ("inbox", "chatwoot", "delivery", "duplicate", "process"):
        client.get(f"/admin/chat/{model}/")
    for page in ("change", "history", "delete"):
        assert client.get(f"/admin/chat/inbox/{inbox.pk}/{page}/").status_code == 200
    assert canary.bytes["http"] > heard


# T16 to T19: what belongs to agents


async def compare(world: World, runtime: Runtime, person: Person) -> None:
    before = runtime.resyncs.done
    await world.rested(person, ms=300)
    runtime.resyncs.want(person.scope, urgency=Urgency.VISIBLE)
    await eventually(lambda: runtime.resyncs.done > before)


async def test_t16_notes_activities_and_the_typing_of_notes_reach_nobody(world: World) -> None:
    runtime, alice, desk = await world.start(), await world.person(), world.sandbox.desk
    device, talk = await world.talk(runtime, alice)
    desk.typing(talk, private=True)
    desk.private_note(talk, "between us agents")
    desk.resolve(talk)  # an activity
    desk.set_status(talk, "open")
    desk.reply(talk, "in public")
    await eventually(lambda: "in public" in device.texts())
    await compare(world, runtime, alice)
    device.take((await runtime.conversations.read(alice.contact_id, since=None)).rows)
    kinds = {message["message_type"] for row in world.conversations(alice) for message in row["messages"]}
    assert "activity" in kinds
    assert device.texts() == ["hello", "in public"]
    assert b"between us" not in device.heard and b'"typing"' not in device.heard
    assert await world.ask(lambda: Message.objects.count()) == 2


async def test_t17_what_chatwoot_knows_of_a_visitor_comes_neither_back_nor_into_the_database(world: World) -> None:
    runtime, alice, desk = await world.start(), await world.person(), world.sandbox.desk
    device, talk = await world.talk(runtime, alice)
    contact = next(row for row in desk.conversations() if row["id"] == talk)["meta"]["sender"]["id"]
    known = {"email": f"{canary.secret}@example.test", "custom_attributes": {"score": canary.secret}}
    desk.call("PUT", f"/contacts/{contact}", json=known | {"name": f"Name {canary.secret}"})
    desk.reply(talk, "noted")
    await eventually(lambda: "noted" in device.texts())
    await compare(world, runtime, alice)
    device.take((await runtime.conversations.read(alice.contact_id, since=None)).rows)
    assert canary.secret not in await world.ask(dump)


async def test_t18_a_text_that_was_deleted_meanwhile_is_in_no_byte_and_no_file(world: World) -> None:
    runtime, alice, desk = await world.start(), await world.person(), world.sandbox.desk
    device, talk = await world.talk(runtime, alice)
    doomed = desk.reply(talk, "a slip of the pen")
    await eventually(lambda: "a slip of the pen" in device.texts())
    before = (await runtime.conversations.read(alice.contact_id, since=None)).cursor
    runtime.conversations.depart(device)
    desk.delete(talk, doomed["id"])
    await world.becomes(lambda: Message.objects.filter(deleted=True).exists())
    back = alice.device()
    for since in (str(before), None):
        back.take((await runtime.conversations.read(alice.contact_id, since=since)).rows)
    history = await runtime.conversations.history(
        alice.contact_id, conversation_id=uuid.UUID(back.conversations[0]["id"]), before=None
    )
    back.take(history.rows)
    assert [row["deleted"] for row in back.messages] == [False, True]
    assert b"slip of the pen" not in back.heard
    await world.stop(runtime)
    await world.ask(empty_log)
    assert not any(b"slip of the pen" in file.read_bytes() for file in files())


async def test_t19_of_an_agent_visitors_learn_the_name_alone(world: World) -> None:
    runtime, alice, desk = await world.start(), await world.person(), world.sandbox.desk
    device, talk = await world.talk(runtime, alice)
    desk.typing(talk)
    desk.reply(talk, "hello from the agent")
    await eventually(lambda: "hello from the agent" in device.texts())
    (row,) = [row for row in device.messages if row["direction"] == "outgoing"]
    assert row["sender"].keys() == {"name", "avatar", "kind"} and row["sender"]["name"] == "Gus Agent"
    (typing,) = [frame for frame in device.frames if frame["type"] == "typing"]
    assert typing.keys() == {"type", "conversation", "name", "on"}
    assert canary.secret not in await world.ask(dump)  # the e-mail address holds it


def dump() -> str:
    """All rows of the database, as SQL, by a connection of its own."""
    if connection.vendor != "sqlite":
        pytest.skip("the same on PostgreSQL: test_t49")
    with sqlite3.connect(connection.settings_dict["NAME"]) as reading:
        return "\n".join(reading.iterdump())


def empty_log() -> None:
    """At once; tests/test_wal.py holds that the writer does it soon."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def files() -> Iterator[Path]:
    path = Path(str(connection.settings_dict["NAME"]))
    return path.parent.glob(f"{path.name}*")


# T43: a visitor cannot choose what we subscribe


@given(st.text(min_size=1))
def test_t43_a_cable_identifier_holds_a_channel_and_one_token_whatever_that_is(token: str) -> None:
    said = json.loads(cable_identifier(token), object_pairs_hook=list)
    assert said == [("channel", "RoomChannel"), ("pubsub_token", token)]
