"""A file from Chatwoot's storage, as a stream: no faster than it is taken, and only from where it may come from.

The path of a ``data_url`` is asked for at the Chatwoot that we are configured for, whatever host it names (contract
§1.12). What that redirects to is one of its own files, or at a listed host. Each exchange has a connection of its own:
one pool for all wedges when those who wait are cancelled. No credentials, no cookies, no proxies.
"""

import functools
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple, Protocol

import httpx

from chat.chatwoot.addresses import Hosts, Resolve, Uncheckable, pin, resolve
from chat.chatwoot.answers import retry_after_s
from chat.chatwoot.errors import Ambiguous, NotFound, Throttled, Unreachable
from chat.chatwoot.storage import host_of, own_path, target_of
from chat.chatwoot.transport import keep_urls_out_of_logs

MOST_REDIRECTS = 2
CHUNK_BYTES = 65_536
TIMEOUT = httpx.Timeout(connect=3, write=5, pool=5, read=15)
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)
_TOTAL = re.compile(r"\d{1,18}", re.ASCII)

Gate = Callable[[], AbstractAsyncContextManager[None]]


class Unsatisfiable(Exception):
    """416: none of the bytes asked for are there."""

    def __init__(self, total: int) -> None:
        super().__init__(f"of {total} bytes")
        self.total = total


class Source(Protocol):
    """Bytes of a file from ``first`` on; ``is_part`` when they were asked for. Close it."""

    @property
    def extent(self) -> "Extent": ...
    def chunks(self) -> AsyncIterator[bytes]: ...
    async def aclose(self) -> None: ...


class Extent(NamedTuple):
    first: int
    length: int
    total: int
    is_part: bool


class Answer:
    """A Source at a storage."""

    def __init__(self, http: httpx.AsyncClient, response: httpx.Response, extent: Extent) -> None:
        self._http, self._response, self.extent = http, response, extent

    async def chunks(self) -> AsyncIterator[bytes]:
        """Raises httpx.HTTPError when it breaks off."""
        async for chunk in self._response.aiter_raw(CHUNK_BYTES):
            yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()
        await self._http.aclose()


class Storage:
    """Files of the Chatwoot at ``origin``; each request to it passes ``gate``. Another ``resolve`` is for tests."""

    def __init__(self, origin: str, *, hosts: Hosts, gate: Gate, resolve: Resolve = resolve) -> None:
        self._origin, self._hosts, self._gate, self._resolve = origin, hosts, gate, resolve

    async def read(self, url: str, *, most: int, listed: bool = False) -> bytes:
        """The whole of a small file. Raises as ``open`` does, and httpx.HTTPError when it breaks off."""
        answer = await self.open(url, listed=listed)
        try:
            if answer.extent.total > most:
                raise Uncheckable(f"it has {answer.extent.total} bytes")
            return b"".join([piece async for piece in answer.chunks()])
        finally:
            await answer.aclose()

    async def open(self, url: str, *, wanted: str | None = None, listed: bool = False) -> Answer:
        """The file of a ``data_url``, or what a Range header says of it; ``listed``: or of a URL at a listed host.

        Raises Uncheckable, Unsatisfiable and ChatwootError; NotFound: the storage has no such file (yet).
        """
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"} | ({"Range": wanted} if wanted else {})
        target, own = url, host_of(url)
        path = self._listed_path(url) if listed else own_path(url)
        for _ in range(MOST_REDIRECTS + 1):
            http, response = await (self._elsewhere(target, headers) if path is None else self._own(path, headers))
            try:
                if not response.has_redirect_location:
                    return Answer(http, response, _extent(response, wanted))
                target = target_of(target, response)
                path = own_path(target) if host_of(target) in (own, host_of(self._origin)) else None
            except BaseException:
                await http.aclose()
                raise
            await http.aclose()
        raise Uncheckable("it redirects too often")

    def _listed_path(self, url: str) -> str | None:
        """None: it is at another host, which is listed or will be refused."""
        if self._hosts.admit(host_of(url).partition(":")[0]):
            return None
        try:
            return own_path(url)
        except Uncheckable:
            return None

    async def _own(self, path: str, headers: dict[str, str]) -> tuple[httpx.AsyncClient, httpx.Response]:
        async with self._gate():
            http, response = await _ask(httpx.URL(self._origin.rstrip("/") + path), headers)
            if response.status_code == 429 or response.status_code >= 500:
                await http.aclose()
                if response.status_code == 429:
                    raise Throttled(retry_after_s=retry_after_s(response))
                raise Ambiguous(status=response.status_code, finished="x-runtime" in response.headers)
        return http, response

    async def _elsewhere(self, url: str, headers: dict[str, str]) -> tuple[httpx.AsyncClient, httpx.Response]:
        pinned = await pin(url, self._hosts, resolve=self._resolve)
        return await _ask(pinned.url, headers | pinned.headers, pinned.extensions)


async def _ask(
    url: httpx.URL, headers: dict[str, str], extensions: dict[str, Any] | None = None
) -> tuple[httpx.AsyncClient, httpx.Response]:
    """The head of an answer; closing the client ends it. Raises Unreachable and Ambiguous."""
    keep_urls_out_of_logs()
    http = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, verify=_trusted())
    try:
        request = http.build_request("GET", url, headers=headers, extensions=extensions)
        return http, await http.send(request, stream=True)
    except BaseException as error:
        await http.aclose()
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            raise Unreachable(type(error).__name__) from None
        if isinstance(error, httpx.HTTPError):
            raise Ambiguous(type(error).__name__) from None
        raise


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Made once: reading all the certificates takes 20 ms."""
    return httpx.create_ssl_context(trust_env=False)


def _extent(response: httpx.Response, wanted: str | None) -> Extent:
    status, length = response.status_code, response.headers.get("content-length", "")
    told = _RANGE.fullmatch(response.headers.get("content-range", ""))
    if status == 416 and wanted is not None:
        total = response.headers.get("content-range", "").rpartition("/")[2] or "0"
        if not _TOTAL.fullmatch(total):
            raise Ambiguous("its storage does not tell", status=status)
        raise Unsatisfiable(int(total))
    if status in (404, 410):
        raise NotFound(status=status)
    if status in (401, 403):
        raise Uncheckable(f"its storage answers {status}")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise Uncheckable("its storage encodes what it has")
    if status == 206 and wanted is not None and told:
        first, last, total = (int(each) for each in told.groups())
        return Extent(first, last + 1 - first, total, is_part=True)
    if status == 200 and length.isdecimal():
        return Extent(0, int(length), int(length), is_part=False)
    raise Ambiguous("its storage does not tell", status=status)
