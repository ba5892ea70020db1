"""The Chatwoots that this process talks to: for each a client, a hub, a budget, a breaker and a clock, on first use."""

import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx
from django.conf import settings

from chat import sql
from chat.bridge.hub import Hub, Listener
from chat.bridge.timing import Timing as CableTiming
from chat.budget import Budget, Urgency
from chat.chatwoot import transport
from chat.chatwoot.agent import AgentApi
from chat.chatwoot.application import BotApi
from chat.chatwoot.client import ClientApi
from chat.chatwoot.errors import ChatwootError
from chat.chatwoot.identity import identifier_hash
from chat.link import Link as Link
from chat.link import Unavailable as Unavailable
from chat.models import Chatwoot, Inbox
from chat.reader import Reader
from chat.writer import BUSY

log = logging.getLogger(__name__)

OpenHttp = Callable[[str], httpx.AsyncClient]
OpenHub = Callable[[str, Listener], Hub]


AFTER_FENCE_S = 2.0  # how long the answer to an attempt is waited for that can no longer take effect


def open_http(url: str) -> httpx.AsyncClient:
    return transport.open_http(url, read_s=settings.DELIVERY_BUDGET_S + AFTER_FENCE_S)


def open_hub(cable_url: str, listener: Listener) -> Hub:
    return Hub(
        cable_url,
        listener,
        random=random.Random(),
        per_socket=settings.CABLE_CONTACTS_PER_SOCKET,
        linger_s=settings.CABLE_LINGER_S,
        timing=cable_timing(),
    )


def cable_timing() -> CableTiming:
    return CableTiming.of(
        stale_s=settings.CABLE_STALE_S,
        confirm_s=settings.CABLE_CONFIRM_S,
        retry_s=settings.CABLE_RETRY_S,
        canary_s=settings.CABLE_CANARY_S,
        redial_s=settings.CABLE_REDIAL_S,
    )


@dataclass(frozen=True, slots=True)
class Upstream:
    """One inbox, as this process reaches it. ``anonymous_hash``: what an inbox with mandatory HMAC asks of a nobody.

    ``bot``: the way that carries a marker; None without a token, and when an operator or an alarm switched it off.
    ``agent``: what agents alone are given; None without a token.
    """

    inbox_id: int
    chatwoot_inbox_id: int | None
    api: ClientApi
    bot: BotApi | None
    link: Link
    anonymous_hash: str | None = field(repr=False)
    wants_proof: bool = False  # a hash with every update of a contact, which verifies its session
    hmac_token: str = field(default="", repr=False)
    trusts_claims: bool = False
    agent: AgentApi | None = None

    @property
    def chatwoot_pk(self) -> int:
        return self.link.chatwoot_pk

    @property
    def hub(self) -> Hub:
        return self.link.hub

    @property
    def budget(self) -> Budget:
        return self.link.budget

    @property
    def available(self) -> bool:
        """False: nothing is to be begun now. Ask before an attempt is written down, so that none is burned."""
        return self.link.available

    async def ready(self) -> bool:
        """``available``, as soon as this Chatwoot's clock and fence were asked for; that takes at most 5 s, once."""
        await self.link.tried.wait()
        return self.link.available

    @asynccontextmanager
    async def turn(self, urgency: Urgency) -> AsyncIterator[None]:
        """One request: the gate that each of them goes through, and where its outcome is noted.

        Raises ``Unavailable`` at once, and after the wait for the budget, when this Chatwoot is to be left alone.
        """
        self.link.refuse_unless_open()
        await self.link.budget.take(urgency)
        self.link.refuse_unless_open()
        try:
            with self.link.request():
                yield
        except ChatwootError as error:
            await self.link.heard(error)
            raise
        await self.link.heard(None)


class Upstreams:
    """``listener`` hears every hub. Enter it on the loop; leaving closes all sockets and connections.

    ``opened`` is told of each new link, and says ``asked`` once it was asked for clock and fence.
    """

    def __init__(
        self, reader: Reader, *, open_http: OpenHttp = open_http, open_hub: OpenHub = open_hub, rate_per_s: float = 40
    ) -> None:
        self._reader = reader
        self._open_http = open_http
        self._open_hub = open_hub
        self._rate_per_s = rate_per_s
        self._links: dict[tuple[str, str], Link] = {}
        self._inboxes: dict[int, Upstream] = {}
        self._latest: dict[int, Link] = {}  # of each inbox, when its row was last read
        self.listener: Listener | None = None
        self.opened: Callable[[Link], None] = Link.asked

    async def of(self, inbox_id: int) -> Upstream:
        """The way to an inbox; its row is read on first use, after ``forget``, and until its number is learnt."""
        known = self._inboxes.get(inbox_id)
        if known is None or known.chatwoot_inbox_id is None:
            inbox, now = await self._reader.run(_read, inbox_id)
            known = self._inboxes[inbox_id] = await self._open(inbox, now)
        return known

    def forget(self) -> None:
        """Read the rows again at the next use: an operator may have changed them."""
        self._inboxes.clear()

    async def renew(self) -> None:
        """Read the rows of all inboxes again that were ever used, and close what none has used since the last time."""
        unused = self._unused()
        self.forget()
        for inbox_id in list(self._latest):
            try:
                await self.of(inbox_id)
            except Inbox.DoesNotExist:
                self._latest.pop(inbox_id, None)
            except BUSY as error:
                log.error("inbox %s was not read again: %s", inbox_id, error)
        for key in unused & self._unused():
            link = self._links.pop(key)
            log.info("no inbox is at %s any more", link.name)
            await link.close()

    def _unused(self) -> set[tuple[str, str]]:
        used = set(self._latest.values())
        return {key for key, link in self._links.items() if link not in used}

    def is_former(self, upstream: Upstream) -> bool:
        """The inbox has been found at another address since, or nowhere."""
        return upstream.link.closed or self._latest.get(upstream.inbox_id, upstream.link) is not upstream.link

    def share(self, rate_per_s: float) -> None:
        """Give each Chatwoot so many requests a second from this process."""
        self._rate_per_s = rate_per_s
        for link in self.links():
            link.budget.share(rate_per_s)

    async def _open(self, inbox: Inbox, now: int) -> Upstream:
        key = (inbox.chatwoot.url, inbox.chatwoot.cable_url)
        if is_new := key not in self._links:
            self._links[key] = self._link(inbox.chatwoot)
        link = self._latest[inbox.pk] = self._links[key]
        if is_new:
            await link.open()
            self.opened(link)
        link.learn(inbox.chatwoot, now=now)
        return Upstream(
            inbox_id=inbox.pk,
            chatwoot_inbox_id=inbox.chatwoot_inbox_id,
            api=ClientApi(link.http, inbox.inbox_identifier),
            bot=_bot(inbox, link.http),
            link=link,
            anonymous_hash=identifier_hash(inbox.hmac_token, "") if inbox.hmac_token else None,
            wants_proof=bool(inbox.told.get("identity_validation_enabled", inbox.hmac_token)),
            hmac_token=inbox.hmac_token,
            trusts_claims=inbox.trusts_claims,
            agent=_agent(inbox, link.http),
        )

    def _link(self, chatwoot: Chatwoot) -> Link:
        assert self.listener is not None
        return Link(
            chatwoot,
            reader=self._reader,
            http=self._open_http(chatwoot.url),
            hub=self._open_hub(chatwoot.cable_url, self.listener),
            budget=Budget(rate_per_s=self._rate_per_s),
        )

    def links(self) -> list[Link]:
        return list(self._links.values())

    def hubs(self) -> list[Hub]:
        return [link.hub for link in self.links()]

    async def close(self) -> None:
        async with AsyncExitStack() as stack:
            for link in self.links():
                stack.push_async_callback(link.close)


def _read(inbox_id: int) -> tuple[Inbox, int]:
    return Inbox.objects.select_related("chatwoot").get(pk=inbox_id), sql.database_now()


def _bot(inbox: Inbox, http: httpx.AsyncClient) -> BotApi | None:
    if inbox.account_id is None or not inbox.bot_serves:
        return None
    return BotApi(http, inbox.account_id, inbox.bot_token)


def _agent(inbox: Inbox, http: httpx.AsyncClient) -> AgentApi | None:
    if inbox.account_id is None or not inbox.agent_serves:
        return None
    return AgentApi(http, inbox.account_id, inbox.agent_token)
