"""One POST to an address that an operator or a customer of theirs has written, and what became of it.

Nothing inside our network is asked unless the operator allows that, redirects are not followed, and of the answer
nothing but its status is read.
"""

import asyncio
import re
import ssl
from collections.abc import Mapping
from functools import cache
from urllib.parse import urlsplit

import httpx

from chat.chatwoot.addresses import Resolve, is_public, resolve

MOST_URL = 500
TIMEOUT_S = 10.0
_PLAIN = re.compile(r"[!$-;=?-\[\]_a-z~]+")


class BadUrl(ValueError):
    """We would never post there; the text says what to write."""


class NotTaken(Exception):
    """The text says why, without the address, which may hold a secret. ``gone``: nobody is there any more (410)."""

    def __init__(self, words: str, *, gone: bool = False) -> None:
        super().__init__(words)
        self.gone = gone


def check_url(url: str, *, inside: bool) -> None:
    """Raises BadUrl. ``inside``: http, and addresses inside a network, are allowed."""
    schemes = ("https", "http") if inside else ("https",)
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise BadUrl(_expected(inside)) from None
    is_plain = bool(_PLAIN.fullmatch(url)) and "@" not in parts.netloc
    if not (is_plain and port_is_valid and parts.scheme in schemes and parts.hostname and len(url) <= MOST_URL):
        raise BadUrl(_expected(inside))


def _expected(inside: bool) -> str:
    kind = "an http or https address" if inside else "an https address"
    return f"Write {kind} such as https://app.example/hooks/chat, without a user and without #."


async def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    inside: bool,
    timeout_s: float = TIMEOUT_S,
    resolve: Resolve = resolve,
    trust: ssl.SSLContext | None = None,
) -> None:
    """Return when the other side has said yes (2xx) in time. Raises NotTaken. ``resolve``, ``trust``: for tests."""
    try:
        check_url(url, inside=inside)
        async with asyncio.timeout(timeout_s):
            address = await _address(url, inside=inside, resolve=resolve)
            status = await _status(url, address, body, headers, trust or _trust())
    except TimeoutError:
        raise NotTaken(f"it did not answer within {timeout_s:g} s") from None
    except BadUrl:
        raise NotTaken("its address is none that may be used") from None
    except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotTaken(f"it could not be reached: {type(error).__name__}") from None
    if 300 <= status < 400:
        raise NotTaken(f"it answered {status}, and redirects are not followed")
    if not 200 <= status < 300:
        raise NotTaken(f"it answered {status}", gone=status == 410)


async def _address(url: str, *, inside: bool, resolve: Resolve) -> str:
    """Resolved once: a second look-up may answer otherwise. Raises OSError and NotTaken."""
    parts = urlsplit(url)
    try:
        found = await resolve(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    except UnicodeError:  # no host can be called so
        raise OSError("no host name") from None
    if not found:
        raise OSError("no address")
    if not inside and not all(is_public(each) for each in found):
        raise NotTaken("its address lies inside a network (WEBHOOKS_INSIDE allows that)")
    return found[0]


async def _status(url: str, address: str, body: bytes, headers: Mapping[str, str], trust: ssl.SSLContext) -> int:
    """Asked at the address, by the name: in Host, and for the certificate."""
    parts, pinned = urlsplit(url), httpx.URL(url).copy_with(host=address)
    named = {**headers, "Host": parts.netloc, "Content-Type": "application/json"}
    sni = {"sni_hostname": parts.hostname}
    async with (
        httpx.AsyncClient(timeout=None, trust_env=False, verify=trust, follow_redirects=False) as http,
        http.stream("POST", pinned, content=body, headers=named, extensions=sni) as response,
    ):
        return response.status_code


@cache
def _trust() -> ssl.SSLContext:
    """Made once: reading all certificates takes 20 ms."""
    return httpx.create_ssl_context(trust_env=False)
