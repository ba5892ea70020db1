"""What an administrator sets up in an account (Application API, contract §6.1 to §6.5), with their own access token.

The tokens of inboxes and bots never enter `repr`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from chat.chatwoot import reading
from chat.chatwoot.bearer import Bearer

ADMINISTRATOR, AGENT = "administrator", "agent"  # the roles
_API = "Channel::Api"


@dataclass(frozen=True, slots=True)
class Membership:
    """An account, and the holder's role in it."""

    account_id: int
    account_name: str
    role: str

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> Self:
        return cls(
            account_id=reading.integer(payload, "id"),
            account_name=reading.text(payload, "name"),
            role=reading.text_or_empty(payload, "role"),
        )


@dataclass(frozen=True, slots=True)
class Profile:
    """The holder of a token. Of what Chatwoot tells, their tokens are not read."""

    id: int
    name: str
    email: str
    memberships: tuple[Membership, ...]

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> Self:
        accounts = reading.sequence(payload.get("accounts"), "accounts")
        return cls(
            id=reading.integer(payload, "id"),
            name=reading.text(payload, "name"),
            email=reading.text(payload, "email"),
            memberships=tuple(Membership.parse(reading.mapping(each, "accounts")) for each in accounts),
        )


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody of the account, administrators too."""

    id: int
    name: str
    email: str
    role: str

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> Self:
        return cls(
            id=reading.integer(payload, "id"),
            name=reading.text_or_empty(payload, "name"),
            email=reading.text(payload, "email"),
            role=reading.text_or_empty(payload, "role"),
        )


@dataclass(frozen=True, slots=True)
class AccountInbox:
    """An inbox as its administrators see it; agents are not shown `hmac_token`, other channels have no `identifier`."""

    id: int
    name: str
    is_api: bool
    identifier: str = field(repr=False)
    hmac_token: str = field(repr=False)
    hmac_mandatory: bool

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> Self:
        is_api = reading.text(payload, "channel_type") == _API
        return cls(
            id=reading.integer(payload, "id"),
            name=reading.text(payload, "name"),
            is_api=is_api,
            identifier=reading.text(payload, "inbox_identifier") if is_api else "",
            hmac_token=reading.text_or_empty(payload, "hmac_token"),
            hmac_mandatory=reading.flag(payload, "hmac_mandatory"),
        )


@dataclass(frozen=True, slots=True)
class AgentBot:
    """`account_id` is None for a bot of the whole installation. `token` is shown to administrators, if at all."""

    id: int
    name: str
    account_id: int | None
    token: str = field(repr=False)

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> Self:
        token = payload.get("access_token")  # its documents say a text, its views hand the whole row to the renderer
        return cls(
            id=reading.integer(payload, "id"),
            name=reading.text_or_empty(payload, "name"),
            account_id=reading.integer_or_none(payload, "account_id"),
            token=reading.text_or_empty(token if isinstance(token, dict) else {"token": token}, "token"),
        )


async def profile(http: httpx.AsyncClient, token: str) -> Profile:
    """Who the token belongs to; a bot's or platform app's is Forbidden. Raises ChatwootError."""
    return await Bearer(http, "/api/v1", token).ask("GET", "/profile", Profile.parse)


class AccountApi:
    """One account. Creating is NOT safe to repeat: look at the list first. Raises ChatwootError."""

    def __init__(self, http: httpx.AsyncClient, account_id: int, token: str) -> None:
        self._account = Bearer(http, f"/api/v1/accounts/{int(account_id)}", token)

    async def inboxes(self) -> tuple[AccountInbox, ...]:
        """Of every channel."""
        return await self._account.ask_payload("GET", "/inboxes", AccountInbox.parse)

    async def create_inbox(self, name: str) -> AccountInbox:
        """An API inbox that believes no identity without its hash."""
        body = {"name": name, "channel": {"type": "api", "hmac_mandatory": True}}
        return await self._account.ask("POST", "/inboxes", AccountInbox.parse, json=body)

    async def require_hmac(self, inbox_id: int) -> AccountInbox:
        body = {"channel": {"hmac_mandatory": True}}
        return await self._account.ask("PATCH", f"/inboxes/{int(inbox_id)}", AccountInbox.parse, json=body)

    async def members(self, inbox_id: int) -> tuple[Agent, ...]:
        return await self._account.ask_payload("GET", f"/inbox_members/{int(inbox_id)}", Agent.parse)

    async def add_members(self, inbox_id: int, user_ids: Sequence[int]) -> tuple[Agent, ...]:
        """All members there are then. Safe to repeat."""
        body = {"inbox_id": inbox_id, "user_ids": list(user_ids)}
        return await self._account.ask_payload("POST", "/inbox_members", Agent.parse, json=body)

    async def agents(self) -> tuple[Agent, ...]:
        return await self._account.ask_all("/agents", Agent.parse)

    async def create_agent(self, *, name: str, email: str) -> Agent:
        """Chatwoot sends them an invitation by e-mail."""
        body = {"name": name, "email": email, "role": AGENT}
        return await self._account.ask("POST", "/agents", Agent.parse, json=body)

    async def agent_bots(self) -> tuple[AgentBot, ...]:
        """Of the account, and those of the whole installation."""
        return await self._account.ask_all("/agent_bots", AgentBot.parse)

    async def create_agent_bot(self, *, name: str, description: str) -> AgentBot:
        """Connected to no inbox: it may write in the whole account all the same (PROBES §2)."""
        body = {"name": name, "description": description}
        return await self._account.ask("POST", "/agent_bots", AgentBot.parse, json=body)
