"""The peers do what is measured beside them, or beating them would prove nothing."""

import asyncio
from dataclasses import replace

from chat import acceptance
from chat.bridge.timing import Timing
from tests.bench import send
from tests.bench.cable import Generator
from tests.bench.naive import LOST, SOCKETS, measure
from tests.bench.people import newcomers
from tests.bench.sizes import TINY
from tests.bench.sockets import Direct
from tests.bench.stage import naive
from tests.eventually import eventually


async def test_the_direct_subscriber_hears_what_is_said_to_anybody_for_as_long_as_it_stays() -> None:
    people, direct = newcomers(2), Direct(Timing(tick_s=0.01))
    async with Generator() as cable:
        await direct.open(cable.url)
        await direct.join(people)
        await asyncio.sleep(0.1)  # some ticks
        for n, each in enumerate(people):
            await cable.broadcast(each.pubsub_token, each.message(n))
        await eventually(lambda: direct.check() or direct.arrivals.at.keys() == {0, 1})
        await direct.leave()


async def test_the_naive_design_hands_on_what_comes_and_subscribes_again_but_loses_what_it_missed() -> None:
    sizes = replace(TINY, idle_s=0, settle_s=0, drain_s=1)
    async with Generator() as cable, naive(cable, sizes, sizes.visitors) as stage:
        found, latency = await measure(stage, cable)
    assert found[SOCKETS] == sizes.visitors
    assert latency.p50_ms > 0
    assert found[LOST] > 0


def test_the_bench_knows_how_many_messages_of_one_visitor_may_wait() -> None:
    assert send.MAX_WAITING == acceptance.MAX_WAITING
