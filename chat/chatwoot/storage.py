"""How much of a file Chatwoot's storage really has (contract §1.12); one byte is read.

A URL of Chatwoot's names the public address of its own pages, which need not be the one we reach it by: the path is
asked for at the Chatwoot that we are configured for. It redirects to its own disk, or to a storage service. That is
followed only to listed hosts (``addresses``), so that nobody makes us ask something inside our network.
"""

import re
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from chat.chatwoot.addresses import Hosts, Uncheckable, pin
from chat.chatwoot.answers import exchange
from chat.chatwoot.errors import Ambiguous, Unreachable

FIRST_BYTE = {"Range": "bytes=0-0", "Accept": "*/*"}
MOST_REDIRECTS = 3
ELSEWHERE_S = 10.0
_OWN = re.compile(r"/rails/active_storage/[\w%./=+~@,!()'&-]+")
_QUERY = re.compile(r"[!-~]*")
_ABSENT = (404, 410, 416)  # the last: there is no first byte

Elsewhere = Callable[[str], Awaitable[httpx.Response]]


async def stored_size(
    http: httpx.AsyncClient, url: str, *, hosts: Hosts | None = None, elsewhere: Elsewhere | None = None
) -> int | None:
    """Bytes that are stored under a ``data_url``; None: it has none. Raises Uncheckable and ChatwootError.

    ``elsewhere`` asks a storage service; another one is for tests.
    """
    elsewhere = elsewhere or partial(ask_elsewhere, hosts=hosts or Hosts())
    front = host_of(url)
    response = await exchange(http, "GET", own_path(url), headers=FIRST_BYTE)
    for _ in range(MOST_REDIRECTS):
        if not response.has_redirect_location:
            return _size(response)
        target = target_of(url, response)
        if host_of(target) == front:
            response = await exchange(http, "GET", own_path(target), headers=FIRST_BYTE)
        else:
            response = await elsewhere(target)
            return _size(response)
    raise Uncheckable("it redirects too often")


def host_of(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def target_of(url: str, response: httpx.Response) -> str:
    try:
        return urljoin(url, response.headers["location"])
    except ValueError:
        raise Uncheckable("it redirects to what is no address") from None


def own_path(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Uncheckable("its address cannot be read") from None
    is_file = _OWN.fullmatch(parts.path) and _QUERY.fullmatch(parts.query)
    if not is_file or ".." in unquote(parts.path).split("/"):  # a proxy may decode it before it looks
        raise Uncheckable("its address is none of Chatwoot's files")
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _size(response: httpx.Response) -> int | None:
    status = response.status_code
    if status == 206 and (found := re.fullmatch(r"bytes \d+-\d+/(\d+)", response.headers.get("content-range", ""))):
        return int(found[1])
    if status == 200 and response.headers.get("content-length", "").isdecimal():
        return int(response.headers["content-length"])
    if status in _ABSENT:
        return None
    if status in (401, 403):
        raise Uncheckable(f"its storage answers {status}")
    raise Ambiguous("its storage does not tell", status=status)


async def ask_elsewhere(url: str, *, hosts: Hosts) -> httpx.Response:
    """The headers of what a storage service answers; it is asked at the very address that was checked."""
    pinned = await pin(url, hosts)
    try:
        async with (
            httpx.AsyncClient(timeout=ELSEWHERE_S, trust_env=False) as http,
            http.stream(
                "GET", pinned.url, headers=FIRST_BYTE | pinned.headers, extensions=pinned.extensions
            ) as response,
        ):
            return response
    except httpx.HTTPError as error:
        raise Unreachable(f"its storage: {type(error).__name__}") from None
