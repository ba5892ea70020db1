"""The tokens that open the cable: a contact's, when it may have changed, and that of an inbox's canary contact."""

import logging
import uuid
from functools import partial

from chat import mirror
from chat.budget import Urgency
from chat.chatwoot.errors import ChatwootError, NotFound
from chat.chatwoot.resources import ContactSession
from chat.feed import Pen
from chat.mirror import Scope
from chat.models import ContactInbox, Inbox
from chat.reader import Reader
from chat.upstreams import Upstreams
from chat.writer import BUSY, Priority, Writer

log = logging.getLogger(__name__)

CANARY = "chatproxy canary (keeps watch over the connection)"  # an agent may come across it


class Tokens:
    def __init__(self, upstreams: Upstreams, writer: Writer, reader: Reader) -> None:
        self._upstreams = upstreams
        self._writer = writer
        self._reader = reader

    async def check(self, scope: Scope) -> bool:
        """Read the contact at Chatwoot and keep its token. False when it could not be read: ask again.

        One that Chatwoot has deleted is left alone: the next delivery makes it anew. Where a contact is shown only with
        a proof, that would also verify its session, which lets it see whatever its contact has (contract §1.5): there
        the token is not asked for.
        """
        try:
            upstream = await self._upstreams.of(scope.inbox_id)
            if upstream.wants_proof:
                return True
            async with upstream.turn(Urgency.REST):
                session = await upstream.api.contact(scope.source_id)
            known: str = await self._reader.run(_token, scope.contact_inbox_id)
            if session.pubsub_token != known:
                log.warning("contact inbox %s has another token at Chatwoot", scope.contact_inbox_id)
                keep = partial(_keep, scope, session)
                await self._writer.write(keep, contacts=(scope.contact_id,), priority=Priority.MIRROR)
        except (ChatwootError, *BUSY) as error:
            if isinstance(error, NotFound) and error.finished:  # Chatwoot says so itself, not a proxy
                log.warning("contact inbox %s is not known at Chatwoot any more", scope.contact_inbox_id)
                return True
            log.warning("the token of contact inbox %s was not checked: %s", scope.contact_inbox_id, error)
            return False
        return True

    async def canary(self, inbox_id: int, *, but: str | None) -> str | None:
        """The token of this inbox's canary contact, who is made on first need. ``but``: this one was not confirmed.

        None when Chatwoot or the database could not be asked just now.
        """
        try:
            inbox = await self._named(inbox_id)
            if inbox.canary_token and inbox.canary_token != but:
                return inbox.canary_token
            return await self._find(inbox)
        except (ChatwootError, *BUSY) as error:
            log.warning("inbox %s has no canary contact yet: %s", inbox_id, error)
            return None

    async def find_canary(self, inbox_id: int) -> str:
        """The same, asked of Chatwoot in any case. Raises ChatwootError and BUSY."""
        return await self._find(await self._named(inbox_id))

    async def _named(self, inbox_id: int) -> Inbox:
        return await self._writer.write(partial(_name_canary, inbox_id), contacts=(), priority=Priority.MIRROR)

    async def _find(self, inbox: Inbox) -> str:
        upstream = await self._upstreams.of(inbox.pk)
        async with upstream.turn(Urgency.REST):  # finds it or makes it
            session = await upstream.api.create_contact(
                source_id=inbox.canary_source_id, name=CANARY, identifier_hash=upstream.anonymous_hash
            )
        keep = partial(keep_canary, inbox.pk, session.pubsub_token)
        await self._writer.write(keep, contacts=(), priority=Priority.MIRROR)
        return session.pubsub_token


def _token(contact_inbox_id: int) -> str:
    found = ContactInbox.objects.filter(pk=contact_inbox_id).first()
    return found.pubsub_token if found else ""


def _keep(scope: Scope, session: ContactSession, pen: Pen) -> None:
    mirror.apply_contact(scope, session.contact_id, session.pubsub_token)


def _name_canary(inbox_id: int, pen: Pen) -> Inbox:
    """Its source_id is stored before Chatwoot hears of it, so that there is never a second one."""
    inbox = Inbox.objects.get(pk=inbox_id)
    if not inbox.canary_source_id:
        inbox = Inbox.objects.select_for_update().get(pk=inbox_id)
    if not inbox.canary_source_id:
        inbox.canary_source_id = str(uuid.uuid4())
        Inbox.objects.filter(pk=inbox_id).update(canary_source_id=inbox.canary_source_id)
    return inbox


def keep_canary(inbox_id: int, token: str, pen: Pen) -> None:
    pen.change_inbox(inbox_id, canary_token=token)
