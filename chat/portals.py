"""What the public portals of Chatwoot's help centres hold, for visitors: asked for rarely, once for all of them.

A portal is asked in its visitors' language first, then in its own default locale. What was told last stays when it does
not answer. Nothing is stored, and no visitor's word goes to Chatwoot.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from functools import lru_cache, partial
from typing import ParamSpec, TypeVar
from urllib.parse import unquote, urlsplit

import httpx
from django.conf import settings
from django.utils.crypto import salted_hmac

from chat.articles import Articles, Found
from chat.bridge.tasks import Tasks
from chat.budget import Urgency
from chat.chatwoot.addresses import Hosts, Resolve, Uncheckable, resolve
from chat.chatwoot.errors import ChatwootError, Forbidden, TooBig
from chat.chatwoot.listing import Listed
from chat.chatwoot.portal import MOST_PER_PAGE, Article, Portal, open_elsewhere
from chat.kept import Kept, NotHad
from chat.markdown import article_tree
from chat.models import Inbox
from chat.reader import Reader
from chat.upstreams import Upstream, Upstreams
from chat.wire.errors import Code, Refusal
from chat.wire.tree import Tree
from chat.writer import BUSY

log = logging.getLogger(__name__)
T = TypeVar("T")
P = ParamSpec("P")

FRESH_S = 300.0
AGAIN_S = 30.0
PATIENCE_S = 10.0  # of a visitor; what was asked for goes on, and is there for the next one
MOST_KEPT = 64  # lists of articles
MOST_TREES = 32  # of articles that were read last
AT_ONCE = 2  # a slow help centre takes no more of the way that messages go, too
AWAY = "The help centre is not available right now."
# As Chatwoot spells our languages, where it does not spell them alike; the first that has articles counts.
SPELLINGS = {"pt-BR": ("pt_BR", "pt"), "zh": ("zh_CN", "zh", "zh_TW")}
_TROUBLES = (ChatwootError, Uncheckable, *BUSY)


class Portals:
    """Make it on the loop. ``fresh_s``, ``again_s`` and another ``resolve`` are for tests."""

    def __init__(
        self,
        upstreams: Upstreams,
        reader: Reader,
        *,
        fresh_s: float = FRESH_S,
        again_s: float = AGAIN_S,
        patience_s: float = PATIENCE_S,
        resolve: Resolve = resolve,
    ) -> None:
        self._upstreams, self._reader, self._resolve = upstreams, reader, resolve
        self._patience_s = patience_s
        self._tasks = Tasks()
        self._places = asyncio.Semaphore(AT_ONCE)
        kept = partial(Kept, self._tasks.spawn, fresh_s=fresh_s, again_s=again_s, most=MOST_KEPT, troubles=_TROUBLES)
        self._articles: Kept[Articles] = kept()
        self._defaults: Kept[str] = kept()

    async def articles(self, inbox: Inbox, language: str) -> Articles:
        """In a language of ours; none, where the inbox has no portal. Raises Refusal (unavailable)."""
        if not inbox.portal:
            return Articles()
        try:
            async with asyncio.timeout(self._patience_s):
                return await self._in(inbox, language)
        except (NotHad, TimeoutError):
            raise Refusal(Code.UNAVAILABLE, AWAY, retry_after_s=AGAIN_S) from None

    async def text(self, inbox: Inbox, found: Found) -> Tree:
        """An article's words. Links to Chatwoot, and to what it holds, are none: visitors never see its address."""
        upstream = await self._upstreams.of(inbox.pk)
        own = frozenset({_name(upstream.link.name), _name(inbox.portal_url)})
        return await self._run(_tree, found.content, own)

    async def search(self, articles: Articles, query: str, most: int) -> list[Found]:
        """On a thread: it takes a while where there is much to read. Raises Refusal (unavailable)."""
        return await self._run(articles.search, query, most)

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await self._reader.run(work, *args, **kwargs)
        except BUSY:
            raise Refusal(Code.UNAVAILABLE, AWAY, retry_after_s=AGAIN_S) from None

    async def _in(self, inbox: Inbox, language: str) -> Articles:
        spellings = SPELLINGS.get(language, (language,))
        for locale in spellings:
            if found := await self._of(inbox, locale):
                return found
        ask = partial(self._ask_portal, inbox, lambda portal: portal.default_locale(spellings[0]))
        default = await self._defaults.get(_key(inbox), ask, name=f"portal of {inbox.slug}")
        return await self._of(inbox, default)

    async def _of(self, inbox: Inbox, locale: str) -> Articles:
        ask = partial(self._read, inbox, locale)
        return await self._articles.get((*_key(inbox), locale), ask, name=f"articles of {inbox.slug}")

    async def _read(self, inbox: Inbox, locale: str) -> Articles:
        listed = await self._ask_portal(inbox, partial(_list, locale))
        if listed.unread:
            log.warning("portal %s: %d articles cannot be read", inbox.portal, len(listed.unread))
        articles = await self._reader.run(Articles, listed.rows, partial(name_of, inbox.pk))
        if articles.left_out:
            log.warning("portal %s: %d articles are too many to be searched", inbox.portal, articles.left_out)
        return articles

    async def _ask_portal(self, inbox: Inbox, ask: Callable[[Portal], Awaitable[T]]) -> T:
        try:
            upstream = await self._upstreams.of(inbox.pk)
            if _host(inbox.portal_url) in ("", _host(upstream.link.name)):
                async with self._places, upstream.turn(Urgency.FILE):
                    return await ask(Portal(upstream.link.http, inbox.portal))
            return await self._ask_elsewhere(upstream, inbox, ask)
        except _TROUBLES as error:
            hint = "; it must be asked at the address where people read it: see docs/help-centre.md"
            not_known = isinstance(error, Forbidden)
            log.warning("portal %s was not read: %s%s", inbox.portal, error, hint if not_known else "")
            raise

    async def _ask_elsewhere(self, upstream: Upstream, inbox: Inbox, ask: Callable[[Portal], Awaitable[T]]) -> T:
        """At an address of its own, whose failures say nothing about the way to the inbox; the budget is one."""
        await upstream.budget.take(Urgency.FILE)
        parts = urlsplit(inbox.portal_url)
        hosts = Hosts([parts.hostname or "", *settings.ATTACHMENT_HOSTS])
        http: httpx.AsyncClient = open_elsewhere(f"{parts.scheme}://{parts.netloc}", hosts, resolve=self._resolve)
        async with http:
            return await ask(Portal(http, inbox.portal))

    async def close(self) -> None:
        await self._tasks.cancel()


def name_of(inbox_id: int, article_id: int) -> str:
    """An article outward, the same in all processes; tells nothing of Chatwoot, and cannot be guessed."""
    return salted_hmac("chat.portals", f"{inbox_id} {article_id}", algorithm="sha256").hexdigest()[:32]


async def _list(locale: str, portal: Portal) -> Listed[Article]:
    try:
        return await portal.articles(locale)
    except TooBig:
        return await portal.articles(locale, most=MOST_PER_PAGE)


def _key(inbox: Inbox) -> tuple[int, str, str]:
    """Another portal, or another address, is asked anew."""
    return inbox.pk, inbox.portal, inbox.portal_url


def _host(url: str) -> str:
    return urlsplit(url).netloc.lower()


def _name(url: str) -> str:
    """Of the host, as a browser reads it: whatever the port, with a final dot or without."""
    host = unquote(urlsplit(url.replace("\\", "/")).hostname or "")
    return host.partition("\\")[0].rstrip(".").lower()


@lru_cache(maxsize=MOST_TREES)
def _tree(content: str, hosts: frozenset[str]) -> Tree:
    """Takes a while. Nobody changes what it returns."""
    return article_tree(content, hides=partial(_is_chatwoots, hosts=hosts))


def _is_chatwoots(href: str, hosts: Collection[str]) -> bool:
    try:
        name, path = _name(href), urlsplit(href.replace("\\", "/")).path
    except ValueError:
        return True
    return (bool(name) and name in hosts) or path.startswith("/rails/")
