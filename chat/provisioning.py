"""An account with its people, at a Chatwoot of one's own (Platform API). What is there already is left as it is."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import httpx

from chat.advice import PLATFORM, Stopped, in_words
from chat.chatwoot.accounts import ADMINISTRATOR, AGENT
from chat.chatwoot.errors import Forbidden, NotFound
from chat.chatwoot.platform import Account, PlatformApi, User

Say = Callable[[str], None]


class Person(NamedTuple):
    name: str
    email: str


class Wished(NamedTuple):
    """`account_name` None: not said. Then what is made is called `new`."""

    account_name: str | None
    new: str
    admin: Person
    agents: Sequence[Person]


@dataclass(frozen=True, slots=True)
class Provisioned:
    """`access_token` is the administrator's, `agent_token` that of the first who has no more rights than an agent."""

    account_id: int
    access_token: str = field(repr=False)
    agent_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Member:
    user: User
    role: str


class Provisioning:
    """`http` goes to `url`. Its methods raise `advice.Stopped`."""

    def __init__(self, http: httpx.AsyncClient, *, url: str, token: str, say: Say) -> None:
        self._api = PlatformApi(http, token)
        self._url = url
        self._say = say

    async def provide(self, account_id: int | None, wished: Wished) -> Provisioned:
        """The account of that number, else of that name, else a new one; with those people in it, able to sign in."""
        with in_words(self._url, PLATFORM):
            account = await self._account(account_id, wished.account_name, wished.new)
            members = await self._members(account.id)
            administrator = await self._member(account.id, members, wished.admin, ADMINISTRATOR)
            staff = [await self._member(account.id, members, agent, AGENT) for agent in wished.agents]
            for user in (administrator, *staff):
                self._say(f"  {user.email} signs in at {await self._api.login_url(user.id)}")
        self._say("Each of these addresses works once, within five minutes. Run this again for new ones.")
        agents = [each for each in staff if members[each.email.lower()].role == AGENT]
        return Provisioned(account.id, administrator.access_token, (agents or staff or [administrator])[0].access_token)

    async def _account(self, account_id: int | None, name: str | None, new: str) -> Account:
        if account_id is not None:
            account = await self._kept(account_id)
            if name not in (None, account.name):
                raise Stopped(f"The inbox is of account {account.name!r} already; give --slug to make another inbox")
            return self._told(account, "is there")
        named = [each for each in await self._api.accounts() if each.name == (name or new)]
        if len(named) > 1:
            raise Stopped(f"This platform app reaches {len(named)} accounts called {name or new!r}; rename all but one")
        if named:
            return self._told(named[0], "is there")
        return self._told(await self._api.create_account(name or new), "was created")

    async def _kept(self, account_id: int) -> Account:
        try:
            return await self._api.account(account_id)
        except NotFound as missing:
            if not missing.detail:  # not by Chatwoot
                raise
            raise Stopped(
                f"{self._url} has no account {account_id} any more, to which the inbox belongs here"
            ) from None

    def _told(self, account: Account, what: str) -> Account:
        self._say(f"Account {account.name!r} (number {account.id}) {what}.")
        return account

    async def _members(self, account_id: int) -> dict[str, _Member]:
        """By e-mail address, those of whom this platform app may know it."""
        found: dict[str, _Member] = {}
        for row in await self._api.account_users(account_id):
            try:
                user = await self._api.user(row.user_id)
            except Forbidden as refused:
                if not refused.detail.startswith("Non permissible"):
                    raise
            else:
                found[user.email.lower()] = _Member(user, row.role)
        return found

    async def _member(self, account_id: int, members: dict[str, _Member], person: Person, role: str) -> User:
        member = members.get(person.email.lower())
        if member is not None and member.role in (role, ADMINISTRATOR):
            return member.user
        # No signing in with that password: nobody is told it. The address does, or "forgot password".
        user = member.user if member else await self._api.create_user(**person._asdict(), password=_password())
        await self._api.set_account_user(account_id, user_id=user.id, role=role)
        members[user.email.lower()] = _Member(user, role)  # who is named twice keeps the higher role
        was_there = " was there already and" if user.belongs else ""  # adopted: under another name, perhaps
        self._say(f"{user.name} <{user.email}>{was_there} became {role}.")
        return user


def _password() -> str:
    """With each kind of sign that Chatwoot insists on (contract §7)."""
    return f"{secrets.token_urlsafe(24)}aA1!"
