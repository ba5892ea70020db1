"""Typed readers of the environment. A wrong value stops the start, in words: the variable, its value, what to write."""

import base64
import binascii
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from chat import embedding
from chat.chatwoot.addresses import as_network, is_plain_url
from chat.limits import BadLimit, Limits
from chat.networks import BadNetwork, Network, parse_network

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")
HOST = re.compile(r"\*|\.?[a-z0-9-]+(\.[a-z0-9-]+)*\.?|\[[0-9a-f:.]+\]", re.IGNORECASE)
LONGEST_URL = 200  # as its column
SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?")
LOCAL_SQLITE = "sqlite:///"
PASSWORD = re.compile(r"(?<=://)[^/\s@]+@")


class Env:
    """Reads `environ` and remembers in `names` every variable it was asked for."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.names: list[str] = []

    def text(self, name: str, *, default: str = "", most: int | None = None) -> str:
        """The value without surrounding blanks; an empty variable counts as absent. ``most``: so many characters."""
        self.names.append(name)
        text = self._environ.get(name, "").strip() or default
        if most is not None and len(text) > most:
            raise ImproperlyConfigured(f"{name} has {len(text)} characters; write {most} or fewer")
        return text

    def flag(self, name: str, *, default: bool = False) -> bool:
        text = self.text(name, default=str(default))
        if text not in ("True", "False"):
            raise wrong(name, text, "True or False")
        return text == "True"

    def flag_if_said(self, name: str) -> bool | None:
        """None when the environment leaves it to the admin."""
        text = self.text(name)
        if text not in ("", "True", "False"):
            raise wrong(name, text, "True or False")
        return text == "True" if text else None

    def secret(self, name: str, *, least: int) -> str:
        """So many characters or more; the value itself never enters the message."""
        text = self.text(name)
        if text and len(text) < least:
            raise ImproperlyConfigured(f"{name} is too short; write {least} or more random characters")
        return text

    def integer(self, name: str, *, default: int, least: int, most: int) -> int:
        text = self.text(name, default=str(default))
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise wrong(name, text, f"a whole number from {least} to {most}")
        return int(text)

    def seconds(self, name: str, *, default: float, least: float = 0.01, most: float = 86_400) -> float:
        """A span of time; decimals are taken, so that tests can run everything ten times as fast."""
        text = self.text(name, default=f"{default:g}")
        if not SECONDS.fullmatch(text) or not least <= float(text) <= most:
            raise wrong(name, text, f"seconds from {least:g} to {most:g}")
        return float(text)

    def choice(self, name: str, *, default: str, among: tuple[str, ...]) -> str:
        text = self.text(name, default=default)
        if text not in among:
            raise wrong(name, text, "one of " + ", ".join(among))
        return text

    def words(self, name: str, *, default: tuple[str, ...] = ()) -> list[str]:
        """Several values, separated by commas or blanks."""
        return self.text(name).replace(",", " ").split() or list(default)

    def hosts(self, name: str, *, default: tuple[str, ...] = ()) -> list[str]:
        """Host names as Django compares them: without scheme, port and path; a leading dot admits sub-domains."""
        names = self.words(name, default=default)
        for text in names:
            if not HOST.fullmatch(text):
                raise wrong(name, text, "host names such as chat.example.com, without scheme, port and path")
        return names

    def storage_hosts(self, name: str) -> list[str]:
        """Host names as above, and addresses or networks."""
        places = self.words(name)
        for text in places:
            if as_network(text) is None and (text == "*" or not HOST.fullmatch(text)):
                raise wrong(
                    name, text, "host names such as files.example.com, addresses, or networks such as 10.0.0.0/8"
                )
        return places

    def folder(self, name: str, *, default: Path) -> Path:
        """A folder, absolute; made when it does not exist."""
        path = Path(self.text(name, default=str(default)))
        try:
            path = path.resolve()
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise wrong(name, str(path), f"a folder that can be made ({error.strerror})") from None
        return path

    def slug(self, name: str, *, default: str = "") -> str:
        text = self.text(name, default=default)
        if text and not SLUG.fullmatch(text):
            raise wrong(name, text, "up to 50 lower-case letters, digits and hyphens, such as main")
        return text

    def url(self, name: str, *, schemes: tuple[str, ...], example: str, default: str = "") -> str:
        """An address, or empty. One with a user, password, query or fragment is refused."""
        text = self.text(name, default=default, most=LONGEST_URL)
        if text and not is_plain_url(text, schemes):
            raise wrong(name, text, f"an address such as {example}")
        return text

    def url_with_password(self, name: str, *, schemes: tuple[str, ...], example: str) -> str:
        """An address that may hold a password, or empty; it never enters the message."""
        text = self.text(name)
        if text and not _is_address(text, schemes):
            raise ImproperlyConfigured(f"{name} cannot be read; write an address such as {example}")
        return text

    def origins(self, name: str) -> list[str]:
        """Origins as `chat.embedding` writes them."""
        try:
            return [embedding.parse(text) for text in self.words(name)]
        except embedding.BadOrigin as bad:
            raise ImproperlyConfigured(f"{name}: {bad}, several separated by commas") from None

    def networks(self, name: str) -> list[Network]:
        try:
            return [parse_network(text) for text in self.words(name)]
        except BadNetwork as bad:
            raise ImproperlyConfigured(f"{name}: {bad}, several separated by commas") from None

    def limits(self, name: str) -> Limits:
        """`messages=40/min sessions=off`, or `all=off`; what is not named has its default."""
        try:
            return Limits.of(dict(each.partition("=")[::2] for each in self.words(name)))
        except BadLimit as bad:
            raise ImproperlyConfigured(f"{name}: {bad}, several separated by blanks") from None

    def fernet_keys(self, name: str) -> list[str]:
        """Keys for secrets at rest, newest first; the value itself never enters the message."""
        keys = self.words(name)
        for key in keys:
            if not _is_fernet_key(key):
                raise ImproperlyConfigured(
                    f"{name} holds something that is no key; write the url-safe base64 of 32 bytes, several with commas"
                )
        return keys

    def database(self, name: str, *, default: str) -> dict[str, Any]:
        """Django's database entry for `sqlite:///file` or `postgres://user:password@host:port/name?sslmode=…`."""
        text = self.text(name, default=default)
        if text.startswith(LOCAL_SQLITE) and len(text) > len(LOCAL_SQLITE):
            return sqlite(text.removeprefix(LOCAL_SQLITE))
        try:
            return _postgres(text)
        except ValueError as bad:
            expected = "sqlite:///path/to/file or postgres://user:password@host:5432/name"
            # The address holds a password: the message must not repeat it.
            raise ImproperlyConfigured(f"{name} cannot be read ({bad}); write {expected}") from None


def wrong(name: str, text: str, expected: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name} is {PASSWORD.sub('***@', text)!r}; write {expected}")


def sqlite(path: str) -> dict[str, Any]:
    """SQLite as the one writer needs it: readers never wait, a commit is on the disk when it returns."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "timeout": 5,  # seconds a connection waits for the lock before "database is locked"
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;",
        },
    }


POSTGRES: dict[str, Any] = {
    "connect_timeout": 5,
    "application_name": "chatproxy",
    # A server that vanishes without a word (a power cut, a firewall) is noticed within 20 s.
    "tcp_user_timeout": 10_000,  # milliseconds
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "options": "-c statement_timeout=30000",
}


def _postgres(text: str) -> dict[str, Any]:
    parts = urlsplit(text)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ValueError("the scheme is neither sqlite nor postgres")
    if not parts.path.strip("/"):
        raise ValueError("the name of the database is missing")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": POSTGRES | dict(parse_qsl(parts.query, keep_blank_values=True)),
    }


def _is_address(text: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and parts.port != 0
    except ValueError:  # the port is no number, or a bracket lacks
        return False


def _is_fernet_key(key: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(key)) == 32
    except (binascii.Error, ValueError):
        return False
