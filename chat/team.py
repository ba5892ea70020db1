"""Who answers at an inbox, for whoever opens its chat: names and pictures of a few of its agents.

Chatwoot tells it to agents alone, so it is asked with the inbox's agent token: behind the back of somebody who looks,
at most once in ten minutes over all processes, and after everything else. What was told last is shown meanwhile.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from django.db.models import Q

from chat import faces, sql
from chat.avatars import Avatars
from chat.bridge.tasks import Tasks
from chat.budget import Urgency
from chat.chatwoot.agent import AgentApi, Member
from chat.chatwoot.errors import ChatwootError, Forbidden
from chat.clock import now_ms
from chat.models import Inbox
from chat.published import LONGEST_NAME, MOST_SHOWN, shows_team
from chat.reader import Reader
from chat.upstreams import Upstream, Upstreams
from chat.wire.errors import Refusal
from chat.wire.text import is_storable
from chat.writer import BUSY

log = logging.getLogger(__name__)

PAUSE_MS = 600_000
AGAIN_MS = 60_000  # after a failure that may be over by then
AT_ONCE = 2


class Team:
    """All methods run on the loop."""

    def __init__(self, upstreams: Upstreams, reader: Reader, avatars: Avatars, *, pause_ms: int = PAUSE_MS) -> None:
        self._upstreams, self._reader, self._avatars = upstreams, reader, avatars
        self._pause_ms = pause_ms
        self._asking: set[int] = set()
        self._said: dict[int, str] = {}  # what the log says of an inbox since it last went well
        self._places = asyncio.Semaphore(AT_ONCE)
        self._tasks = Tasks()

    def looked(self, inbox: Inbox) -> None:
        """Somebody looks at this inbox, whose row was just read. Does not wait."""
        has_rested = abs(now_ms() - inbox.team_at) >= self._pause_ms
        if has_rested and inbox.pk not in self._asking and shows_team(inbox):
            self._asking.add(inbox.pk)
            self._tasks.spawn(self._ask(inbox.pk), name=f"team of inbox {inbox.pk}")

    async def _ask(self, inbox_id: int) -> None:
        try:
            async with self._places:
                upstream = await self._upstreams.of(inbox_id)
                # Without a way there its row is read again soon, and somebody looks again.
                if upstream.agent and upstream.chatwoot_inbox_id:
                    await self._renew(upstream, upstream.agent, upstream.chatwoot_inbox_id)
        except (ChatwootError, *BUSY) as error:
            await self._failed(inbox_id, error)
        finally:
            self._asking.discard(inbox_id)

    async def _renew(self, upstream: Upstream, agent: AgentApi, chatwoot_inbox_id: int) -> None:
        if not await self._reader.run(_take_turn, upstream.inbox_id, self._pause_ms):
            return
        async with upstream.turn(Urgency.FILE):
            members = await agent.members(chatwoot_inbox_id)
        names = await self._reader.run(_keep, upstream.inbox_id, chosen(members))
        if self._said.pop(upstream.inbox_id, ""):
            log.info("inbox %s: its agents are read again", upstream.inbox_id)
        for name in filter(None, names):
            with suppress(Refusal):  # then there are initials
                await self._avatars.open(name)

    async def _failed(self, inbox_id: int, error: Exception) -> None:
        is_refused = isinstance(error, Forbidden)
        cure = ". Does the agent token serve, and is its agent a member? See docs/connecting.md" if is_refused else ""
        words = f"{error or type(error).__name__}{cure}"
        if self._said.get(inbox_id) != words:  # once, however often it is so
            self._said[inbox_id] = words
            log.warning("inbox %s: its agents were not read: %s", inbox_id, words)
        with suppress(*BUSY):
            if is_refused:  # whoever they are, nobody tells us any more
                await self._reader.run(_keep, inbox_id, [])
            else:
                await self._reader.run(_try_again, inbox_id, self._pause_ms)

    async def close(self) -> None:
        await self._tasks.cancel()


def chosen(members: Sequence[Member]) -> list[Member]:
    """A few of them: who is there first, then who has a face."""
    named = [each for each in members if each.name.strip() and is_storable(each.name)]
    return sorted(named, key=lambda each: (not each.is_online, not each.picture, each.id))[:MOST_SHOWN]


def _take_turn(inbox_id: int, pause_ms: int) -> bool:
    """Ours, if nobody else asked lately; a time in the future is a clock that was set back."""
    now = sql.database_now()
    rested = Q(team_at__lte=now - pause_ms) | Q(team_at__gt=now + pause_ms)
    return bool(Inbox.objects.filter(rested, pk=inbox_id).update(team_at=now))


def _try_again(inbox_id: int, pause_ms: int) -> None:
    Inbox.objects.filter(pk=inbox_id).update(team_at=sql.database_now() - max(0, pause_ms - AGAIN_MS))


def _keep(inbox_id: int, members: Sequence[Member]) -> list[str]:
    """The names of their pictures."""
    rows = [
        {"name": each.name.strip()[:LONGEST_NAME], "avatar": faces.remember(inbox_id, each.picture)} for each in members
    ]
    Inbox.objects.filter(pk=inbox_id).update(team=rows)
    return [row["avatar"] for row in rows]
