"""Waiting for news without a socket: a listener that wakes one read."""

import asyncio
import uuid

from chat.audience import Row
from chat.conversations import Conversations
from chat.models import Session
from chat.sender import Page
from chat.sessions import UnknownToken


class Poll:
    def __init__(self, session: Session, page: Page) -> None:
        self.contact_id: uuid.UUID = session.contact_id
        self.session_id: uuid.UUID = session.pk
        self.seq = int(str(page.cursor).rpartition(".")[2])
        self.ended = False
        self.news = asyncio.Event()

    def changed(self, head_before: int, head_after: int, rows: tuple[Row, ...]) -> None:
        if head_after != self.seq:
            self.news.set()

    def passing(self, frame: bytes) -> None:
        """Typing is too short for a poll."""

    def revoked(self) -> None:
        self.ended = True
        self.news.set()


async def poll(conversations: Conversations, session: Session, *, since: str | None, wait_s: float) -> Page:
    """What changed after ``since``, as soon as there is something, or nothing after so long."""
    page = await conversations.read(session.contact_id, since=since)
    if wait_s == 0 or _has_news(page):
        return page
    listener = Poll(session, page)
    conversations.arrive(listener, visible=False)
    try:
        async with asyncio.timeout(wait_s):
            while not _has_news(page):  # The first time at once: something may have come before we listened.
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
    return page


def _has_news(page: Page) -> bool:
    return bool(page.rows) or page.reset is not None
