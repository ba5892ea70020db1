from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.serializers.base import DeserializationError
from django.db import connection

from chat import fields
from chat.models import ContactInbox, Inbox
from tests.fixtures.people import Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def keys(settings: Any) -> Iterator[list[str]]:
    """The keys in force; the first encrypts. Call `fields._keyring.cache_clear()` after a change."""
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    fields._keyring.cache_clear()
    yield settings.FIELD_KEYS
    fields._keyring.cache_clear()


def at_rest() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT inbox_identifier, hmac_token FROM chat_inbox")
        return [each for row in cursor.fetchall() for each in row]


def test_a_secret_is_not_in_the_database_as_it_is(keys: list[str], inbox: Inbox):
    Inbox.objects.update(hmac_token="pässword")
    assert "identifier" not in str(at_rest())
    assert "pässword" not in str(at_rest())
    found = Inbox.objects.get()
    assert (found.inbox_identifier, found.hmac_token) == ("identifier", "pässword")


def test_the_same_secret_differs_at_each_write(keys: list[str], inbox: Inbox):
    first = at_rest()[0]
    inbox.save()
    assert at_rest()[0] != first


def test_nothing_is_kept_as_nothing(keys: list[str], inbox: Inbox):
    assert at_rest()[1] == ""
    assert Inbox.objects.get().hmac_token == ""


def test_an_older_key_still_reads_and_no_longer_writes(keys: list[str], inbox: Inbox):
    old = keys[0]
    keys.insert(0, Fernet.generate_key().decode())
    fields._keyring.cache_clear()
    assert Inbox.objects.get().inbox_identifier == "identifier"
    inbox.save()
    keys.remove(old)
    fields._keyring.cache_clear()
    assert Inbox.objects.get().inbox_identifier == "identifier"


@pytest.mark.parametrize("stored", [None, "not encrypted at all", "ä"])
def test_what_no_key_opens_says_which_column_and_not_what_it_holds(keys: list[str], inbox: Inbox, stored: str | None):
    if stored is None:
        keys[0] = Fernet.generate_key().decode()
        fields._keyring.cache_clear()
    else:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE chat_inbox SET inbox_identifier = %s", [stored])
    with pytest.raises(
        ValueError, match=r"^Inbox.inbox_identifier was encrypted with a key not in FIELD_KEYS$"
    ) as failed:
        Inbox.objects.get()
    assert failed.value.__cause__ is None


def test_no_secret_is_found_in_what_is_printed(alice: Person):
    found = ContactInbox.objects.get(pk=alice.contact_inbox_id)
    assert found.source_id == alice.source_id
    assert alice.source_id not in f"{found!r} {found} {found.inbox!r} {found.contact!r} {alice!r}"


@pytest.fixture(params=["json", "xml", "jsonl"])
def dumped(request: Any, keys: list[str], inbox: Inbox, tmp_path: Path) -> Path:
    """All of an inbox, as Django's own commands write it into a file; the row is gone."""
    Inbox.objects.update(bot_token="a-bot's-secret", hmac_token="", agent_token="encrypted:by-nobody")
    said = StringIO()
    call_command("dumpdata", "chat.inbox", "chat.chatwoot", format=request.param, stdout=said)
    Inbox.objects.all().delete()
    path = tmp_path / f"dumped.{request.param}"
    path.write_text(said.getvalue())
    return path


def test_what_is_dumped_holds_no_secret_and_is_loaded_again(dumped: Path):
    assert "a-bot's-secret" not in dumped.read_text() and "by-nobody" not in dumped.read_text()
    call_command("loaddata", str(dumped), verbosity=0)
    found = Inbox.objects.get()
    assert (found.bot_token, found.hmac_token) == ("a-bot's-secret", "")
    assert (found.inbox_identifier, found.agent_token) == ("identifier", "encrypted:by-nobody")
    assert "a-bot's-secret" not in str(at_rest())


def test_what_was_dumped_under_another_key_is_not_loaded_as_if_it_were_the_secret(keys: list[str], dumped: Path):
    keys[0] = Fernet.generate_key().decode()
    fields._keyring.cache_clear()
    with pytest.raises((DeserializationError, ValidationError), match="was encrypted with a key not in FIELD_KEYS"):
        call_command("loaddata", str(dumped), verbosity=0)
    assert not Inbox.objects.exists()


def test_what_somebody_writes_as_if_it_were_dumped_is_a_text_like_any(keys: list[str], inbox: Inbox):
    inbox.bot_token = "encrypted:by-nobody"
    inbox.save()
    assert Inbox.objects.get().bot_token == "encrypted:by-nobody"
