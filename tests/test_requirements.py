"""What is imported is required by name and pinned; what is required is used."""

import ast
import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = {"chat", "chatproxy", "tests"}
# Named by a setting or used as a program, never imported.
UNNAMED = {
    "psycopg",
    "sniffio",
    "ruff",
    "mypy",
    "django-stubs",
    "pytest-django",
    "pytest-asyncio",
    "pytest-xdist",
    "schemathesis",
}
INDIRECT = {"asgiref", "autobahn", "twisted", "pydantic-core", "typing-extensions"}  # of Django, Daphne, pydantic


def required(name: str) -> tuple[set[str], set[str]]:
    """Direct ones, and those that they need in turn."""
    direct, _, indirect = (ROOT / name).read_text().partition("# What those need in turn")
    return pinned(direct), pinned(indirect)


def pinned(text: str) -> set[str]:
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", "-r", ","))]
    wrong = [line for line in lines if not re.fullmatch(r"[\w.-]+(\[\w+\])?==[\w.]+", line)]
    assert not wrong, "not pinned"
    return {normal(re.split(r"[\[=]", line)[0]) for line in lines}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(*folders: str) -> set[str]:
    """Distributions, by their normal names."""
    tops = set()
    for folder in folders:
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Import):
                    tops |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    tops.add(node.module.split(".")[0])
    known = importlib.metadata.packages_distributions()
    outside = tops - OURS - set(sys.stdlib_module_names)
    return {normal(known[name][0]) if name in known else name for name in outside}


def test_the_application_names_what_it_imports() -> None:
    direct, indirect = required("requirements.txt")
    found = imported("chat", "chatproxy")
    assert found - INDIRECT == direct - UNNAMED
    assert found & INDIRECT <= indirect


def test_the_tests_name_what_they_import() -> None:
    runtime, _ = required("requirements.txt")
    direct, _ = required("requirements-dev.txt")
    assert imported("tests") - INDIRECT <= runtime | direct
    assert direct - UNNAMED <= imported("tests")


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_no_registry_is_named(name: str) -> None:
    assert "://" not in (ROOT / name).read_text()
    assert "--index" not in (ROOT / name).read_text()
