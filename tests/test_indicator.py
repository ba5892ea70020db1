"""Agents see whether the visitor types now; they need not see every flicker."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from chat import indicator
from chat.budget import Urgency
from chat.indicator import TypingIndicator
from chat.limits import Buckets
from chat.reader import Reader
from chat.upstreams import Upstreams
from tests.eventually import eventually

ALICE, BOB = uuid.UUID(int=1), uuid.UUID(int=2)


@dataclass
class Chatwoot:
    """Reader, upstreams and Client API in one: each conversation is known, and the first calls are the slowest."""

    heard: list[tuple[int, bool]] = field(default_factory=list)
    slow: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, read: Any, contact_id: uuid.UUID, conversation_id: uuid.UUID) -> Any:
        inbox = SimpleNamespace(source_id="theirs")
        return SimpleNamespace(chatwoot_id=conversation_id.int, inbox_id=1, contact_inbox=inbox)

    async def of(self, inbox_id: int) -> Any:
        return SimpleNamespace(turn=self.turn, api=self)

    @asynccontextmanager
    async def turn(self, urgency: Urgency) -> AsyncIterator[None]:
        yield

    async def typing(self, source_id: str, conversation_id: int, *, on: bool) -> None:
        await self.slow.wait()
        self.heard.append((conversation_id, on))


def indicate(chatwoot: Chatwoot, **options: Any) -> TypingIndicator:
    return TypingIndicator(cast(Upstreams, chatwoot), cast(Reader, chatwoot), **options)


def show(shown: TypingIndicator, number: int, *, on: bool, who: uuid.UUID = ALICE) -> None:
    shown.show(who, conversation_id=uuid.UUID(int=number), on=on)


async def test_off_never_overtakes_on() -> None:
    chatwoot = Chatwoot()
    shown = indicate(chatwoot, pause_s=0)
    show(shown, 1, on=True)
    await asyncio.sleep(0)
    show(shown, 1, on=False)
    chatwoot.slow.set()
    await eventually(lambda: len(chatwoot.heard) == 2)
    assert chatwoot.heard == [(1, True), (1, False)]


async def test_however_often_the_page_says_so_chatwoot_is_asked_once() -> None:
    chatwoot = Chatwoot()
    shown = indicate(chatwoot, pause_s=30)
    chatwoot.slow.set()
    for _ in range(50):
        show(shown, 1, on=True)
        await asyncio.sleep(0)
    assert chatwoot.heard == [(1, True)]
    await shown.close()


async def test_when_too_many_type_only_the_beginnings_are_dropped() -> None:
    chatwoot = Chatwoot()
    shown = indicate(chatwoot, pause_s=0)
    for number in range(indicator.MOST + 1):
        show(shown, number, on=True, who=uuid.uuid4())
    show(shown, indicator.MOST + 1, on=False, who=uuid.uuid4())
    chatwoot.slow.set()
    await eventually(lambda: len(chatwoot.heard) == indicator.MOST + 1)
    assert (indicator.MOST, True) not in chatwoot.heard
    assert (indicator.MOST + 1, False) in chatwoot.heard


async def test_one_person_types_in_three_conversations_at_most_and_takes_nobodys_place() -> None:
    """Whatever ids they make up."""
    chatwoot = Chatwoot()
    shown = indicate(chatwoot, pause_s=0)
    for number in range(2 * indicator.MOST):
        show(shown, number, on=number % 2 == 0)
    show(shown, 777, on=True, who=BOB)
    chatwoot.slow.set()
    await eventually(lambda: len(chatwoot.heard) == 4)
    assert sorted(chatwoot.heard) == [(0, True), (1, False), (2, True), (777, True)]


async def test_who_flickers_without_end_is_told_of_less_often_and_costs_nobody_else() -> None:
    chatwoot = Chatwoot()
    shown = indicate(chatwoot, pause_s=0, buckets=Buckets(monotonic=lambda: 0.0))
    chatwoot.slow.set()
    for turn in range(200):
        show(shown, 1, on=turn % 2 == 0)
        for _ in range(5):
            await asyncio.sleep(0)
    assert len(chatwoot.heard) == 10
    show(shown, 2, on=True, who=BOB)
    await eventually(lambda: (2, True) in chatwoot.heard)
    await shown.close()
