"""What holds at every address: who may frame it, under which host it answers, where it sends nobody."""

import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import AsyncClient, Client
from django.urls import URLPattern, URLResolver, get_resolver

from chat import runtime
from chat.models import Inbox
from tests.fixtures.people import make_inbox

pytestmark = pytest.mark.django_db
SHOP, SITE = "https://shop.example", "http://testserver"
# Of each entry of the address table one address, and what is not there at all.
ROUTES = {
    "livez": ["/livez"],
    "readyz": ["/readyz"],
    "healthz": ["/healthz"],
    "metrics": ["/metrics"],
    "admin/login/": ["/admin/login/"],
    "admin/status/": ["/admin/status/"],
    "admin/": ["/admin/", "/admin/chat/block/", "/admin/nothing/"],
    "": ["/", "/nothing/", "/static/chat/sdk.js", "/static/nothing.js"],
    "demo/": ["/demo/", "/demo"],
    "chat/<slug:slug>/": ["/chat/main/", "/chat/nothing/"],
    "frame/<slug:slug>/": ["/frame/nothing/"],
    "sdk.js": ["/sdk.js"],
    "element.js": ["/element.js"],
    "compat.js": ["/compat.js"],
    "robots.txt": ["/robots.txt"],
    "favicon.ico": ["/favicon.ico"],
    "api/v1/": ["/api/v1/sync", "/api/v1/openapi.json", "/api/v1/session"],
    "api/v1/asyncapi.json": ["/api/v1/asyncapi.json"],
    "api/v1/docs": ["/api/v1/docs"],
    "api/v1/<path:rest>": ["/api/v1/nothing"],
    "hooks/chatwoot/<str:slug>/<str:secret>": ["/hooks/chatwoot/main/guessed"],
    "^hooks/": ["/hooks/nothing"],
}
EVERYWHERE = sorted({path for paths in ROUTES.values() for path in paths})


@pytest.fixture
def inbox(db: None) -> Inbox:
    return make_inbox(allowed_origins=[SHOP])


def entries(patterns: list[URLPattern | URLResolver]) -> set[str]:
    """What the address table holds, with what `chat.urls` includes as its own."""
    found = set[str]()
    for each in patterns:
        found.add(str(each.pattern))
        if isinstance(each, URLResolver) and not str(each.pattern):
            found |= entries(each.url_patterns)
    return found


def test_no_address_is_forgotten_here() -> None:
    assert entries(get_resolver().url_patterns) == ROUTES.keys(), "give the new ones a line in ROUTES"


@pytest.fixture
async def process() -> AsyncIterator[None]:
    """Some addresses start the runtime."""
    yield
    await runtime.stop_current()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", EVERYWHERE)
async def test_t22_nothing_but_the_frame_may_be_framed(
    async_client: AsyncClient, inbox: Inbox, process: None, path: str
) -> None:
    await async_client.aforce_login(await sync_to_async(User.objects.create_superuser)("operator"))
    for ask in (async_client.get, async_client.post, async_client.options):
        response = await ask(path)
        assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
        assert response["X-Frame-Options"] == "DENY"


def test_t22_the_frame_may_be_framed_by_the_origins_of_its_inbox_alone(client: Client, inbox: Inbox) -> None:
    for origins, ancestors in (([SHOP], f"'self' {SHOP}"), ([], "'self'"), (["nonsense; x *"], "'self'")):
        Inbox.objects.update(allowed_origins=origins)
        response = client.get("/frame/main/")
        policies = [each.strip() for each in response["Content-Security-Policy"].split(";")]
        assert f"frame-ancestors {ancestors}" in policies
        assert "X-Frame-Options" not in response


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "testserver@evil.example", "a b", "[::2]"])
@pytest.mark.parametrize("path", ["/", "/chat/main/", "/demo", "/api/v1/sync", "/admin/", "/sdk.js"])
def test_t39_under_another_host_there_is_nothing(client: Client, inbox: Inbox, path: str, host: str) -> None:
    for forged in ({"host": host}, {"host": host, "x-forwarded-host": "testserver"}):
        response = client.get(path, headers=forged)
        assert response.status_code == 400
        assert b"evil" not in response.content


def test_t39_no_header_names_our_own_address(client: Client, inbox: Inbox) -> None:
    forged = {"x-forwarded-host": "evil.example", "forwarded": "host=evil.example", "x-original-url": "//evil.example"}
    for path in EVERYWHERE:
        response = client.get(path, headers=forged)
        assert b"evil" not in response.content
        assert "evil" not in response.get("Location", "")


def leads_away(response: Any, path: str) -> bool:
    """As a browser reads it: backslashes are slashes, and what begins with two names a host."""
    location = response.get("Location", "")
    target = urljoin(SITE + path, re.sub(r"[\t\r\n]", "", location).replace("\\", "/"))
    return urlsplit(target).netloc != "testserver"


def test_the_test_knows_what_leads_away() -> None:
    for location in (
        "//evil.example",
        "\\\\evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "https://evil.example/",
    ):
        assert leads_away({"Location": location}, "/demo"), location
    for location in ("", "/demo/", "demo/", "?next=//evil.example", "http://testserver/demo/"):
        assert not leads_away({"Location": location}, "/demo"), location


EVIL = [
    *("//evil.example", "\\\\evil.example", "/\\evil.example", "\\evil.example", "https://evil.example"),
    *("/%5cevil.example", "///evil.example", "/%2f%2fevil.example", "\t//evil.example", "javascript:alert(1)"),
    *("/@evil.example", "//evil.example%2f.."),
]


@pytest.mark.parametrize("evil", EVIL)
def test_t40_no_parameter_leads_away(client: Client, inbox: Inbox, evil: str) -> None:
    query = urlencode(dict.fromkeys(("next", "url", "return", "redirect", "origin", "continue", "r"), evil))
    for path in ("/", "/chat/main/", "/frame/main/", "/demo", "/admin/", "/admin/login/", "/api/v1/sync"):
        assert not leads_away(client.get(f"{path}?{query}"), path)


@pytest.mark.parametrize("evil", EVIL)
def test_t40_signing_in_leads_to_the_admin(client: Client, evil: str) -> None:
    User.objects.create_superuser("operator", password="a long password")
    said = {"username": "operator", "password": "a long password", "next": evil}
    response = client.post("/admin/login/", said)
    assert (response.status_code, leads_away(response, "/admin/login/")) == (302, False)


# Crawlers


@pytest.mark.parametrize("agent", ["Googlebot/2.1", "curl/8", ""])
def test_a_crawler_is_told_to_stay_away(client: Client, inbox: Inbox, agent: str) -> None:
    headers = {"user-agent": agent}
    rules = client.get("/robots.txt", headers=headers)
    assert rules["Content-Type"] == "text/plain"
    assert "Disallow: /\n" in rules.content.decode()
    for path in ("/chat/main/", "/frame/main/", "/demo/"):
        response = client.get(path, headers=headers)
        assert response["X-Robots-Tag"] == "noindex, nofollow"
        assert not response.cookies
    assert "X-Robots-Tag" not in client.get("/", headers=headers)
