"""An operator deletes somebody at Chatwoot, too: asked first whether it can be, so that nothing is done by halves."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from chat import removing
from chat.advice import ADMINISTRATOR as SETTING_UP
from chat.advice import Stopped, in_words, words
from chat.chatwoot.accounts import ADMINISTRATOR, profile
from chat.chatwoot.contacts import ContactsApi
from chat.chatwoot.errors import ChatwootError, Invalid
from chat.chatwoot.transport import open_http
from chat.models import Removal
from chat.removing import Shared

Say = Callable[[str], None]
ADVICE = {
    **SETTING_UP,
    "Access to this endpoint is not authorized for bots": "this is the token of an agent bot or of a platform app",
}
ANYWAY = "Give --even-shared to delete them all the same, with all that anybody said to them there"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited until Chatwoot no longer counts somebody as online: 20 s, unless it was set otherwise."""

    most_s: float = 120.0
    pause_s: float = 5.0


class Parting:
    """``rows``: all sessions of one person; ``erased``: those of others who were. The token is used for this, and kept
    nowhere. Its methods raise Stopped."""

    def __init__(
        self,
        rows: Sequence[Removal],
        *,
        erased: Collection[str],
        token: str,
        say: Say,
        even_shared: bool,
        patience: Patience | None = None,
    ) -> None:
        self._rows = rows
        self._token = token
        self._say = say
        self._even_shared = even_shared
        self._patience = patience or Patience()
        self._ours = {*erased, *(row.source_id for row in rows)}

    async def check(self) -> None:
        """Whether all of them may be deleted. Nothing is changed."""
        for row in self._rows:
            async with AsyncExitStack() as stack:
                api = await self._open(row, stack)
                with in_words(_url(row), ADVICE):
                    contact = await removing.find(api, row)
            if contact is not None and not self._even_shared:
                try:
                    removing.refuse_shared(contact, ours=self._ours)
                except Shared as shared:
                    raise _stopped(shared) from None

    async def _open(self, row: Removal, stack: AsyncExitStack) -> ContactsApi:
        account_id = row.inbox.account_id
        if account_id is None:
            raise Stopped(
                f"Which account of {_url(row)} inbox {row.inbox.slug!r} belongs to is not known: run manage.py "
                "connect_chatwoot, or write its number at the inbox in the admin"
            )
        http = await stack.enter_async_context(open_http(_url(row)))
        with in_words(_url(row), ADVICE):
            holder = await profile(http, self._token)
        roles = {each.account_id: each.role for each in holder.memberships}
        if roles.get(account_id) != ADMINISTRATOR:
            is_what = f"only {roles[account_id]} in" if account_id in roles else "not in"
            raise Stopped(
                f"{holder.name}, whose token this is, is {is_what} account {account_id}; it takes an administrator"
            )
        return ContactsApi(http, account_id, self._token)

    async def delete(self, row: Removal) -> bool:
        """False: Chatwoot has none any more. May take as long as Chatwoot counts them as online."""
        clock = asyncio.get_running_loop()
        until, is_said = clock.time() + self._patience.most_s, False
        async with AsyncExitStack() as stack:
            api = await self._open(row, stack)
            while True:
                try:
                    return await removing.remove(api, row, ours=self._ours, even_shared=self._even_shared)
                except Invalid:
                    if clock.time() >= until:
                        raise Stopped(_still_online(row)) from None
                except Shared as shared:
                    raise _stopped(shared) from None
                except ChatwootError as error:
                    raise Stopped(words(error, _url(row), ADVICE)) from None
                if not is_said:
                    self._say(f"They are still online at {_url(row)}; this is tried for {self._patience.most_s:.0f} s.")
                    is_said = True
                await asyncio.sleep(self._patience.pause_s)


def _url(row: Removal) -> str:
    return row.inbox.chatwoot.url


def _stopped(shared: Shared) -> Stopped:
    text = str(shared)
    return Stopped(f"{text[:1].upper()}{text[1:]}. {ANYWAY}")


def _still_online(row: Removal) -> str:
    return (
        f"{_url(row)} deletes nobody whom it counts as online, and still counts them so: another page of theirs may be "
        "open, of another inbox there. Run the same command again when it is closed"
    )
