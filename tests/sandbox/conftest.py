"""The sandbox as operators run it: without the words that other tests let it plant."""

from collections.abc import Iterator

import pytest

from tests.fixtures.sandbox import SandboxProcess


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    process = SandboxProcess(tmp_path_factory.mktemp("plain-sandbox"))
    yield process
    process.stop()
