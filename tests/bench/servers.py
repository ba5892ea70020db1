"""The processes of the bench: the application on a database of its own, its peers, the sandbox."""

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.faults import database
from tests.faults.database import Database
from tests.faults.ports import HOST
from tests.faults.processes import Application, Process
from tests.fixtures.the_postgres import PostgresServer

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
WORLD = {"inbox": {"identifier": "benchbenchbenchbenchbenc", "id": 1}, "account_id": 1, "bot_token": ""}
# So that comparing everybody at the start does not take longer than what is measured. Nobody asks more than they need.
RATE_PER_S = "1000"


class Databases:
    """Copies of one that was migrated. PostgreSQL is as it comes: what it has committed survives a loss of power."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self._folder = kind, folder
        self._server = PostgresServer(settings=()) if kind == POSTGRESQL else None
        self._made = 0
        if self._server:
            self._server.run("CREATE DATABASE {}", "empty")
        self._empty = self._server.url("empty") if self._server else f"sqlite:///{folder / 'empty.sqlite3'}"
        database.prepare(self._empty, WORLD, folder)

    def fresh(self) -> Database:
        self._made += 1
        if self._server:
            self._server.run("CREATE DATABASE {} TEMPLATE {}", name := f"bench{self._made}", "empty")
            return Database(self._server.url(name))
        path = self._folder / f"bench{self._made}.sqlite3"
        shutil.copy(self._empty.removeprefix("sqlite:///"), path)
        return Database(f"sqlite:///{path}")

    def close(self) -> None:
        if self._server:
            self._server.stop()


def fresh_folder() -> Path:
    """In what TMPDIR names, which the bench sets to a folder that goes with it."""
    return Path(tempfile.mkdtemp())


async def started(process: Process) -> None:
    """`start` alone also returns when it has died, as some rows of the fault suite want it."""
    await process.start()
    assert process.alive, process.tail()


def serve(own: Database, *, rest_url: str, cable_url: str, world: dict[str, Any] = WORLD, **more: str) -> Application:
    """`manage.py serve` with no limits for visitors; not started yet. The inbox of the database is that world's."""
    own.write(f"UPDATE chat_chatwoot SET url = '{rest_url}', cable_url = '{cable_url}'")
    env = {"DATABASE_URL": own.url, "LOG_LEVEL": "ERROR", "CHATWOOT_RATE_PER_S": RATE_PER_S, "CHATWOOT_URL": rest_url}
    env |= {"CHATWOOT_CABLE_URL": cable_url, "CHATWOOT_INBOX_IDENTIFIER": world["inbox"]["identifier"]}
    return Application(0, fresh_folder(), env | more)


class Counted(Application):
    """The same, counting its SQL statements (`tests.bench.counting`)."""

    def __init__(self, plain: Application) -> None:
        self.counts = fresh_folder() / "counts"
        super().__init__(0, fresh_folder(), {**plain.env, "COUNTS": str(self.counts)})
        self._command[1:2] = ["-m", "tests.bench.counting"]


class Peer(Process):
    """`tests.bench.peers` under Daphne: no pings of its own and as long a backlog as ours."""

    def __init__(self, cable_url: str = "") -> None:
        super().__init__("peer", fresh_folder(), [], {"CABLE_URL": cable_url})
        endpoint = f"tcp:{self.port}:interface={HOST}:backlog=4096"
        options = ["--verbosity", "0", "--ping-interval", "600", "--endpoint", endpoint]
        self._command = [sys.executable, "-m", "daphne", *options, "tests.bench.peers:application"]


class Chatwoot(Process):
    """The sandbox, which keeps nothing in files: a journal would cost more than what is measured."""

    ready_path = "/sandbox/world"

    def __init__(self) -> None:
        folder = fresh_folder()
        self._told = folder / "world.json"
        super().__init__("chatwoot", folder, ["sandbox", "--world", str(self._told)], {})

    @property
    def world(self) -> dict[str, Any]:
        """Once it runs. Without a bot: most inboxes have none."""
        world: dict[str, Any] = json.loads(self._told.read_text())
        return world | {"bot_token": ""}
