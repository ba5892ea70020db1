"""What is only shown never piles up, however much of it comes."""

import asyncio
import uuid
from typing import Any, cast

from chat.audience import Audience
from chat.chatwoot.events import Typing
from chat.mirror import Scope
from chat.reader import Reader
from chat.reception import MOST_TYPING, Reception
from chat.writer import Writer


class SlowReader:
    """Answers nothing before it is ``open``."""

    def __init__(self) -> None:
        self.asked = 0
        self.open = asyncio.Event()

    async def run(self, *_: Any) -> None:
        self.asked += 1
        await self.open.wait()


async def test_typing_waits_for_the_database_only_so_often() -> None:
    reader = SlowReader()
    reception = Reception(cast(Writer, None), cast(Reader, reader), Audience(), lambda scope, after_s: None)
    scope = Scope(uuid.uuid4(), 1, 1, "source", 7)
    for rounds in (1, 2):
        for number in range(3 * MOST_TYPING):
            reception.take(scope, Typing(number, 7, "source", "Gus", on=True))
        await asyncio.sleep(0.01)
        assert reader.asked == rounds * MOST_TYPING
        reader.open.set()
        await asyncio.sleep(0.01)
        reader.open.clear()
    await reception.close()
