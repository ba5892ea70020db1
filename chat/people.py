"""What a person may ask about themselves: the use cases behind ``/contact``."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ParamSpec, TypeVar

from chat import erasing, files, policy, profile, removals
from chat.courier import Courier
from chat.export import export
from chat.feed import Pen
from chat.holding import Holding
from chat.models import Inbox
from chat.profile import Profile
from chat.reader import Reader
from chat.wire.errors import Code, Refusal
from chat.writer import BUSY, Priority, Writer

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


class People:
    """All methods run on the loop, and raise Refusal."""

    def __init__(self, writer: Writer, reader: Reader, courier: Courier, holding: Holding) -> None:
        self._writer = writer
        self._reader = reader
        self._courier = courier
        self._holding = holding

    async def show(self, contact_id: uuid.UUID) -> Profile:
        return await self._read(profile.read, contact_id)

    async def change(self, contact_id: uuid.UUID, *, wanted: Mapping[str, Any]) -> Profile:
        """Chatwoot hears of it once it knows this person, or with their creation."""
        changed = await self._write(contact_id, partial(profile.change, contact_id=contact_id, wanted=wanted))
        self._courier.wake()
        return changed

    async def export(self, contact_id: uuid.UUID) -> dict[str, Any]:
        """All that is held of them."""
        return await self._read(export, contact_id)

    async def erase(self, contact_id: uuid.UUID) -> None:
        """For good, and at once: rows, files, sessions. Chatwoot deletes them soon, where the operator wants that."""
        paths = await self._write(contact_id, partial(_erase, contact_id=contact_id))
        self._holding.forget(contact_id)
        await asyncio.to_thread(files.remove, paths)
        log.info("contact %s was erased", contact_id)

    async def _read(self, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await self._reader.ask(read, *args, **kwargs)
        except BUSY as error:
            raise Refusal(Code.UNAVAILABLE) from error

    async def _write(self, contact_id: uuid.UUID, change: Callable[[Pen], T]) -> T:
        try:
            return await self._writer.write(change, contacts=(contact_id,), priority=Priority.ACCEPT)
        except BUSY as error:
            raise Refusal(Code.UNAVAILABLE) from error


def _erase(pen: Pen, *, contact_id: uuid.UUID) -> list[str]:
    inbox = Inbox.objects.filter(contacts=contact_id).first()
    if inbox is not None and policy.erases_upstream(inbox.policy):
        removals.note(contact_id, now=pen.now)
    return erasing.erase(pen, contact_id)
