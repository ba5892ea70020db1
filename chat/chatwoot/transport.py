"""The httpx client that all calls to one Chatwoot share.

httpx's pool wedges when callers are cancelled and collapses at high concurrency (performance.md §5): every exchange
runs to its end in a task of its own, at most eight at once. A pool looks at each of its idle connections at each
request, so each of the eight has one of its own, with one connection. Nothing here waits without a limit.
"""

import asyncio
import contextvars
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

import httpx

CONCURRENCY = 8
MAX_BODY_BYTES = 32 * 1024 * 1024  # The index of conversations is unpaginated (contract §9, 10).
TOTAL_S = 45.0
UPLOAD_S = 110.0
QUEUE_S = 5.0
CLOSE_S = 5.0
READ_S = 22.0  # Chatwoot itself gives up after 15 s.


def open_http(
    url: str, *, read_s: float = READ_S, transport: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    """Open the client for one Chatwoot; the caller closes it (`async with`). `transport` is the seam for tests."""
    keep_urls_out_of_logs()
    return httpx.AsyncClient(
        base_url=url,
        transport=OwnedTransport([transport] * CONCURRENCY if transport else _connections()),
        timeout=_timeout(read_s),
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        follow_redirects=False,
        trust_env=False,
    )


def _connections() -> list[httpx.AsyncHTTPTransport]:
    limits, trusted = httpx.Limits(max_connections=1, keepalive_expiry=2), httpx.create_ssl_context(trust_env=False)
    return [httpx.AsyncHTTPTransport(verify=trusted, limits=limits, trust_env=False) for _ in range(CONCURRENCY)]


def patience(answer_s: float) -> dict[str, Any]:
    """Arguments of a request that takes its time: a proxy may hold an upload for as long as that lasts."""
    answer_s = min(answer_s, UPLOAD_S)
    return {"timeout": _timeout(answer_s), "extensions": {"total_s": answer_s + QUEUE_S}}


def _timeout(read_s: float) -> httpx.Timeout:
    return httpx.Timeout(connect=3, write=10, pool=QUEUE_S, read=read_s)


class AnswerTooBig(httpx.ReadError):
    """Longer than MAX_BODY_BYTES; it was not read to its end."""


class OwnedTransport(httpx.AsyncBaseTransport):
    """Runs each exchange, the body included, in an owned task that outlives a cancelled caller.

    ``inners``: each carries one at a time; the same may be among them several times.
    """

    def __init__(
        self,
        inners: Sequence[httpx.AsyncBaseTransport],
        *,
        total_s: float = TOTAL_S,
        queue_s: float = QUEUE_S,
        close_s: float = CLOSE_S,
    ) -> None:
        self._inners = set(inners)
        self._free = asyncio.LifoQueue[httpx.AsyncBaseTransport]()  # whose connection is warm is taken first
        for each in inners:
            self._free.put_nowait(each)
        self._close_s = close_s
        self._total_s = total_s
        self._queue_s = queue_s
        self._exchanges: set[asyncio.Task[httpx.Response]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            async with asyncio.timeout(self._queue_s):
                inner = await self._free.get()
        except TimeoutError as exc:
            raise httpx.PoolTimeout("all exchanges are busy", request=request) from exc
        # An empty context: an exchange that outlives its caller must not keep the caller's thread or language.
        exchange = asyncio.create_task(
            self._exchange(inner, request), name=f"chatwoot {request.method}", context=contextvars.Context()
        )
        self._exchanges.add(exchange)
        exchange.add_done_callback(partial(self._finished, inner))
        try:
            return await asyncio.shield(exchange)
        except asyncio.CancelledError:
            if exchange.cancelled():  # by `aclose`: not the caller's end, but this request's
                raise httpx.ReadError("cut at the end", request=request) from None
            raise

    async def aclose(self) -> None:
        """Let running exchanges end, for a few seconds, then cut them."""
        if self._exchanges:
            _, late = await asyncio.wait(self._exchanges, timeout=self._close_s)
            for exchange in late:
                exchange.cancel()
        for each in self._inners:
            await each.aclose()

    async def _exchange(self, inner: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:
        try:
            async with asyncio.timeout(request.extensions.get("total_s", self._total_s)):
                response = await inner.handle_async_request(request)
                try:
                    body = await _read(response)
                finally:
                    await response.aclose()
        except TimeoutError as exc:
            raise httpx.ReadTimeout("the answer took too long", request=request) from exc
        return httpx.Response(response.status_code, headers=response.headers, stream=httpx.ByteStream(body))

    def _finished(self, inner: httpx.AsyncBaseTransport, exchange: asyncio.Task[httpx.Response]) -> None:
        self._exchanges.discard(exchange)
        self._free.put_nowait(inner)
        if not exchange.cancelled():
            exchange.exception()  # Marks it as seen: a caller that went away does not collect it.


async def _read(response: httpx.Response) -> bytes:
    if not isinstance(response.stream, httpx.AsyncByteStream):
        raise httpx.ReadError("an answer that cannot be read asynchronously")
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.stream:
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise AnswerTooBig("the answer is too big")
        chunks.append(chunk)
    return b"".join(chunks)


QUIET = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy")


class _Warnings(logging.Filter):
    """httpx logs each URL at INFO, and our URLs hold source_ids."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING


_WARNINGS = _Warnings()


def keep_urls_out_of_logs() -> None:
    for name in QUIET:
        logging.getLogger(name).addFilter(_WARNINGS)
