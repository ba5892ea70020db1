"""The help centre over the API: read without a session, asked for rarely, never a word of Chatwoot's address."""

import asyncio
import json
import threading
from typing import Any

import pytest

from chat.articles import Articles, Found
from chat.chatwoot.addresses import Resolve
from chat.gate import Gate
from chat.limits import Limits
from chat.models import Chatwoot, ContactInbox, Inbox, Session
from chat.portals import Portals
from chat.runtime import Runtime
from tests.api.conftest import Addresses, ApiClient
from tests.eventually import eventually
from tests.fixtures.world import World

PICTURE = "https://chatwoot.example/rails/active_storage/blobs/redirect/eyJf--1/box.png"
RETURNS = {
    "title": "Send it back",
    "description": "30 days",
    "content": f"You have **30 days**.\n\n![The box]({PICTURE})\n\n![]({PICTURE})\n\n# How\n\n1. Write to us",
    "views": 5,
}
ORDER = {"title": "Track your order", "content": "You get a number."}
GERMAN = {"title": "Zurücksenden", "content": "Sie haben 30 Tage.", "locale": "de"}


async def open_portal(world: World, *articles: dict[str, Any], url: str = "", **portal: Any) -> str:
    slug = world.sandbox.new_portal(*articles, **portal)
    await world.ask(lambda: Inbox.objects.filter(pk=world.inbox_id).update(portal=slug, portal_url=url))
    return slug


def quick(runtime: Runtime, world: World, *, fresh_s: float = 0, again_s: float = 0, **more: Any) -> Portals:
    """In place of the runtime's own."""
    portals = Portals(runtime.upstreams, world.reader, fresh_s=fresh_s, again_s=again_s, **more)
    runtime.conversations.portals = portals
    return portals


@pytest.fixture
async def visitor(runtime: Runtime) -> ApiClient:
    """Without a session."""
    return ApiClient()


def asked(world: World) -> int:
    routes = world.sandbox.stats()["routes"]
    return sum(count for route, count in routes.items() if route.endswith("articles.json"))


async def search(visitor: ApiClient, query: str = "", locale: str = "en") -> list[str]:
    answered = await visitor.call("GET", "inbox/main-0/articles", query_params={"query": query, "locale": locale})
    assert answered.status_code == 200, answered.content
    return [each["title"] for each in answered.json()["articles"]]


async def test_articles_are_found_and_read_without_a_session(world: World, visitor: ApiClient) -> None:
    await open_portal(world, ORDER, RETURNS)
    assert await search(visitor) == ["Send it back", "Track your order"]
    assert await search(visitor, "order") == ["Track your order"]
    assert await search(visitor, "zebra") == []
    (line,) = (await visitor.call("GET", "inbox/main-0/articles?query=send")).json()["articles"]
    assert line.keys() == {"id", "title", "description"} and line["description"] == "30 days"
    article = (await visitor.call("GET", f"inbox/main-0/articles/{line['id']}")).json()
    assert article["text"] == [
        {"t": "p", "c": ["You have ", {"t": "strong", "c": ["30 days"]}, "."]},
        {"t": "p", "c": ["The box"]},
        {"t": "p", "c": [{"t": "strong", "c": ["How"]}]},
        {"t": "list", "ordered": True, "start": 1, "c": [[{"t": "p", "c": ["Write to us"]}]]},
    ]
    rows = await world.ask(lambda: (Session.objects.count(), ContactInbox.objects.count()))
    assert rows == (0, 0)


async def test_chatwoot_is_asked_once_for_everybody_and_hears_no_query(world: World, visitor: ApiClient) -> None:
    await open_portal(world, ORDER, RETURNS)
    world.sandbox.reset_stats()
    await asyncio.gather(*(search(visitor, query) for query in ("order", "send", "zebra", "")))
    assert asked(world) == 1


async def test_who_finds_nothing_in_their_language_reads_the_portal_s_own(world: World, visitor: ApiClient) -> None:
    await open_portal(world, ORDER, GERMAN, config={"default_locale": "de"})
    assert await search(visitor, locale="en") == ["Track your order"]
    assert await search(visitor, locale="de-AT") == ["Zurücksenden"]
    assert await search(visitor, locale="fr") == ["Zurücksenden"]
    assert await search(visitor, locale="tlh") == ["Track your order"]


async def test_a_brazilian_is_asked_for_as_chatwoot_spells_it(world: World, visitor: ApiClient) -> None:
    await open_portal(world, ORDER, {"title": "Devolver", "locale": "pt_BR"})
    assert await search(visitor, locale="pt-BR") == ["Devolver"]


async def test_nothing_of_chatwoot_is_told(world: World, visitor: ApiClient) -> None:
    own = world.sandbox.base_url
    links = f"[a]({own}/hc/x) [b]({own.replace('//', '//user@')}/y) [c](https://c.example/rails/active_storage/z)"
    content = f"{links} [d](https://shop.example/) [e](/hc/x/articles/1)"
    slug = await open_portal(world, {"title": "Links", "content": content})
    (line,) = (await visitor.call("GET", "inbox/main-0/articles")).json()["articles"]
    answered = await visitor.call("GET", f"inbox/main-0/articles/{line['id']}")
    (paragraph,) = answered.json()["text"]
    link = {"t": "link", "href": "https://shop.example/", "c": ["d"]}
    assert [each for each in paragraph["c"] if each != " "] == ["a", "b", "c", link, "e"]
    text = json.dumps(answered.json())
    assert own not in text and slug not in text and "rails" not in text
    assert len(line["id"]) == 32


@pytest.mark.parametrize(
    "spelt", ["{name}:1/x", "{name}./x", "{name}.:443/x", "user@{name}/x", "{upper}/x", "{name}\\x", "help%2Eexample"]
)
async def test_chatwoots_host_is_known_however_it_is_spelt(world: World, runtime: Runtime, spelt: str) -> None:
    await open_portal(world, {"title": "Links", "content": "x"}, url="https://help.example:8443")
    inbox = await world.ask(lambda: Inbox.objects.get(pk=world.inbox_id))
    portals = quick(runtime, world)
    href = "https://" + spelt.format(name="help.example", upper="HELP.example")
    found = Found("1", "Links", "", f"[a]({href}) {href} [b](mailto:gus@shop.example)")
    assert str(await portals.text(inbox, found)).count("'link'") == 1


async def test_searching_holds_nobody_up_and_an_article_is_parsed_once(world: World, runtime: Runtime) -> None:
    portals = quick(runtime, world, fresh_s=60)
    inbox = await world.ask(lambda: Inbox.objects.get(pk=world.inbox_id))
    threads: list[int] = []

    class Searched(Articles):
        def search(self, query: str, most: int) -> list[Found]:
            threads.append(threading.get_ident())
            return []

    assert await portals.search(Searched(), "order", 1) == []
    assert threads and threading.get_ident() not in threads
    found = Found("1", "Links", "", "**bold**")
    assert await portals.text(inbox, found) is await portals.text(inbox, found)


async def test_a_call_searches_so(world: World, visitor: ApiClient, runtime: Runtime) -> None:
    noted: list[str] = []

    class Noting(Portals):
        async def search(self, articles: Articles, query: str, most: int) -> list[Found]:
            noted.append(query)
            return await super().search(articles, query, most)

    await open_portal(world, ORDER, RETURNS)
    runtime.conversations.portals = Noting(runtime.upstreams, world.reader)
    assert (await search(visitor, "order"), noted) == (["Track your order"], ["order"])


@pytest.mark.parametrize("article_id", ["1", "0" * 32, "%2e%2e", "x" * 64])
async def test_an_article_that_nobody_was_told_of_is_not_there(
    world: World, visitor: ApiClient, article_id: str
) -> None:
    await open_portal(world, ORDER)
    answered = await visitor.call("GET", f"inbox/main-0/articles/{article_id}")
    assert (answered.status_code, answered.json()["error"]["code"]) == (404, "not_found")


async def test_an_inbox_without_a_portal_has_no_articles_and_says_so(world: World, visitor: ApiClient) -> None:
    world.sandbox.reset_stats()
    assert await search(visitor) == []
    assert asked(world) == 0
    assert (await visitor.call("GET", "inbox/main-0")).json()["articles"] is False
    await open_portal(world, ORDER)
    assert (await visitor.call("GET", "inbox/main-0")).json()["articles"] is True


async def test_while_chatwoot_is_down_what_it_said_last_is_found(
    world: World, runtime: Runtime, visitor: ApiClient
) -> None:
    portals = quick(runtime, world)
    await open_portal(world, ORDER)
    assert await search(visitor) == ["Track your order"]
    with world.sandbox.faults.on("status", path="/hc/", status=502):
        assert await search(visitor) == ["Track your order"]
        assert await search(visitor, "order") == ["Track your order"]
    await portals.close()


@pytest.mark.parametrize(("status", "hint"), [(500, False), (401, True), (404, False)])
async def test_whoever_comes_first_while_it_is_down_hears_that_and_chatwoot_no_more(
    world: World,
    runtime: Runtime,
    visitor: ApiClient,
    caplog: pytest.LogCaptureFixture,
    status: int,
    hint: bool,
) -> None:
    portals = quick(runtime, world, fresh_s=300, again_s=300)
    await open_portal(world, ORDER)
    with world.sandbox.faults.on("status", path="/hc/", status=status):
        world.sandbox.reset_stats()
        for _ in range(3):
            answered = await visitor.call("GET", "inbox/main-0/articles")
            assert (answered.status_code, answered["Retry-After"]) == (503, "30")
            words = "The help centre is not available right now."
            assert answered.json()["error"] == {"code": "unavailable", "message": words, "retry_after": 30}
        assert asked(world) <= 1
    assert ("docs/help-centre.md" in caplog.text) is hint
    await portals.close()


async def test_whoever_waits_too_long_hears_that_and_the_next_one_finds_it(
    world: World, runtime: Runtime, visitor: ApiClient
) -> None:
    portals = quick(runtime, world, fresh_s=300, again_s=300, patience_s=0.1)
    await open_portal(world, ORDER)
    with world.sandbox.faults.on("delay", path="/hc/", seconds=1):
        assert (await visitor.call("GET", "inbox/main-0/articles")).status_code == 503
        await eventually(lambda: not portals._tasks._running)
        assert await search(visitor) == ["Track your order"]
    await portals.close()


def resolving(*addresses: str) -> Resolve:
    async def resolve(host: str, port: int) -> list[str]:
        return list(addresses)

    return resolve


async def test_a_portal_at_an_address_of_its_own_is_asked_there(
    world: World, runtime: Runtime, visitor: ApiClient, settings: Any
) -> None:
    settings.ATTACHMENT_HOSTS = ["127.0.0.0/8"]
    portals = quick(runtime, world, resolve=resolving("127.0.0.1"))
    port = world.sandbox.base_url.rpartition(":")[2]
    await open_portal(world, ORDER, url=f"http://help.example:{port}/hc/x", custom_domain="help.example")
    assert await search(visitor) == ["Track your order"]
    await portals.close()


async def test_an_address_inside_our_network_is_not_asked_and_costs_the_inbox_nothing(
    world: World, runtime: Runtime, visitor: ApiClient
) -> None:
    portals = quick(runtime, world, resolve=resolving("10.0.0.1"))
    await open_portal(world, ORDER, url="https://help.example")
    for _ in range(8):
        assert (await visitor.call("GET", "inbox/main-0/articles")).status_code == 503
    assert (await runtime.upstreams.of(world.inbox_id)).available
    await portals.close()


async def test_a_foreign_page_finds_nothing(world: World, visitor: ApiClient) -> None:
    await open_portal(world, ORDER)
    answered = await visitor.call("GET", "inbox/main-0/articles", headers={"origin": "https://evil.example"})
    assert (answered.status_code, answered.json()["error"]["code"]) == (403, "foreign_origin")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("inbox/other/articles", 404, "no_such_inbox"),
        ("inbox/other/articles/1", 404, "no_such_inbox"),
        (f"inbox/main-0/articles?query={'x' * 201}", 422, "bad_request"),
        (f"inbox/main-0/articles/{'x' * 65}", 422, "bad_request"),
    ],
)
async def test_what_cannot_be_asked_is_refused_in_words(visitor: ApiClient, path: str, status: int, code: str) -> None:
    answered = await visitor.call("GET", path)
    assert (answered.status_code, answered.json()["error"]["code"]) == (status, code)


async def test_searches_have_a_limit_by_address(world: World, runtime: Runtime, settings: Any) -> None:
    gate = Gate(limits=Limits.of({"articles": "1/min:2"}))
    settings.ROOT_URLCONF = Addresses(runtime.conversations, gate)
    await open_portal(world, ORDER)
    visitor = ApiClient()
    statuses = [(await visitor.call("GET", "inbox/main-0/articles")).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


async def test_another_chatwoot_is_asked_for_its_own_articles(world: World, visitor: ApiClient) -> None:
    """What is kept belongs to a portal: an operator who names another one sees that one."""
    await open_portal(world, ORDER)
    assert await search(visitor) == ["Track your order"]
    await open_portal(world, RETURNS)
    assert await search(visitor) == ["Send it back"]
    assert await world.ask(Chatwoot.objects.count) == 1
