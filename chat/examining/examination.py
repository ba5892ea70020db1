"""The doctor: what a chat needs of its Chatwoots, asked one after the other, with words for whatever is not so.

Nothing that agents see is left behind but the canary contact that a running process makes, too (``chat.tokens``). It
needs no runtime, and disturbs none: what it stores is what any process stores, a pause after a 429 and a verdict.
"""

import itertools
import operator
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from django.conf import settings

from chat.audience import Audience
from chat.chatwoot import transport
from chat.chatwoot.errors import ChatwootError, Throttled
from chat.chatwoot.events import Event
from chat.examining import servers, sites
from chat.examining.case import Case, Hints, Site, Timing, cure, hinted, words
from chat.examining.rows import Finding, Row, Verdict, not_asked, ok, wrong
from chat.models import Inbox
from chat.reader import Reader
from chat.tokens import Tokens
from chat.upstreams import OpenHttp, Unavailable, Upstreams
from chat.writer import Writer

HERE = "here"
ANSWER_S = 10.0  # above that Chatwoot is ill, and somebody waits


def open_http(url: str) -> httpx.AsyncClient:
    return transport.open_http(url, read_s=ANSWER_S)


@dataclass(frozen=True, slots=True)
class Question:
    """``needs``: of these rows one must be well. ``asks``: something of Chatwoot, which may want to be left alone."""

    name: str
    ask: Callable[..., Awaitable[Finding]]
    needs: str = ""
    of_inbox: bool = False
    asks: bool = True


QUESTIONS = (
    Question("rest", servers.rest),
    Question("clock", servers.clock, needs="rest"),
    Question("inbox", sites.inbox, needs="rest", of_inbox=True),
    Question("hmac", sites.hmac, needs="inbox", of_inbox=True),
    Question("cable", servers.cable, needs="rest"),
    Question("canary", sites.canary, needs="cable", of_inbox=True),
    Question("sharing", servers.sharing, needs="canary"),
    Question("recognition", sites.recognition, needs="inbox", of_inbox=True),
    Question("agent", sites.agent, needs="inbox", of_inbox=True),
    Question("fence", servers.fence, needs="rest"),
    Question("stamp", servers.stamp, needs="rest"),
    Question("files", servers.files, needs="rest"),
    Question("throttle", servers.throttle, asks=False),
    Question("origins", sites.origins, of_inbox=True, asks=False),
)


async def examine(
    inboxes: Sequence[Inbox], *, timing: Timing | None = None, open_http: OpenHttp = open_http
) -> list[Row]:
    """Rows for each Chatwoot of these inboxes, which come with theirs, and one for this site.

    Every question is bounded; where the answer to each takes as long as it may, one inbox takes three minutes. Raises
    BUSY (``chat.writer``).
    """
    timing, rows = timing or Timing(), list[Row]()
    async with _reached(open_http) as (upstreams, reader, tokens):
        hints = await reader.run(Hints.read)
        by_chatwoot = operator.attrgetter("chatwoot_id")
        for _, group in itertools.groupby(sorted(inboxes, key=by_chatwoot), key=by_chatwoot):
            found = [Site(inbox, await upstreams.of(inbox.pk)) for inbox in group]
            case = Case(found[0].inbox.chatwoot, found, reader, tokens, hints, timing)
            rows += await _Examination(case).run()
    return [*rows, _row("proxies", HERE, _proxies(hints))]


@asynccontextmanager
async def _reached(open_http: OpenHttp) -> AsyncIterator[tuple[Upstreams, Reader, Tokens]]:
    reader, writer = Reader(threads=1), Writer(Audience())
    upstreams = Upstreams(reader, open_http=open_http, rate_per_s=settings.CHATWOOT_RATE_PER_S)
    upstreams.listener = _Nobody()
    writer.start()
    try:
        yield upstreams, reader, Tokens(upstreams, writer, reader)
    finally:
        await upstreams.close()
        await writer.stop()
        await reader.stop()


class _Nobody:
    """Listens to hubs that hold nobody (``chat.bridge.hub.Listener``)."""

    def subscribed(self, key: Hashable) -> None: ...

    def lost(self, key: Hashable) -> None: ...

    def silent(self, key: Hashable) -> None: ...

    def unanswered(self, key: Hashable) -> None: ...

    def canary_wanted(self, key: Hashable) -> None: ...

    def received(self, key: Hashable, event: Event) -> None: ...


class _Examination:
    def __init__(self, case: Case) -> None:
        self._case = case
        self._rows: list[Row] = []

    async def run(self) -> list[Row]:
        for question in QUESTIONS:
            for site in self._case.sites if question.of_inbox else [None]:
                about = site.inbox.slug if site else self._case.chatwoot.url
                self._rows.append(_row(question.name, about, await self._find(question, about, site)))
        return self._rows

    async def _find(self, question: Question, about: str, site: Site | None) -> Finding:
        if question.asks and self._case.paused:
            return not_asked(self._case.paused)
        if question.needs and (lacking := self._lacking(question.needs, about if site else "")):
            return lacking
        try:
            return await question.ask(self._case, *([site] if site else []))
        except (Throttled, Unavailable) as error:
            self._case.paused = f"Chatwoot is to be left alone: {error}"
            return not_asked(self._case.paused)
        except ChatwootError as error:
            return wrong(words(error), cure(error))

    def _lacking(self, name: str, slug: str) -> Finding | None:
        """Why what needs this row is not asked. For an inbox its own row counts, or that of its Chatwoot."""
        found = [row for row in self._rows if row.name == name]
        own = [row for row in found if row.about in (slug, self._case.chatwoot.url)] if slug else found
        if any(row.is_well for row in own):
            return None
        unasked = [row.reading for row in own if row.verdict is Verdict.NOT_ASKED]
        if len(unasked) == len(own):
            return Finding(Verdict.NOT_ASKED, unasked[0])
        return not_asked(f"of what is wrong with `{name}`")


def _row(name: str, about: str, finding: Finding) -> Row:
    return Row(name, about, finding.verdict, finding.reading, finding.cure)


def _proxies(hints: Hints) -> Finding:
    if hints.proxies:
        return hinted(hints.proxies[0])
    named = ", ".join(map(str, settings.TRUSTED_PROXIES))
    return ok(f"what {named} say of visitors' addresses is believed" if named else "no proxy is said to be there")
