"""The Chatwoots that this process talks to: for each one HTTP client, one hub and one budget, made on first use."""

import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import httpx
from django.conf import settings

from chat.bridge.hub import Hub, Listener
from chat.budget import Budget
from chat.chatwoot.client import ClientApi
from chat.chatwoot.identity import identifier_hash
from chat.chatwoot.transport import open_http
from chat.models import Inbox
from chat.reader import Reader

OpenHttp = Callable[[str], httpx.AsyncClient]
OpenHub = Callable[[str, Listener], Hub]


def open_hub(cable_url: str, listener: Listener) -> Hub:
    return Hub(
        cable_url,
        listener,
        random=random.Random(),
        per_socket=settings.CABLE_CONTACTS_PER_SOCKET,
        linger_s=settings.CABLE_LINGER_S,
    )


@dataclass(frozen=True, slots=True)
class Upstream:
    """One inbox, as this process reaches it. ``anonymous_hash``: what an inbox with mandatory HMAC asks of a nobody."""

    inbox_id: int
    chatwoot_pk: int
    chatwoot_inbox_id: int | None
    api: ClientApi
    hub: Hub
    budget: Budget
    anonymous_hash: str | None = field(repr=False)


class Upstreams:
    """``listener`` hears every hub. Enter it on the loop; leaving closes all sockets and connections."""

    def __init__(
        self, reader: Reader, *, open_http: OpenHttp = open_http, open_hub: OpenHub = open_hub, rate_per_s: float = 40
    ) -> None:
        self._reader = reader
        self._open_http = open_http
        self._open_hub = open_hub
        self._rate_per_s = rate_per_s
        self._stack = AsyncExitStack()
        self._servers: dict[tuple[str, str], tuple[httpx.AsyncClient, Hub, Budget]] = {}
        self._inboxes: dict[int, Upstream] = {}
        self.listener: Listener | None = None

    async def of(self, inbox_id: int) -> Upstream:
        """The way to an inbox; its row is read on first use, after ``forget``, and until its number is learnt."""
        known = self._inboxes.get(inbox_id)
        if known is None or known.chatwoot_inbox_id is None:
            inbox = await self._reader.run(Inbox.objects.select_related("chatwoot").get, pk=inbox_id)
            known = self._inboxes[inbox_id] = await self._open(inbox)
        return known

    def forget(self) -> None:
        """Read the rows again at the next use: an operator may have changed them."""
        self._inboxes.clear()

    async def _open(self, inbox: Inbox) -> Upstream:
        key = (inbox.chatwoot.url, inbox.chatwoot.cable_url)
        if key not in self._servers:
            assert self.listener is not None
            http, hub = self._open_http(key[0]), self._open_hub(key[1], self.listener)
            self._servers[key] = (http, hub, Budget(rate_per_s=self._rate_per_s, burst=int(self._rate_per_s)))
            await self._stack.enter_async_context(http)
            await self._stack.enter_async_context(hub)
        http, hub, budget = self._servers[key]
        return Upstream(
            inbox_id=inbox.pk,
            chatwoot_pk=inbox.chatwoot.pk,
            chatwoot_inbox_id=inbox.chatwoot_inbox_id,
            api=ClientApi(http, inbox.inbox_identifier),
            hub=hub,
            budget=budget,
            anonymous_hash=identifier_hash(inbox.hmac_token, "") if inbox.hmac_token else None,
        )

    def hubs(self) -> list[Hub]:
        return [hub for _, hub, _ in self._servers.values()]

    async def close(self) -> None:
        await self._stack.aclose()
