"""Why `manage.py connect_chatwoot` does not, in words that say what to do; and nothing has changed then."""

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from chat import advice
from chat.chatwoot.errors import Ambiguous, ChatwootError, Crowded, Forbidden, Invalid, Malformed, NotFound, Throttled
from chat.models import Chatwoot, Contact, ContactInbox, Conversation, Inbox
from tests.fixtures.sandbox import ROOT
from tests.fixtures.the_operator import Operator, look

pytestmark = pytest.mark.django_db
NOBODY = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"admin_token": "unknown"}, "does not know this token"),
        ({"admin_token": "platform_token"}, "the token of an agent bot or of a platform app"),
        ({"admin_token": "bot_token"}, "the token of an agent bot or of a platform app"),
        ({"admin_token": "agent_token"}, "is no administrator in 'Acme' but agent"),
        ({"platform_token": "unknown"}, "is not the token of a platform app"),
        ({"platform_token": "admin_token"}, "is not the token of a platform app"),
        ({}, "There is no token: set CHATWOOT_ADMIN_TOKEN"),
        ({"admin_token": "admin_token", "platform_token": "platform_token"}, "unset one of the two"),
        ({"admin_token": "not a token"}, "That is no access token"),
    ],
)
def test_a_token_that_does_not_serve(operator: Operator, given: dict[str, str], words: str):
    tokens = {name: operator.world.get(token, token) for name, token in given.items()}
    assert words in operator.refused(**tokens)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"url": ""}, "Give its address by --url"),
        ({"url": "chatwoot.example.com"}, "--url is 'chatwoot.example.com'; write an address"),
        ({"url": NOBODY}, f"{NOBODY} cannot be reached (ConnectError)"),
        ({"slug": "Not A Slug"}, "--slug is 'Not A Slug'"),
        ({"cable_url": "http://x"}, "--cable-url is 'http://x'"),
        ({"agent": ["nobody"]}, "'nobody' names nobody"),
        ({"account_name": "Other"}, "--account-name which account of Ada Admin, whose token this is: 'Acme' (admin"),
    ],
)
def test_an_option_that_leads_nowhere(operator: Operator, options: dict[str, Any], words: str):
    said = operator.refused(admin_token=operator.world["admin_token"], **options)
    assert words in said
    assert said[-1] in ".?" and not said.endswith("?.")


def test_what_answers_but_is_no_chatwoot(operator: Operator):
    token = operator.world["admin_token"]
    assert "does not speak as Chatwoot" in operator.refused(admin_token=token, url=f"{operator.world['base_url']}/desk")


def test_a_platform_token_does_not_reach_what_it_neither_made_nor_was_granted(operator: Operator):
    operator.as_admin(slug="granted", inbox_name="Granted")
    words = operator.refused(platform_token=operator.world["platform_token"], slug="granted")
    assert "only what it created or was granted" in words and '("Non permissible resource")' in words
    assert "PlatformAppPermissible.create!(platform_app: PlatformApp.find(" in words


def test_an_account_of_which_the_holder_is_no_member(operator: Operator):
    operator.as_platform(slug="foreign", account_name="Foreign")
    number = Inbox.objects.get(slug="foreign").account_id
    words = operator.refused(admin_token=operator.world["admin_token"], slug="foreign")
    assert f"belongs to account {number}, and Ada Admin, whose token this is, is not in it" in words


def test_an_account_that_is_gone(operator: Operator):
    operator.as_platform(slug="lost", account_name="Lost")
    Inbox.objects.filter(slug="lost").update(account_id=999_999)
    assert "has no account 999999 any more" in operator.refused(
        platform_token=operator.world["platform_token"], slug="lost"
    )


def test_an_inbox_that_is_connected_already(operator: Operator):
    token = operator.world["admin_token"]
    operator.as_admin(slug="first", inbox_name="First")
    words = operator.refused(admin_token=token, slug="first", inbox_name="Second")
    assert "Connected already, to 'First' (number" in words
    words = operator.refused(admin_token=token, slug="second", inbox_name="First")
    assert "'First' is connected already, as 'first'" in words


def test_two_inboxes_of_the_same_name(operator: Operator):
    for _ in range(2):
        operator.chatwoot.new_inbox("Twin")
    words = operator.refused(admin_token=operator.world["admin_token"], slug="twin", inbox_name="Twin")
    assert "2 API inboxes are called 'Twin'" in words


def spoken_in(slug: str) -> None:
    inbox = Inbox.objects.get(slug=slug)
    contact = Contact.objects.create(inbox=inbox)
    session = ContactInbox.objects.create(contact=contact, inbox=inbox)
    Conversation.objects.create(contact=contact, contact_inbox=session, inbox=inbox, chatwoot_id=1, created_at=0, seq=1)


def test_conversations_would_be_stranded(operator: Operator):
    token = operator.world["admin_token"]
    operator.as_admin(slug="spoken", inbox_name="Spoken")
    spoken_in("spoken")
    made = operator.everything()
    operator.as_admin(slug="spoken")
    assert operator.everything() == made
    inbox = Inbox.objects.get(slug="spoken")
    Inbox.objects.filter(pk=inbox.pk).update(inbox_identifier="deleted")
    assert "'spoken' has conversations in its inbox, and it is not" in operator.refused(
        admin_token=token, slug="spoken"
    )
    elsewhere = Chatwoot.objects.create(url="https://other.example", cable_url="wss://other.example/cable")
    Inbox.objects.filter(pk=inbox.pk).update(chatwoot=elsewhere)
    words = operator.refused(admin_token=token, slug="spoken")
    assert "'spoken' has conversations at https://other.example" in words


def test_the_environment_says_what_that_inbox_is(operator: Operator, settings: Settings):
    token, there = operator.world["admin_token"], operator.chatwoot.new_inbox("Of the environment")
    settings.CHATWOOT_URL, settings.CHATWOOT_INBOX_IDENTIFIER = "https://other.example", "abc"
    assert "CHATWOOT_URL says that 'main' is at https://other.example" in operator.refused(admin_token=token)
    settings.CHATWOOT_URL = operator.world["base_url"]
    assert "CHATWOOT_INBOX_IDENTIFIER says what 'main' is, and" in operator.refused(admin_token=token)
    settings.CHATWOOT_INBOX_IDENTIFIER = there.identifier
    operator.as_admin()
    assert Inbox.objects.get(slug="main").chatwoot_inbox_id == there.id


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Forbidden(status=301), "leads elsewhere (status 301)"),
        (Forbidden("API access is not enabled", status=403), "refuses: API access is not enabled"),
        (Forbidden(status=403), "refuses: status 403"),
        (Forbidden("You need to sign in or sign up before continuing.", status=401), "header Api-Access-Token away"),
        (Forbidden("Account is suspended", status=401), "the account is suspended"),
        (Crowded("PoolTimeout"), "cannot be reached (PoolTimeout)"),
        (Throttled(retry_after_s=7), "in 7 s again"),
        (NotFound("Not Found", status=404), "deleted there meanwhile"),
        (NotFound(status=404), "does not speak as Chatwoot"),
        (Malformed("not JSON", status=200), "does not speak as Chatwoot 4 does (status 200 not JSON)"),
        (Ambiguous("Account limit exceeded", status=402), "plan is exhausted. Account limit exceeded"),
        (Invalid("Name can't be blank", permanent=True), "does not take it: Name can't be blank"),
        (Ambiguous("ReadTimeout"), "failed (ReadTimeout). Run the same command again"),
    ],
)
def test_what_chatwoot_refuses_is_told_in_words(error: ChatwootError, words: str):
    said = advice.words(error, "https://chatwoot.example", advice.ADMINISTRATOR)
    assert said.startswith(("https://chatwoot.example ", "What answers at https://chatwoot.example ")) and words in said


def test_a_database_that_was_not_migrated_is_named_before_a_token_is_asked_for(tmp_path: Path):
    command = [sys.executable, str(ROOT / "manage.py"), "connect_chatwoot", "--url", NOBODY]
    run = subprocess.run(command, env=environment(tmp_path), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert run.returncode == 1
    assert "cannot be used: no such table" in run.stderr
    assert "Run manage.py migrate" in run.stderr


@pytest.fixture
def migrated(tmp_path: Path) -> Path:
    manage(tmp_path, "migrate", "--verbosity=0")
    return tmp_path


def test_at_a_terminal_the_token_is_asked_for_and_not_shown(migrated: Path, operator: Operator):
    said = typed(migrated, operator.world["agent_token"], "--url", operator.world["base_url"])
    look(said)
    assert "Access token of an administrator (it is not kept): " in said and "is no administrator in 'Acme'" in said


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "DEBUG": "True", "VAR_DIR": str(folder)}


def manage(folder: Path, *arguments: str) -> None:
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    subprocess.run(command, env=environment(folder), check=True)


def typed(folder: Path, token: str, *options: str) -> str:
    """What the terminal shows when the token is typed at it, and the refusal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, str(ROOT / "manage.py"), "connect_chatwoot", *(options or ("--url", NOBODY))]
    with subprocess.Popen(
        command, env=environment(folder), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        shown = b""
        while b"(it is not kept): " not in shown:
            shown += os.read(ours, 1024)
        os.write(ours, f"{token}\n".encode())
        while chunk := read(ours):
            shown += chunk
    os.close(ours)
    assert process.returncode == 1
    return shown.decode()


def read(terminal: int) -> bytes:
    """Nothing once the other side is closed, which Linux calls an error."""
    try:
        return os.read(terminal, 1024)
    except OSError:
        return b""
