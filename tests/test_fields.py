from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet
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
