"""A file is fetched from Chatwoot and from listed hosts, at addresses that were checked, and from nowhere else."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from chat.chatwoot.addresses import Hosts, Uncheckable, is_public
from chat.chatwoot.errors import Ambiguous, ChatwootError, NotFound, Throttled, Unreachable
from chat.chatwoot.fetching import Extent, Storage, Unsatisfiable
from tests.fixtures.storages import HttpServer, MakeServer, redirect, told

FRONT = "https://chat.example"
BLOB = f"{FRONT}/rails/active_storage/blobs/redirect/eyJf--9c6a/a%20b.png"
DISK = "/rails/active_storage/disk/eyJf--9c6a/a%20b.png"
FILE = b"what was sent"


def storage(server: HttpServer, hosts: tuple[str, ...] = (), **more: Any) -> Storage:
    return Storage(server.url, hosts=Hosts(hosts), gate=contextlib.nullcontext, **more)


async def fetched(where: Storage, *, wanted: str | None = None, url: str = BLOB) -> tuple[Extent, bytes]:
    answer = await where.open(url, wanted=wanted)
    try:
        return answer.extent, b"".join([each async for each in answer.chunks()])
    finally:
        await answer.aclose()


@pytest.fixture
def resolving() -> Callable[..., Any]:
    """A name server of the test's own; it answers each time with the next of these, and fails after the last."""

    def make(*answers: list[str]) -> Any:
        left = iter(answers)

        async def resolve(host: str, port: int) -> list[str]:
            return next(left)

        return resolve

    return make


@pytest.mark.parametrize("front", ["", FRONT])
async def test_chatwoots_own_disk_is_asked_at_the_address_we_know(make_server: MakeServer, front: str) -> None:
    chatwoot = await make_server(lambda path, _: told("200 OK", FILE) if path == DISK else redirect(front + DISK))
    assert await fetched(storage(chatwoot)) == (Extent(0, 13, 13, is_part=False), FILE)
    paths = [path for path, _ in chatwoot.asked]
    assert paths == ["/rails/active_storage/blobs/redirect/eyJf--9c6a/a%20b.png", DISK]
    assert not any({"cookie", "authorization"} & headers.keys() for _, headers in chatwoot.asked)


async def test_a_listed_host_is_asked_at_the_very_address_that_was_checked(
    make_server: MakeServer, resolving: Any
) -> None:
    """Its name is asked for once: a second answer would be none."""
    bucket = await make_server(lambda *_: told("206 Partial Content", b"hat", Content_Range="bytes 1-3/13"))
    chatwoot = await make_server(lambda *_: redirect(f"http://files.example:{bucket.port}/key?sig=1"))
    where = storage(chatwoot, (".example", "127.0.0.0/8"), resolve=resolving(["127.0.0.1"]))
    assert await fetched(where, wanted="bytes=1-3") == (Extent(1, 3, 13, is_part=True), b"hat")
    ((path, headers),) = bucket.asked
    assert (path, headers["host"]) == ("/key?sig=1", f"files.example:{bucket.port}")
    assert headers["range"] == "bytes=1-3"


INSIDE = [
    "http://169.254.169.254/latest/meta-data",
    "http://localhost:{port}/",
    "http://127.0.0.1:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::1]:{port}/",
    "http://2130706433:{port}/",
    "http://user:secret@127.0.0.1:{port}/",
    "http://chat.example@127.0.0.1:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_GET",
    "ftp://127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "http://[broken/",
]


@pytest.mark.parametrize("listed", [(), ("files.example", "localhost", "2130706433")], ids=["", "names listed"])
@pytest.mark.parametrize("target", INSIDE)
async def test_t31_a_redirect_inside_our_network_makes_no_connection(
    make_server: MakeServer, target: str, listed: tuple[str, ...]
) -> None:
    inside = await make_server(lambda *_: told("200 OK", b"secret"))
    chatwoot = await make_server(lambda *_: redirect(target.format(port=inside.port)))
    with pytest.raises((Uncheckable, Unreachable)):
        await fetched(storage(chatwoot, listed))
    assert (inside.connections, chatwoot.connections) == (0, 1)


@pytest.mark.parametrize("answers", [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::ffff:127.0.0.1"], ["10.0.0.1"]])
async def test_t31_a_listed_name_that_stands_for_something_inside_makes_no_connection(
    make_server: MakeServer, resolving: Any, answers: list[str]
) -> None:
    """Rebinding: whatever it stood for before."""
    inside = await make_server(lambda *_: told("200 OK", b"secret"))
    chatwoot = await make_server(lambda *_: redirect(f"http://files.example:{inside.port}/"))
    with pytest.raises(Uncheckable, match="inside a network"):
        await fetched(storage(chatwoot, ("files.example",), resolve=resolving(answers)))
    assert inside.connections == 0


async def test_t31_a_storage_may_not_lead_further_inside(make_server: MakeServer, resolving: Any) -> None:
    """Not even through a listed host: each hop is checked."""
    inside = await make_server(lambda *_: told("200 OK", b"secret"))
    bucket = await make_server(lambda *_: redirect(f"http://127.0.0.1:{inside.port}/"))
    chatwoot = await make_server(lambda *_: redirect(f"http://files.example:{bucket.port}/"))
    where = storage(chatwoot, ("files.example", "127.0.0.0/8"), resolve=resolving(["127.0.0.1"]))
    with pytest.raises(Uncheckable, match="none of ATTACHMENT_HOSTS"):
        await fetched(where)
    assert (bucket.connections, inside.connections) == (1, 0)


@pytest.mark.parametrize(
    "url",
    [
        f"{FRONT}/admin",
        f"{FRONT}/rails/active_storage/../../api/v1/profile",
        f"{FRONT}/rails/active_storage/%2e%2e/%2E./api/v1/profile",
        f"{FRONT}/rails/active_storage/..%2f../api/v1/profile",
        f"{FRONT}/rails/active_storage/x?a=\x01",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "",
    ],
)
async def test_t31_a_first_address_that_is_no_file_of_chatwoots_is_not_asked(make_server: MakeServer, url: str) -> None:
    chatwoot = await make_server(lambda *_: told("200 OK", b"secret"))
    with pytest.raises(Uncheckable):
        await fetched(storage(chatwoot), url=url)
    assert chatwoot.connections == 0


async def test_t31_at_most_two_redirects_are_followed(make_server: MakeServer) -> None:
    chatwoot = await make_server(lambda *_: redirect(DISK))
    with pytest.raises(Uncheckable, match="too often"):
        await fetched(storage(chatwoot))
    assert chatwoot.connections == 3


async def test_chatwoots_redirect_to_another_page_of_its_own_is_not_followed(make_server: MakeServer) -> None:
    chatwoot = await make_server(lambda *_: redirect(f"{FRONT}/api/v1/profile"))
    with pytest.raises(Uncheckable):
        await fetched(storage(chatwoot))
    assert chatwoot.connections == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (told("404 Not Found"), NotFound),
        (told("410 Gone"), NotFound),
        (told("416 Range Not Satisfiable", Content_Range="bytes */13"), Unsatisfiable),
        (told("416 Range Not Satisfiable", Content_Range="bytes */*"), Ambiguous),
        (told("416 Range Not Satisfiable", Content_Range=f"bytes */{'9' * 5_000}"), Ambiguous),
        (told("206 Partial Content", FILE, Content_Range=f"bytes 0-1/{'9' * 5_000}"), Ambiguous),
        (told("403 Forbidden"), Uncheckable),
        (told("200 OK", FILE, Content_Encoding="gzip"), Uncheckable),
        (told("429 Too Many Requests", Retry_After="7"), Throttled),
        (told("500 Internal Server Error"), Ambiguous),
        (told("206 Partial Content", FILE), Ambiguous),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nwhat", Ambiguous),
        (b"no http\r\n\r\n", Ambiguous),
        (b"", Ambiguous),
    ],
)
async def test_what_cannot_be_had_is_said(make_server: MakeServer, answer: bytes, error: type[Exception]) -> None:
    chatwoot = await make_server(lambda *_: answer)
    with pytest.raises(error) as raised:
        await fetched(storage(chatwoot), wanted="bytes=20-")
    assert type(raised.value) is error


async def test_a_chatwoot_that_is_not_there_is_unreachable(make_server: MakeServer) -> None:
    chatwoot = await make_server(lambda *_: told("200 OK", FILE))
    nobody = Storage("http://127.0.0.1:1", hosts=Hosts(), gate=contextlib.nullcontext)
    with pytest.raises(Unreachable):
        await fetched(nobody)
    assert isinstance(Unreachable(), ChatwootError) and chatwoot.connections == 0


def test_addresses_that_stand_for_others_count_as_those() -> None:
    inside = ["::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1%eth0", "0.0.0.0", "224.0.0.1"]
    assert [each for each in inside if is_public(each)] == []
    assert is_public("64:ff9b::5db8:d822")
