"""The database of a row: a SQLite file copied from a migrated one, or a PostgreSQL database made for it."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.ports import HOST
from tests.faults.processes import SECRET_KEY, manage


@dataclass(frozen=True)
class Database:
    url: str

    @property
    def path(self) -> Path:
        """Of a SQLite file."""
        assert self.url.startswith("sqlite:///"), "not SQLite"
        return Path(self.url.removeprefix("sqlite:///"))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query finds; the application may run beside."""
        if self.url.startswith("sqlite:///"):
            with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10)) as connection:
                return connection.execute(query).fetchall()
        import psycopg

        with psycopg.connect(self.url) as connection:
            return connection.execute(query).fetchall()

    def write(self, statement: str) -> None:
        """Change rows behind the application's back."""
        if self.url.startswith("sqlite:///"):
            with closing(sqlite3.connect(self.path, timeout=10)) as connection, connection:
                connection.execute(statement)
            return
        import psycopg

        with psycopg.connect(self.url) as connection:
            connection.execute(statement)


# The bot may write into the inbox's account; the columns are those that `connect_chatwoot` fills.
INBOX = """
from chat.models import Inbox, upsert_inbox
inbox = upsert_inbox(slug="main", url="http://before.example", cable_url="ws://before.example/cable",
                     inbox_identifier={identifier!r}, allowed_origins=["https://shop.example"])
Inbox.objects.filter(pk=inbox.pk).update(account_id={account_id}, chatwoot_inbox_id={inbox_id}, bot_token={bot_token!r})
"""


def prepare(url: str, world: dict[str, Any], folder: Path) -> None:
    """Make the tables, and the inbox with its bot."""
    manage("migrate", "--verbosity", "0", env=_environment(url, folder))
    name_inbox(url, world, folder)


def name_inbox(url: str, world: dict[str, Any], folder: Path) -> None:
    """Of this world, from now on. Nobody may have written there yet."""
    inbox = world["inbox"]
    script = INBOX.format(
        identifier=inbox["identifier"],
        inbox_id=inbox["id"],
        account_id=world["account_id"],
        bot_token=world["bot_token"],
    )
    manage("shell", "--no-startup", "-c", script, env=_environment(url, folder))


def _environment(url: str, folder: Path) -> dict[str, str]:
    return {"SECRET_KEY": SECRET_KEY, "ALLOWED_HOSTS": HOST, "VAR_DIR": str(folder), "DATABASE_URL": url}


def copy_of(migrated: Path, folder: Path) -> Database:
    path = folder / "chat.sqlite3"
    shutil.copy(migrated, path)
    return Database(f"sqlite:///{path}")


def count_duplicates(database: Database) -> int:
    """What the application says of itself (K10); of messages, which the oracle counts."""
    joined = "chat_duplicate JOIN chat_delivery ON chat_delivery.id = chat_duplicate.delivery_id"
    return database.rows(f"SELECT count(*) FROM {joined} WHERE chat_delivery.kind = 'message'")[0][0]
