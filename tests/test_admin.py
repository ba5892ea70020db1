"""What an operator sees and writes. Secrets go in, never out."""

import uuid

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from chat.models import Chatwoot, Contact, ContactInbox, Delivery, Inbox, Webhook

pytestmark = pytest.mark.django_db
IDENTIFIER = "identifier-that-stays-here"
HMAC = "hmac-that-stays-here"
HOOK = "secret-in-an-address-that-stays-here"


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("operator"))
    return client


@pytest.fixture
def inbox() -> Inbox:
    chatwoot = Chatwoot.objects.create(url="https://chatwoot.example", cable_url="wss://chatwoot.example/cable")
    return Inbox.objects.create(slug="main", chatwoot=chatwoot, inbox_identifier=IDENTIFIER, hmac_token=HMAC)


def form(inbox: Inbox, **changes: str) -> dict[str, str]:
    stays = {"slug": inbox.slug, "chatwoot": str(inbox.chatwoot_id), "look": "{}", "texts": "{}"}
    secrets = dict.fromkeys(
        ("inbox_identifier", "hmac_token", "bot_token", "agent_token", "identity_secret", "identity_secret_old"), ""
    )
    return {**stays, **secrets, "allowed_origins": "[]", **changes}


def edit(operator: Client, inbox: Inbox, **changes: str) -> str:
    page = operator.post(f"/admin/chat/inbox/{inbox.pk}/change/", form(inbox, **changes), follow=True)
    inbox.refresh_from_db()
    return page.content.decode()


def test_it_has_our_name_and_colours_before_and_after_the_login(client: Client, operator: Client):
    for page in (Client().get("/admin/login/"), operator.get("/admin/"), operator.get("/admin/status/")):
        text = page.content.decode()
        assert "chatproxy</a>" in text and "chat/admin/site.css" in text and "Django" not in text


def test_secrets_are_never_shown(operator: Client, inbox: Inbox) -> None:
    for page in ("", f"{inbox.pk}/change/", f"{inbox.pk}/history/"):
        shown = operator.get(f"/admin/chat/inbox/{page}")
        assert shown.status_code == 200
        assert IDENTIFIER not in shown.content.decode()
        assert HMAC not in shown.content.decode()


SECRET_OF = {
    "inbox_identifier": IDENTIFIER,
    "hmac_token": HMAC,
    "bot_token": "bot-token-that-stays-here",
    "agent_token": "agent-token-that-stays-here",
    "identity_secret": "identity-secret-that-stays-here",
    "identity_secret_old": "former-secret-that-stays-here",
    "hook_secret": "hook-secret-that-stays-here",
    "canary_token": "canary-token-that-stays-here",
}


def test_whoever_may_only_look_sees_no_secret_either(client: Client, inbox: Inbox) -> None:
    """Django shows in clear what somebody may not change."""
    Inbox.objects.filter(pk=inbox.pk).update(**SECRET_OF)
    address = f"https://app.example/{HOOK}"
    Webhook.objects.create(inbox=inbox, url=address, secret="cpw_stays", former_secret="cpw_stays_too")
    onlooker = User.objects.create_user("onlooker", is_staff=True)
    onlooker.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(onlooker)
    for model in (Inbox, Webhook, Chatwoot):
        address = f"/admin/chat/{model.__name__.lower()}/"
        pk = model._default_manager.get().pk
        for page in ("", f"{pk}/change/", f"{pk}/history/"):
            shown = client.get(f"{address}{page}")
            assert shown.status_code == 200
            found = [each for each in (*SECRET_OF.values(), "cpw_stays", HOOK) if each in shown.content.decode()]
            assert found == [], f"{address}{page}"
    assert "policy" in client.get(f"/admin/chat/inbox/{inbox.pk}/change/").content.decode()


def test_whoever_may_only_add_writes_secrets_and_never_sees_them(client: Client, inbox: Inbox) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    codes = ("add_inbox", "view_inbox", "view_chatwoot")
    clerk.user_permissions.set(Permission.objects.filter(codename__in=codes))
    client.force_login(clerk)
    assert 'name="inbox_identifier"' in client.get("/admin/chat/inbox/add/").content.decode()
    added = client.post("/admin/chat/inbox/add/", form(inbox, slug="second", inbox_identifier="never-again"))
    assert added.status_code == 302
    second = Inbox.objects.get(slug="second")
    assert "never-again" not in client.get(f"/admin/chat/inbox/{second.pk}/change/").content.decode()


def test_an_empty_secret_stays_as_it_was(operator: Client, inbox: Inbox) -> None:
    edit(operator, inbox, name="Help")
    assert (inbox.name, inbox.inbox_identifier, inbox.hmac_token) == ("Help", IDENTIFIER, HMAC)


def test_a_secret_can_be_replaced_and_the_hmac_token_forgotten(operator: Client, inbox: Inbox) -> None:
    edit(operator, inbox, inbox_identifier="other", forget_hmac_token="on")
    assert (inbox.inbox_identifier, inbox.hmac_token) == ("other", "")


NEW, NEWER = ("a secret of the site that signs, number 1", "a secret of the site that signs, number 2")


def test_t10_a_new_identity_secret_leaves_the_former_one_in_force_until_it_is_forgotten(
    operator: Client, inbox: Inbox
) -> None:
    edit(operator, inbox, identity_secret=NEW)
    assert (inbox.identity_secret, inbox.identity_secret_old) == (NEW, "")
    edit(operator, inbox, identity_secret=NEWER)
    assert (inbox.identity_secret, inbox.identity_secret_old) == (NEWER, NEW)
    edit(operator, inbox, name="Help")
    assert (inbox.identity_secret, inbox.identity_secret_old) == (NEWER, NEW)
    page = edit(operator, inbox, forget_identity_secret_old="on")
    assert (inbox.identity_secret, inbox.identity_secret_old) == (NEWER, "")
    assert NEWER not in page
    edit(operator, inbox, forget_identity_secret="on")
    assert (inbox.identity_secret, inbox.identity_secret_old) == ("", "")


def test_an_identity_secret_that_could_be_guessed_is_refused(operator: Client, inbox: Inbox) -> None:
    page = edit(operator, inbox, identity_secret="short")
    assert "32 or more random characters" in page
    assert inbox.identity_secret == ""
    assert "short" not in page


def test_how_people_sign_in_is_the_operators_choice(operator: Client, inbox: Inbox) -> None:
    assert inbox.legacy_identity
    edit(operator, inbox, requires_identity="on", claims_once="on", trusts_claims="on")
    assert (inbox.legacy_identity, inbox.requires_identity, inbox.claims_once, inbox.trusts_claims) == (
        False,
        True,
        True,
        True,
    )


def test_a_new_inbox_needs_an_identifier(operator: Client, inbox: Inbox) -> None:
    page = operator.post("/admin/chat/inbox/add/", form(inbox, slug="second"))
    assert "Write the identifier that Chatwoot shows" in page.content.decode()
    operator.post("/admin/chat/inbox/add/", form(inbox, slug="second", inbox_identifier="abc"))
    assert Inbox.objects.get(slug="second").inbox_identifier == "abc"


@pytest.mark.parametrize("written", ['["shop.example"]', '"https://shop.example"', "[1]", '["*"]'])
def test_an_origin_that_no_browser_sends_is_refused_in_words(operator: Client, inbox: Inbox, written: str) -> None:
    assert "rite" in edit(operator, inbox, allowed_origins=written)
    assert inbox.allowed_origins == []


def test_an_origin_is_stored_as_a_browser_sends_it(operator: Client, inbox: Inbox) -> None:
    edit(operator, inbox, allowed_origins='["https://Shop.example:443/"]')
    assert inbox.allowed_origins == ["https://shop.example"]


def test_lost_deliveries_are_listed_and_cannot_be_changed(operator: Client, inbox: Inbox) -> None:
    contact = Contact.objects.create(inbox=inbox)
    session = ContactInbox.objects.create(contact=contact, inbox=inbox, source_id=str(uuid.uuid4()))
    lost, sent = (
        Delivery.objects.create(
            kind="message", contact_inbox=session, lane="l", position=n, state=state, reason="too long", created_at=n
        )
        for n, state in enumerate((Delivery.State.FAILED, Delivery.State.SENT))
    )
    page = operator.get("/admin/chat/delivery/").content.decode()
    assert str(lost.pk)[:8] in page
    assert "too long" in page
    assert str(sent.pk)[:8] not in page
    assert operator.get(f"/admin/chat/delivery/{lost.pk}/change/").status_code == 200
    assert operator.post(f"/admin/chat/delivery/{lost.pk}/change/", {"state": "sent"}).status_code == 403
    assert operator.get("/admin/chat/delivery/add/").status_code == 403


def test_a_stranger_sees_the_sign_in_page(client: Client) -> None:
    page = client.get("/admin/chat/inbox/")
    assert page.status_code == 302
    assert page["Location"].startswith("/admin/login/")


def test_a_look_and_texts_that_nobody_would_see_are_refused_in_words(operator: Client, inbox: Inbox) -> None:
    page = edit(operator, inbox, look='{"theme": "black", "accent": "red"}', texts='{"greting": "Hi"}')
    assert "theme is &#x27;black&#x27;; write one of auto, light, dark." in page
    assert "accent is &#x27;red&#x27;; write a colour such as #1f6f5c." in page
    assert "there is no such text" in page
    assert (inbox.look, inbox.texts) == ({}, {})
    edit(operator, inbox, look='{"theme": "dark"}', texts='{"de": {"greeting": "Moin"}}')
    assert (inbox.look, inbox.texts) == ({"theme": "dark"}, {"de": {"greeting": "Moin"}})


WRONG = ["help.example.com", "ftp://help.example.com", "https://", "https://a@b.example", "x"]


@pytest.mark.parametrize("written", WRONG)
def test_an_address_of_a_help_centre_that_leads_nowhere_is_refused(
    operator: Client, inbox: Inbox, written: str
) -> None:
    assert "https://help.example.com" in edit(operator, inbox, portal="help", portal_url=written)
    assert (inbox.portal, inbox.portal_url) == ("", "")


def test_a_help_centre_is_named_by_the_operator(operator: Client, inbox: Inbox) -> None:
    edit(operator, inbox, portal="help", portal_url="https://help.example.com")
    assert (inbox.portal, inbox.portal_url) == ("help", "https://help.example.com")


def test_an_agents_token_goes_in_with_its_account_and_never_out(operator: Client, inbox: Inbox) -> None:
    assert "The agent token is of no use without the number" in edit(operator, inbox, agent_token="hushAgent")
    assert "letters, digits" in edit(operator, inbox, account_id="3", agent_token="hush Agent")
    assert inbox.agent_token == ""
    assert "hushAgent" not in edit(operator, inbox, account_id="3", agent_token="hushAgent")
    assert (inbox.agent_token, inbox.bot_token) == ("hushAgent", "")
    edit(operator, inbox, account_id="3")
    assert inbox.agent_token == "hushAgent"
    assert "hushAgent" not in operator.get(f"/admin/chat/inbox/{inbox.pk}/change/").content.decode()
    edit(operator, inbox, account_id="3", forget_agent_token="on")
    assert inbox.agent_token == ""
