"""Language, theme and look of the pages and of the launcher, as the server gives them."""

import json
import re
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from chat.models import Inbox
from tests.fixtures.people import make_inbox

pytestmark = pytest.mark.django_db
PAGES = ["/chat/main/", "/frame/main/"]
GERMAN = {"accept-language": "de-AT,de;q=0.9,en;q=0.5"}


@pytest.fixture
def inbox(db: None) -> Inbox:
    return make_inbox(name="Shop")


def config(page: str) -> dict[str, Any]:
    found = re.search(r'<script id="config" type="application/json">(.*?)</script>', page)
    assert found
    told: dict[str, Any] = json.loads(found[1])
    return told


def head_of(page: str) -> str:
    return page.split("<head>")[0]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_speaks_the_browser_s_language(client: Client, inbox: Inbox, path: str) -> None:
    response = client.get(path, headers=GERMAN)
    page = response.content.decode()
    assert '<html lang="de" dir="ltr"' in page
    told = config(page)
    assert (told["language"], told["locale"]) == ("de", "de-AT")
    assert told["catalogue"] == "/static/chat/locales/de.js"
    assert f'<link rel="modulepreload" href="{told["catalogue"]}">' in page
    assert 'aria-label="Chat mit Shop"' in page
    assert "Dieser Chat braucht JavaScript." in page
    assert "Accept-Language" in response["Vary"]
    assert client.get(told["catalogue"]).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_english_needs_no_catalogue(client: Client, inbox: Inbox, path: str) -> None:
    page = client.get(path).content.decode()
    assert "modulepreload" not in page
    assert config(page)["catalogue"] == ""


def test_the_host_s_wish_goes_before_the_inbox_s_language_and_that_before_the_browser_s(
    client: Client, inbox: Inbox
) -> None:
    Inbox.objects.update(look={"locale": "fr"})
    assert 'lang="fr"' in head_of(client.get("/frame/main/", headers=GERMAN).content.decode())
    page = client.get("/frame/main/", {"locale": "ar"}, headers=GERMAN).content.decode()
    assert '<html lang="ar" dir="rtl"' in page
    assert 'lang="fr"' in head_of(client.get("/frame/main/", {"locale": '"><script>'}).content.decode())


def test_a_theme_is_the_inbox_s_unless_the_host_wants_another(client: Client, inbox: Inbox) -> None:
    Inbox.objects.update(look={"theme": "dark"})
    page = client.get("/frame/main/").content.decode()
    assert 'data-theme="dark"' in head_of(page)
    assert '<meta name="color-scheme" content="dark">' in page
    assert 'data-theme="light"' in head_of(client.get("/frame/main/", {"theme": "light"}).content.decode())
    assert "data-theme" not in client.get("/frame/main/", {"theme": "auto"}).content.decode()
    assert 'data-theme="dark"' in head_of(client.get("/frame/main/", {"theme": '"onload="'}).content.decode())


def test_the_inbox_s_own_texts_are_those_of_the_language(client: Client, inbox: Inbox) -> None:
    Inbox.objects.update(texts={"greeting": "Hello", "header.plain": "Soon", "de": {"greeting": "Moin"}})
    told = config(client.get("/chat/main/", headers=GERMAN).content.decode())
    assert told["texts"] == {"greeting": "Moin", "header.plain": "Soon"}
    assert told["greeting"] == "Moin"


# The launcher


def filled_in(script: str) -> dict[str, str]:
    found = re.match(
        r"\(e=>\{if\(e\)for\(const\[k,v\]of Object\.entries\((\{.*\})\)\)e\.dataset\[k\]\?\?=v\}\)", script
    )
    assert found
    values: dict[str, str] = json.loads(found[1])
    return values


def test_the_script_of_an_inbox_brings_its_look_and_words_along(client: Client, inbox: Inbox) -> None:
    look = {"accent": "#123456", "theme": "dark", "position": "start", "launcher": "pill"}
    Inbox.objects.update(look=look, texts={"de": {"launcher.chat": "Fragen?"}})
    response = client.get("/sdk.js", {"inbox": "main"}, headers=GERMAN)
    plain = client.get("/sdk.js")
    script = response.content.decode()
    values = filled_in(script)
    words = json.loads(values.pop("words"))
    assert values == {"inbox": "main", **look}
    assert (words["lang"], words["label"], words["labelWord"]) == ("de", "Chat öffnen", "Fragen?")
    assert script.endswith(plain.content.decode())
    assert response["Vary"] == "Accept-Encoding, Accept-Language"
    assert response["ETag"] != plain["ETag"]
    assert (
        client.get("/sdk.js", {"inbox": "main"}, headers=GERMAN | {"if-none-match": response["ETag"]}).status_code
        == 304
    )


def test_the_host_s_language_is_named_in_the_script_s_address(client: Client, inbox: Inbox) -> None:
    values = filled_in(client.get("/sdk.js", {"inbox": "main", "locale": "ar"}, headers=GERMAN).content.decode())
    assert values["locale"] == "ar"
    assert json.loads(values["words"])["labelClose"] == "إغلاق الدردشة"


def test_nothing_in_a_row_gets_out_of_its_quotes(client: Client, inbox: Inbox) -> None:
    evil = "</script>\u2028'\"`${alert(1)}\\"
    Inbox.objects.update(look={"accent": evil, "theme": evil}, texts={"launcher.chat": evil})
    script = client.get("/sdk.js", {"inbox": "main"}).content.decode().splitlines()[0]
    assert json.loads(filled_in(script)["words"])["labelWord"] == evil
    assert script.isascii()


@pytest.mark.parametrize("slug", ["unknown", "", "a\0b", "x" * 5_000])
def test_an_unknown_inbox_gets_the_script_as_it_is(client: Client, inbox: Inbox, slug: str) -> None:
    assert client.get("/sdk.js", {"inbox": slug}).content == client.get("/sdk.js").content


def test_while_the_database_is_away_the_script_comes_as_it_is(client: Client, inbox: Inbox) -> None:
    def unreachable(*_: Any) -> None:
        raise OperationalError("the server closed the connection unexpectedly")

    with connection.execute_wrapper(unreachable):
        response = client.get("/sdk.js", {"inbox": "main"})
    assert (response.status_code, response.content) == (200, client.get("/sdk.js").content)
