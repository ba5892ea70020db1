"""A process that could not serve refuses to start, in words."""

import logging
import re
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import Error, OperationalError, ProgrammingError, connection
from pytest_django import Settings

from chat import checks, starting
from chat.models import Chatwoot, Contact, ContactInbox, Conversation, Inbox

ENVIRONMENT = {
    "CHATWOOT_URL": "https://chatwoot.example",
    "CHATWOOT_CABLE_URL": "wss://chatwoot.example/cable",
    "CHATWOOT_INBOX_IDENTIFIER": "abc",
}


def say(settings: Settings, **values: object) -> None:
    for name, value in {**ENVIRONMENT, **values}.items():
        setattr(settings, name, value)


@pytest.mark.django_db
def test_without_an_inbox_the_start_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"There is no inbox.*CHATWOOT_INBOX_IDENTIFIER"):
        starting.prepare()


@pytest.mark.django_db
def test_a_developer_may_start_without_an_inbox(settings: Settings) -> None:
    settings.DEBUG = True
    starting.prepare()


@pytest.mark.django_db
def test_an_inbox_of_the_admin_is_enough() -> None:
    chatwoot = Chatwoot.objects.create(url="https://chatwoot.example", cable_url="wss://chatwoot.example/cable")
    Inbox.objects.create(slug="main", chatwoot=chatwoot, inbox_identifier="abc")
    starting.prepare()


@pytest.mark.django_db
def test_the_environments_inbox_becomes_a_row_once(settings: Settings) -> None:
    say(settings, CHATWOOT_INBOX_NAME="Help", ALLOWED_ORIGINS=["https://shop.example"])
    starting.prepare()
    starting.prepare()
    inbox = Inbox.objects.get()
    assert (inbox.slug, inbox.name, inbox.inbox_identifier) == ("main", "Help", "abc")
    assert inbox.allowed_origins == ["https://shop.example"]
    assert inbox.chatwoot.cable_url == "wss://chatwoot.example/cable"


@pytest.mark.django_db
def test_origins_that_the_next_start_writes_are_not_missed(settings: Settings) -> None:
    chatwoot = Chatwoot.objects.create(url="https://chatwoot.example", cable_url="wss://chatwoot.example/cable")
    for slug in ("main", "other"):
        Inbox.objects.create(slug=slug, chatwoot=chatwoot, inbox_identifier=slug)
    settings.ALLOWED_ORIGINS = ["https://shop.example"]
    assert [each.obj for each in checks.origins_are_named()] == ["other"]


@pytest.mark.django_db
def test_an_administrators_token_that_goes_nowhere_is_warned_of(settings: Settings) -> None:
    settings.CHATWOOT_ADMIN_TOKEN = "token"
    (warning,) = checks.admin_token_is_used()
    assert "CHATWOOT_URL" in warning.hint
    settings.CHATWOOT_URL = "https://chatwoot.example"
    assert checks.admin_token_is_used() == []


@pytest.mark.django_db
def test_what_the_environment_says_besides_is_true_of_an_inbox_that_was_connected(settings: Settings) -> None:
    chatwoot = Chatwoot.objects.create(url="https://chatwoot.example", cable_url="wss://cable.example/cable")
    Inbox.objects.create(slug="main", chatwoot=chatwoot, inbox_identifier="abc", chatwoot_inbox_id=7, bot_token="bot")
    settings.ALLOWED_ORIGINS, settings.CHATWOOT_INBOX_NAME = ["https://shop.example"], "Help"
    starting.prepare()
    inbox = Inbox.objects.get()
    assert (inbox.name, inbox.allowed_origins) == ("Help", ["https://shop.example"])
    assert (inbox.inbox_identifier, inbox.chatwoot_inbox_id, inbox.bot_token) == ("abc", 7, "bot")
    assert Chatwoot.objects.get().cable_url == "wss://cable.example/cable"


@pytest.mark.django_db
def test_what_the_environment_does_not_say_stays_as_the_operator_wrote_it(settings: Settings) -> None:
    say(settings)
    starting.prepare()
    Inbox.objects.update(name="Written by hand", allowed_origins=["https://shop.example"])
    starting.prepare()
    inbox = Inbox.objects.get()
    assert (inbox.name, inbox.allowed_origins) == ("Written by hand", ["https://shop.example"])


@pytest.mark.django_db
def test_an_inbox_that_nobody_may_embed_is_mentioned(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    say(settings)
    starting.prepare()
    with caplog.at_level(logging.WARNING):
        starting.prepare()
    assert "Inbox main names no allowed origins" in caplog.text


@pytest.mark.django_db
def test_a_chatwoot_without_a_fence_and_a_bot_token_that_is_off_are_mentioned(settings: Settings) -> None:
    say(settings, ALLOWED_ORIGINS=["https://shop.example"])
    starting.prepare()
    assert checks.fences_hold() + checks.answers_are_stamped() + checks.bot_tokens_are_used() == []
    Chatwoot.objects.update(fence="unfenced", hides_runtime=True)
    Inbox.objects.update(marker_off="it answered for another inbox")
    (fence,), (token,) = checks.fences_hold(), checks.bot_tokens_are_used()
    assert fence.msg.startswith("https://chatwoot.example is unfenced: a request that we gave up on may still")
    assert "120 s" in fence.msg
    (stamp,) = checks.answers_are_stamped()
    assert stamp.msg.startswith("X-Runtime is taken out of the answers of https://chatwoot.example:")
    assert not stamp.is_serious()
    assert token.msg == "Inbox main does not use its bot token: it answered for another inbox"
    assert not fence.is_serious()
    assert not token.is_serious()
    Chatwoot.objects.update(fence="fenced")
    assert checks.fences_hold() == []


@pytest.mark.django_db
def test_an_inbox_with_a_key_that_is_gone_is_refused_with_what_to_do(settings: Settings) -> None:
    say(settings)
    starting.prepare()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE chat_inbox SET inbox_identifier = 'of another key'")
    with pytest.raises(ImproperlyConfigured, match=r"not in FIELD_KEYS\. Put the old key into FIELD_KEYS"):
        starting.prepare()


def test_what_a_database_says_is_one_line_without_its_password() -> None:
    refused = OperationalError("connection failed\n\tfor hush")
    words = starting.describe(refused, {"NAME": "chat", "PASSWORD": "hush"})
    assert words == "The database chat cannot be used: connection failed for ***. DATABASE_URL names it"


@pytest.mark.parametrize(
    "error", [OperationalError("no such table: chat_inbox"), ProgrammingError('relation "chat_inbox" does not exist')]
)
def test_a_database_that_lacks_a_table_is_told_with_what_makes_it(error: Error) -> None:
    words = starting.describe(error, {"NAME": "chat"})
    assert (
        words
        == f"The database chat cannot be used: {error}. Run manage.py migrate, if DATABASE_URL names the right one"
    )


@pytest.mark.django_db(transaction=True)
def test_a_database_that_was_not_migrated_is_refused() -> None:
    call_command("migrate", "chat", "zero", verbosity=0)
    try:
        (error,) = checks.is_migrated()
        assert "lacks" in error.msg
        with pytest.raises(ImproperlyConfigured, match=r"Run manage\.py migrate"):
            starting.prepare()
    finally:
        call_command("migrate", verbosity=0)


def talked(inbox: Inbox) -> None:
    contact = Contact.objects.create(inbox=inbox)
    session = ContactInbox.objects.create(contact=contact, inbox=inbox, source_id="s")
    Conversation.objects.create(contact=contact, contact_inbox=session, inbox=inbox, chatwoot_id=1, created_at=0, seq=1)


@pytest.mark.django_db
def test_another_inbox_under_the_same_name_is_learnt_anew(settings: Settings) -> None:
    say(settings)
    starting.write_inbox()
    Inbox.objects.update(chatwoot_inbox_id=7)
    starting.write_inbox()
    assert Inbox.objects.get().chatwoot_inbox_id == 7
    say(settings, CHATWOOT_INBOX_IDENTIFIER="def")
    starting.write_inbox()
    assert Inbox.objects.get().chatwoot_inbox_id is None


@pytest.mark.django_db
def test_an_address_for_an_administrators_token_alone_moves_no_inbox(settings: Settings) -> None:
    say(settings)
    starting.write_inbox()
    say(settings, CHATWOOT_URL="https://other.example", CHATWOOT_INBOX_IDENTIFIER="", CHATWOOT_INBOX_NAME="Shop")
    starting.write_inbox()
    inbox = Inbox.objects.get()
    assert (inbox.chatwoot.url, inbox.name) == ("https://chatwoot.example", "Shop")


@pytest.mark.django_db
def test_an_address_at_which_no_inbox_is_is_mentioned(settings: Settings) -> None:
    say(settings, CHATWOOT_INBOX_IDENTIFIER="", CHATWOOT_URL="https://other.example")
    assert checks.address_is_used() == []  # nothing is connected yet
    chatwoot = Chatwoot.objects.create(url="https://chatwoot.example", cable_url="wss://chatwoot.example/cable")
    Inbox.objects.create(slug="main", chatwoot=chatwoot, inbox_identifier="abc")
    (warning,) = checks.address_is_used()
    assert warning.msg == "CHATWOOT_URL is https://other.example, and no inbox is there"
    assert not warning.is_serious()
    say(settings, CHATWOOT_INBOX_IDENTIFIER="")
    assert checks.address_is_used() == []
    say(settings, CHATWOOT_URL="https://other.example")  # the start makes it one
    assert checks.address_is_used() == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "moved", [{"CHATWOOT_INBOX_IDENTIFIER": "def"}, {"CHATWOOT_URL": "https://other.example"}], ids=["inbox", "server"]
)
def test_an_inbox_with_conversations_does_not_move(settings: Settings, moved: dict[str, str]) -> None:
    say(settings)
    starting.write_inbox()
    talked(Inbox.objects.get())
    say(settings, **moved)
    with pytest.raises(ImproperlyConfigured, match=r"main has conversations.*another slug"):
        starting.write_inbox()
    assert Inbox.objects.get().inbox_identifier == "abc"


@pytest.mark.django_db
def test_t10_what_the_environment_takes_away_of_the_identity_secrets_counts_no_more(settings: Settings) -> None:
    say(settings, IDENTITY_SECRET="first", IDENTITY_REQUIRED=True)
    starting.write_inbox()
    say(settings, IDENTITY_SECRET="second", IDENTITY_SECRET_OLD="first", IDENTITY_REQUIRED=None)
    starting.write_inbox()
    inbox = Inbox.objects.get()
    assert (inbox.identity_secret, inbox.identity_secret_old, inbox.requires_identity) == ("second", "first", True)
    say(settings, IDENTITY_SECRET_OLD="", IDENTITY_REQUIRED=False)
    starting.write_inbox()
    inbox = Inbox.objects.get()
    assert (inbox.identity_secret, inbox.identity_secret_old, inbox.requires_identity) == ("second", "", False)
    say(settings, IDENTITY_SECRET="")
    starting.write_inbox()
    assert Inbox.objects.get().identity_secret == "second"


@pytest.mark.django_db
def test_a_help_centre_comes_from_the_environment_and_one_of_the_admin_s_stays(settings: Settings) -> None:
    say(settings, CHATWOOT_PORTAL="help", CHATWOOT_PORTAL_URL="https://help.example")
    starting.write_inbox()
    say(settings, CHATWOOT_PORTAL="", CHATWOOT_PORTAL_URL="")
    starting.write_inbox()
    inbox = Inbox.objects.get()
    assert (inbox.portal, inbox.portal_url) == ("help", "https://help.example")


@pytest.mark.django_db
def test_an_identifier_that_fits_no_address_is_refused(settings: Settings) -> None:
    say(settings, CHATWOOT_INBOX_IDENTIFIER="a.b/c")
    with pytest.raises(ImproperlyConfigured, match="other signs than letters"):
        starting.write_inbox()


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("FAILPOINTS", "courier.never=kill", "FAILPOINTS names 'courier.never'; there are"),
        ("CLOCK_OFFSET_FILE", "/nowhere/offset", "CLOCK_OFFSET_FILE is '/nowhere/offset'; write"),
    ],
)
def test_a_wrong_setting_for_tests_stops_the_start_too(
    settings: Settings, setting: str, value: str, words: str
) -> None:
    setattr(settings, setting, value)
    with pytest.raises(ImproperlyConfigured, match=words):
        starting.prepare()


@pytest.mark.django_db
def test_a_proxy_that_is_not_named_is_mentioned(settings: Settings) -> None:
    settings.SECURE_PROXY_SSL_HEADER, settings.TRUSTED_PROXIES = ("HTTP_X_FORWARDED_PROTO", "https"), []
    (found,) = checks.proxies_are_named()
    assert "one address" in found.msg
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    assert not checks.proxies_are_named()


@pytest.mark.parametrize(
    ("debug", "hosts", "found"),
    [
        (True, ["localhost", "127.0.0.1", "[::1]", "shop.localhost"], 0),
        (True, ["localhost", "chat.example.com"], 1),
        (True, ["*"], 1),
        (False, ["chat.example.com"], 0),
    ],
)
def test_debug_where_others_than_the_developer_come_is_mentioned(
    settings: Settings, debug: bool, hosts: list[str], found: int
) -> None:
    settings.DEBUG, settings.ALLOWED_HOSTS = debug, hosts
    assert len(checks.debug_is_off()) == found


@pytest.mark.django_db
def test_a_challenge_that_cannot_be_imported_stops_the_start(settings: Settings) -> None:
    settings.DEBUG, settings.SESSION_CHALLENGE = True, "nowhere.is_human"
    with pytest.raises(ImproperlyConfigured, match=r"SESSION_CHALLENGE is 'nowhere\.is_human'"):
        starting.prepare()


def test_each_check_has_an_id_of_its_own() -> None:
    ids = re.findall(r'id="(chat\.[EW]\d+)"', Path(checks.__file__).read_text())
    assert len(ids) == len(set(ids)) > 5
