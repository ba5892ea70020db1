"""How much of a file Chatwoot's storage really has (contract §1.12); one byte is read.

A URL of Chatwoot's names the public address of its own pages, which need not be the one we reach it by: the path is
asked for at the Chatwoot that we are configured for. It redirects to its own disk, or to a storage service. That is
followed only over https and only to public addresses, so that nobody makes us ask something inside our network.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable
from urllib.parse import urljoin, urlsplit

import httpx

from chat.chatwoot.answers import exchange
from chat.chatwoot.errors import Ambiguous, Unreachable

FIRST_BYTE = {"Range": "bytes=0-0", "Accept": "*/*"}
MOST_REDIRECTS = 3
ELSEWHERE_S = 10.0
_OWN = re.compile(r"/rails/active_storage/[\w%./=+~@,!()'&-]+")
_ABSENT = (404, 410, 416)  # the last: there is no first byte

Elsewhere = Callable[[str], Awaitable[httpx.Response]]


class Uncheckable(Exception):
    """We may not ask there; the text says why, without the address, which is a bearer secret."""


async def stored_size(http: httpx.AsyncClient, url: str, *, elsewhere: Elsewhere | None = None) -> int | None:
    """Bytes that are stored under a ``data_url``; None: it has none. Raises Uncheckable and ChatwootError.

    ``elsewhere`` asks a storage service; another one is for tests.
    """
    front = _host(url)
    response = await exchange(http, "GET", _own_path(url), headers=FIRST_BYTE)
    for _ in range(MOST_REDIRECTS):
        if not response.has_redirect_location:
            return _size(response)
        target = urljoin(url, response.headers["location"])
        if _host(target) == front:
            response = await exchange(http, "GET", _own_path(target), headers=FIRST_BYTE)
        else:
            response = await (elsewhere or ask_elsewhere)(target)
            return _size(response)
    raise Uncheckable("it redirects too often")


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def _own_path(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Uncheckable("its address cannot be read") from None
    if not _OWN.fullmatch(parts.path) or ".." in parts.path.split("/"):
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


async def ask_elsewhere(url: str) -> httpx.Response:
    """The headers of what a storage service answers; it is asked at the very address that was checked."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise Uncheckable("its storage is not reached over https")
    address = await _public_address(parts.hostname, parts.port or 443)
    pinned = httpx.URL(url).copy_with(host=address)
    headers = {**FIRST_BYTE, "Host": parts.netloc.rpartition("@")[2]}
    names = {"sni_hostname": parts.hostname}
    try:
        async with (
            httpx.AsyncClient(timeout=ELSEWHERE_S, trust_env=False) as http,
            http.stream("GET", pinned, headers=headers, extensions=names) as response,
        ):
            return response
    except httpx.HTTPError as error:
        raise Unreachable(f"its storage: {type(error).__name__}") from None


async def _public_address(host: str, port: int) -> str:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise Unreachable("its storage has no address") from None
    addresses = [str(each[4][0]) for each in found]
    if not addresses or not all(is_public(each) for each in addresses):
        raise Uncheckable("its storage has an address inside a network")
    return addresses[0]


def is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None) or found
    return bool(mapped.is_global and not mapped.is_multicast)
