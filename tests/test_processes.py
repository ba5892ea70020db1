"""Processes of one installation: seen by each other, and within one budget together."""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from itertools import repeat
from pathlib import Path

import pytest

from chat import clock, sql
from chat.audience import Audience
from chat.models import Chatwoot, Process, upsert_inbox
from chat.processes import Processes
from chat.reader import Reader
from chat.runtime import Runtime
from chat.upstreams import Upstream, Upstreams
from chat.writer import Writer
from tests.eventually import eventually
from tests.fixtures.fake_hub import CountingChatwoot

BEAT_S = 0.3


class Neighbourhood:
    """Processes on one database, each with its way to the same Chatwoot."""

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self.reader, self._writer = reader, writer
        self.all: list[tuple[Processes, Upstreams]] = []

    async def join(self, *, beat_s: float = BEAT_S) -> tuple[Processes, Upstream]:
        chatwoot = CountingChatwoot()
        upstreams = Upstreams(self.reader, open_http=chatwoot.open_http, open_hub=chatwoot.open_hub, rate_per_s=40)
        upstreams.listener = Runtime().holding
        inbox = await self.reader.run(
            upsert_inbox, slug="main", url="https://c.example", cable_url="wss://c.example", inbox_identifier="abc"
        )
        upstream = await upstreams.of(inbox.pk)
        here = Processes(upstreams, self._writer, self.reader, rate_per_s=40, beat_s=beat_s)
        self.all.append((here, upstreams))
        here.start()
        return here, upstream

    async def rows(self) -> list[Process]:
        return await self.reader.run(lambda: list(Process.objects.order_by("started_at")))

    async def seen(self, number: int) -> list[Process]:
        """The rows, as soon as there are so many."""
        async with asyncio.timeout(20):
            for pause_s in repeat(0.01):
                if len(rows := await self.rows()) == number:
                    return rows
                await asyncio.sleep(pause_s)
        raise AssertionError("unreachable")


@pytest.fixture
async def neighbourhood(transactional_db: None) -> AsyncIterator[Neighbourhood]:
    reader, writer = Reader(threads=2), Writer(Audience())
    writer.start()
    neighbourhood = Neighbourhood(reader, writer)
    yield neighbourhood
    for here, upstreams in neighbourhood.all:
        await here.close()
        await upstreams.close()
    assert await neighbourhood.rows() == []
    await writer.stop()
    await reader.stop()


def shares(*upstreams: Upstream) -> list[float]:
    return [upstream.budget.rate_per_s for upstream in upstreams]


async def test_the_budget_is_divided_by_those_who_live(neighbourhood: Neighbourhood) -> None:
    (_, alone) = await neighbourhood.join()
    await eventually(lambda: shares(alone) == [40])
    (second, other) = await neighbourhood.join()
    await eventually(lambda: shares(alone, other) == [20, 20])
    await second.close()
    await eventually(lambda: shares(alone) == [40])


async def test_a_process_that_died_is_forgotten_after_three_beats(neighbourhood: Neighbourhood) -> None:
    def leave_rows() -> None:
        now = sql.database_now()
        for seen_at in (now, now + 3_600_000):  # the second from before a clock was put back
            Process.objects.create(started_at=0, seen_at=seen_at)

    await neighbourhood.reader.run(leave_rows)
    _, upstream = await neighbourhood.join(beat_s=1)
    await eventually(lambda: shares(upstream) == [20])
    await eventually(lambda: shares(upstream) == [40])
    await neighbourhood.seen(1)


async def test_a_process_that_was_taken_for_dead_comes_back(neighbourhood: Neighbourhood) -> None:
    here, _ = await neighbourhood.join()
    await neighbourhood.seen(1)
    await neighbourhood.reader.run(Process.objects.all().delete)
    (row,) = await neighbourhood.seen(1)
    assert row.id == here.id


async def test_one_that_was_taken_for_dead_is_as_old_as_before(neighbourhood: Neighbourhood) -> None:
    await neighbourhood.join()
    (before,) = await neighbourhood.seen(1)
    await neighbourhood.reader.run(Process.objects.all().delete)
    (after,) = await neighbourhood.seen(1)
    assert after.started_at == before.started_at


async def test_that_one_vanished_without_leaving_is_a_warning(
    neighbourhood: Neighbourhood, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="chat.processes")
    here, _ = await neighbourhood.join()

    def leave_a_row() -> uuid.UUID:
        now = sql.database_now()
        return Process.objects.create(started_at=now, seen_at=now).id

    gone = await neighbourhood.reader.run(leave_a_row)
    await eventually(lambda: here.live == 2)
    await eventually(lambda: here.live == 1)
    (said,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert said.getMessage().startswith(f"process {gone} has not been heard for ")


async def test_that_one_left_is_none(neighbourhood: Neighbourhood, caplog: pytest.LogCaptureFixture) -> None:
    (one, _), (other, _) = await neighbourhood.join(), await neighbourhood.join()
    await eventually(lambda: one.live == other.live == 2)
    await other.close()
    await eventually(lambda: one.live == 1)
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


async def test_one_that_drains_says_so_and_counts_until_it_has_gone(neighbourhood: Neighbourhood) -> None:
    _, upstream = await neighbourhood.join()
    leaving, other = await neighbourhood.join()
    await leaving.drain()
    rows = await neighbourhood.seen(2)
    assert [row.draining for row in rows if row.id == leaving.id] == [True]
    await eventually(lambda: shares(upstream, other) == [20, 20])


async def test_who_drains_is_no_company(neighbourhood: Neighbourhood) -> None:
    (staying, _), (leaving, _) = await neighbourhood.join(), await neighbourhood.join()
    await eventually(lambda: staying.accompanied and leaving.accompanied)
    await leaving.drain()
    await eventually(lambda: not staying.accompanied)
    assert leaving.accompanied


async def test_pause_and_verdict_of_another_process_are_learnt(neighbourhood: Neighbourhood) -> None:
    _, here = await neighbourhood.join()
    _, there = await neighbourhood.join()
    await here.link.pause(60)
    verdict = {"fence": Chatwoot.Fence.FENCED, "fence_window_ms": 90_000}
    await neighbourhood.reader.run(Chatwoot.objects.update, **verdict)
    base = there.link.clock.base()
    there.link.clock.sample(sent=base, received=base, told_ms=0)
    await eventually(lambda: there.link.fence_window_ms == 90_000)
    assert not there.available and there.link.paused_s > 50


async def test_a_jump_of_the_databases_clock_is_said(
    neighbourhood: Neighbourhood, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    offset = tmp_path / "offset"
    offset.write_text("0")
    clock.follow(str(offset))
    try:
        await neighbourhood.join()
        await asyncio.sleep(2 * BEAT_S)
        assert "jumped" not in caplog.text
        offset.write_text("3600000")
        await eventually(lambda: "the clock of the database jumped by at least 359" in caplog.text)
    finally:
        clock.follow("")
