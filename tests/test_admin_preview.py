"""How an inbox would look, before that is saved; and the lines for a site."""

import html
import re

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from chat.models import Chatwoot, Inbox, Session

pytestmark = pytest.mark.django_db
SAVED = {"accent": "#123456"}


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("operator"))
    return client


@pytest.fixture
def inbox() -> Inbox:
    chatwoot = Chatwoot.objects.create(url="https://chatwoot.example", cable_url="wss://chatwoot.example/cable")
    secrets = {"inbox_identifier": "stays-here", "hmac_token": "stays-here", "identity_secret": "stays-here" * 4}
    return Inbox.objects.create(slug="main", name="Shop", chatwoot=chatwoot, look=SAVED, **secrets)


def address(inbox: Inbox) -> str:
    return f"/admin/chat/inbox/{inbox.pk}/preview/"


def written(**changes: str) -> dict[str, str]:
    return {"name": "Shop", "look": "{}", "texts": "{}", "policy": "{}"} | changes


def test_the_preview_wears_what_is_written_and_nothing_is_saved(operator: Client, inbox: Inbox):
    look = '{"accent": "#8a3ffc", "theme": "dark", "launcher": "pill", "position": "start"}'
    said = written(name="Clocks", look=look, texts='{"greeting": "Ahoy."}')
    page = operator.post(address(inbox), said).content.decode()
    assert 'data-accent="#8a3ffc"' in page and 'data-launcher="pill"' in page and 'data-position="start"' in page
    inside = html.unescape(page)
    assert '"greeting": "Ahoy."' in inside and '"theme": "dark"' in inside and "<title>Clocks</title>" in inside
    inbox.refresh_from_db()
    assert (inbox.name, inbox.look, inbox.texts) == ("Shop", SAVED, {})


def test_before_anything_is_written_it_is_as_saved(operator: Client, inbox: Inbox):
    assert 'data-accent="#123456"' in operator.get(address(inbox)).content.decode()


def test_it_is_shown_in_the_light_and_in_the_dark_on_demand(operator: Client, inbox: Inbox):
    for theme in ("light", "dark"):
        page = operator.post(f"{address(inbox)}?theme={theme}", written(look='{"theme": "auto"}')).content.decode()
        assert page.count(f'data-theme="{theme}"') == 2  # of the page and of the launcher
        assert f'data-theme="{theme}"' in html.unescape(re.search('srcdoc="(.*?)"', page, re.S)[1])  # type: ignore[index]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"look": '{"accent": "red"}'}, "accent is &#x27;red&#x27;"),
        ({"look": "{"}, "Write pairs such as {&quot;accent&quot;: &quot;#1f6f5c&quot;}"),
        ({"texts": '{"greting": "Hi"}'}, "there is no such text"),
        ({"policy": '{"resolved": "never"}'}, "This cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said_and_the_rest_is_shown(
    operator: Client, inbox: Inbox, wrong: dict[str, str], why: str
):
    page = operator.post(address(inbox), written(**{"name": "Clocks"} | wrong)).content.decode()
    assert why in page and "Clocks" in page
    if "look" in wrong:
        assert 'data-accent="#123456"' in page


def test_no_text_breaks_out_of_the_frame(operator: Client, inbox: Inbox):
    said = written(name='"></iframe><script>alert(1)</script>', texts='{"greeting": "</script><img src=x>"}')
    page = operator.post(address(inbox), said).content.decode()
    assert "<script>alert" not in page and "<img" not in page


def test_it_runs_alone_and_may_be_framed_by_our_pages_only(operator: Client, inbox: Inbox):
    operator.cookies["chatproxy_main"] = "of-a-visitor"
    response = operator.get(address(inbox))
    assert "sandbox allow-scripts" in response["Content-Security-Policy"]
    assert "connect-src 'none'" in response["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in response["Content-Security-Policy"]
    assert response["X-Frame-Options"] == "SAMEORIGIN" and "no-store" in response["Cache-Control"]
    assert '"begun": false' in html.unescape(response.content.decode())
    assert not response.cookies and not Session.objects.exists()


def test_it_shows_no_secret(operator: Client, inbox: Inbox):
    for page in (operator.get(address(inbox)), operator.post(address(inbox), written() | {"hmac_token": "stays-here"})):
        assert "stays-here" not in page.content.decode()


def test_it_is_for_staff_who_may_see_the_inbox(client: Client, inbox: Inbox):
    assert client.get(address(inbox))["Location"].startswith("/admin/login/")
    clerk = User.objects.create_user("clerk", is_staff=True)
    client.force_login(clerk)
    assert client.get(address(inbox)).status_code == 403
    clerk.user_permissions.set(Permission.objects.filter(codename="view_inbox"))
    assert client.get(address(inbox)).status_code == 200
    assert client.get("/admin/chat/inbox/999/preview/").status_code == 404
    page = client.get(f"/admin/chat/inbox/{inbox.pk}/change/").content.decode()
    assert address(inbox) in page and "formaction" not in page


def test_another_site_cannot_have_it_shown(inbox: Inbox):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.create_superuser("operator"))
    assert strict.post(address(inbox), written()).status_code == 403


def test_a_site_that_is_no_list_is_answered_with_one(operator: Client, inbox: Inbox):
    change = f"/admin/chat/inbox/{inbox.pk}/change/"
    for wrong in ("https://shop.example", '{"https://shop.example": 1}'):
        page = operator.post(change, written(slug="main", allowed_origins=wrong)).content.decode()
        assert "Write a list such as [&quot;https://shop.example&quot;]" in page and "valid JSON" not in page


def test_the_lines_for_a_site_are_there_to_copy(operator: Client, inbox: Inbox):
    page = operator.get(f"/admin/chat/inbox/{inbox.pk}/change/").content.decode()
    lines = html.unescape(re.search('<textarea id="snippet".*?>(.*?)</textarea>', page, re.S)[1])  # type: ignore[index]
    assert '<script async src="http://testserver/sdk.js?inbox=main" data-inbox="main"></script>' in lines
    assert "No site may embed this chat yet" in page
    Inbox.objects.update(allowed_origins=["https://shop.example"])
    page = operator.get(f"/admin/chat/inbox/{inbox.pk}/change/").content.decode()
    assert "May be embedded by https://shop.example." in page
    assert "snippet" not in operator.get("/admin/chat/inbox/add/").content.decode()
