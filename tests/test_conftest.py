"""On a build server nothing is skipped in silence."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {
    "conftest.py": 'pytest_plugins = ["tests.conftest"]\n',
    "test_body.py": "import pytest\ndef test_it(): pytest.skip('no kit here')\n",
    "test_fixture.py": "def test_it(kit): pass\n",
    "test_module.py": "import pytest\npytest.skip('no kit here', allow_module_level=True)\n",
}


def run(folder: Path, ci: str) -> subprocess.CompletedProcess[str]:
    for name, source in SOURCES.items():
        (folder / name).write_text(source)
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder)]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", "--continue-on-collection-errors", str(folder)],
        cwd=ROOT,
        env={**os.environ, "CI": ci, "SHARED": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_elsewhere_a_skip_says_why(tmp_path: Path) -> None:
    said = run(tmp_path, ci="")
    assert "3 skipped" in said.stdout
    assert "no kit here" in said.stdout
    assert "the shared kit is not at" in said.stdout


def test_on_a_build_server_a_skip_is_a_failure(tmp_path: Path) -> None:
    said = run(tmp_path, ci="true")
    assert said.returncode != 0
    assert said.stdout.count("which CI=true forbids") >= 3
    assert "skipped" not in said.stdout.splitlines()[-1]
