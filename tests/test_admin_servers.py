"""An operator says where a Chatwoot is; no secret goes along to where nobody has said that it may."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from chat.models import Chatwoot, Inbox
from tests.fixtures.people import make_inbox

pytestmark = pytest.mark.django_db
URL, CABLE = "https://chatwoot.example", "wss://chatwoot.example/cable"
TOKENS = ("hmac_token", "bot_token", "agent_token", "canary_token")


@pytest.fixture(autouse=True)
def inbox() -> Inbox:
    team = [{"name": "Ada", "avatar": ""}]
    return make_inbox(account_id=2, team=team, team_at=1, **{name: f"{name}-of-here" for name in TOKENS})


def staff(client: Client, *codes: str) -> Client:
    somebody = User.objects.create_user("somebody", is_staff=True)
    somebody.user_permissions.set(Permission.objects.filter(codename__in=codes))
    client.force_login(somebody)
    return client


@pytest.fixture
def clerk(client: Client) -> Client:
    """May not change inboxes, nor even look at one."""
    return staff(client, "view_chatwoot", "change_chatwoot")


@pytest.fixture
def operator(client: Client) -> Client:
    return staff(client, "view_chatwoot", "change_chatwoot", "change_inbox")


def write(client: Client, url: str, cable_url: str) -> str:
    page = f"/admin/chat/chatwoot/{Chatwoot.objects.get().pk}/change/"
    return client.post(page, {"url": url, "cable_url": cable_url}, follow=True).content.decode()


def stored() -> tuple[str, str]:
    row = Chatwoot.objects.get()
    return row.url, row.cable_url


def tokens() -> list[str]:
    return [getattr(Inbox.objects.get(), name) for name in TOKENS]


ELSEWHERE = [
    ("https://elsewhere.example", CABLE),
    (URL, "wss://elsewhere.example/cable"),
    ("https://chatwoot.example:8443", CABLE),
    ("http://chatwoot.example", CABLE),
    (URL, "ws://chatwoot.example/cable"),
]


@pytest.mark.parametrize(("url", "cable_url"), ELSEWHERE)
def test_who_may_not_change_inboxes_sends_no_token_elsewhere(clerk: Client, url: str, cable_url: str) -> None:
    assert "It takes the right to change inboxes" in write(clerk, url, cable_url)
    assert stored() == (URL, CABLE) and tokens() == [f"{name}-of-here" for name in TOKENS]


@pytest.mark.parametrize(("url", "cable_url"), ELSEWHERE)
def test_no_token_goes_along_to_another_host_and_the_operator_is_told(
    operator: Client, url: str, cable_url: str
) -> None:
    form = operator.get(f"/admin/chat/chatwoot/{Chatwoot.objects.get().pk}/change/").content.decode()
    assert "empties the HMAC, bot and agent tokens of all its inboxes" in form
    shown = write(operator, url, cable_url)
    assert stored() == (url, cable_url) and tokens() == ["", "", "", ""]
    assert "Its tokens were emptied at the inbox main: write them again there" in shown and "-of-here" not in shown
    inbox = Inbox.objects.get()
    assert (inbox.account_id, inbox.inbox_identifier, inbox.team) == (2, "identifier", [])


@pytest.mark.parametrize(
    ("url", "cable_url"),
    [
        (f"{URL}/chat", CABLE),
        ("https://ChatWoot.example", "wss://chatwoot.example/other/cable"),
        ("https://chatwoot.example:443", "wss://chatwoot.example:443/cable"),
    ],
)
def test_what_stays_at_its_host_keeps_them(clerk: Client, url: str, cable_url: str) -> None:
    assert "emptied" not in write(clerk, url, cable_url)
    assert stored() == (url, cable_url) and tokens() == [f"{name}-of-here" for name in TOKENS]


def test_what_goes_over_to_tls_keeps_them_too(clerk: Client) -> None:
    Chatwoot.objects.update(url="http://chatwoot.example", cable_url="ws://chatwoot.example/cable")
    write(clerk, URL, CABLE)
    assert stored() == (URL, CABLE) and all(tokens())


def test_where_no_token_was_kept_nothing_is_said_of_one(operator: Client) -> None:
    Inbox.objects.update(**dict.fromkeys(TOKENS, ""))
    assert "emptied" not in write(operator, "https://elsewhere.example", CABLE)
    assert stored() == ("https://elsewhere.example", CABLE)


@pytest.mark.parametrize(
    ("url", "cable_url"),
    [
        (URL, "file:///etc/passwd"),
        (URL, "https://chatwoot.example/cable"),
        (URL, "wss://user:secret@chatwoot.example/cable"),
        (URL, "wss:///cable"),
        ("ftp://chatwoot.example", CABLE),
        (f"{URL}?x=1", CABLE),
    ],
)
def test_what_is_no_address_of_a_chatwoot_is_refused_in_words(operator: Client, url: str, cable_url: str) -> None:
    assert "Write an address such as" in write(operator, url, cable_url)
    assert stored() == (URL, CABLE)


def test_an_address_has_no_slash_at_its_end(operator: Client) -> None:
    write(operator, f"{URL}/", CABLE)
    assert stored() == (URL, CABLE) and all(tokens())


def test_a_new_one_may_be_anywhere(client: Client) -> None:
    added = {"url": "https://elsewhere.example", "cable_url": "wss://elsewhere.example/cable"}
    staff(client, "add_chatwoot").post("/admin/chat/chatwoot/add/", added)
    assert Chatwoot.objects.filter(**added).exists() and all(tokens())
