"""Which sites may embed a chat and talk to it. No I/O but the log.

An inbox lists origins: ``https://shop.example``, ``http://localhost:3000``, ``capacitor://localhost``, or all
sub-domains of one: ``https://*.example.com`` (not example.com itself).
"""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

logger = logging.getLogger(__name__)

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?|\[[0-9a-f:.]+\]")


class BadOrigin(ValueError):
    """Not an origin; the message says what one looks like."""


def parse(text: str) -> str:
    """The canonical form of an origin or of a pattern, as browsers and CSP spell it; raise BadOrigin."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as exc:
        raise BadOrigin(f"{text!r} is not an origin: {exc}") from None
    host = parts.netloc.rpartition(":")[0] if port is not None else parts.netloc
    host = host.lower().removesuffix(":")
    if not parts.scheme or parts.path not in ("", "/") or parts.query or parts.fragment or not _is_host(host):
        raise BadOrigin(f"{text!r} is not an origin; write it like https://www.example.com or https://*.example.com")
    if port is None or port == _DEFAULT_PORTS.get(parts.scheme):
        return f"{parts.scheme}://{host}"
    return f"{parts.scheme}://{host}:{port}"


def _is_host(host: str) -> bool:
    name = host.removeprefix("*.")
    # A wildcard stands above a name with a dot: https://*.com would be everybody.
    return _HOST.fullmatch(name) is not None and (name == host or "." in name)


@dataclass(frozen=True, slots=True)
class Origins:
    """A parsed list. ``bad`` holds what could not be read; it allows nothing."""

    exact: frozenset[str]
    wildcards: tuple[str, ...]
    bad: tuple[str, ...] = ()

    @classmethod
    def of(cls, allowed: Iterable[object]) -> Self:
        exact: list[str] = []
        wildcards: list[str] = []
        bad: list[str] = []
        for text in allowed:
            try:
                origin = parse(str(text))
            except BadOrigin:
                bad.append(str(text))
            else:
                (wildcards if "://*." in origin else exact).append(origin)
        return cls(frozenset(exact), tuple(wildcards), tuple(bad))

    def allows(self, origin: str) -> bool:
        """Whether a browser's Origin header is listed; ``null`` never is."""
        try:
            origin = parse(origin)
        except BadOrigin:
            return False
        return origin in self.exact or any(_under(origin, wildcard) for wildcard in self.wildcards)

    def frame_ancestors(self) -> str:
        """The value of CSP's frame-ancestors: these and our own pages."""
        return " ".join(["'self'", *sorted(self.exact), *self.wildcards])


def _under(origin: str, wildcard: str) -> bool:
    scheme, _, suffix = wildcard.partition("://*")
    return origin.startswith(f"{scheme}://") and origin.endswith(suffix) and "*" not in origin


def is_own(origin: str, host: str, *, secure: bool) -> bool:
    """Whether an Origin header names the host the request came to. Not ``secure``: a proxy may add TLS before us."""
    try:
        origin = parse(origin)
        own = {parse(f"https://{host}")} | (set() if secure else {parse(f"http://{host}")})
    except BadOrigin:
        return False
    return origin in own


def is_welcome(
    origin: str | None, *, host: str | None, inbox: str, allowed: Iterable[object], secure: bool = False
) -> bool:
    """Whether a request may use an inbox; a refusal is logged with the value and the setting that would admit it."""
    if origin is None or (host is not None and is_own(origin, host, secure=secure)):
        return True
    if Origins.of(allowed).allows(origin):
        return True
    logger.warning(
        "refused origin %r at host %r: it is not among the allowed origins of inbox %r;"
        " if it is yours, add it there (ALLOWED_ORIGINS, or the inbox in the admin)",
        origin[:200],
        host,
        inbox,
    )
    return False
