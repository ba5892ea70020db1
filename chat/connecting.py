"""An inbox of ours and one at Chatwoot become each other's, with an administrator's token (Application API).

What is there is found by what our row says, else by its name, and left as it is; so a second run changes nothing.
Which inbox it is, is judged before any is made or changed; what a platform app makes comes before (``provisioning``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx

from chat import advice
from chat.advice import Stopped, in_words
from chat.chatwoot.accounts import (
    ADMINISTRATOR,
    AccountApi,
    AccountInbox,
    AgentBot,
    Membership,
    Profile,
    profile,
)
from chat.chatwoot.agent import AgentApi
from chat.chatwoot.application import BotApi
from chat.connected import Connected, Known
from chat.provisioning import Person

Say = Callable[[str], None]
BOT = "chatproxy"
BOT_IS = "Marks visitors' messages, so that each is delivered once. Connect it to no inbox."


@dataclass(frozen=True, slots=True)
class Wanted:
    """`agents`: whom the inbox is for; the holder of the token, if it is for nobody. None: not said.

    `agent_token`: to be kept; empty: what is kept stays.
    """

    inbox_name: str | None
    new_inbox: str
    account_name: str | None
    agents: Sequence[Person] = ()
    agent_token: str = field(default="", repr=False)


class Connecting:
    """`http` goes to `url`. Its methods raise `advice.Stopped`."""

    def __init__(self, http: httpx.AsyncClient, *, url: str, token: str, known: Known, say: Say) -> None:
        self._http = http
        self._url = url
        self._token = token
        self._known = known
        self._say = say

    async def connect(self, wanted: Wanted) -> Connected:
        with in_words(self._url, advice.ADMINISTRATOR):
            holder = await profile(self._http, self._token)
            account = _account(holder, self._known.account_id, wanted.account_name)
            api = AccountApi(self._http, account.account_id, self._token)
            self._say(f"Account {account.account_name!r} (number {account.account_id}), as {holder.name}.")
            joining = await self._joining(account, wanted.agent_token)
            inbox = await self._inbox(api, wanted)
            await self._members(api, inbox, [*wanted.agents, *joining], Person(holder.name, holder.email))
            bot_token = await self._bot_token(api, account.account_id)
        if wanted.agent_token:
            await self._try(AgentApi(self._http, account.account_id, wanted.agent_token), inbox)
        hmac_token, agent_token = inbox.hmac_token or None, wanted.agent_token or None
        known = (account.account_id, inbox.id, inbox.identifier)
        return Connected(*known, hmac_token, bot_token, agent_token, inbox.name)

    async def _joining(self, account: Membership, agent_token: str) -> list[Person]:
        """The holder of the token that is to be kept, unless they are an administrator: those see every inbox."""
        if not agent_token:
            return []
        with in_words(self._url, advice.AGENT):
            agent = await profile(self._http, agent_token)
        role = next((each.role for each in agent.memberships if each.account_id == account.account_id), None)
        if role is None:
            raise Stopped(f"{agent.name}, whose token is to be kept, is not in the account {account.account_name!r}")
        self._say(f"The token that is kept is that of {agent.name} <{agent.email}>, {role}.")
        return [] if role == ADMINISTRATOR else [Person(agent.name, agent.email)]

    async def _try(self, agent: AgentApi, inbox: AccountInbox) -> None:
        with in_words(self._url, advice.AGENT):
            members = await agent.members(inbox.id)
        self._say(f"With it the chat sees who is there: {', '.join(each.name for each in members)}.")

    async def _inbox(self, api: AccountApi, wanted: Wanted) -> AccountInbox:
        listed = [each for each in await api.inboxes() if each.is_api]
        self._say("API inboxes there: " + (", ".join(f"{each.name!r} ({each.id})" for each in listed) or "none") + ".")
        inbox = chosen(listed, self._known, wanted)
        what = "is taken as it is"
        if inbox is None:
            inbox, what = await api.create_inbox(wanted.inbox_name or wanted.new_inbox), "was created"
        elif not inbox.hmac_mandatory:
            inbox, what = await api.require_hmac(inbox.id), "insists on identity validation (HMAC) from now on"
        self._say(f"Inbox {inbox.name!r} (number {inbox.id}) {what}.")
        return inbox

    async def _members(
        self, api: AccountApi, inbox: AccountInbox, people: Sequence[Person], instead_of_nobody: Person
    ) -> None:
        known = {each.email.lower(): each for each in await api.agents()}
        present = {each.id for each in await api.members(inbox.id)}
        missing = []
        for person in people or ([] if present else [instead_of_nobody]):
            agent = known.get(person.email.lower())
            if agent is None:
                agent = known[person.email.lower()] = await api.create_agent(name=person.name, email=person.email)
                self._say(f"{agent.name} <{agent.email}> was invited to the account by Chatwoot.")
            if agent.id not in present:
                present.add(agent.id)
                missing.append(agent)
        if missing:
            await api.add_members(inbox.id, [each.id for each in missing])
            self._say(f"Members of the inbox from now on: {', '.join(each.email for each in missing)}.")

    async def _bot_token(self, api: AccountApi, account_id: int) -> str | None:
        """Empty where no bot may write: messages then go without the marker. None: it cannot be told."""
        if self._known.bot_token and await self._bot(account_id, self._known.bot_token).is_admitted():
            return self._known.bot_token
        bot, what = bot_of(await api.agent_bots(), account_id), "is there"
        if bot is None:
            bot, what = await api.create_agent_bot(name=BOT, description=BOT_IS), "was created"
        if not bot.token:
            self._say(f"Chatwoot does not show the token of the agent bot {BOT!r}. Write it at the inbox in the admin.")
            return "" if self._known.bot_token else None
        if await self._bot(account_id, bot.token).is_admitted():
            self._say(f"Agent bot {BOT!r} {what}: each message will carry a mark. It is connected to no inbox.")
            return bot.token
        self._say(f"Chatwoot does not let the agent bot {BOT!r} write: messages will go without a mark.")
        return ""

    def _bot(self, account_id: int, token: str) -> BotApi:
        return BotApi(self._http, account_id, token)


def _account(holder: Profile, account_id: int | None, name: str | None) -> Membership:
    """The account of our row, else of that name, else the only one. Raises Stopped."""
    theirs = holder.memberships
    if account_id is not None:
        found = [each for each in theirs if each.account_id == account_id]
        if not found:
            raise Stopped(
                f"The inbox belongs to account {account_id}, and {holder.name}, whose token this is, is not in it. "
                "Use the token of somebody who is, or give --slug to make another inbox"
            )
        if name not in (None, found[0].account_name):
            raise Stopped(f"The inbox is of account {found[0].account_name!r}; give --slug to make another inbox")
    else:
        found = [each for each in theirs if name in (None, each.account_name) and each.role == ADMINISTRATOR]
        found = found or [each for each in theirs if name in (None, each.account_name)]
    if len(found) != 1:
        names = ", ".join(f"{each.account_name!r} ({each.role})" for each in theirs) or "none"
        raise Stopped(f"Say by --account-name which account of {holder.name}, whose token this is: {names}")
    if found[0].role != ADMINISTRATOR:
        raise Stopped(
            f"{holder.name}, whose token this is, is no administrator in {found[0].account_name!r} but "
            f"{found[0].role}. Setting up an inbox needs an administrator's token"
        )
    return found[0]


def chosen(listed: Sequence[AccountInbox], known: Known, wanted: Wanted) -> AccountInbox | None:
    """Which of the account's API inboxes; None: make one. Raises Stopped."""
    name = wanted.inbox_name or wanted.new_inbox
    kept = next((each for each in listed if each.identifier == known.identifier), None)
    if kept is not None:
        if wanted.inbox_name not in (None, kept.name):
            raise Stopped(f"Connected already, to {kept.name!r} (number {kept.id}); give --slug to make another inbox")
        return kept
    if known.bound:
        raise Stopped(f"{known.bound}, and it is not among the account's. Give --slug to make another inbox")
    named = [each for each in listed if each.name == name]
    if len(named) > 1:
        raise Stopped(
            f"{len(named)} API inboxes are called {name!r}; rename all but one in Chatwoot, or choose another"
        )
    if named and (slug := known.others.get(named[0].identifier)):
        raise Stopped(f"{name!r} is connected already, as {slug!r}. Give --inbox-name, too, to make another inbox")
    return named[0] if named else None


def bot_of(bots: Sequence[AgentBot], account_id: int) -> AgentBot | None:
    """Ours; one of the whole installation may not write in an account that it is not connected to."""
    return next((each for each in bots if each.name == BOT and each.account_id == account_id), None)
