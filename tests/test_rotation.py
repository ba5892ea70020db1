"""The keys for secrets at rest are changed under running processes, and nothing is lost by it."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection

from chat import fields, rotation
from chat.models import ContactInbox, Inbox
from tests.fixtures.people import Person, make_inbox, make_person
from tests.fixtures.the_server import ROOT, Serving


def key() -> str:
    return Fernet.generate_key().decode()


@pytest.fixture
def ring(settings: Any) -> Iterator[Callable[..., None]]:
    """Puts these keys in force, the first to encrypt."""

    def put(*keys: str) -> None:
        settings.FIELD_KEYS = list(keys)
        fields._keyring.cache_clear()

    yield put
    fields._keyring.cache_clear()


def run() -> list[str]:
    said = StringIO()
    call_command("rotate_keys", stdout=said)
    return said.getvalue().splitlines()


def at_rest(column: str, table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table} ORDER BY id")
        return [row[0] for row in cursor.fetchall()]


def said_of(lines: list[str]) -> dict[str, str]:
    return dict(line.split(": ") for line in lines)


@pytest.mark.django_db
def test_every_secret_opens_with_the_new_key_alone_and_each_column_is_counted(ring: Callable[..., None]) -> None:
    old, new = key(), key()
    ring(old)
    inbox = make_inbox(hmac_token="secret")
    people = [make_person(inbox) for _ in range(3)]
    ring(new, old)
    said = said_of(run())
    assert said["Inbox.hmac_token"] == "1 changed" and said["Inbox.bot_token"] == "0 changed"
    assert said["ContactInbox.source_id"] == "3 changed" and said["ContactInbox.pubsub_token"] == "0 changed"
    ring(new)
    assert Inbox.objects.get().hmac_token == "secret"
    assert {row.source_id for row in ContactInbox.objects.all()} == {each.source_id for each in people}


@pytest.mark.django_db
def test_no_encrypted_column_is_forgotten() -> None:
    assert {str(column) for column in rotation.rotate()} >= {
        "Inbox.inbox_identifier",
        "Inbox.hmac_token",
        "Inbox.bot_token",
        "Inbox.agent_token",
        "Inbox.canary_source_id",
        "Inbox.canary_token",
        "ContactInbox.source_id",
        "ContactInbox.pubsub_token",
    }


@pytest.mark.django_db
def test_a_second_run_changes_nothing_more(ring: Callable[..., None]) -> None:
    old, new = key(), key()
    ring(old)
    make_inbox(hmac_token="secret")
    ring(new, old)
    run()
    before = at_rest("hmac_token", "chat_inbox")
    assert set(said_of(run()).values()) == {"0 changed"}
    assert at_rest("hmac_token", "chat_inbox") == before


@pytest.mark.django_db
def test_one_that_was_stopped_goes_on_where_it_was(ring: Callable[..., None]) -> None:
    old, new = key(), key()
    ring(old)
    inbox = make_inbox(hmac_token="secret")
    for _ in range(5):
        make_person(inbox)
    ring(new, old)
    columns = rotation.rotate(batch=2)
    while str(next(columns)) != "Inbox.canary_token":
        pass
    columns.close()
    assert said_of(run())["ContactInbox.source_id"] == "5 changed"


@pytest.mark.django_db
def test_a_row_that_no_key_opens_is_named_and_not_quoted_and_the_others_are_done(
    ring: Callable[..., None], alice: Person, bob: Person
) -> None:
    stranger, old, new = key(), key(), key()
    for ring_key, row in ((stranger, alice), (old, bob)):
        ring(ring_key)
        ContactInbox.objects.filter(pk=row.contact_inbox_id).update(source_id="kept")
    Inbox.objects.update(inbox_identifier="identifier")
    stored = at_rest("source_id", "chat_contactinbox")[0]
    ring(new, old)
    with pytest.raises(CommandError) as refused:
        run()
    words = str(refused.value)
    assert words == f"ContactInbox.source_id of row {alice.contact_inbox_id} was encrypted with a key not in FIELD_KEYS"
    assert refused.value.returncode == 1
    assert stored == at_rest("source_id", "chat_contactinbox")[0]
    ring(new)
    assert ContactInbox.objects.get(pk=bob.contact_inbox_id).source_id == "kept"


@pytest.mark.django_db(transaction=True)
def test_a_value_that_is_written_meanwhile_is_not_undone(ring: Callable[..., None]) -> None:
    """Another process writes at the moment between our reading and our writing."""
    old, new = key(), key()
    ring(old)
    make_inbox(hmac_token="secret")
    ring(new, old)
    writes: list[str] = []

    def meddle(execute: Callable[..., Any], statement: str, *rest: Any) -> Any:
        if statement.startswith("UPDATE") and "hmac_token" in statement and not writes:
            writes.append(statement)
            elsewhere = threading.Thread(target=_write_elsewhere)
            elsewhere.start()
            elsewhere.join()
        return execute(statement, *rest)

    with connection.execute_wrapper(meddle):
        said = said_of(run())
    assert writes and Inbox.objects.get().hmac_token == "newer"
    assert said["Inbox.hmac_token"] == "0 changed"  # the newer one was encrypted with the new key


def _write_elsewhere() -> None:
    Inbox.objects.update(hmac_token="newer")
    connection.close()


def test_it_makes_keys_too() -> None:
    (made,) = new_key()
    assert Fernet(made) and made != new_key()[0]


def new_key() -> list[str]:
    said = StringIO()
    call_command("rotate_keys", generate=True, stdout=said)
    return said.getvalue().splitlines()


def test_a_new_secret_key_keeps_sessions_and_secrets_and_the_old_one_may_go(tmp_path: Path) -> None:
    """The whole of docs/operating.md, with keys for secrets at rest that are derived."""
    old, new = "o" * 50, "n" * 50
    with Serving(tmp_path, SECRET_KEY=old).migrated().running() as serving:
        token = serving.token()
    with Serving(tmp_path, SECRET_KEY=new, SECRET_KEY_FALLBACKS=old).running() as serving:
        assert _sync(serving, token) == 200
        assert _rotate(serving).returncode == 0
    with Serving(tmp_path, SECRET_KEY=new).running() as serving:
        assert _sync(serving, token) == 401
        assert _sync(serving, serving.token()) == 200
    lost = _rotate(Serving(tmp_path, SECRET_KEY=old))
    assert lost.returncode == 1
    assert "CommandError: Inbox.inbox_identifier of row 1 was encrypted with a key not in FIELD_KEYS" in lost.stderr


def _sync(serving: Serving, token: str) -> int:
    address = f"{serving.site}/api/v1/sync"
    return httpx.get(address, headers={"Authorization": f"Bearer {token}"}, trust_env=False).status_code


def _rotate(serving: Serving) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "manage.py"), "rotate_keys"]
    return subprocess.run(command, env=serving.env, capture_output=True, text=True)
