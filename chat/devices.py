"""Devices come and go: sessions begin, are renewed, change hands and end, by the one writer; after an announcement
everybody comes at once.

Whatever is refused raises ``wire.Refusal``, and nothing else has happened then.
"""

import logging
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import ParamSpec, TypeVar

from chat import sessions, signin
from chat.courier import Courier
from chat.feed import Pen
from chat.holding import Holding
from chat.identity import Identity
from chat.models import Inbox, Session
from chat.reader import Reader
from chat.signin import Device
from chat.wire.errors import Code, Refusal
from chat.writer import BUSY, Priority, Writer, WriterFull

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


class Devices:
    def __init__(self, writer: Writer, reader: Reader, courier: Courier, holding: Holding) -> None:
        self._writer = writer
        self._reader = reader
        self._courier = courier
        self._holding = holding

    async def open(self, inbox: Inbox, *, kind: str) -> sessions.Opened:
        """A new person with a new device. Raises Refusal: identity_required."""
        return await self._write(lambda pen: sessions.open_anonymous(inbox, kind=kind))

    async def refresh(self, token: str, *, kind: str, inbox: Inbox | None = None) -> sessions.Opened:
        """The next refresh token, with an access token. ``inbox``: it must be of that one.

        Raises UnknownToken, and Refusal: identity_required.
        """
        session = await self._session_of(token)  # what nobody issued costs no write
        if session.kind != kind or inbox not in (None, session.contact.inbox):
            raise sessions.UnknownToken
        try:
            return await self._write(lambda pen: sessions.refresh(token))
        except sessions.Reused as reused:
            raise await self._stolen(reused) from None

    async def sign_in(
        self,
        inbox: Inbox,
        identity: Identity,
        *,
        kind: str,
        session: Session | None = None,
        refresh_token: str = "",
        admit: Callable[[uuid.UUID], None] = lambda contact_id: None,
    ) -> sessions.Opened:
        """Somebody has proven who they are. ``session`` or its ``refresh_token``: whose device it was so far.

        ``admit`` is asked of whom they were and are, and may raise Refusal. Raises BadIdentity when this proof was used
        before, and it works only once.
        """
        device = Device(kind, session)
        if refresh_token:
            with suppress(sessions.UnknownToken):
                device = Device(kind, await self._session_of(refresh_token), refresh_token)
        if device.session is not None and device.session.contact.inbox_id != inbox.pk:
            device = Device(kind)
        contacts = await self._ask(signin.parties, inbox, identity, device)
        for contact_id in contacts:
            if not device.is_of_another(identity) or contact_id != device.contact_id:
                admit(contact_id)
        enter = partial(signin.sign_in, inbox=inbox, identity=identity, device=device)
        signed_in = await self._write(enter, contacts=contacts)
        for ended in signed_in.ended:
            self._holding.ended(ended.contact_id, ended.pk)
        self._holding.refresh(signed_in.opened.session.contact_id)  # what was adopted is heard from now on
        self._courier.wake()  # Chatwoot may have to hear who this is
        return signed_in.opened

    async def end(self, session: Session) -> None:
        """Sign this device out: its sockets and polls here end now, those of other processes within 5 s."""
        await self._write(lambda pen: sessions.end(session))
        self._holding.ended(session.contact_id, session.pk)

    async def check_access(self, token: str) -> Session:
        """Whose access token this is. Raises UnknownToken, and Refusal."""
        return await self._ask(sessions.check_access, token)

    async def is_alive(self, session_id: uuid.UUID) -> bool:
        return await self._ask(sessions.is_alive, session_id)

    def confirm(self, session_id: uuid.UUID, generation: int) -> None:
        """Somebody came with an access token of this generation. Nobody waits; when it is lost, the next one tells."""
        confirm = partial(sessions.confirm, session_id, generation)
        with suppress(WriterFull):
            self._writer.post(lambda pen: confirm(), contacts=(), priority=Priority.MIRROR, done=_ignore)

    async def _session_of(self, refresh_token: str) -> Session:
        try:
            return await self._ask(sessions.of_refresh, refresh_token)
        except sessions.Reused as reused:
            raise await self._stolen(reused) from None

    async def _ask(self, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await self._reader.ask(read, *args, **kwargs)
        except BUSY as error:
            raise Refusal(Code.UNAVAILABLE) from error

    async def _stolen(self, reused: sessions.Reused) -> sessions.UnknownToken:
        log.warning("session %s was ended: a refresh token of it was used again, perhaps by a thief", reused.session.pk)
        await self.end(reused.session)
        return sessions.UnknownToken()

    async def _write(self, change: Callable[[Pen], T], *, contacts: Sequence[uuid.UUID] = ()) -> T:
        try:
            return await self._writer.write(change, contacts=contacts, priority=Priority.ACCEPT)
        except BUSY as error:
            raise Refusal(Code.UNAVAILABLE) from error


def _ignore(result: object, error: BaseException | None) -> None:
    pass
