"""What this process has claimed, so that it can give back what it does not bring to an end.

Nobody else waits then until the lease is over. A lease that is given back tells nothing of its attempt: whoever claims
the delivery next finds it in doubt, and looks.
"""

import logging
import uuid
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from chat import outbox, trail
from chat.feed import Pen
from chat.outbox import Claim
from chat.writer import BUSY

log = logging.getLogger(__name__)

Take = Callable[[Pen], Claim | None]
Write = Callable[[Take, uuid.UUID], Awaitable[Claim | None]]


class Leases:
    """``write`` runs something in a transaction that holds the lock of a contact. All methods run on the loop."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._held: dict[uuid.UUID, Claim] = {}

    async def take(self, take: Take, delivery_id: uuid.UUID, contact_id: uuid.UUID) -> Claim | None:
        """What ``take`` claims, which is remembered until ``forget``. Raises one of ``BUSY``.

        A connection that breaks during the commit leaves it open whether anything is claimed: that is remembered, too.
        """
        made: list[Claim | None] = []
        is_left = False

        def run(pen: Pen) -> Claim | None:
            made.append(None if is_left else take(pen))
            return made[-1]

        try:
            return await self._write(run, contact_id)
        finally:
            is_left = True  # a write that comes even later claims nothing
            if made and (claim := made[-1]) is not None:
                self._held[delivery_id] = claim
                trail.take_up(delivery_id, attempt=claim.attempt, payload=claim.payload)

    def of(self, delivery_id: uuid.UUID) -> list[Claim]:
        return [self._held[delivery_id]] if delivery_id in self._held else []

    def held(self) -> list[Claim]:
        return list(self._held.values())

    def forget(self, delivery_id: uuid.UUID) -> None:
        self._held.pop(delivery_id, None)

    async def give_back(self, claims: Iterable[Claim]) -> None:
        """Unless they are settled, or others have them."""
        for claim in claims:
            try:
                await self._write(partial(outbox.release, claim=claim), claim.contact_id)
            except BUSY as error:
                log.error("delivery %s waits until its lease ends: %s", claim.delivery_id, error)
