"""Before anything else reads a request: who sent it, and whether what it says of a proxy may be believed.

Afterwards ``scope["client"]``, and with it Django's REMOTE_ADDR, is the client itself. X-Forwarded-Proto reaches Django
only from a proxy of ours. Daphne's own ``--proxy-headers`` believes whatever stands leftmost, and stays off.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from chat import networks
from chat.networks import Network

Scope = dict[str, Any]
Asgi = Callable[[Scope, Callable[..., Any], Callable[[Any], Awaitable[None]]], Awaitable[None]]
FORWARDED_FOR, FORWARDED_PROTO = b"x-forwarded-for", b"x-forwarded-proto"
log = logging.getLogger(__name__)


class ClientAddress:
    """Wraps an ASGI application. Without ``trusted`` nobody's X-Forwarded-For is believed."""

    def __init__(self, inner: Asgi, *, trusted: Sequence[Network]) -> None:
        self._inner = inner
        self._trusted = tuple(trusted)
        self._has_warned = False

    async def __call__(self, scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if scope["type"] in ("http", "websocket"):
            scope = self.believed(scope)
        await self._inner(scope, receive, send)

    def believed(self, scope: Scope) -> Scope:
        """The same scope, with the client's address in place of the peer's."""
        peer, port = scope.get("client") or ("", 0)
        forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == FORWARDED_FOR]
        address = networks.client(peer, forwarded, self._trusted)
        is_ours = (at := networks.parse(peer)) is not None and networks.is_in(at, self._trusted)
        if forwarded and not is_ours:
            self._warn(peer)
        headers = scope["headers"]
        if self._trusted and not is_ours:
            headers = [each for each in headers if each[0] != FORWARDED_PROTO]
        return {**scope, "headers": headers, "client": [str(address) if address else peer, port]}

    def _warn(self, peer: str) -> None:
        """Once, and only of those who stand near us: from afar anybody may send the header."""
        address = networks.parse(peer)
        if not self._has_warned and address is not None and not address.is_global:
            self._has_warned = True
            log.warning(
                "X-Forwarded-For of %s is not believed, so everybody who comes through it counts as one address; if it "
                "is a proxy of yours, add it to TRUSTED_PROXIES",
                peer,
            )
