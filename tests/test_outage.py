"""A Chatwoot that does not answer is said again and again, with what waits for it; a slow one, once."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from chat import probing
from chat.chatwoot.errors import Malformed, Unreachable
from chat.outage import Outage, Slowness
from tests.eventually import eventually
from tests.fixtures.world import QUICK, World


async def test_while_a_chatwoot_does_not_answer_the_log_goes_on_saying_what_waits(world: World, logged: Any) -> None:
    asking = probing.Timing(retry_s=0.05, first_s=0.5, sample_s=0.02, say_s=0.1)
    world.sandbox.faults.set("down")
    runtime, alice = await world.start(timing=replace(QUICK, asking=asking)), await world.person()
    await runtime.upstreams.of(world.inbox_id)
    await alice.say(runtime, "is anybody there?")
    await eventually(lambda: logged.text.count("messages wait for it: 1;") >= 2)
    world.sandbox.faults.clear()
    await world.settled()


async def test_it_is_said_ever_more_rarely_until_it_is_over(world: World, logged: Any) -> None:
    now, said = 0.0, []
    outage = Outage(7, "https://chat.example", world.reader, first_s=60, most_s=200, now=lambda: now)
    for minute in range(16):
        now = minute * 60.0
        before = logged.text.count("messages wait")
        await outage.note(Unreachable("ConnectError"), left_alone=True)
        said += [minute] * (logged.text.count("messages wait") - before)
    assert said == [1, 3, 7, 11, 15]
    await outage.note(None, left_alone=False)
    await outage.note(Unreachable("ConnectError"), left_alone=True)
    assert logged.text.count("messages wait") == len(said)


async def test_what_answers_but_is_no_chatwoot_is_called_so(world: World, logged: Any) -> None:
    outage = Outage(7, "https://chat.example", world.reader, first_s=0)
    await outage.note(Unreachable("ConnectError"), left_alone=True)
    assert "is its address right?" not in logged.text
    await outage.note(Malformed("not JSON", status=200), left_alone=True)
    assert "is its address right?" in logged.text


async def test_an_inbox_that_lacks_its_hmac_token_is_explained(world: World, logged: Any) -> None:
    path = f"{world.chatwoot_inbox.identifier}/contacts"
    world.sandbox.faults.set("error_before", method="POST", path=path, times=1)
    runtime, alice = await world.start(), await world.person()
    await alice.say(runtime, "let me in")
    await world.settled()
    assert "HMAC token" in logged.text


def test_a_chatwoot_that_takes_long_is_said_once_and_when_it_no_longer_does(caplog: pytest.LogCaptureFixture) -> None:
    """Each request takes 12 s, one after the other, for a minute."""
    caplog.set_level(logging.INFO)
    now, slowness = 0.0, Slowness("https://chat.example", now=lambda: now)
    for second in range(200):
        now = float(second)
        slowness.note(second % 12 if second < 60 else 0.1)
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("WARNING", "https://chat.example is slow: a request has waited for its answer for 10 s"),
        ("INFO", "https://chat.example answers in time again, after 49 s"),
    ]


async def test_a_process_watches_how_long_its_requests_take(world: World, logged: Any) -> None:
    runtime = await world.start()
    link = (await runtime.upstreams.of(world.inbox_id)).link
    link.slowness = Slowness(link.name, late_s=0.2)
    with link.request():
        await eventually(lambda: " is slow: a request has waited" in logged.text)
