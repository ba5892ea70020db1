"""The help centre's client against the stand-in, over real sockets."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest

from chat.chatwoot.addresses import Hosts, Uncheckable
from chat.chatwoot.errors import Forbidden, Malformed, NotFound, Unreachable
from chat.chatwoot.portal import Portal, open_elsewhere
from chat.chatwoot.transport import open_http
from tests.fixtures.sandbox import SandboxProcess
from tests.fixtures.storages import MakeServer, told


@pytest.fixture
async def http(sandbox: SandboxProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with open_http(sandbox.base_url) as client:
        yield client


async def test_articles_come_whole_and_the_most_read_first(http: httpx.AsyncClient, sandbox: SandboxProcess) -> None:
    slug = sandbox.new_portal(
        {"title": "Seldom", "content": "a"},
        {"title": "Often", "content": "**b**", "description": "c", "views": 9},
        {"title": "Draft", "status": 0},
    )
    portal = Portal(http, slug)
    listed = await portal.articles("en")
    told_of = [(each.title, each.description, each.content) for each in listed.rows]
    assert told_of == [("Often", "c", "**b**"), ("Seldom", "", "a")]
    assert [each.title for each in (await portal.articles("en", most=1)).rows] == ["Often"]


async def test_a_locale_without_articles_is_empty_and_the_default_is_told(
    http: httpx.AsyncClient, sandbox: SandboxProcess
) -> None:
    portal = Portal(http, sandbox.new_portal({"title": "Bonjour", "locale": "fr"}, config={"default_locale": "fr"}))
    assert (await portal.articles("de")).rows == ()
    assert await portal.default_locale("de") == "fr"


async def test_a_portal_that_is_not_there_is_not_found(http: httpx.AsyncClient) -> None:
    with pytest.raises(NotFound):
        await Portal(http, "nothing").articles("en")


async def test_what_is_not_published_any_more_is_left_out_whoever_lists_it(make_server: MakeServer) -> None:
    row = b'{"id": %d, "title": "%s", "status": "%s", "content": null}'
    rows = row % (1, b"Old", b"archived"), row % (2, b"New", b"published"), b'{"id": 3}'
    body = b'{"payload": [%s, %s, %s]}' % rows
    server = await make_server(lambda *_: told("200 OK", body, Content_Type="application/json"))
    async with open_http(server.url) as http:
        listed = await Portal(http, "help").articles("en")
    assert ([each.title for each in listed.rows], len(listed.unread)) == (["New"], 1)


async def test_a_page_in_place_of_json_is_malformed(make_server: MakeServer) -> None:
    server = await make_server(lambda *_: told("200 OK", b"<html>"))
    async with open_http(server.url) as http:
        with pytest.raises(Malformed):
            await Portal(http, "help").default_locale("en")


# At an address of its own


async def resolved(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


LOOPBACK = "127.0.0.0/8"


async def test_a_portal_s_own_domain_is_asked_by_its_name_at_the_address_that_was_checked(
    sandbox: SandboxProcess,
) -> None:
    slug = sandbox.new_portal({"title": "One"}, custom_domain="help.example")
    origin = f"http://help.example:{urlsplit(sandbox.base_url).port}"
    async with open_elsewhere(origin, Hosts(["help.example", LOOPBACK]), resolve=resolved) as http:
        assert [each.title for each in (await Portal(http, slug).articles("en")).rows] == ["One"]


async def test_a_host_that_chatwoot_does_not_know_is_forbidden(sandbox: SandboxProcess) -> None:
    slug = sandbox.new_portal({"title": "One"})
    origin = f"http://rails.internal:{urlsplit(sandbox.base_url).port}"
    async with open_elsewhere(origin, Hosts(["rails.internal", LOOPBACK]), resolve=resolved) as http:
        with pytest.raises(Forbidden, match="401"):
            await Portal(http, slug).articles("en")


async def test_an_address_inside_that_is_not_listed_makes_no_connection(make_server: MakeServer) -> None:
    server = await make_server(lambda *_: told("200 OK", b"{}"))
    async with open_elsewhere(f"http://help.example:{server.port}", Hosts(["help.example"]), resolve=resolved) as http:
        with pytest.raises(Uncheckable, match="inside a network"):
            await Portal(http, "help").articles("en")
    assert server.connections == 0


async def test_a_redirect_is_not_followed(make_server: MakeServer) -> None:
    inside = await make_server(lambda *_: told("200 OK", b"{}"))
    server = await make_server(lambda *_: told("302 Found", Location=inside.url))
    hosts = Hosts(["help.example", LOOPBACK])
    async with open_elsewhere(f"http://help.example:{server.port}", hosts, resolve=resolved) as http:
        with pytest.raises(Forbidden, match="302"):
            await Portal(http, "help").articles("en")
    assert inside.connections == 0


async def test_a_name_without_an_address_is_unreachable() -> None:
    async def nowhere(host: str, port: int) -> list[str]:
        raise OSError

    async with open_elsewhere("http://help.example", Hosts(["help.example"]), resolve=nowhere) as http:
        with pytest.raises(Unreachable):
            await Portal(http, "help").articles("en")
