from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from chat.limits import Limits, Rate
from chat.networks import Network
from chatproxy.env import Env

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
Read = Callable[[Env], Any]
WEB = ("http", "https")


def url(env: Env) -> str:
    return env.url("NAME", schemes=WEB, example="https://chatwoot.example.com")


def port(env: Env) -> int:
    return env.integer("NAME", default=8000, least=1, most=65535)


def level(env: Env) -> str:
    return env.choice("NAME", default="INFO", among=("INFO", "ERROR"))


def slug(env: Env) -> str:
    return env.slug("NAME", default="main")


def flag(env: Env) -> bool:
    return env.flag("NAME")


def networks(env: Env) -> list[Network]:
    return env.networks("NAME")


def origins(env: Env) -> list[str]:
    return env.origins("NAME")


def hosts(env: Env) -> list[str]:
    return env.hosts("NAME")


def storages(env: Env) -> list[str]:
    return env.storage_hosts("NAME")


def keys(env: Env) -> list[str]:
    return env.fernet_keys("NAME")


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (flag, "True", True),
        (flag, "", False),
        (port, "", 8000),
        (port, " 9000 ", 9000),
        (level, "ERROR", "ERROR"),
        (slug, "help-desk", "help-desk"),
        (url, "", ""),
        (url, "https://chatwoot.example.com/desk/", "https://chatwoot.example.com/desk/"),
        (url, "http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        (origins, "https://a.example, http://B.example:8080", ["https://a.example", "http://b.example:8080"]),
        (origins, "https://*.a.example", ["https://*.a.example"]),
        (origins, "", []),
        (networks, "10.1.2.3/8, 2001:db8::7", [ip_network("10.0.0.0/8"), ip_network("2001:db8::7")]),
        (networks, "", []),
        (hosts, "chat.example,.b.example *", ["chat.example", ".b.example", "*"]),
        (hosts, "127.0.0.1 [::1] LOCALHOST", ["127.0.0.1", "[::1]", "LOCALHOST"]),
        (storages, "minio,.s3.example 10.0.0.0/8 ::1", ["minio", ".s3.example", "10.0.0.0/8", "::1"]),
        (keys, f"{KEY},{KEY}", [KEY, KEY]),
    ],
)
def test_a_value_is_read(read: Read, text: str, value: Any) -> None:
    assert read(Env({"NAME": text})) == value


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        (flag, "yes", "True or False"),
        (flag, "true", "True or False"),
        (port, "0", "a whole number from 1 to 65535"),
        (port, "65536", "a whole number from 1 to 65535"),
        (port, "-1", "a whole number"),
        (port, "8000.5", "a whole number"),
        (port, "٣", "a whole number"),
        (level, "info", "one of INFO, ERROR"),
        (hosts, "http://chat.example", "without scheme"),
        (hosts, "chat.example:8000", "without scheme, port"),
        (hosts, "chat.example/chat", "port and path"),
        (hosts, "::1", "such as chat.example.com"),
        (storages, "*", "files.example.com"),
        (storages, "https://minio", "networks such as 10.0.0.0/8"),
        (storages, "10.0.0.1/8", "networks such as 10.0.0.0/8"),
        (slug, "Help desk", "lower-case letters"),
        (slug, "-x", "lower-case letters"),
        (url, "chatwoot.example.com", "https://chatwoot.example.com"),
        (url, "ftp://chatwoot.example.com", "https://chatwoot.example.com"),
        (url, "https://", "https://chatwoot.example.com"),
        (url, "https://chatwoot.example.com:x", "https://chatwoot.example.com"),
        (url, "https://chatwoot.example.com/?a=b", "https://chatwoot.example.com"),
    ],
)
def test_a_wrong_value_is_named_with_what_to_write(read: Read, text: str, expected: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        read(Env({"NAME": text}))
    assert str(refusal.value).startswith(f"NAME is {text.strip()!r}; write ")
    assert expected in str(refusal.value)


def test_limits_are_the_defaults_but_for_what_is_written() -> None:
    read = Env({"NAME": "messages=40/min:20, sessions=off"}).limits("NAME")
    assert read.rates["messages"] == (Rate(40, 60, 20),)
    assert read.rates["sessions"] == ()
    assert read.counts == Env({}).limits("NAME").counts == Limits.of({}).counts


@pytest.mark.parametrize("text", ["messages", "messages=20", "mesages=20/min", "all=20/min", "messages=20 / min"])
def test_a_wrong_limit_is_named_with_what_to_write(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^NAME: .*(write it like|there is no limit|can only be off)"):
        Env({"NAME": text}).limits("NAME")


def test_a_wrong_network_is_named_with_what_to_write() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^NAME: 'proxy' is no network; write one like 10\.0\.0\.0/8"):
        networks(Env({"NAME": "10.0.0.0/8 proxy"}))


@pytest.mark.parametrize("text", ["*", "https://shop.example/page", "shop.example", "https://a.example,null"])
def test_a_wrong_origin_is_named_with_what_to_write(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^NAME: .* is not an origin; write it like https://www"):
        origins(Env({"NAME": text}))


@pytest.mark.parametrize("text", ["short", "not base64 at all !", KEY + ",xx"])
def test_a_wrong_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        keys(Env({"NAME": text}))
    assert "32 bytes" in str(refusal.value)
    assert text not in str(refusal.value)


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^NAME is 'https://\*\*\*@chatwoot.example.com'; write"):
        url(Env({"NAME": "https://me:secret@chatwoot.example.com"}))


def test_sqlite_keeps_a_commit_and_lets_readers_through() -> None:
    entry = Env({}).database("DATABASE_URL", default="sqlite:////srv/chat.sqlite3")
    assert entry["NAME"] == "/srv/chat.sqlite3"
    assert entry["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in entry["OPTIONS"]["init_command"]
    assert "synchronous=FULL" in entry["OPTIONS"]["init_command"]


def test_a_postgres_address_is_taken_apart() -> None:
    address = "postgres://chat:p%40ss%2Fword@db.example:5433/chat%20db?sslmode=require"
    entry = Env({"DATABASE_URL": address}).database("DATABASE_URL", default="")
    assert entry["ENGINE"] == "django.db.backends.postgresql"
    assert (entry["USER"], entry["PASSWORD"]) == ("chat", "p@ss/word")
    assert (entry["HOST"], entry["PORT"], entry["NAME"]) == ("db.example", "5433", "chat db")
    assert entry["OPTIONS"]["sslmode"] == "require"


def test_a_postgres_that_vanishes_is_not_waited_for() -> None:
    entry = Env({"DATABASE_URL": "postgres://u@h/d"}).database("DATABASE_URL", default="")
    options = {name: entry["OPTIONS"][name] for name in ("tcp_user_timeout", "keepalives_idle", "options")}
    assert options == {"tcp_user_timeout": 10_000, "keepalives_idle": 5, "options": "-c statement_timeout=30000"}
    own = "postgres://u@h/d?keepalives_idle=60&options="
    entry = Env({"DATABASE_URL": own}).database("DATABASE_URL", default="")
    assert (entry["OPTIONS"]["keepalives_idle"], entry["OPTIONS"]["options"]) == ("60", "")


@pytest.mark.parametrize(
    "address", ["mysql://u:hush@h/d", "postgres://u:hush@h", "postgres://u:hush@h:x/d", "sqlite:///"]
)
def test_a_wrong_database_address_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        Env({"DATABASE_URL": address}).database("DATABASE_URL", default="")
    assert str(refusal.value).startswith("DATABASE_URL cannot be read")
    assert "postgres://user:password@host:5432/name" in str(refusal.value)
    assert "hush" not in str(refusal.value)


def test_it_remembers_what_it_was_asked_for() -> None:
    env = Env({})
    flag(env)
    assert env.names == ["NAME"]
