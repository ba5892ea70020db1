"""Whether a message may carry the marker: there is a bot, its token serves, and the conversation is the visitor's.

The token may write into any conversation of its account, so Chatwoot must have said lately whose this one is; else
it is asked now, by a look under our ``source_id``.
"""

import asyncio
import logging
from collections.abc import Callable

from chat import lanes, sql
from chat.chatwoot.errors import ChatwootError
from chat.lanes import Due
from chat.looking import Looking
from chat.models import Delivery
from chat.outbox import Claim
from chat.reader import Reader
from chat.upstreams import Upstream

log = logging.getLogger(__name__)

WITHOUT_S = 600.0  # after Chatwoot did not take a message through the bot


class Marking:
    """``looking``: makes the look for a claim that is not leased."""

    def __init__(self, reader: Reader, looking: Callable[[Claim, Upstream], Looking]) -> None:
        self._reader = reader
        self._looking = looking
        self._refused_until: dict[int, float] = {}

    def refused(self, inbox_id: int, error: ChatwootError) -> None:
        """An attempt through the bot was not taken, perhaps since its account or token is wrong: go without it for a
        while, so that no message waits for ever."""
        if not self._is_refused(inbox_id):
            words = "inbox %s: messages go without a marker for %d minutes: through the bot Chatwoot said: %s"
            log.warning(words, inbox_id, WITHOUT_S // 60, error)
        self._refused_until[inbox_id] = self._now() + WITHOUT_S

    async def may(self, due: Due, upstream: Upstream) -> bool:
        if due.kind != Delivery.Kind.MESSAGE or upstream.bot is None or upstream.chatwoot_inbox_id is None:
            return False
        if self._is_refused(due.inbox_id):
            return False
        now = await self._reader.run(sql.database_now)
        unconfirmed = await self._reader.run(lanes.to_confirm, due.delivery_id, now)
        if unconfirmed is not None:
            try:
                await self._looking(unconfirmed, upstream).confirm()
            except ChatwootError as error:
                log.warning("delivery %s goes without a marker: %s", due.delivery_id, error)
                return False
        return True

    def _is_refused(self, inbox_id: int) -> bool:
        return self._refused_until.get(inbox_id, 0) > self._now()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
