"""Sessions that listen are marked, seldom, and only where somebody asks."""

import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from chat import sessions
from chat.audience import Audience
from chat.models import Inbox, Session, Webhook
from chat.presence import AT_ONCE, Presence
from chat.reader import Reader
from tests.fixtures.people import make_inbox
from tests.fixtures.stumbling import FULL, StumblingWriter


@pytest.fixture
async def writer(transactional_db: None) -> AsyncIterator[StumblingWriter]:
    writer = StumblingWriter(Audience())
    writer.start()
    yield writer
    await writer.stop()


@pytest.fixture
async def ask(transactional_db: None) -> AsyncIterator[Callable[..., Any]]:
    reader = Reader(threads=1)
    yield reader.run
    await reader.stop()


def two_sessions() -> list[uuid.UUID]:
    """At an inbox with a webhook, and at one without."""
    inboxes = [make_inbox(slug) for slug in ("with", "without")]
    Webhook.objects.create(inbox=Inbox.objects.get(slug="with"), url="https://app.example/")
    return [sessions.open_anonymous(inbox).session.pk for inbox in inboxes]


def marks(session_id: uuid.UUID) -> tuple[int, int]:
    return Session.objects.values_list("connected_at", "connected_until").get(pk=session_id)


async def test_a_mark_lasts_longer_than_the_pause_until_the_next(writer: StumblingWriter, ask: Any) -> None:
    presence, (listening, _) = Presence(writer), await ask(two_sessions)
    await presence.note([listening], now=0)
    at, until = await ask(marks, listening)
    assert at and until - at == 45_000


async def test_where_there_is_no_webhook_nothing_is_marked(writer: StumblingWriter, ask: Any) -> None:
    presence, both = Presence(writer), await ask(two_sessions)
    await presence.note(both, now=0)
    assert (await ask(marks, both[1])) == (0, 0) != (await ask(marks, both[0]))


async def test_a_session_is_written_once_in_thirty_seconds(writer: StumblingWriter) -> None:
    presence, devices = Presence(writer), [uuid.uuid4(), uuid.uuid4()]
    for now in range(0, 91, 5):
        await presence.note(devices, now=now)
    assert len(writer.locked) == 4
    await presence.note([*devices, uuid.uuid4()], now=91)  # a new one alone
    assert len(writer.locked) == 5
    await presence.note([], now=200)
    assert not presence._marked  # nothing is kept of those who left


async def test_many_are_written_in_parts(writer: StumblingWriter) -> None:
    await Presence(writer).note([uuid.uuid4() for _ in range(2 * AT_ONCE + 1)], now=0)
    assert writer.locked == [[]] * 3


async def test_what_could_not_be_written_is_tried_in_the_next_round(writer: StumblingWriter, ask: Any) -> None:
    presence, (listening, _) = Presence(writer), await ask(two_sessions)
    writer.failures = [FULL]
    await presence.note([listening], now=0)
    assert (await ask(marks, listening)) == (0, 0)
    await presence.note([listening], now=5)
    assert (await ask(marks, listening)) != (0, 0)
