"""What every test may use. Tests whose code writes in threads need `@pytest.mark.django_db(transaction=True)`."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI") == "true"
Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

pytest_plugins = [
    f"tests.fixtures.{file.stem}" for file in sorted((ROOT / "tests/fixtures").glob("*.py")) if file.stem != "__init__"
]


@pytest.fixture(scope="session")
def kit() -> Path:
    """The shared conformance kit: recordings of a real Chatwoot, and a real ActionCable server."""
    path = Path(os.environ.get("SHARED") or ROOT.parent / "shared").resolve()
    if not (path / "chatwoot-4.10").is_dir():
        pytest.skip(f"the shared kit is not at {path}; SHARED names its folder")
    return path


@pytest.fixture(autouse=True)
def nothing_runs_on() -> Iterator[None]:
    """A runtime that a test leaves behind would serve the tests after it, from a loop that has ended."""
    yield
    from chat import runtime

    assert runtime.running() is None, "this test has started the process's runtime and not stopped it"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long or mostly waits begins first, so that the other workers run everything else beside it."""
    waits = ("kit", "actioncable", "browser")
    items.sort(key=lambda item: (not item.get_closest_marker("long"), not any(map(item.get_closest_marker, waits))))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _skips_fail_in_ci((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _skips_fail_in_ci((yield))


def _skips_fail_in_ci(report: Report) -> Report:
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Skipped, which CI=true forbids: {report.longrepr}"
    return report
