"""Nobody tries passwords without end, and an operator's cookies go nowhere but here."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import AsyncClient, Client
from django.urls import include, path

from chat.admin.login import login_url
from chat.gate import Gate
from chat.limits import Limits

pytestmark = pytest.mark.django_db(transaction=True)
LOGIN, PASSWORD = "/admin/login/", "a long enough password"
HOME, OFFICE = "203.0.113.7", "203.0.113.8"


class Addresses:
    """A root URLconf whose gate counts."""

    def __init__(self, **limits: str) -> None:
        gate = Gate(limits=Limits.of(limits))
        self.urlpatterns = [
            login_url(lambda: gate),
            path("admin/", admin.site.urls),
            path("", include("chat.urls")),
        ]


@pytest.fixture(autouse=True)
def operator() -> User:
    return User.objects.create_superuser("operator", password=PASSWORD)


def try_in(client: Client, password: str, peer: str = HOME, **extra: Any) -> Any:
    form = {"username": "operator", "password": password, "next": "/admin/chat/inbox/"}
    return client.post(LOGIN, form, REMOTE_ADDR=peer, **extra)


def test_an_address_tries_so_often_and_is_then_told_when_to_come_back(client: Client, settings: Any) -> None:
    settings.ROOT_URLCONF = Addresses()
    tried = [try_in(client, f"guess {number}").status_code for number in range(12)]
    assert tried == [200] * 10 + [429] * 2
    refused = try_in(client, PASSWORD)
    assert refused.status_code == 429 and 1 <= int(refused["Retry-After"]) <= 6
    assert "Too many sign-ins were tried from your network just now" in refused.content.decode()
    assert "no-store" in refused["Cache-Control"]
    assert client.get("/admin/chat/inbox/").status_code == 302, "the right password was not looked at"
    assert client.get(LOGIN, REMOTE_ADDR=HOME).status_code == 200, "to look at the page is no try"
    assert try_in(client, PASSWORD, OFFICE).status_code == 302


def test_who_looks_at_the_page_is_a_call_of_their_address(client: Client, settings: Any) -> None:
    settings.ROOT_URLCONF = Addresses(address_calls="2/h")
    assert [client.get(LOGIN, REMOTE_ADDR=HOME).status_code for _ in range(3)] == [200, 200, 429]
    assert client.get(LOGIN, REMOTE_ADDR=OFFICE).status_code == 200


def test_how_often_is_a_setting(client: Client, settings: Any) -> None:
    settings.ROOT_URLCONF = Addresses(admin_logins="1/h")
    assert [try_in(client, "guess").status_code for _ in range(2)] == [200, 429]


def test_the_login_of_the_site_itself_is_the_one_that_counts() -> None:
    from chatproxy.urls import urlpatterns

    names = [getattr(each.pattern, "_route", "") for each in urlpatterns]
    assert names.index("admin/login/") < names.index("admin/")


def test_who_signs_in_comes_where_they_wanted_and_to_no_other_site(client: Client) -> None:
    assert try_in(client, PASSWORD)["Location"] == "/admin/chat/inbox/"
    client.logout()
    form = {"username": "operator", "password": PASSWORD, "next": "https://evil.example/"}
    assert client.post(LOGIN, form)["Location"] == "/accounts/profile/"


def test_over_tls_the_cookies_are_bound_to_this_host(client: Client) -> None:
    page = client.get(LOGIN, secure=True)
    assert set(page.cookies) == {"__Host-csrftoken"}
    signed_in = try_in(client, PASSWORD, secure=True)
    assert set(signed_in.cookies) == {"__Host-csrftoken", "__Host-sessionid"}
    for cookie in signed_in.cookies.values():
        assert (cookie["secure"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Strict", "/", "")
    assert signed_in.cookies["__Host-sessionid"]["httponly"]
    assert client.get("/admin/chat/inbox/", secure=True).status_code == 200


async def test_served_as_it_really_is_the_same_cookies_come_and_are_taken(async_client: AsyncClient) -> None:
    form = {"username": "operator", "password": PASSWORD}
    signed_in = await async_client.post(LOGIN, form, secure=True)
    assert set(signed_in.cookies) == {"__Host-csrftoken", "__Host-sessionid"}
    assert (await async_client.get("/admin/chat/inbox/", secure=True)).status_code == 200


def test_over_tls_a_cookie_without_the_prefix_is_nobodys(client: Client) -> None:
    """A neighbouring host name may have set it."""
    try_in(client, PASSWORD)
    assert client.get("/admin/chat/inbox/").status_code == 200
    assert client.get("/admin/chat/inbox/", secure=True).status_code == 302


def test_without_tls_it_still_works_on_this_machine(client: Client) -> None:
    signed_in = try_in(client, PASSWORD)
    assert set(signed_in.cookies) == {"csrftoken", "sessionid"}
    assert {each["samesite"] for each in signed_in.cookies.values()} == {"Strict"}
    assert client.get("/admin/chat/inbox/").status_code == 200


def test_over_tls_a_form_without_its_token_is_refused_as_ever(operator: User) -> None:
    client = Client(enforce_csrf_checks=True)
    host = {"secure": True, "headers": {"referer": "https://testserver/admin/login/"}}
    assert client.post(LOGIN, {"username": "operator", "password": PASSWORD}, **host).status_code == 403
    token = client.get(LOGIN, **host).context["csrf_token"]
    form = {"username": "operator", "password": PASSWORD, "csrfmiddlewaretoken": str(token)}
    assert client.post(LOGIN, form, **host).status_code == 302
    assert client.get("/admin/chat/inbox/", **host).status_code == 200
    out = client.get("/admin/chat/inbox/", **host).context["csrf_token"]
    gone = client.post("/admin/logout/", {"csrfmiddlewaretoken": str(out)}, **host)
    assert gone.cookies["__Host-sessionid"]["max-age"] == 0 and gone.cookies["__Host-sessionid"]["secure"]
    assert client.get("/admin/chat/inbox/", **host).status_code == 302
