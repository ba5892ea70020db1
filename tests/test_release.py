"""A build is used while it is of the sources that lie there, and never after."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from chat.release import File, Release, digest

MAIN = "chat/frame/main.js"
BUILT = {MAIN: {"file": "build/main-ABCDEFGH.js", "imports": ["build/chunk-ABCDEFGH.js"]}}


@pytest.fixture
def static(tmp_path: Path) -> Path:
    for name, text in {MAIN: "main()", "chat/first.css": "p{}", "chat/icon.svg": "<svg/>"}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def build(static: Path, **other: Any) -> None:
    (static / "build").mkdir()
    manifest = {"sources": digest(static / "chat"), "files": BUILT} | other
    (static / "build/manifest.json").write_text(json.dumps(manifest))


def test_without_a_build_every_file_is_its_source(static: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert Release.read(static).file(MAIN) == File(MAIN)
    assert not caplog.records, "that is how it is where there is no Node"


def test_a_build_of_these_sources_stands_in_for_them(static: Path) -> None:
    build(static)
    assert Release.read(static).file(MAIN) == File("build/main-ABCDEFGH.js", ("build/chunk-ABCDEFGH.js",))
    assert Release.read(static).file("chat/icon.svg") == File("chat/icon.svg")


@pytest.mark.parametrize(
    ("name", "text"), [(MAIN, "main(1)"), ("chat/lazy/new.css", "p{}"), ("chat/locales/de.json", "{}")]
)
def test_a_build_of_other_sources_is_not_used(
    static: Path, caplog: pytest.LogCaptureFixture, name: str, text: str
) -> None:
    build(static)
    (static / name).parent.mkdir(exist_ok=True)
    (static / name).write_text(text)
    assert Release.read(static).file(MAIN) == File(MAIN)
    assert [each.levelno for each in caplog.records] == [logging.WARNING]
    assert "make build" in caplog.text


def test_a_file_that_was_removed_makes_it_another_source(static: Path) -> None:
    build(static)
    (static / "chat/first.css").unlink()
    assert Release.read(static) == Release()


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"sources": "", "files": {"a": {}}}', '{"files": 1'])
def test_a_build_that_cannot_be_read_is_not_used(static: Path, caplog: pytest.LogCaptureFixture, manifest: str) -> None:
    build(static)
    (static / "build/manifest.json").write_text(manifest)
    assert Release.read(static) == Release()
    assert "cannot be read" in caplog.text
