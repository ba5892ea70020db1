"""How soon a visitor's message is accepted, which means stored, and how many a process accepts and delivers."""

import asyncio
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from itertools import cycle
from math import ceil, inf

import httpx
import orjson

from tests.bench import report
from tests.bench.cable import Poster
from tests.bench.report import Latency, Table
from tests.bench.servers import Chatwoot, Databases, Peer, started
from tests.bench.sizes import Sizes
from tests.bench.stage import PATIENCE_S
from tests.bench.writers import Writing, writers

EVERY_S = 1 / 15  # of one visitor: 20 frames a second are allowed
MAX_WAITING = 50  # undelivered messages of one visitor, as in chat.acceptance
MOST_OF_A_TALK = 150  # Chatwoot takes 200 messages of a conversation in a minute
AT_ONCE = 8  # requests of the courier at a time to one Chatwoot
DEFAULT, AS_FAST_AS_IT_CAN = "40", "10000"  # CHATWOOT_RATE_PER_S
TEXT = "Where is my parcel? I ordered it on Monday."
Say = Callable[[], Awaitable[object]]


async def send(databases: Databases, sizes: Sizes) -> Table:
    told = f"{sizes.senders} visitors at a time, each writes when the one before was accepted, at most 15 a second."
    told += " Accepted: beside a Django view without database or middleware; delivered: beside httpx, 8 calls at once."
    table = Table(f"send, {databases.kind}", told, "bare view, bare httpx")
    (latency, per_s), delivered = await accepting(databases, sizes), await delivering(databases, sizes)
    bare_latency, bare_per_s = await viewing(sizes)
    table.add_latency("accepted", latency, bare_latency, targets=("≤ 3×, then 2×", ""))
    table.add("accepted a second", per_s, bare_per_s)
    table.add("delivered a second", *delivered, target="≥ 300, then 1,000")
    return table


async def accepting(databases: Databases, sizes: Sizes) -> tuple[Latency, float]:
    """With the budget that a Chatwoot has by default: what is not delivered meanwhile waits.

    Nobody may have more than MAX_WAITING of those, so that each of the senders is several visitors in turn.
    """
    turns = ceil((sizes.warm_s + sizes.send_s) / EVERY_S / MAX_WAITING)
    async with writers(databases.fresh(), turns * sizes.senders, CHATWOOT_RATE_PER_S=DEFAULT) as writing:
        senders = taking_turns(says(writing), sizes.senders)
        await closed_loop(senders, seconds=sizes.warm_s)
        return await closed_loop(senders, seconds=sizes.send_s)


async def delivering(databases: Databases, sizes: Sizes) -> tuple[float, float]:
    """Messages a second from the first send until the last one is known to be at Chatwoot; ours, and plain calls."""
    each_writes = sizes.deliveries // sizes.senders
    async with writers(databases.fresh(), sizes.senders, CHATWOOT_RATE_PER_S=AS_FAST_AS_IT_CAN) as writing:
        await closed_loop(says(writing), times=1)  # the first of all waits for what is asked about this Chatwoot
        await writing.delivered(sizes.senders, within_s=PATIENCE_S)
        begun, number = time.perf_counter(), each_writes * sizes.senders
        await closed_loop(says(writing), times=each_writes)
        await writing.delivered(sizes.senders + number, within_s=PATIENCE_S + number / 10)
        our_per_s = number / (time.perf_counter() - begun)
        return our_per_s, await calling(writing.chatwoot, number)


async def calling(chatwoot: Chatwoot, number: int) -> float:
    """The same requests by themselves, over as many conversations as Chatwoot wants for so many."""
    path = f"/public/api/v1/inboxes/{chatwoot.world['inbox']['identifier']}/contacts"
    talks: list[str] = []

    async def call(http: httpx.AsyncClient, turns: Iterator[tuple[int, str]]) -> None:
        for _, talk in turns:
            (await http.post(talk, json={"content": TEXT, "echo_id": str(uuid.uuid4())})).raise_for_status()

    async with httpx.AsyncClient(base_url=chatwoot.url, trust_env=False, timeout=PATIENCE_S) as http:
        for _ in range(max(AT_ONCE, ceil(number / MOST_OF_A_TALK))):
            source_id = (await http.post(path, json={})).json()["source_id"]
            talk = (await http.post(f"{path}/{source_id}/conversations", json={})).json()["id"]
            talks.append(f"{path}/{source_id}/conversations/{talk}/messages")
        begun = time.perf_counter()
        turns = iter(zip(range(number), cycle(talks), strict=False))
        await asyncio.gather(*(call(http, turns) for _ in range(AT_ONCE)))
        return number / (time.perf_counter() - begun)


async def viewing(sizes: Sizes) -> tuple[Latency, float]:
    peer, posters = Peer(), []
    body = orjson.dumps({"type": "send", "echo_id": str(uuid.uuid4()), "text": TEXT})
    try:
        await started(peer)
        posters = [Poster(peer.port) for _ in range(sizes.senders)]
        calls: list[Say] = [partial(each.post, "/", body) for each in posters]
        await closed_loop(calls, seconds=sizes.warm_s)
        return await closed_loop(calls, seconds=sizes.send_s)
    finally:
        for each in posters:
            each.close()
        await peer.close()


def says(writing: Writing) -> list[Say]:
    return [partial(each.send, TEXT, within_s=PATIENCE_S) for each in writing.crowd.pages]


def taking_turns(says: list[Say], together: int) -> list[Say]:
    async def say(turns: Iterator[Say]) -> None:
        await next(turns)()

    return [partial(say, cycle(says[number::together])) for number in range(together)]


async def closed_loop(says: list[Say], *, seconds: float = inf, times: int = sys.maxsize) -> tuple[Latency, float]:
    """All at once, each for so long or so often; how long one took, and how many there were a second."""
    took_ms: list[float] = []
    begun = time.perf_counter()

    async def repeat(say: Say) -> None:
        for _ in range(times):
            if (at := time.perf_counter()) - begun > seconds:
                return
            await say()
            took_ms.append((time.perf_counter() - at) * 1000)
            await asyncio.sleep(max(0.0, at + EVERY_S - time.perf_counter()))

    await asyncio.gather(*map(repeat, says))
    return report.percentiles(took_ms), len(took_ms) / (time.perf_counter() - begun)
