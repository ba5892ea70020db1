"""The settings module in environments of its own: a wrong one stops the start, in words."""

import os
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

Load = Callable[..., dict[str, Any]]
SETTINGS = Path(__file__).parent.parent / "chatproxy/settings.py"
ENOUGH = {"SECRET_KEY": "s" * 50, "ALLOWED_HOSTS": "chat.example"}
CHATWOOT = {"CHATWOOT_URL": "https://chatwoot.example", "CHATWOOT_INBOX_IDENTIFIER": "abc"}


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Load:
    """Runs chatproxy/settings.py in an environment that holds nothing but what is given."""

    def run(**environ: str) -> dict[str, Any]:
        for name in list(os.environ):
            monkeypatch.delenv(name)
        for name, value in {"VAR_DIR": str(tmp_path / "var"), **environ}.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(SETTINGS))

    return run


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "SECRET_KEY is not set"),
        ({"SECRET_KEY": "s" * 49}, "SECRET_KEY is too short"),
        ({"SECRET_KEY": "s" * 50}, "ALLOWED_HOSTS is not set"),
        ({**ENOUGH, "IDENTITY_SECRET": "s" * 31}, "IDENTITY_SECRET is too short; write 32"),
        ({**ENOUGH, "IDENTITY_REQUIRED": "yes"}, "IDENTITY_REQUIRED is 'yes'; write True or False"),
        (
            {**ENOUGH, "ALLOWED_HOSTS": "https://chat.example"},
            "ALLOWED_HOSTS is 'https://chat.example'; write host",
        ),
        ({**ENOUGH, "VAR_DIR": "/dev/null/var"}, "VAR_DIR is '/dev/null/var'; write a folder"),
        ({**ENOUGH, "DEBUG": "1"}, "DEBUG is '1'; write True or False"),
        ({**ENOUGH, "CHATWOOT_INBOX_IDENTIFIER": "abc"}, "CHATWOOT_INBOX_IDENTIFIER is set, and CHATWOOT_URL is not"),
        (
            {**ENOUGH, "REDIS_URL": "redis://127.0.0.1:abc"},
            "REDIS_URL cannot be read; write an address such as redis://",
        ),
        ({**ENOUGH, "REDIS_URL": "redis://[::1"}, "REDIS_URL cannot be read; write an address such as redis://"),
        ({**ENOUGH, "CHATWOOT_INBOX_NAME": "n" * 256}, "CHATWOOT_INBOX_NAME has 256 characters; write 255 or fewer"),
        (
            {**ENOUGH, **CHATWOOT, "CHATWOOT_URL": f"https://c.example/{'c' * 200}"},
            "CHATWOOT_URL has 218 characters; write 200 or fewer",
        ),
        ({**ENOUGH, "CABLE_LINGER_S": "soon"}, "CABLE_LINGER_S is 'soon'; write seconds"),
        ({**ENOUGH, **CHATWOOT, "CHATWOOT_CABLE_URL": "https://c.example/cable"}, "write an address such as wss://"),
    ],
)
def test_a_start_that_cannot_work_is_refused_in_words(load: Load, environ: dict[str, str], words: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=words.replace("?", r"\?")):
        load(**environ)


def test_the_cable_is_beside_the_rest_api_unless_said_otherwise(load: Load) -> None:
    assert load(**ENOUGH, **CHATWOOT)["CHATWOOT_CABLE_URL"] == "wss://chatwoot.example/cable"
    other = load(**ENOUGH, **CHATWOOT, CHATWOOT_CABLE_URL="ws://cable.example:81/cable")
    assert other["CHATWOOT_CABLE_URL"] == "ws://cable.example:81/cable"
    assert load(**ENOUGH)["CHATWOOT_CABLE_URL"] == ""
    slashed = load(**ENOUGH, **CHATWOOT | {"CHATWOOT_URL": "http://chatwoot.example/"})
    assert slashed["CHATWOOT_CABLE_URL"] == "ws://chatwoot.example/cable"


def test_an_address_may_stand_alone_for_what_asks_that_chatwoot(load: Load) -> None:
    found = load(**ENOUGH, CHATWOOT_URL="https://chatwoot.example")
    assert (found["CHATWOOT_URL"], found["CHATWOOT_INBOX_IDENTIFIER"]) == ("https://chatwoot.example", "")


def test_a_developer_needs_no_settings_and_keeps_the_secret_key(load: Load, tmp_path: Path) -> None:
    first = load(DEBUG="True")
    assert first["SECRET_KEY"] == load(DEBUG="True")["SECRET_KEY"]
    assert (tmp_path / "var/secret_key").stat().st_mode & 0o077 == 0
    assert first["DATABASES"]["default"]["NAME"] == str(tmp_path / "var/chatproxy.sqlite3")


def test_a_secret_key_that_cannot_be_kept_is_said_in_words(load: Load, tmp_path: Path) -> None:
    (tmp_path / "var/secret_key").mkdir(parents=True)
    with pytest.raises(ImproperlyConfigured, match="cannot be kept in VAR_DIR"):
        load(DEBUG="True")


def test_secrets_at_rest_always_have_a_key_that_is_not_the_secret_key(load: Load) -> None:
    (key,) = load(**ENOUGH)["FIELD_KEYS"]
    assert ENOUGH["SECRET_KEY"] not in key
    assert load(**ENOUGH)["FIELD_KEYS"] == [key]


def test_every_secret_of_the_environment_is_kept_out_of_the_log(load: Load) -> None:
    names = [
        "IDENTITY_SECRET",
        "IDENTITY_SECRET_OLD",
        "METRICS_TOKEN",
        "CHATWOOT_ADMIN_TOKEN",
        "CHATWOOT_PLATFORM_TOKEN",
    ]
    secrets = {name: f"{number}{'s' * 40}" for number, name in enumerate(names)}
    assert set(secrets.values()) <= set(load(**ENOUGH, **secrets)["SECRETS"])


def test_cookies_are_secure_and_forwarded_headers_unheard_unless_said_otherwise(load: Load) -> None:
    settings = load(**ENOUGH)
    assert settings["SESSION_COOKIE_SECURE"] and settings["CSRF_COOKIE_SECURE"]
    assert settings["SECURE_PROXY_SSL_HEADER"] is None
    assert load(**ENOUGH, TRUST_FORWARDED_PROTO="True")["SECURE_PROXY_SSL_HEADER"]
    assert "USE_X_FORWARDED_HOST" not in settings


def test_a_former_secret_key_is_still_believed_and_still_opens_what_it_encrypted(load: Load) -> None:
    former = load(**ENOUGH)
    settings = load(**ENOUGH | {"SECRET_KEY": "n" * 50, "SECRET_KEY_FALLBACKS": ENOUGH["SECRET_KEY"]})
    assert settings["SECRET_KEY_FALLBACKS"] == [ENOUGH["SECRET_KEY"]]
    assert settings["FIELD_KEYS"][1:] == former["FIELD_KEYS"] != settings["FIELD_KEYS"][:1]


def test_a_former_secret_key_is_refused_in_words_when_it_was_cut(load: Load) -> None:
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY_FALLBACKS holds a key that is too short"):
        load(**ENOUGH, SECRET_KEY_FALLBACKS="s" * 25 + "," + "s" * 24)
