"""Languages: which catalogues there are (``static/chat/locales``), and which of them a visitor is spoken to in.

A catalogue is a script for browsers that holds one JSON object between parentheses, so that we can read it, too.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "static/chat/locales"
ENGLISH = "en"  # comes with the code of the page, and the rest with that of its lazy parts
REST = FOLDER.parent / "lazy/en.js"
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he"})
ANYTHING = "*"
_FORMER = {"iw": "he"}
_TAG = re.compile(r"([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|[0-9]{3}))?(?:-[a-z0-9-]*)?", re.IGNORECASE | re.ASCII)
_LONGEST_HEADER = 1_000  # characters
_MOST_WISHES = 20


@dataclass(frozen=True, slots=True)
class Speech:
    """``language`` is a catalogue's; ``locale`` says how numbers and times are written, and may name a region."""

    language: str
    locale: str

    @property
    def direction(self) -> str:
        return "rtl" if self.language in RIGHT_TO_LEFT else "ltr"


@cache
def languages() -> tuple[str, ...]:
    return tuple(sorted(file.stem for file in FOLDER.glob("*.js")))


@cache
def catalogue(language: str) -> Mapping[str, Any]:
    """Only of a language that there is: the name is part of a path."""
    found = _read(FOLDER / f"{language}.js")
    for section, texts in _read(REST).items() if language == ENGLISH else ():
        found[section] = found.get(section, {}) | texts
    return found


def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text("utf-8").partition("(")[2].rpartition(")")[0])
    return found


def phrase(language: str, path: str) -> Any:
    """A text, or its forms, by a path such as ``launcher.open``; in English where the catalogue lacks it, else None."""
    for each in (language, ENGLISH):
        found: Any = catalogue(each)
        for name in path.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        if found is not None:
            return found
    return None


def choose(*wishes: str, accepted: str = "", otherwise: str = ENGLISH) -> Speech:
    """The first of the wishes (language tags) that there is a catalogue for, then what the browser accepts
    (``Accept-Language``), then ``otherwise``. A wish without a region takes that of the browser's same language."""
    heard = list(_heard(accepted))
    for tag in (*wishes, *heard, otherwise, ENGLISH):
        language = language_of(tag)
        if language:
            return Speech(language, _with_region(_canonical(tag) or language, heard))
    raise LookupError("there is no catalogue in English")


def language_of(tag: Any) -> str:
    """The catalogue for a language tag; empty: there is none, or it is no tag."""
    canonical = _canonical(tag)
    if not canonical:
        return ""
    if canonical in languages():
        return canonical
    primary = canonical.partition("-")[0]
    return next((each for each in languages() if each.partition("-")[0] == primary), "")


def _canonical(tag: Any) -> str:
    """Language, script and region as browsers write them; what else the tag says is left out."""
    parts = _TAG.fullmatch(tag) if isinstance(tag, str) and len(tag) <= 100 else None
    if not parts:
        return ""
    primary, script, region = (part or "" for part in parts.groups())
    primary = _FORMER.get(primary.lower(), primary.lower())
    return "-".join(filter(None, (primary, script.title(), region.upper())))


def _with_region(locale: str, heard: Iterable[str]) -> str:
    return next((tag for tag in map(_canonical, heard) if tag.startswith(f"{locale}-")), locale)


def _heard(accepted: str) -> Iterator[str]:
    """The tags of an Accept-Language header, those preferred first."""
    wishes = []
    for wish in accepted[:_LONGEST_HEADER].split(",")[:_MOST_WISHES]:
        tag, _, quality = wish.replace(" ", "").partition(";q=")
        wishes.append((_weight(quality), tag))
    wishes.sort(key=lambda wish: -wish[0])  # stable: equals stay in their order
    yield from (tag for weight, tag in wishes if weight > 0 and tag != ANYTHING)


def _weight(quality: str) -> float:
    if not quality:
        return 1
    return float(quality) if re.fullmatch(r"[01](\.[0-9]{0,3})?", quality) else 0
