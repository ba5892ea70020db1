"""One client, one hub and one budget for each Chatwoot, however many inboxes it has."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from chat.budget import Urgency
from chat.chatwoot.errors import Unreachable
from chat.chatwoot.identity import identifier_hash
from chat.models import Chatwoot, Inbox, upsert_inbox
from chat.reader import Reader
from chat.runtime import Runtime
from chat.upstreams import Unavailable, Upstreams
from tests.fixtures.fake_hub import CountingChatwoot
from tests.fixtures.sandbox import SandboxProcess
from tests.fixtures.world import MakeWorld

HERE, THERE = "https://here.example", "https://there.example"


def add_inbox(slug: str, url: str = HERE, **values: str) -> int:
    values = {"inbox_identifier": f"identifier-of-{slug}"} | values
    return upsert_inbox(slug=slug, url=url, cable_url=f"wss{url.removeprefix('https')}/cable", **values).pk


@pytest.fixture
def chatwoot() -> CountingChatwoot:
    return CountingChatwoot()


@pytest.fixture
async def reader(transactional_db: None) -> AsyncIterator[Reader]:
    reader = Reader(threads=2)
    yield reader
    await reader.stop()


@pytest.fixture
async def upstreams(reader: Reader, chatwoot: CountingChatwoot) -> AsyncIterator[Upstreams]:
    upstreams = Upstreams(reader, open_http=chatwoot.open_http, open_hub=chatwoot.open_hub)
    upstreams.listener = Runtime().holding
    yield upstreams
    await upstreams.close()


async def test_inboxes_of_one_chatwoot_share_its_hub_and_budget(
    upstreams: Upstreams, reader: Reader, chatwoot: CountingChatwoot
) -> None:
    ids = [await reader.run(add_inbox, slug) for slug in ("one", "two")]
    first, second = await asyncio.gather(*(upstreams.of(each) for each in ids))
    assert first.hub is second.hub and first.budget is second.budget
    assert first.api is not second.api
    other = await upstreams.of(await reader.run(add_inbox, "three", THERE))
    assert other.hub is not first.hub and other.budget is not first.budget
    assert upstreams.hubs() == chatwoot.hubs and len(chatwoot.hubs) == 2


async def test_many_first_uses_at_once_open_one_of_each(
    upstreams: Upstreams, reader: Reader, chatwoot: CountingChatwoot
) -> None:
    inbox_id = await reader.run(add_inbox, "one")
    found = await asyncio.gather(*(upstreams.of(inbox_id) for _ in range(20)))
    assert len({id(each.hub) for each in found}) == 1 == len(chatwoot.hubs)
    assert chatwoot.hub.is_open


async def test_it_is_known_for_how_long_the_oldest_request_has_waited(upstreams: Upstreams, reader: Reader) -> None:
    upstream = await upstreams.of(await reader.run(add_inbox, "one"))
    upstream.link.asked()
    assert upstream.link.oldest_s == 0
    async with upstream.turn(Urgency.DELIVERY):
        await asyncio.sleep(0.05)
        async with upstream.turn(Urgency.REST):
            assert upstream.link.oldest_s >= 0.05
    with pytest.raises(Unreachable):
        async with upstream.turn(Urgency.DELIVERY):
            raise Unreachable("nobody")
    assert upstream.link.oldest_s == 0


async def test_a_changed_row_counts_after_forget(upstreams: Upstreams, reader: Reader) -> None:
    inbox_id = await reader.run(add_inbox, "one")
    await reader.run(Inbox.objects.filter(pk=inbox_id).update, chatwoot_inbox_id=7)
    before = await upstreams.of(inbox_id)
    assert await upstreams.of(inbox_id) is before
    await reader.run(add_inbox, "one", hmac_token="new")
    assert (await upstreams.of(inbox_id)).anonymous_hash is None
    upstreams.forget()
    after = await upstreams.of(inbox_id)
    assert after.anonymous_hash == identifier_hash("new", "")
    assert after.hub is before.hub


async def test_the_number_of_the_inbox_is_seen_as_soon_as_any_process_learnt_it(
    upstreams: Upstreams, reader: Reader
) -> None:
    inbox_id = await reader.run(add_inbox, "one")
    assert (await upstreams.of(inbox_id)).chatwoot_inbox_id is None
    await reader.run(Inbox.objects.filter(pk=inbox_id).update, chatwoot_inbox_id=7)
    assert (await upstreams.of(inbox_id)).chatwoot_inbox_id == 7


async def test_no_secret_prints(upstreams: Upstreams, reader: Reader) -> None:
    upstream = await upstreams.of(await reader.run(add_inbox, "one", hmac_token="very secret"))
    assert upstream.anonymous_hash is not None
    for secret in ("identifier-of-one", "very secret", upstream.anonymous_hash):
        assert secret not in repr(upstream)


async def test_closing_closes_hubs_and_clients(reader: Reader, chatwoot: CountingChatwoot) -> None:
    upstreams = Upstreams(reader, open_http=chatwoot.open_http, open_hub=chatwoot.open_hub)
    upstreams.listener = Runtime().holding
    upstream = await upstreams.of(await reader.run(add_inbox, "one"))
    await upstreams.close()
    assert not chatwoot.hub.is_open
    with pytest.raises(RuntimeError, match="closed"):
        await upstream.api.conversations("somebody")


async def test_an_inbox_that_demands_hmac_lets_nobodies_write(make_world: MakeWorld, sandbox: SandboxProcess) -> None:
    world = await make_world(sandbox, channel={"hmac_mandatory": True})
    await world.ask(Inbox.objects.filter(pk=world.inbox_id).update, hmac_token=world.chatwoot_inbox.hmac_token)
    runtime, alice = await world.start(), await world.person()
    await world.talk(runtime, alice, "nobody in particular")
    assert world.said() == ["nobody in particular"]


# An operator changes an address


async def test_a_former_address_is_left_once_nobody_has_used_it_for_a_while(
    upstreams: Upstreams, reader: Reader, chatwoot: CountingChatwoot
) -> None:
    former = await upstreams.of(await reader.run(add_inbox, "one"))
    await reader.run(Chatwoot.objects.update, url=THERE)
    await upstreams.renew()
    assert chatwoot.hub.is_open and former.available  # what is under way there may end
    await upstreams.renew()
    assert [hub.is_open for hub in chatwoot.hubs] == [False, True]
    assert upstreams.hubs() == chatwoot.hubs[1:]
    assert upstreams.is_former(former) and not former.available
    with pytest.raises(Unavailable, match="no inbox"):
        async with former.turn(Urgency.REST):
            pytest.fail("a request was made")


async def test_an_address_is_kept_that_another_inbox_uses_or_that_is_put_back(
    upstreams: Upstreams, reader: Reader, chatwoot: CountingChatwoot
) -> None:
    one, two = [await upstreams.of(await reader.run(add_inbox, slug)) for slug in ("one", "two")]
    await reader.run(add_inbox, "one", THERE)
    for _ in range(3):
        await upstreams.renew()
    assert [hub.is_open for hub in chatwoot.hubs] == [True, True]
    await reader.run(add_inbox, "two", THERE)
    await upstreams.renew()
    await reader.run(add_inbox, "two", HERE)
    await upstreams.renew()
    assert [hub.is_open for hub in chatwoot.hubs] == [True, True]
    assert not upstreams.is_former(two) and upstreams.is_former(one)


async def test_the_address_of_a_removed_inbox_is_left_and_opened_again_for_another(
    upstreams: Upstreams, reader: Reader, chatwoot: CountingChatwoot
) -> None:
    former = await upstreams.of(await reader.run(add_inbox, "one"))
    await reader.run(Inbox.objects.all().delete)
    await upstreams.renew()
    await upstreams.renew()
    assert not chatwoot.hub.is_open and upstreams.is_former(former)
    again = await upstreams.of(await reader.run(add_inbox, "two"))
    assert chatwoot.hubs[1].is_open and again.available
