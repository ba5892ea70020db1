"""What an operator decided about an inbox: what is asked before the first message, which questions are suggested, what
writing does once a conversation is closed, which labels a page may set, and whether an erasure reaches Chatwoot.

The column is free JSON. Whatever cannot be read is left out, so that a wrong row costs a field and never the chat, and
told in words to whoever runs us. Pure.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar, get_args
from urllib.parse import urlsplit

from chat.wire import site
from chat.wire.profile import CONSENT, KEY
from chat.wire.text import is_storable

T = TypeVar("T", bound=str)
RESOLVED: tuple[site.Resolved, ...] = get_args(site.Resolved)
TRANSCRIPTS: tuple[site.Transcript, ...] = get_args(site.Transcript)
PARTS = ("ask", "suggestions", "resolved", "team", "transcript", "labels", "erase_upstream")
MOST_FIELDS = 8
MOST_SUGGESTIONS = 3
LONGEST_LABEL = 80  # characters
LONGEST_SENTENCE = 500
MOST_LABELS = 20
_OWN = ("name", "email", "phone")
_LABEL = re.compile(r"[\w-]{1,50}")  # as Chatwoot has them; it makes them small
_VERSION = re.compile(r"[A-Za-z0-9._-]{1,40}")


class Policy(NamedTuple):
    """``team``: whether visitors may know who answers. ``troubles``: what could not be read, each as a sentence."""

    ask: site.Ask | None
    suggestions: list[str]
    resolved: site.Resolved
    team: bool
    transcript: site.Transcript
    labels: list[str]
    erases_upstream: bool
    troubles: list[str]


class Unreadable(ValueError):
    """The message says what to write."""


def read(written: Any) -> Policy:
    troubles: list[str] = []
    if not isinstance(written, Mapping):
        return Policy(
            None,
            [],
            RESOLVED[0],
            False,
            TRANSCRIPTS[0],
            [],
            False,
            ['write an object such as {"suggestions": ["Where is my order?"]}'],
        )
    troubles += [f"there is no {key!r} in a policy" for key in written if key not in PARTS]
    ask, suggestions = _ask(written.get("ask"), troubles), _suggestions(written.get("suggestions"), troubles)
    return Policy(
        ask,
        suggestions,
        _one_of(RESOLVED, written.get("resolved"), "resolved", troubles),
        _whether(written.get("team"), "team", troubles, unsaid=True),
        _one_of(TRANSCRIPTS, written.get("transcript"), "transcript", troubles),
        _labels(written.get("labels"), troubles),
        _whether(written.get("erase_upstream"), "erase_upstream", troubles),
        troubles,
    )


def begins_anew(written: Any) -> bool:
    """Whether what names no conversation goes into a new one once the current one is closed."""
    return read(written).resolved == "new"


def labels(written: Any) -> list[str]:
    """Those that a page may set; agents' automations may begin with any, so none is by default."""
    return read(written).labels


def erases_upstream(written: Any) -> bool:
    """Whether a visitor who erases themselves here is deleted at Chatwoot, too."""
    return read(written).erases_upstream


def asked_attributes(written: Any) -> set[str]:
    """Keys of attributes that the form asks for, and that visitors may therefore set."""
    ask = read(written).ask
    return {field.name for field in ask.fields if field.kind == "attribute"} if ask else set()


def _ask(written: Any, troubles: list[str]) -> site.Ask | None:
    if written is None:
        return None
    if not isinstance(written, Mapping) or not isinstance(written.get("fields", []), list):
        troubles.append('ask is an object such as {"fields": [{"name": "email", "required": true}]}')
        return None
    troubles += [f"ask: there is no {key!r} in it" for key in written if key not in ("fields", "consent")]
    fields = list(_fields(written.get("fields", []), troubles))
    consent = _consent(written.get("consent"), troubles)
    return site.Ask(fields=fields, consent=consent) if fields or consent else None


def _fields(written: list[Any], troubles: list[str]) -> Iterator[site.AskField]:
    known: set[str] = set()
    for number, each in enumerate(written[:MOST_FIELDS], start=1):
        try:
            field = _field(each)
            if field.name in known:
                raise Unreadable(f"{field.name} is asked twice")
            known.add(field.name)
            yield field
        except Unreadable as bad:
            troubles.append(f"ask, field {number}: {bad}")
    if len(written) > MOST_FIELDS:
        troubles.append(f"ask: there are at most {MOST_FIELDS} fields")


def _field(written: Any) -> site.AskField:
    if not isinstance(written, Mapping) or ("name" in written) == ("attribute" in written):
        raise Unreadable('it is an object with a "name" (name, email, phone) or an "attribute"')
    for key in written:
        if key not in ("name", "attribute", "label", "required"):
            raise Unreadable(f"there is no {key!r} in it")
    required = written.get("required", False)
    if not isinstance(required, bool):
        raise Unreadable('"required" is true or false')
    if "name" in written:
        if written["name"] not in _OWN:
            raise Unreadable('"name" is name, email or phone; for anything else write "attribute"')
        label = _text(written.get("label", ""), "label", LONGEST_LABEL, least=0)
        return site.AskField(name=written["name"], kind=written["name"], label=label, required=required)
    key = written["attribute"]
    if not isinstance(key, str) or not KEY.fullmatch(key) or key == CONSENT:
        raise Unreadable('"attribute" is a key of letters, digits and _ that begins with a letter, up to 40')
    if key in _OWN:
        raise Unreadable(f'write "name": "{key}" instead of "attribute"')
    label = _text(written.get("label"), "label", LONGEST_LABEL)
    return site.AskField(name=key, kind="attribute", label=label, required=required)


def _consent(written: Any, troubles: list[str]) -> site.Consent | None:
    if written is None:
        return None
    try:
        if not isinstance(written, Mapping):
            raise Unreadable('it is an object such as {"text": "I agree that …", "link": "https://…"}')
        for key in written:
            if key not in ("text", "link", "link_text", "version"):
                raise Unreadable(f"there is no {key!r} in it")
        version = written.get("version", "1")
        if not isinstance(version, str) or not _VERSION.fullmatch(version):
            raise Unreadable('"version" is text of letters, digits, ".", "_" and "-", up to 40')
        return site.Consent(
            text=_text(written.get("text"), "text", LONGEST_SENTENCE),
            link=_link(written.get("link", "")),
            link_text=_text(written.get("link_text", ""), "link_text", LONGEST_LABEL, least=0),
            version=version,
        )
    except Unreadable as bad:
        troubles.append(f"consent: {bad}")
        return None


def _link(written: Any) -> str:
    if written == "":
        return ""
    try:
        parts = urlsplit(written)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and written.isprintable()
    except (ValueError, AttributeError, TypeError):
        good = False
    if not good or " " in written:
        raise Unreadable('"link" is an address that begins with https://')
    return str(written)


def _one_of(known: tuple[T, ...], written: Any, name: str, troubles: list[str]) -> T:
    """The first, where nothing else is written."""
    for each in known:
        if written == each:
            return each
    if written is not None:
        troubles.append(f"{name} is one of {', '.join(map(str, known))}")
    return known[0]


def _whether(written: Any, name: str, troubles: list[str], *, unsaid: bool = False) -> bool:
    if written is None:
        return unsaid
    if not isinstance(written, bool):
        troubles.append(f"{name} is true or false")
    return written is True


def _labels(written: Any, troubles: list[str]) -> list[str]:
    if written is None:
        return []
    if not isinstance(written, list) or len(written) > MOST_LABELS:
        troubles.append(f'labels are a list of up to {MOST_LABELS}, such as ["order-question"]')
        return []
    good = [each for each in written if isinstance(each, str) and _LABEL.fullmatch(each) and each == each.lower()]
    bad = [each for each in written if each not in good]
    troubles += [f"label {each!r}: it has small letters, digits, _ and -, up to 50" for each in bad]
    return list(dict.fromkeys(good))


def _suggestions(written: Any, troubles: list[str]) -> list[str]:
    if written is None:
        return []
    if not isinstance(written, list):
        troubles.append('suggestions are a list such as ["Where is my order?"]')
        return []
    if len(written) > MOST_SUGGESTIONS:
        troubles.append(f"there are at most {MOST_SUGGESTIONS} suggestions")
    kept = []
    for number, each in enumerate(written[:MOST_SUGGESTIONS], start=1):
        try:
            kept.append(_text(each, "it", LONGEST_LABEL))
        except Unreadable as bad:
            troubles.append(f"suggestion {number}: {bad}")
    return kept


def _text(written: Any, name: str, longest: int, *, least: int = 1) -> str:
    if isinstance(written, str) and is_storable(written) and least <= len(written.strip()) <= longest:
        return written.strip()
    raise Unreadable(f"{name} is text of up to {longest} characters")
