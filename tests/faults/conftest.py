"""Fixtures of the fault suite, and its figures at the end of a session."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults import database
from tests.faults.database import Database
from tests.faults.figures import Figures, total
from tests.faults.installation import Born
from tests.faults.processes import Process
from tests.faults.rig import Rig
from tests.faults.scale import Scale, scale

MakeRig = Callable[..., Awaitable[Rig]]
FIGURES = "faults"


@pytest.fixture(scope="session")
def tier() -> Scale:
    return scale()


@pytest.fixture(scope="session")
def born(tmp_path_factory: pytest.TempPathFactory) -> Born:
    """A sandbox with accounts and inboxes, and nobody in them."""
    folder = tmp_path_factory.mktemp("born")
    state, world = folder / "born.jsonl", folder / "world.json"
    asyncio.run(bear(folder, state, world))
    return Born(state, json.loads(world.read_text()))


async def bear(folder: Path, state: Path, world: Path) -> None:
    process = Process("chatwoot", folder, ["sandbox", "--state", str(state), "--world", str(world)], {})
    await process.start()
    await process.close()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory, born: Born) -> Path:
    """A database with the sandbox's inbox, which has a bot, and nobody in it."""
    folder = tmp_path_factory.mktemp("migrated")
    path = folder / "empty.sqlite3"
    database.prepare(f"sqlite:///{path}", born.world, folder)
    return path


@pytest.fixture
def postgres_database(database_url: str, born: Born, tmp_path: Path) -> Database:
    """As `migrated`, in PostgreSQL: ``make_rig(own_database=postgres_database)``."""
    database.prepare(database_url, born.world, tmp_path)
    return Database(database_url)


@pytest.fixture
async def make_rig(
    tmp_path: Path, migrated: Path, born: Born, tier: Scale, record_property: Callable[[str, Any], None]
) -> AsyncIterator[MakeRig]:
    """Start processes for this row: ``await make_rig(applications=2, marker=True, failpoints="…", NAME="setting")``.

    `marker`: the inbox has a bot token. `failpoints` are armed in the first life of the first application.
    """
    rigs: list[Rig] = []

    async def make(
        *,
        applications: int = 1,
        failpoints: str = "",
        marker: bool = False,
        own_database: Database | None = None,
        **env: str,
    ) -> Rig:
        folder = tmp_path / f"rig-{len(rigs)}"
        folder.mkdir()
        own = own_database or database.copy_of(migrated, folder)
        rigs.append(Rig(folder, born=born, scale=tier, database=own, applications=applications, env=env))
        rigs[-1].settle_in(marker=marker)
        await rigs[-1].open(failpoints)
        return rigs[-1]

    yield make
    for rig in rigs:
        await rig.close()
        record_property(FIGURES, rig.figures.as_dict())


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line for each row, and all of them together."""
    rows = []
    for report in (each for reports in terminalreporter.stats.values() for each in reports):
        for name, value in getattr(report, "user_properties", []):
            if name == FIGURES and report.when == "teardown":
                rows.append(Figures(**value))
                terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {rows[-1]}")
    if rows:
        terminalreporter.write_line(f"Faults: {total(rows)}")
