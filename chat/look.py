"""What an operator wrote about the look and the words of an inbox, as it goes outward: colours, choices and plain text.

The columns are free JSON. Whatever is not of its kind is left out, so that no row makes a page run or draw anything;
``look_faults`` and ``text_faults`` say beforehand, in words, what would be.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from chat import locales
from chat.wire.text import is_storable

_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_NAME = re.compile(r"[a-z][A-Za-z_]{0,39}(?:\.[A-Za-z_]{1,40}){0,3}", re.ASCII)
_HOLE = re.compile(r"{(\w+)}")
MOST_TEXTS = 50  # of each language, and of all together
LONGEST = 2_000  # characters

# The first of each is what an inbox has that says nothing.
CHOICES = {"theme": ("auto", "light", "dark"), "position": ("end", "start"), "launcher": ("round", "pill")}
OWN_NAMES = ("out_of_office",)  # texts that no page shows by itself
FOR_APPS = "app_"  # begins the names that an app gives its own texts


def accent(look: Any) -> str:
    """A colour as #rgb or #rrggbb; empty: none was chosen."""
    found = look.get("accent") if isinstance(look, Mapping) else None
    return found if isinstance(found, str) and _COLOUR.fullmatch(found) else ""


def chosen(look: Any, name: str) -> str:
    """Of ``CHOICES``."""
    found = look.get(name) if isinstance(look, Mapping) else None
    return found if isinstance(found, str) and found in CHOICES[name] else CHOICES[name][0]


def locale(look: Any) -> str:
    """The language of an inbox that speaks only one; empty: the visitor's."""
    found = look.get("locale") if isinstance(look, Mapping) else None
    return found if isinstance(found, str) and locales.language_of(found) else ""


def look_faults(written: Any) -> list[str]:
    """Sentences for whoever wrote it."""
    if not isinstance(written, Mapping):
        return ['Write pairs such as {"accent": "#1f6f5c", "theme": "auto"}.']
    return [fault for name, value in written.items() if (fault := _look_fault(name, value))]


def _look_fault(name: str, value: Any) -> str:
    if name in CHOICES:
        return "" if value in CHOICES[name] else f"{name} is {value!r}; write one of {', '.join(CHOICES[name])}."
    if name == "accent":
        return "" if accent({name: value}) else f"accent is {value!r}; write a colour such as #1f6f5c."
    if name == "locale":
        known = ", ".join(locales.languages())
        return "" if locale({name: value}) else f"locale is {value!r}, which is not among the languages: {known}."
    return f"A look has no {name!r}; it has accent, {', '.join(CHOICES)} and locale."


def texts(written: Any, language: str = "") -> dict[str, str]:
    """By name, such as greeting or header.plain: those for all languages, then those for this one."""
    if not isinstance(written, Mapping):
        return {}
    general = {name: text for name, text in written.items() if name not in locales.languages()}
    return _kept(general) | _kept(written.get(language) if language in locales.languages() else None)


def _kept(written: Any) -> dict[str, str]:
    if not isinstance(written, Mapping):
        return {}
    kept = {name: text for name, text in written.items() if _is_name(name) and _is_text(text)}
    return dict(list(kept.items())[:MOST_TEXTS])


def text_faults(written: Any) -> list[str]:
    """Sentences for whoever wrote them."""
    if not isinstance(written, Mapping):
        return ['Write pairs such as {"greeting": "Hello.", "de": {"greeting": "Guten Tag."}}.']
    spoken = {name: part for name, part in written.items() if name in locales.languages()}
    general = {name: text for name, text in written.items() if name not in spoken}
    faults = list(_faults_of(general, "For all languages"))
    for language, part in spoken.items():
        if isinstance(part, Mapping):
            faults += _faults_of(part, f"For {language}")
        else:
            faults.append(f'Write the texts for {language} as pairs: {{"{language}": {{"greeting": "…"}}}}.')
    return faults


def _faults_of(part: Mapping[str, Any], where: str) -> Iterator[str]:
    if len(part) > MOST_TEXTS:
        yield f"{where} there are {len(part)} texts; at most {MOST_TEXTS} are kept."
    for name, text in part.items():
        fault = _text_fault(name, text)
        if fault:
            yield f"{where}, {name!r}: {fault}"


def _text_fault(name: str, text: Any) -> str:
    if isinstance(text, Mapping):
        return f"this is no language that there is ({', '.join(locales.languages())})."
    if not _is_text(text):
        return f"write a text of up to {LONGEST:,} characters."
    if name in OWN_NAMES or (name.startswith(FOR_APPS) and _is_name(name)):
        return ""
    english = locales.phrase(locales.ENGLISH, name) if _is_name(name) else None
    if english is None or (isinstance(english, Mapping) and "other" not in english):
        return f"there is no such text; names of your own begin with {FOR_APPS}."
    unfilled = set(_HOLE.findall(text)) - set(_HOLE.findall(str(english)))
    return f"nothing fills {', '.join(f'{{{hole}}}' for hole in sorted(unfilled))}." if unfilled else ""


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def _is_text(text: Any) -> bool:
    return isinstance(text, str) and len(text) <= LONGEST and is_storable(text)
