"""Deletes at Chatwoot who was erased here (``chat.removals``), with the token of an administrator, which is not kept.

A contact is deleted only if it shows a ``source_id`` of ours: numbers may have been given out again. One that others
know, too, is left to an operator, since all its conversations would go with it. Whoever came back under their name is
at the same contact: that waits until they are erased again.
"""

import logging
from collections.abc import Awaitable, Collection
from functools import partial

from django.conf import settings

from chat import removals, sql
from chat.budget import Urgency
from chat.chatwoot.contacts import AccountContact, ContactsApi
from chat.chatwoot.errors import ChatwootError, Forbidden, Invalid, NotFound, Unsent
from chat.models import Removal
from chat.reader import Reader
from chat.settling import is_said
from chat.upstreams import Upstream, Upstreams
from chat.writer import BUSY

log = logging.getLogger(__name__)

SAY_S = 3_600.0
ALARMING = 4  # attempts


class Shared(Exception):
    """The contact is known elsewhere, too; the text says where."""


class Returned(Shared):
    """The contact is known elsewhere by people of ours alone."""


async def find(api: ContactsApi, row: Removal) -> AccountContact | None:
    """Whose session it is at Chatwoot; None: nobody's, or nobody's that is ours any more. Raises ChatwootError."""
    inbox_id = row.inbox.chatwoot_inbox_id
    found = None
    if inbox_id is not None:
        found = await _there(api.by_source(inbox_id, row.source_id))
    if found is None and row.chatwoot_contact_id is not None:
        found = await _there(api.contact(row.chatwoot_contact_id))
    is_theirs = found is not None and row.source_id in {each.source_id for each in found.sessions}
    return found if is_theirs else None


async def _there(asked: Awaitable[AccountContact]) -> AccountContact | None:
    try:
        return await asked
    except NotFound as error:
        if not error.finished:  # a proxy said so
            raise
        return None


def refuse_shared(contact: AccountContact, *, ours: Collection[str], here: Collection[str] = ()) -> None:
    """``ours``: all source_ids of this person, and of others who were erased; ``here``: of people who are here.
    Raises Shared."""
    others = [each for each in contact.sessions if each.source_id not in ours]
    if others and all(each.source_id in here for each in others):
        raise Returned(f"they are here again, as the same contact {contact.id} of Chatwoot")
    if others:
        where = ", ".join(dict.fromkeys(f"{each.inbox_name!r} (number {each.inbox_id})" for each in others))
        raise Shared(f"contact {contact.id} of Chatwoot is known by others, too, in the inbox {where}")


async def remove(api: ContactsApi, row: Removal, *, ours: Collection[str], even_shared: bool = False) -> bool:
    """False: there is none any more. Raises Shared, and ChatwootError: Invalid while they are online."""
    contact = await find(api, row)
    if contact is None:
        return False
    if not even_shared:
        refuse_shared(contact, ours=ours)
    return await delete(api, contact)


async def delete(api: ContactsApi, contact: AccountContact) -> bool:
    """False: there is none any more. Raises ChatwootError: Invalid while they are online."""
    try:
        await api.delete(contact.id)
    except NotFound as error:
        if not error.finished:
            raise
        return False
    return True


class Removing:
    """In the background, with ``CHATWOOT_ADMIN_TOKEN``, at the Chatwoot that this is for (``removals.served``)."""

    def __init__(self, upstreams: Upstreams, reader: Reader) -> None:
        self._upstreams = upstreams
        self._reader = reader
        self._said_at = 0

    async def sweep(self) -> None:
        try:
            await self._sweep()
        except BUSY as error:
            log.error("who is to be deleted at Chatwoot was not looked up: %s", error)

    async def _sweep(self) -> None:
        now = await self._reader.run(sql.database_now)
        url = removals.served()
        for row in await self._reader.run(removals.due, now, url=url) if url else ():
            if await self._reader.run(removals.claim, row, now=now):
                await self._try(row, now)
        waiting = await self._reader.run(removals.waiting, now, but_at=url)
        if waiting and now - self._said_at >= SAY_S * 1000:
            self._said_at = now
            words = "%d contacts were erased here and wait to be deleted at Chatwoot, by nobody: see docs/operating.md"
            log.error(words, waiting)

    async def _try(self, row: Removal, now: int) -> None:
        try:
            upstream = await self._upstreams.of(row.inbox_id)
            async with upstream.turn(Urgency.REST):
                was_there = await self._remove(_api(row, upstream), row)
        except Returned as returned:
            if is_said(row.attempts + 1):
                log.warning("contact %s was erased here and is still at Chatwoot: %s", row.contact_id, returned)
            await self._put_off(row, now, str(returned))
        except Shared as shared:
            words = "contact %s was erased here and stays at Chatwoot: %s; see docs/operating.md"
            log.error(words, row.contact_id, shared)
            await self._put_off(row, now, str(shared), is_held=True)
        except ChatwootError as error:
            self._say(row, error)
            await self._put_off(row, now, _reason(error))
        else:
            await self._reader.run(removals.done, row)
            log.info("contact %s %s at Chatwoot", row.contact_id, "was deleted" if was_there else "is gone")

    async def _remove(self, api: ContactsApi, row: Removal) -> bool:
        contact = await find(api, row)
        if contact is None:
            return False
        if len(contact.sessions) > 1:
            ours = await self._reader.run(removals.sessions)
            here = await self._reader.run(removals.sessions_here, row, contact.id)
            refuse_shared(contact, ours=ours, here=here)
        return await delete(api, contact)

    async def _put_off(self, row: Removal, now: int, reason: str, *, is_held: bool = False) -> None:
        await self._reader.run(partial(removals.put_off, row, now=now, reason=reason, is_held=is_held))

    def _say(self, row: Removal, error: ChatwootError) -> None:
        times = row.attempts + 1
        if is_said(times):
            is_alarm = times >= ALARMING or isinstance(error, Forbidden | Unsent)
            words = "contact %s was erased here and is still at Chatwoot: %s"
            log.log(logging.ERROR if is_alarm else logging.WARNING, words, row.contact_id, _reason(error))


def _reason(error: ChatwootError) -> str:
    """Not Chatwoot's words for who is online: their name is in them."""
    return "they are still online there" if isinstance(error, Invalid) else str(error)


def _api(row: Removal, upstream: Upstream) -> ContactsApi:
    if upstream.link.name != removals.served():  # a row that was read earlier, or later
        raise Unsent("its address has just changed", permanent=False)
    account_id = row.inbox.account_id
    if account_id is None:
        raise Unsent("the number of its account is not known; write it into the inbox's row", permanent=False)
    return ContactsApi(upstream.link.http, account_id, settings.CHATWOOT_ADMIN_TOKEN)
