import json
import re
from html.parser import HTMLParser

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from chat import colours
from chat.filetypes import EXTENSIONS
from chat.frontend import address, lazy_modules, lazy_styles
from chat.models import Inbox, upsert_inbox

pytestmark = pytest.mark.django_db
PAGES = ["/", "/demo/", "/chat/main/", "/frame/main/"]


@pytest.fixture
def inbox():
    return upsert_inbox(
        slug="main",
        url="https://chatwoot.example",
        cable_url="wss://chatwoot.example/cable",
        inbox_identifier="chatwoot-identifier",
        hmac_token="chatwoot-hmac",
        name="Shop <b>",
        allowed_origins=["https://shop.example", "https://*.example.com", "not an origin; script-src *"],
        look={"accent": "#1f6f5c"},
        texts={"greeting": "</script><script>alert(1)</script>"},
    )


class Scripts(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "script":
            self.found.append(dict(attrs))

    def handle_data(self, data):
        if self.found:
            self.found[-1].setdefault("content", data)


def policy(response):
    directives = (each.strip().partition(" ") for each in response["Content-Security-Policy"].split(";"))
    return {name: values for name, _, values in directives}


def config(response):
    (script,) = [each for each in Scripts(response.content.decode()).found if each.get("id") == "config"]
    return json.loads(script["content"])


def test_an_unknown_address_is_one_of_our_pages(client):
    response = client.get("/nowhere/")
    assert response.status_code == 404 and "Nothing here" in response.content.decode()
    assert policy(response)["default-src"] == "'none'" and policy(response)["style-src"] == "'self'"


def test_the_admin_loads_and_sends_to_itself_alone(client):
    said = policy(client.get("/admin/login/"))
    assert (said["default-src"], said["form-action"], said["base-uri"]) == ("'self'", "'self'", "'none'")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_loads(client, inbox, page):
    response = client.get(page)
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("page", [*PAGES, "/sdk.js", "/chat/unknown/"])
def test_a_page_sets_no_cookie_and_writes_nothing(client, inbox, page, django_assert_max_num_queries):
    with django_assert_max_num_queries(2) as queries:
        response = client.get(page)
    assert not response.cookies
    assert "Vary" not in response or "Cookie" not in response["Vary"]
    assert isinstance(queries, CaptureQueriesContext)
    assert all(each["sql"].startswith("SELECT") for each in queries.captured_queries)


@pytest.mark.parametrize("page", ["/chat/main/", "/admin/login/"])
def test_who_opened_a_page_of_ours_or_was_opened_by_it_has_no_hold_of_it(client, inbox, page):
    assert client.get(page)["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_nothing_of_chatwoot(client, inbox, page):
    assert "chatwoot-" not in client.get(page).content.decode()
    assert "chatwoot.example" not in client.get(page).content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_only_scripts_with_the_nonce_of_this_answer_run(client, inbox, page):
    nonces = set()
    for _ in range(2):
        response = client.get(page)
        (nonce,) = re.findall(r"'nonce-([^']+)'", policy(response)["script-src"])
        nonces.add(nonce)
        assert "unsafe" not in response["Content-Security-Policy"]
        for script in Scripts(response.content.decode()).found:
            assert script.get("nonce") == nonce or script.get("type") == "application/json"
    assert len(nonces) == 2


@pytest.mark.parametrize("page", ["/", "/demo/", "/chat/main/", "/chat/unknown/", "/frame/unknown/"])
def test_nobody_may_frame_a_page_that_is_not_the_frame(client, inbox, page):
    response = client.get(page)
    assert policy(response)["frame-ancestors"] == "'none'"
    assert response["X-Frame-Options"] == "DENY"


def test_the_inbox_s_origins_and_our_own_pages_may_frame_the_frame(client, inbox):
    response = client.get("/frame/main/")
    assert policy(response)["frame-ancestors"] == "'self' https://shop.example https://*.example.com"
    assert "X-Frame-Options" not in response


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_not_sniffed_and_tells_other_sites_no_address(client, inbox, page):
    response = client.get(page)
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "strict-origin"


@pytest.mark.parametrize("page", ["/chat/main/", "/frame/main/"])
def test_the_scripts_are_told_what_they_need(client, inbox, page, settings):
    assert config(client.get(page)) == {
        "inbox": "main",
        "name": "Shop <b>",
        "colours": colours.properties("#1f6f5c"),
        "greeting": "</script><script>alert(1)</script>",
        "texts": {"greeting": "</script><script>alert(1)</script>"},
        "theme": "auto",
        "language": "en",
        "dir": "ltr",
        "catalogue": "",
        "api": "/api/v1",
        "socket": "/ws/v1",
        "limits": {
            "text": 10_000,
            "files": 10,
            "upload_bytes": settings.UPLOAD_MAX_BYTES,
            "upload_types": sorted(EXTENSIONS),
        },
        "openings": None,
        "ask": None,
        "suggestions": [],
        "resolved": "reopen",
        "articles": False,
        "team": [],
        "transcript": "never",
        "host_origins": ["*self"],
        "locale": "en",
        "modules": lazy_modules(),
        "styles": lazy_styles(),
        "begun": False,
    }


def test_a_page_with_a_team_names_what_shows_it_and_no_other_does(client, inbox):
    before = client.get("/frame/main/").content.decode()
    team = [{"name": "Gus", "avatar": "a" * 32}, {"name": "Zoe", "avatar": ""}]
    Inbox.objects.update(agent_token="some", team=team)
    response = client.get("/frame/main/")
    shown = [{"name": "Gus", "avatar": f"/api/v1/avatars/{'a' * 32}"}, {"name": "Zoe", "avatar": None}]
    assert config(response)["team"] == shown
    for asset in ("chat/frame/team.js", "chat/lazy/team.css"):
        named = f'href="{address(asset)}"'
        assert named in response.content.decode() and named not in before


def test_a_page_is_told_of_a_session_that_its_browser_could_not_note_down(client, inbox):
    client.cookies["chatproxy-main"] = "whatever it is: only a refresh proves it"
    response = client.get("/frame/main/")
    assert config(response)["begun"] is True
    assert "whatever" not in response.content.decode()


@pytest.mark.parametrize(
    ("origin", "host_origins"),
    [
        ("https://shop.example", ["https://shop.example"]),
        ("https://www.example.com", ["https://www.example.com"]),
        ("http://testserver", ["*self"]),
    ],
)
def test_the_frame_talks_to_the_page_around_it_if_that_is_allowed(client, inbox, origin, host_origins):
    assert config(client.get("/frame/main/", {"origin": origin}))["host_origins"] == host_origins


@pytest.mark.parametrize("origin", ["https://evil.example", "*", "null", "", "</script><script>alert(1)</script>"])
def test_a_page_that_may_not_has_an_empty_frame_which_says_so_in_the_console(client, inbox, origin):
    response = client.get("/frame/main/", {"origin": origin})
    assert response.status_code == 403
    assert policy(response)["frame-ancestors"] == "*" and "X-Frame-Options" not in response
    (script,) = Scripts(response.content.decode()).found
    assert "console.error" in script["content"] and f"'nonce-{script['nonce']}'" in policy(response)["script-src"]
    assert not any(word in response.content.decode() for word in ("Shop", "alert", "static"))


@pytest.mark.parametrize("page", ["/chat/unknown/", "/frame/unknown/"])
def test_an_unknown_inbox_is_said_in_words(client, inbox, page):
    response = client.get(page)
    assert response.status_code == 404
    assert "no chat" in response.content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_while_the_database_is_away_a_page_says_so_and_the_log_in_one_line(client, inbox, page, caplog):
    def unreachable(*_):
        raise OperationalError("the server closed the connection unexpectedly")

    with connection.execute_wrapper(unreachable):
        response = client.get(page)
    assert (response.status_code, response["Retry-After"]) == (503, "30")
    assert "Nothing you wrote is lost" in response.content.decode()
    assert [each.getMessage() for each in caplog.records] == [f"{page}: the database cannot be used: OperationalError"]


def test_without_an_inbox_the_start_page_says_what_to_do(client):
    assert "There is no inbox yet" in client.get("/").content.decode()
    assert client.get("/demo/").status_code == 404


def test_the_start_page_links_the_desk_where_there_is_one(client, inbox, settings):
    assert "Agent desk" not in client.get("/").content.decode()
    settings.DESK_URL = "http://127.0.0.1:3000/desk"
    assert 'href="http://127.0.0.1:3000/desk"' in client.get("/").content.decode()


@pytest.mark.parametrize("script", ["/sdk.js", "/element.js", "/compat.js"])
def test_a_script_may_be_kept_for_five_minutes_and_embedded_anywhere(client, script):
    response = client.get(script)
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/javascript")
    assert response["Cache-Control"] == "public, max-age=300"
    assert response["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert response["Access-Control-Allow-Origin"] == "*"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert b"chatproxy" in response.content


def test_the_script_is_sent_again_only_when_it_changed(client):
    etag = client.get("/sdk.js")["ETag"]
    again = client.get("/sdk.js", headers={"if-none-match": etag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("page", [*PAGES, "/sdk.js"])
def test_a_page_is_only_read(client, inbox, page):
    assert client.post(page).status_code == 405
    assert client.head(page).status_code == 200
