"""What `make build` made of `static/chat`, if it was made of the sources that lie there now. No Django.

A build that is older than its sources is worse than none: it hides what somebody changed, or what an update brought.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

logger = logging.getLogger(__name__)

SOURCES = ".js", ".css", ".json"


@dataclass(frozen=True, slots=True)
class File:
    """A file by its name below `static/`, and those that a browser needs before it runs."""

    name: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Release:
    """Without a usable build every file is its own source."""

    files: Mapping[str, File] = field(default_factory=dict)

    @classmethod
    def read(cls, static: Path) -> Self:
        """The build below this folder; none where there is none; one of other sources is logged and left alone."""
        try:
            manifest = json.loads((static / "build/manifest.json").read_text())
            made_of = manifest["sources"]
            files = {name: File(each["file"], tuple(each["imports"])) for name, each in manifest["files"].items()}
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("the release build cannot be read (%r): the sources are served; make build mends it", error)
            return cls()
        if made_of == digest(static / "chat"):
            return cls(files)
        logger.warning("the release build is of other sources: these are served as they are; make build renews it")
        return cls()

    def file(self, source: str) -> File:
        return self.files.get(source, File(source))


def digest(folder: Path) -> str:
    """`build.js` computes the same."""
    found = {path.relative_to(folder).as_posix().encode(): path for path in folder.rglob("*") if path.suffix in SOURCES}
    total = hashlib.sha256()
    for name, path in sorted(found.items()):
        content = path.read_bytes()
        total.update(b"%b\n%d\n%b" % (name, len(content), content))
    return total.hexdigest()
