"""One exchange with Chatwoot, from the request to a value or one of our errors. The only place that maps them."""

import re
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx
import orjson

from chat.chatwoot import listing, reading
from chat.chatwoot.errors import (
    Ambiguous,
    ChatwootError,
    Crowded,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    Refused,
    Throttled,
    TooBig,
    Unreachable,
)
from chat.chatwoot.listing import Listed, Row
from chat.chatwoot.transport import AnswerTooBig

T = TypeVar("T")
R = TypeVar("R", bound=Row)
Parse = Callable[[Mapping[str, Any]], T]
_NEVER_ARRIVED = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_MAX_DETAIL = 200


async def ask(http: httpx.AsyncClient, method: str, path: str, parse: Parse[T], **request: Any) -> T:
    """Send one request and read the JSON object it is answered with. Raises ChatwootError."""
    response = await _send(http, method, path, **request)
    return _read(response, lambda body: parse(reading.mapping(body, "answer")))


async def ask_all(http: httpx.AsyncClient, method: str, path: str, parse: Parse[R], **request: Any) -> Listed[R]:
    """Send one request and read the JSON array it is answered with. Raises ChatwootError."""
    response = await _send(http, method, path, **request)
    return _read(response, lambda body: listing.read(reading.sequence(body, "answer"), parse))


async def ask_nothing(http: httpx.AsyncClient, method: str, path: str, **request: Any) -> None:
    """Send one request whose answer is zero bytes (`head :ok`, contract §0.2). Raises ChatwootError."""
    response = await _send(http, method, path, **request)
    if response.content.strip():
        raise Malformed("not the empty answer", status=response.status_code, finished=_finished(response))


async def _send(http: httpx.AsyncClient, method: str, path: str, **request: Any) -> httpx.Response:
    response = await exchange(http, method, path, **request)
    if not response.is_success:
        raise _error(response)
    return response


async def exchange(http: httpx.AsyncClient, method: str, path: str, **request: Any) -> httpx.Response:
    """Send one request; any answer is one, whatever its status. Raises Unreachable and Ambiguous."""
    try:
        return await http.request(method, path, **request)
    except httpx.PoolTimeout as exc:
        raise Crowded(type(exc).__name__) from exc
    except _NEVER_ARRIVED as exc:
        raise Unreachable(type(exc).__name__) from exc
    except AnswerTooBig as exc:
        raise TooBig("the answer is too big", finished=method == "GET") from exc
    except httpx.DecodingError as exc:
        raise Malformed(type(exc).__name__) from exc
    except httpx.HTTPError as exc:
        raise Ambiguous(type(exc).__name__) from exc


def _read(response: httpx.Response, read: Callable[[Any], T]) -> T:
    try:
        return read(orjson.loads(response.content))
    except (Malformed, orjson.JSONDecodeError) as exc:
        detail = exc.detail if isinstance(exc, Malformed) else "not JSON"
        raise Malformed(detail, status=response.status_code, finished=_finished(response)) from None


def _error(response: httpx.Response) -> ChatwootError:
    status, finished = response.status_code, _finished(response)
    if status == 429:
        return Throttled(retry_after_s=retry_after_s(response))
    detail, permanent = _told(response)
    if status in (401, 403) or 300 <= status < 400:
        return Forbidden(detail, status=status)
    if status in (400, 413):
        return Refused(detail, status=status)
    if status == 404:
        return NotFound(detail, status=status, finished=finished)
    if status == 422:
        return Invalid(detail, permanent=permanent, finished=finished)
    return Ambiguous(detail, status=status, finished=finished)


def _finished(response: httpx.Response) -> bool:
    """Rails stamps what it answered itself; a proxy's page or Puma's own error has no such stamp (PROBES §1)."""
    return "x-runtime" in response.headers


def _told(response: httpx.Response) -> tuple[str, bool]:
    """Chatwoot's own words, and whether they name a validation (contract §0.3, §1.8, §6.8)."""
    try:
        body = reading.mapping(orjson.loads(response.content), "error")
    except (Malformed, orjson.JSONDecodeError):
        return "", False
    message = reading.text_or_none(body, "message")
    error = reading.text_or_none(body, "error") or _first_of(body.get("errors"))
    detail = (message or error or "")[:_MAX_DETAIL]
    named = message is not None and "attributes" in body
    named = named or (error or "").startswith(("Validation failed", "You cannot update the CSAT"))
    return detail, named and "Too many messages" not in detail


def _first_of(errors: object) -> str | None:
    """Devise's shape, for who comes without a token (contract §6.0)."""
    return errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], str) else None


def retry_after_s(response: httpx.Response) -> float:
    """Chatwoot says nothing; its window is the clock minute, so wait for the next by its own clock (contract §8)."""
    given = response.headers.get("retry-after", "")
    if re.fullmatch(r"\d{1,6}", given):
        return float(min(max(int(given), 1), 300))
    try:
        return float(61 - parsedate_to_datetime(response.headers.get("date", "")).second)
    except ValueError:
        return 60.0
