"""A public portal of Chatwoot's help centre (contract §1.11): only read, nobody authenticates, only what is published.

Asked by any host but that of Chatwoot's own pages, or by the portal's own domain, it answers 401: so it may have to be
asked elsewhere than the APIs are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

import httpx

from chat.chatwoot import listing, reading
from chat.chatwoot.addresses import Hosts, Resolve, pin, resolve
from chat.chatwoot.answers import ask
from chat.chatwoot.listing import Listed
from chat.chatwoot.transport import open_http

MOST_PER_PAGE = 100
PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class Article:
    """``content`` is Markdown, as authors write it."""

    id: int
    title: str
    description: str
    content: str
    status: str = PUBLISHED

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            id=reading.integer(row, "id"),
            title=reading.text(row, "title"),
            description=reading.text_or_empty(row, "description"),
            content=reading.text_or_empty(row, "content"),
            status=reading.text(row, "status"),
        )


class Portal:
    """``http`` is for the host that the portal answers at. Each call raises what ``ask`` raises, and Uncheckable."""

    def __init__(self, http: httpx.AsyncClient, slug: str) -> None:
        self._http = http
        self._path = f"/hc/{quote(slug, safe='')}"

    async def articles(self, locale: str, *, most: int | None = None) -> Listed[Article]:
        """Those of one locale, the most read first; none, where the portal has none in it.

        All come in one answer, unless only ``most`` (up to 100) are asked for: pages are torn where views are equal.
        """
        query = {"sort": "views"} | ({"per_page": str(most)} if most else {})
        path = f"{self._path}/{quote(locale, safe='')}/articles.json"
        return await ask(self._http, "GET", path, _listed, params=query)

    async def default_locale(self, locale: str) -> str:
        """The locale of those who find nothing in theirs. Any ``locale`` may ask."""
        path = f"{self._path}/{quote(locale, safe='')}.json"
        return await ask(self._http, "GET", path, _default_locale)


def open_elsewhere(origin: str, hosts: Hosts, *, resolve: Resolve = resolve) -> httpx.AsyncClient:
    """A client for a portal that is not where Chatwoot is; the caller closes it."""
    return open_http(origin, transport=CheckedTransport(hosts, resolve=resolve))


class CheckedTransport(httpx.AsyncBaseTransport):
    """Connects to the very address that was checked (``pin``). Requests raise Uncheckable and Unreachable, too."""

    def __init__(self, hosts: Hosts, *, resolve: Resolve = resolve) -> None:
        self._hosts, self._resolve = hosts, resolve
        self._inner = httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        pinned = await pin(str(request.url), self._hosts, resolve=self._resolve)
        request.url = pinned.url
        request.headers.update(pinned.headers)
        request.extensions = {**request.extensions, **pinned.extensions}
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _listed(body: Mapping[str, Any]) -> Listed[Article]:
    found = listing.read(reading.sequence(body.get("payload"), "payload"), Article.parse)
    return Listed(tuple(row for row in found.rows if row.status == PUBLISHED), found.unread)


def _default_locale(body: Mapping[str, Any]) -> str:
    return reading.text(reading.mapping(body.get("meta"), "meta"), "default_locale")
