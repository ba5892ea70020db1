"""T56: a person takes their data along, and leaves nothing behind."""

import json
import uuid
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from chat import files
from chat.models import Contact
from tests.eventually import eventually
from tests.fixtures.world import Device, World

CANARY = "kanarienvogel"


async def live(client: Any, world: World) -> str:
    """Says its canary wherever something can be said; the id of the message."""
    for body in ({"name": CANARY, "email": f"{CANARY}@example.com"}, {"attributes": {CANARY: CANARY}}):
        assert (await client.call("PATCH", "contact", body)).status_code == 200
    uploaded = await client.call("POST", f"uploads?name={CANARY}.txt", CANARY.encode(), content_type="text/plain")
    unsent = await client.call("POST", f"uploads?name={CANARY}2.txt", CANARY.encode(), content_type="text/plain")
    assert (uploaded.status_code, unsent.status_code) == (201, 201)
    body = {"text": CANARY, "files": [uploaded.json()["id"]]}
    said = await client.call("PUT", f"messages/{uuid.uuid4()}", body)
    await world.settled()
    world.sandbox.desk.reply(world.conversations()[0]["id"], f"Hello {CANARY}")
    message: str = said.json()["message"]
    return message


def places() -> list[str]:
    """Every file of ours that holds the canary."""
    database = Path(connection.settings_dict["NAME"])
    found = [*database.parent.glob(f"{database.name}*"), *files.folder().glob("*")]
    return [path.name for path in found if CANARY.encode() in path.read_bytes()]


@pytest.fixture
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path


async def test_an_export_holds_what_was_said_and_no_secret(
    own_folder: None, alice: Any, bob: Any, world: World
) -> None:
    message = await live(alice, world)
    answered = await alice.call("GET", "contact/export")
    told = answered.json()
    assert (told["contact"]["name"], told["contact"]["attributes"]) == (CANARY, {CANARY: CANARY})
    (conversation,) = told["conversations"]
    own = next(each for each in conversation["messages"] if each["id"] == message)
    assert (own["content"], own["attachments"][0]["name"]) == (CANARY, f"{CANARY}.txt")
    assert len(told["uploads"]) == 1 and len(told["sessions"]) == 1
    (person,) = [each for each in await world.ask(lambda: list(Contact.objects.all())) if each.id == alice.contact_id]
    contact_inbox = await world.ask(person.contact_inboxes.get)
    for secret in (contact_inbox.source_id, contact_inbox.pubsub_token, world.chatwoot_inbox.identifier):
        assert secret and secret not in answered.content.decode()
    assert CANARY not in (await bob.call("GET", "contact/export")).content.decode()


async def test_t56_after_an_erasure_no_row_and_no_byte_is_left(own_folder: None, alice: Any, world: World) -> None:
    (runtime,) = world.runtimes
    device = Device(alice.contact_id)
    runtime.conversations.arrive(device, visible=True)
    await live(alice, world)
    assert connection.vendor != "sqlite" or len(await world.ask(places)) >= 3  # the positive control
    erased = await alice.call("DELETE", "contact")
    assert (erased.status_code, device.is_revoked) == (204, True)
    assert (await alice.call("GET", "contact")).status_code == 401
    assert not await world.ask(Contact.objects.filter(id=alice.contact_id).exists)
    if connection.vendor == "sqlite":
        await eventually(lambda: not places())
    world.sandbox.desk.reply(world.conversations()[0]["id"], f"Are you there, {CANARY}?")
    await world.ask(Contact.objects.count)
    assert not places()


@pytest.mark.django_db(transaction=True)
async def test_operators_export_and_erase_by_command(own_folder: None, alice: Any, bob: Any, world: World) -> None:
    await live(alice, world)
    said = StringIO()
    await world.ask(call_command, "export_contact", str(alice.contact_id), stdout=said)
    assert json.loads(said.getvalue())["contact"]["name"] == CANARY
    await world.ask(call_command, "erase_contact", str(alice.contact_id), stdout=said)
    assert "with 2 files" in said.getvalue()
    assert (await alice.call("GET", "contact")).status_code == 401
    assert (await bob.call("GET", "contact")).status_code == 200
    if connection.vendor == "sqlite":
        await eventually(lambda: not places())
    for command in ("export_contact", "erase_contact"):
        with pytest.raises(CommandError, match="no such contact"):
            await world.ask(call_command, command, str(alice.contact_id))
