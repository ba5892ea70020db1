"""Accounts and people of a Chatwoot of one's own (Platform API, contract §7), with a platform app's access token.

Such a token reaches only what it created or was granted: anything else is Forbidden, "Non permissible resource".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from chat.chatwoot import reading
from chat.chatwoot.bearer import Bearer


@dataclass(frozen=True, slots=True)
class Account:
    id: int
    name: str

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> Self:
        return cls(id=reading.integer(payload, "id"), name=reading.text(payload, "name"))


@dataclass(frozen=True, slots=True)
class AccountUser:
    """Somebody's role in an account; `id` is this row's own."""

    id: int
    user_id: int
    role: str

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> Self:
        return cls(
            id=reading.integer(payload, "id"),
            user_id=reading.integer(payload, "user_id"),
            role=reading.text(payload, "role"),
        )


@dataclass(frozen=True, slots=True)
class User:
    """`access_token` has all the power of that person. `belongs`: they are in some account."""

    id: int
    name: str
    email: str
    access_token: str = field(repr=False)
    belongs: bool

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> Self:
        return cls(
            id=reading.integer(payload, "id"),
            name=reading.text(payload, "name"),
            email=reading.text(payload, "email"),
            access_token=reading.text(payload, "access_token"),
            belongs=bool(reading.sequence(payload.get("accounts"), "accounts")),
        )


class PlatformApi:
    """All that a platform app may do here. Raises ChatwootError."""

    def __init__(self, http: httpx.AsyncClient, token: str) -> None:
        self._platform = Bearer(http, "/platform/api/v1", token)

    async def accounts(self) -> tuple[Account, ...]:
        """Those that this token reaches."""
        return await self._platform.ask_all("/accounts", Account.parse)

    async def account(self, account_id: int) -> Account:
        """NotFound comes before Forbidden: what is forbidden exists."""
        return await self._platform.ask("GET", f"/accounts/{int(account_id)}", Account.parse)

    async def create_account(self, name: str) -> Account:
        """NOT safe to repeat: names are not unique."""
        return await self._platform.ask("POST", "/accounts", Account.parse, json={"name": name})

    async def account_users(self, account_id: int) -> tuple[AccountUser, ...]:
        return await self._platform.ask_all(f"/accounts/{int(account_id)}/account_users", AccountUser.parse)

    async def set_account_user(self, account_id: int, *, user_id: int, role: str) -> AccountUser:
        """Add somebody, or change their role. Any other word than Chatwoot's two roles is a 500."""
        path = f"/accounts/{int(account_id)}/account_users"
        return await self._platform.ask("POST", path, AccountUser.parse, json={"user_id": user_id, "role": role})

    async def user(self, user_id: int) -> User:
        return await self._platform.ask("GET", f"/users/{int(user_id)}", User.parse)

    async def create_user(self, *, name: str, email: str, password: str) -> User:
        """Whoever has that e-mail address already is adopted as they are, and all else is ignored: `belongs` tells."""
        body = {"name": name, "email": email, "password": password}
        return await self._platform.ask("POST", "/users", User.parse, json=body)

    async def login_url(self, user_id: int) -> str:
        """Signs in whoever opens it, once and within five minutes."""
        path = f"/users/{int(user_id)}/login"
        return await self._platform.ask("GET", path, lambda body: reading.text(body, "url"))
