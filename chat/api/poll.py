"""Waiting for news without a socket: a listener that wakes one read."""

import asyncio
import uuid

from chat.audience import Row
from chat.conversations import Conversations
from chat.draining import Drain
from chat.models import Session
from chat.sender import Page
from chat.sessions import UnknownToken
from chat.wire.errors import Code, Refusal


class Poll:
    def __init__(self, session: Session, page: Page) -> None:
        self.contact_id: uuid.UUID = session.contact_id
        self.session_id: uuid.UUID = session.pk
        self.epoch, _, seq = str(page.cursor).rpartition(".")
        self.seq = int(seq)
        self.ended = self.dismissed = False
        self.news = asyncio.Event()

    def changed(self, head_before: int, head_after: int, rows: tuple[Row, ...]) -> None:
        if head_after != self.seq:
            self.news.set()

    def hinted(self, head: int) -> None:
        self.changed(head, head, ())

    def turned(self, epoch: str) -> None:
        if epoch != self.epoch:
            self.news.set()

    def passing(self, frame: bytes) -> None:
        """Typing is too short for a poll."""

    def dismiss(self, after_s: float) -> None:
        """Answer then; whoever asks again is sent to another process."""
        asyncio.get_running_loop().call_later(after_s, self._leave)

    def _leave(self) -> None:
        self.dismissed = True
        self.news.set()

    def revoked(self) -> None:
        self.ended = True
        self.news.set()


async def poll(
    conversations: Conversations, session: Session, *, since: str | None, wait_s: float, drain: Drain
) -> Page:
    """What changed after ``since``, as soon as there is something, or nothing after so long."""
    page = await conversations.read(session.contact_id, since=since)
    if wait_s == 0 or _has_news(page):
        return page
    listener = Poll(session, page)
    if not drain.enter(listener):
        raise Refusal(Code.UNAVAILABLE)
    conversations.arrive(listener, visible=False)
    try:
        async with asyncio.timeout(wait_s):
            while not _has_news(page) and not listener.dismissed:  # once at once: something may have come meanwhile
                listener.news.clear()
                page = await conversations.read(session.contact_id, since=since)
                if not _has_news(page):
                    await listener.news.wait()
                if listener.ended:
                    raise UnknownToken
    except TimeoutError:
        pass  # Nothing happened, which is an answer, too.
    finally:
        conversations.depart(listener)
        drain.leave(listener)
    return page


def _has_news(page: Page) -> bool:
    return bool(page.rows) or page.reset is not None
