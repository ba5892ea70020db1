"""The articles of a help centre in one locale, and how one is found among them. Pure; building it takes a while.

They are searched here and not by Chatwoot: so a search costs it nothing, answers while it is down, and what somebody
looks for stays with us.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from chat.chatwoot.portal import Article

MOST_ARTICLES = 1_000
MOST_CHARACTERS = 2_000_000  # of all of them together
MOST_WORDS = 8  # of a search
# Accents, vowel signs and the like, that people leave out when they search; where they are letters they stay.
_MARKS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670]")
_WORD = re.compile(r"\w+")
_SHORT = 2  # letters: as the beginning of a word that is anything
_WEIGHTS = (4, 2, 1)  # title, description, text


@dataclass(frozen=True, slots=True)
class Found:
    """``id`` is ours; ``content`` is Markdown."""

    id: str
    title: str
    description: str
    content: str


class Articles:
    """``named`` makes an id of ours from Chatwoot's. ``left_out``: how many were too many, of the least read."""

    def __init__(self, rows: Iterable[Article] = (), named: Callable[[int], str] = str) -> None:
        rows = tuple(rows)
        kept = list(_within(rows))
        self.left_out = len(rows) - len(kept)
        self._found = {found.id: found for found in (_found(row, named(row.id)) for row in kept)}
        self._texts = {found.id: _texts(found) for found in self._found.values()}

    def __len__(self) -> int:
        return len(self._found)

    def get(self, article_id: str) -> Found | None:
        return self._found.get(article_id)

    def top(self, most: int) -> list[Found]:
        """The most read."""
        return list(self._found.values())[:most]

    def search(self, query: str, most: int) -> list[Found]:
        """Those that have most of its words, those first that have them in the title, then in the description."""
        words = _WORD.findall(folded(query))[:MOST_WORDS]
        needles = [_needle(word, is_last=word is words[-1]) for word in words]
        ranked = [(_rank(self._texts[found.id], needles), found) for found in self._found.values()]
        best = max((hits for (hits, _), _ in ranked), default=0)
        hit = [(rank, found) for rank, found in ranked if best and rank[0] == best]
        hit.sort(key=lambda each: -each[0][1])  # stable: equals stay in their order
        return [found for _, found in hit[:most]]


def folded(text: str) -> str:
    """For comparing: without case and accents."""
    text = text.casefold()
    return text if text.isascii() else _MARKS.sub("", unicodedata.normalize("NFKD", text))


def _within(rows: Iterable[Article]) -> Iterator[Article]:
    left = MOST_CHARACTERS
    for row in list(rows)[:MOST_ARTICLES]:
        left -= len(row.title) + len(row.description) + len(row.content)
        if left >= 0:
            yield row


def _found(row: Article, article_id: str) -> Found:
    return Found(article_id, row.title.strip(), row.description.strip(), row.content)


def _texts(found: Found) -> tuple[str, str, str]:
    """Its parts as words with a blank before and after each."""
    title, description, content = (
        f" {' '.join(_WORD.findall(folded(part)))} " for part in (found.title, found.description, found.content)
    )
    return title, description, content


def _needle(word: str, *, is_last: bool) -> str:
    """The beginning of a word. Where words are not written apart, or begin with an article, it may stand within."""
    if not word.isascii():
        return word
    return f" {word} " if len(word) <= _SHORT and not is_last else f" {word}"


def _rank(texts: tuple[str, ...], needles: Iterable[str]) -> tuple[int, int]:
    """How many of them are there, and how high up."""
    hits = weight = 0
    for needle in needles:
        here = next((each for text, each in zip(texts, _WEIGHTS, strict=True) if needle in text), 0)
        hits, weight = hits + bool(here), weight + here
    return hits, weight
