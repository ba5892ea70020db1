"""A courier whose database does not answer, or answers in doubt: nothing waits longer than it must."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest
from django.db import connection

from chat import courier, lanes, places, resync
from chat.audience import Audience
from chat.link import Link
from chat.models import Chatwoot, ContactInbox, Delivery
from chat.writer import Priority, Writer, WriterFull
from tests.eventually import eventually
from tests.fixtures.stumbling import FULL, LOST, StumblingReader, StumblingWriter
from tests.fixtures.world import QUICK, Eager, World


class FullWriter(Writer):
    """Takes nothing, and counts how often it was asked."""

    asked = 0

    async def write(self, run: Any, **options: Any) -> Any:
        self.asked += 1
        raise WriterFull("full")


async def test_a_full_writer_is_not_asked_over_and_over(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    await runtime.courier.close()
    writer = FullWriter(runtime.audience)
    again = courier.Courier(
        runtime.upstreams, writer, runtime.reader, runtime.holding, random=Eager(), timing=QUICK.carrying
    )
    await alice.say(runtime, "keep me")
    again.start()
    await eventually(lambda: writer.asked >= 2)
    await asyncio.sleep(0.3)
    await again.close()
    assert writer.asked < 20


class CountingReader(StumblingReader):
    scans = 0

    async def run(self, read: Any, *args: Any, **kwargs: Any) -> Any:
        self.scans += getattr(read, "func", None) is lanes.due
        return await super().run(read, *args, **kwargs)


async def test_not_each_that_ends_asks_the_database_what_is_next(world: World) -> None:
    runtime = await world.start()
    people = [await world.person() for _ in range(3 * places.AT_ONCE)]
    await world.settled()
    await runtime.courier.close()
    for each in people:
        await each.say(runtime, "hello")
    reader, timing = CountingReader(), replace(QUICK.carrying, scan_s=60)
    again = courier.Courier(runtime.upstreams, runtime.writer, reader, runtime.holding, random=Eager(), timing=timing)
    again.start()
    contacts = Delivery.objects.filter(kind="contact", state="sent")
    await world.becomes(lambda: contacts.count() == len(people))
    await world.settled()
    assert reader.scans < len(people) * 3 / 2, "each had three deliveries"
    await again.close()


@pytest.mark.parametrize("error", [LOST, FULL, RuntimeError("nobody thought of this")])
async def test_a_scan_that_fails_is_not_the_last(world: World, error: Exception, logged: Any) -> None:
    runtime, alice = await world.start(), await world.person()
    await runtime.courier.close()
    reader = StumblingReader(error, error)
    again = courier.Courier(
        runtime.upstreams, runtime.writer, reader, runtime.holding, random=Eager(), timing=QUICK.carrying
    )
    await alice.say(runtime, "keep me")
    again.start()
    await world.settled()
    assert world.said() == ["keep me"] and not reader.failures
    assert str(error) in logged.text and ("Traceback" in logged.text) == isinstance(error, RuntimeError)
    await again.close()
    await reader.stop()


async def test_a_database_that_cannot_be_read_is_said_once_and_when_it_is_over(world: World, logged: Any) -> None:
    runtime, alice = await world.start(), await world.person()
    await runtime.courier.close()
    reader = StumblingReader(*[LOST] * 5)
    again = courier.Courier(
        runtime.upstreams, runtime.writer, reader, runtime.holding, random=Eager(), timing=QUICK.carrying
    )
    again.start()
    await alice.say(runtime, "keep me")
    await world.settled()
    await again.close()
    await reader.stop()
    assert logged.text.count("the courier could not read what is due") == 1
    assert logged.text.count("the courier can read again what is due") == 1


@pytest.mark.parametrize("error", [LOST, FULL])
async def test_a_delivery_whose_claim_fails_is_claimed_again(world: World, error: Exception, logged: Any) -> None:
    runtime, alice = await world.start(), await world.person()
    await runtime.courier.close()
    writer = StumblingWriter(runtime.audience, error)
    writer.start()
    again = courier.Courier(
        runtime.upstreams, writer, runtime.reader, runtime.holding, random=Eager(), timing=QUICK.carrying
    )
    await alice.say(runtime, "keep me")
    again.start()
    await world.settled()
    assert world.said() == ["keep me"] and "died" not in logged.text
    await again.close()
    await writer.stop()


class ForgetfulWriter(Writer):
    """The connection breaks during a commit: it was stored, but nobody is told so."""

    def __init__(self, audience: Audience, *, forgets: int) -> None:
        super().__init__(audience)
        self.forgets = forgets

    async def write(self, run: Any, *, priority: Priority, **options: Any) -> Any:
        result = await super().write(run, priority=priority, **options)
        if self.forgets and priority is Priority.ATTEMPT:
            self.forgets -= 1
            raise LOST
        return result


@pytest.mark.parametrize("claims", [1, 2], ids=["of an attempt", "of an attempt and of a look"])
async def test_a_claim_whose_commit_was_uncertain_is_given_back(world: World, claims: int) -> None:
    runtime, alice = await world.start(), await world.person()
    await world.talk(runtime, alice)
    await runtime.courier.close()
    writer = ForgetfulWriter(runtime.audience, forgets=0)
    writer.start()
    carrying = replace(QUICK.carrying, lease_ms=600_000)  # longer than anybody waits here
    again = courier.Courier(runtime.upstreams, writer, runtime.reader, runtime.holding, random=Eager(), timing=carrying)
    await alice.say(runtime, "keep me")
    writer.forgets = claims
    again.start()
    await world.settled()
    assert world.said() == ["hello", "keep me"] and writer.forgets == 0
    assert await world.ask(Delivery.objects.filter(lease_no__gt=1).count) == 1
    await again.close()
    await writer.stop()


class ThrottledWriter(Writer):
    """While an attempt is committed, another request hears a 429."""

    link: Link

    async def write(self, run: Any, *, priority: Priority, **options: Any) -> Any:
        result = await super().write(run, priority=priority, **options)
        if priority is Priority.ATTEMPT and not self.link.paused_s:
            await self.link.pause(0.5)
        return result


async def test_an_attempt_that_was_claimed_before_a_429_waits_for_the_end_of_the_pause(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    await world.talk(runtime, alice)
    await runtime.courier.close()
    writer = ThrottledWriter(runtime.audience)
    writer.link = (await runtime.upstreams.of(world.inbox_id)).link
    writer.start()
    again = courier.Courier(
        runtime.upstreams, writer, runtime.reader, runtime.holding, random=Eager(), timing=QUICK.carrying
    )
    said = await alice.say(runtime, "patience")
    again.start()
    ours = Delivery.objects.filter(message=said.message_id)
    await world.becomes(lambda: ours.filter(attempt=1, state=Delivery.State.ACCEPTED).exists())
    assert world.said() == ["hello"] and not writer.link.breaker.open
    await again.close()
    await writer.stop()


class BlindWriter(Writer):
    """Cannot apply what Chatwoot answers to the courier."""

    async def write(self, run: Any, **options: Any) -> Any:
        if getattr(run, "func", run).__name__ in ("arrived", "_apply"):
            raise RuntimeError("nobody thought of this")
        return await super().write(run, **options)


async def test_an_answer_that_cannot_be_applied_leaves_its_message_unconfirmed_in_the_end(
    world: World, logged: Any
) -> None:
    rarely = replace(QUICK, comparing=resync.Timing(pause_s=600))  # comparing would find it, too
    runtime, alice = await world.start(timing=rarely), await world.person()
    await world.talk(runtime, alice)
    await world.becomes(ContactInbox.objects.filter(resynced_at__gt=0).exists)
    await runtime.courier.close()
    world.sandbox.faults.set("cable_mute")
    writer = BlindWriter(runtime.audience)
    writer.start()
    carrying = replace(QUICK.carrying, lease_ms=600_000, first_look_ms=10, give_up_ms=1, pause_ms=60_000)
    again = courier.Courier(runtime.upstreams, writer, runtime.reader, runtime.holding, random=Eager(), timing=carrying)
    said = await alice.say(runtime, "keep me")
    again.start()
    ours = Delivery.objects.filter(message=said.message_id)
    await world.becomes(lambda: ours.filter(state=Delivery.State.UNCONFIRMED, attempt=1, lease_until=0).exists())
    await again.close()
    await writer.stop()
    assert logged.text.count("met what nobody foresaw") == 2, "once for the attempt, once for the look"
    assert "Traceback" in logged.text and "died" not in logged.text


def stored_source_ids() -> dict[int, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, source_id FROM chat_contactinbox")
        return dict(cursor.fetchall())


def store(source_ids: dict[int, str]) -> None:
    with connection.cursor() as cursor:
        for pk, source_id in source_ids.items():
            cursor.execute("UPDATE chat_contactinbox SET source_id = %s WHERE id = %s", (source_id, pk))


async def test_people_whose_rows_cannot_be_read_keep_no_other_waiting(world: World, logged: Any) -> None:
    """Of one Chatwoot, more than have a place: encrypted with a key that is no longer known, say."""
    runtime, alice = await world.start(), await world.person()
    people = [await world.person() for _ in range(places.AT_ONCE + 2)]
    for each in people:
        await each.say(runtime, "hello")
    await world.settled()
    stored = await world.ask(stored_source_ids)
    await world.ask(store, {each.contact_inbox_id: "gAAAAAgarbage" for each in people})
    for each in people:
        await each.say(runtime, "again")
    unreadable = Delivery.objects.filter(state=Delivery.State.ACCEPTED)
    await world.becomes(lambda: unreadable.filter(lease_no__gt=2).count() == len(people))
    await alice.say(runtime, "let me pass")
    await eventually(world.sees("let me pass", person=alice))
    waiting = await world.ask(unreadable.first)
    assert waiting is not None and waiting.reason == "unforeseen UnknownKey"
    said = logged.text.count("could not be begun")
    times = await world.ask(lambda: list(unreadable.values_list("lease_no", flat=True)))
    assert 0 < said <= sum(each.bit_length() for each in times), "1, 2, 4, 8 ..."
    assert "task delivery" not in logged.text
    await world.ask(store, stored)
    await world.settled()
    assert all(world.said(each) == ["hello", "again"] for each in people)


class Elsewhere(httpx.AsyncBaseTransport):
    """Nobody is at ``wrong``."""

    def __init__(self, wrong: str) -> None:
        self._wrong = wrong
        self._inner = httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == self._wrong:
            raise httpx.ConnectError("nobody is there")
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def test_what_waits_for_a_wrong_address_goes_to_the_right_one_as_soon_as_it_is_named(world: World) -> None:
    right = await world.ask(lambda: Chatwoot.objects.get().url)
    await world.ask(Chatwoot.objects.update, url="http://wrong.example")
    runtime = await world.start(timing=replace(QUICK, read_rows_s=0.2), transport=Elsewhere("wrong.example"))
    alice = await world.person()
    await alice.say(runtime, "is anybody there?")
    await eventually(lambda: any(link.breaker.open for link in runtime.upstreams.links()))
    await world.ask(Chatwoot.objects.update, url=right)
    await world.settled()
    assert world.said() == ["is anybody there?"]
