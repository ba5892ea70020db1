"""Waiting for news without a socket: a listener that wakes one read."""

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from chat.audience import Row
from chat.conversations import Conversations
from chat.draining import Drain
from chat.gate import Gate
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
        self.slug: str = session.contact.inbox.slug
        self.dismissed = False
        self.ended: Refusal | None = None
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
        self.turn_away(UnknownToken())

    def turn_away(self, refusal: Refusal) -> None:
        self.ended = refusal
        self.news.set()


class Door(NamedTuple):
    """Through which a poll comes in, and the address that it comes from."""

    drain: Drain
    gate: Gate
    peer: str

    @contextmanager
    def passed(self, listener: Poll) -> Iterator[None]:
        """Be here until the end of the block. Raises Refusal."""
        if not self.drain.enter(listener):
            raise Refusal(Code.UNAVAILABLE)
        try:
            self.gate.enter(listener, self.peer)
            self.gate.recognise(
                listener, session_id=listener.session_id, contact_id=listener.contact_id, slug=listener.slug
            )
            yield
        finally:
            self.gate.leave(listener)
            self.drain.leave(listener)


async def poll(conversations: Conversations, session: Session, *, since: str | None, wait_s: float, door: Door) -> Page:
    """What changed after ``since``, as soon as there is something, or nothing after so long."""
    page = await conversations.read(session.contact_id, since=since)
    if wait_s == 0 or _has_news(page):
        return page
    listener = Poll(session, page)
    with door.passed(listener):
        conversations.arrive(listener, visible=False)
        try:
            async with asyncio.timeout(wait_s):
                while not _has_news(page) and not listener.dismissed:  # once at once: something may have come meanwhile
                    listener.news.clear()
                    page = await conversations.read(session.contact_id, since=since)
                    if not _has_news(page):
                        await listener.news.wait()
                    if listener.ended:
                        raise listener.ended
        except TimeoutError:
            pass  # Nothing happened, which is an answer, too.
        finally:
            conversations.depart(listener)
    return page


def _has_news(page: Page) -> bool:
    return bool(page.rows) or page.reset is not None
