"""Clears away what is too old: messages after ``RETENTION_DAYS``, removed rows, sessions that are over, empty contacts.

Once an hour, in batches; what one round leaves, the next takes. Several processes may do it: each row goes once.
"""

import logging
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings

from chat import erasing, sql
from chat.clock import moment
from chat.erasing import Rows
from chat.feed import Pen
from chat.reader import Reader
from chat.writer import BUSY, Priority, Writer

log = logging.getLogger(__name__)

SWEEP_S = 3_600.0
DAY_MS = 86_400_000
REMOVED_DAYS = 30  # for which a removed row stays, so that every device learns of it
BATCH = 200
MOST_BATCHES = 50  # of one kind in a round

Remove = Callable[[Pen, uuid.UUID, list[uuid.UUID]], int]


class Retention:
    """``keep_days``: None keeps what was said for ever."""

    def __init__(self, writer: Writer, reader: Reader, *, keep_days: int | None = None, batch: int = BATCH) -> None:
        self._writer = writer
        self._reader = reader
        self._keep_days = keep_days or settings.RETENTION_DAYS or None
        self._batch = batch
        self._swept_at = time.monotonic()  # not at once: at the start everybody comes back

    async def sweep(self) -> None:
        now = time.monotonic()
        if now - self._swept_at < SWEEP_S:
            return
        self._swept_at = now
        try:
            await self.clear()
        except BUSY as error:
            log.error("what is too old was not cleared away: %s", error)

    async def clear(self) -> None:
        now, at = await self._reader.run(sql.database_now), moment()
        removed = now - REMOVED_DAYS * DAY_MS
        before = now - self._keep_days * DAY_MS if self._keep_days else 0
        long_ago = at - timedelta(days=REMOVED_DAYS)
        old = partial(erasing.old_messages, before, removed_before=removed, most=self._batch)
        messages = await self._rounds(old, erasing.remove_messages)
        emptied = partial(erasing.emptied_conversations, removed, most=self._batch)
        conversations = await self._rounds(emptied, erasing.remove_conversations)
        sessions = await self._reader.run(erasing.forget_sessions, long_ago, most=self._batch * MOST_BATCHES)
        nobody = partial(_contacts, long_ago, self._batch)
        contacts = await self._rounds(nobody, lambda pen, each, _: erasing.remove_contact(pen, each, before=long_ago))
        if messages or conversations or sessions or contacts:
            words = "too old: %d messages, %d conversations, %d sessions, %d contacts"
            log.info(words, messages, conversations, sessions, contacts)

    async def _rounds(self, choose: Callable[[], Rows], remove: Remove) -> int:
        count = 0
        for _ in range(MOST_BATCHES):
            chosen = await self._reader.run(choose)
            gone = 0
            for contact_id, ids in chosen.items():
                write = partial(_apply, remove, contact_id, ids)
                gone += await self._writer.write(write, contacts=(contact_id,), priority=Priority.MIRROR)
            count += gone
            if not gone:
                return count
        log.warning("more than %d batches of %d rows are too old; the rest follows", MOST_BATCHES, self._batch)
        return count


def _contacts(before: datetime, most: int) -> Rows:
    return {each: [] for each in erasing.empty_contacts(before, most=most)}


def _apply(remove: Remove, contact_id: uuid.UUID, ids: list[uuid.UUID], pen: Pen) -> int:
    return remove(pen, contact_id, ids)
