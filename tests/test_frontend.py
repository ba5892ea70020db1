"""Which files pages name, and how what was built is served."""

import gzip
import re
from typing import Any

import pytest
from django.http import Http404
from django.test import Client, RequestFactory

from chat import frontend
from chat.joining import joined
from tests.fixtures.people import make_inbox

pytestmark = pytest.mark.django_db
SDK = joined(frontend.STATIC / "chat/sdk.js")
HASHED = re.compile(r"/static/build/[\w-]+-[A-Z0-9]{8}\.(js|css)")


@pytest.fixture
def released(built: None, settings: Any) -> Any:
    """As where DEBUG is off, but without what a process remembers of it."""
    settings.DEBUG = settings.STATIC_BUILD = True
    return settings


def named(client: Client) -> list[str]:
    make_inbox()
    html = client.get("/frame/main/").content.decode()
    return re.findall(r'(?:href|src)="(/static/[^"]+)"', html)


def test_a_page_names_the_sources_where_there_is_no_build(client: Client) -> None:
    assert named(client) == ["/static/chat/first.css", "/static/chat/frame/main.js"]
    assert client.get("/sdk.js").content == SDK


def test_a_page_names_one_sheet_and_one_script_of_the_build(client: Client, released: Any) -> None:
    sheet, script = named(client)
    assert HASHED.fullmatch(sheet)
    assert HASHED.fullmatch(script)


def test_whoever_develops_may_do_without_the_build(client: Client, released: Any) -> None:
    released.STATIC_BUILD = False
    assert named(client) == ["/static/chat/first.css", "/static/chat/frame/main.js"]


def test_every_lazy_sheet_has_an_address_in_the_build(client: Client, released: Any) -> None:
    sheets = {sheet.stem for sheet in (frontend.STATIC / "chat/lazy").glob("*.css")}
    assert frontend.lazy_styles().keys() == sheets
    assert all(HASHED.fullmatch(address) for address in frontend.lazy_styles().values())


def test_every_module_that_may_be_asked_for_once_more_has_an_address(client: Client, released: Any) -> None:
    sources = "".join(path.read_text() for path in (frontend.STATIC / "chat/frame").rglob("*.js"))
    assert frontend.lazy_modules().keys() == {"rich", "media", *re.findall(r'part\("(\w+)"', sources)}
    assert all(HASHED.fullmatch(address) for address in frontend.lazy_modules().values())


def test_built_files_come_compressed_and_may_be_kept_for_ever(released: Any) -> None:
    client = Client(headers={"accept-encoding": "gzip"})  # made here, so that its whitenoise knows the build
    for address in named(client):
        answer = client.get(address)
        assert "immutable" in answer["Cache-Control"]
        assert answer["Content-Encoding"] == "gzip"
        assert answer["Vary"] == "Accept-Encoding"
        assert gzip.decompress(answer.content)


def test_sources_are_not_kept_for_ever(client: Client) -> None:
    assert "immutable" not in client.get("/static/chat/frame/main.js")["Cache-Control"]


@pytest.mark.parametrize(
    ("accepted", "coding"), [("gzip, deflate, br, zstd", "gzip"), ("identity", None), ("x-gzip", None)]
)
def test_the_script_for_other_sites_comes_compressed_to_whoever_takes_it(
    client: Client, accepted: str, coding: str | None
) -> None:
    answer = client.get("/sdk.js", headers={"accept-encoding": accepted})
    assert answer.get("Content-Encoding") == coding
    assert answer["Vary"] == "Accept-Encoding"
    assert answer["Cache-Control"] == "public, max-age=300"
    source = SDK
    assert (gzip.decompress(answer.content) if coding else answer.content) == source


def test_the_script_for_other_sites_is_the_built_one(client: Client, released: Any) -> None:
    assert len(client.get("/sdk.js").content) < len(SDK)


def test_each_coding_of_the_script_has_a_tag_of_its_own(client: Client) -> None:
    tags = set()
    for coding in ("gzip", "identity"):
        tag = client.get("/sdk.js", headers={"accept-encoding": coding})["ETag"]
        again = client.get("/sdk.js", headers={"accept-encoding": coding, "if-none-match": tag})
        assert (again.status_code, again.content) == (304, b"")
        tags.add(tag)
    assert len(tags) == 2


def test_a_script_may_begin_with_what_a_request_asks_for(rf: RequestFactory) -> None:
    plain, begun = (frontend.script(rf.get("/sdk.js"), "chat/sdk.js", before=before) for before in (b"", b"begin();"))
    assert begun.content == b"begin();" + plain.content
    assert begun["ETag"] != plain["ETag"]


def test_a_script_that_is_not_there_is_not_found(rf: RequestFactory) -> None:
    with pytest.raises(Http404):
        frontend.script(rf.get("/sdk.js"), "chat/nothing.js")
