"""Operators subscribe an app's server and give Chatwoot an address; each secret is shown once."""

from io import StringIO
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from chat.admin.reading import ModelAdmin
from chat.models import Chatwoot, Inbox, Webhook

pytestmark = pytest.mark.django_db
URL = "https://app.example/hooks/chat"


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("operator"))
    return client


@pytest.fixture
def inbox() -> Inbox:
    chatwoot = Chatwoot.objects.create(url="https://chatwoot.example", cable_url="wss://chatwoot.example/cable")
    return Inbox.objects.create(slug="main", chatwoot=chatwoot, inbox_identifier="abc")


@pytest.fixture
def webhook(inbox: Inbox) -> Webhook:
    return Webhook.objects.create(inbox=inbox, url=URL)


def act(operator: Client, model: str, action: str, pk: int) -> str:
    form = {"action": action, "_selected_action": str(pk)}
    return operator.post(f"/admin/chat/{model}/", form, follow=True).content.decode()


def test_a_new_webhook_shows_its_secret_once(operator: Client, inbox: Inbox) -> None:
    added = operator.post("/admin/chat/webhook/add/", {"inbox": inbox.pk, "url": URL, "is_on": "on"})
    webhook = Webhook.objects.get()
    assert webhook.secret in added.content.decode() and webhook.secret.startswith("cpw_")
    assert "no-store" in added["Cache-Control"] and webhook.secret not in str(added.cookies)
    for page in ("", f"{webhook.pk}/change/", f"{webhook.pk}/history/"):
        shown = operator.get(f"/admin/chat/webhook/{page}")
        assert shown.status_code == 200 and webhook.secret not in shown.content.decode()


@pytest.mark.parametrize("url", ["http://app.example/", "https://user@app.example/", "javascript:alert(1)"])
def test_an_address_that_we_would_not_use_is_refused_in_words(operator: Client, inbox: Inbox, url: str) -> None:
    page = operator.post("/admin/chat/webhook/add/", {"inbox": inbox.pk, "url": url, "is_on": "on"})
    assert "Write an https address" in page.content.decode() and not Webhook.objects.exists()


def test_a_secret_is_replaced_and_then_the_former_forgotten(operator: Client, webhook: Webhook) -> None:
    former, shown = webhook.secret, act(operator, "webhook", "renew_secret", webhook.pk)
    webhook.refresh_from_db()
    assert webhook.secret in shown and former not in shown and webhook.former_secret == former
    act(operator, "webhook", "forget_former_secret", webhook.pk)
    webhook.refresh_from_db()
    assert webhook.former_secret == "" and webhook.secret in shown


def test_a_webhook_that_was_given_up_says_so_and_is_tried_again(operator: Client, webhook: Webhook) -> None:
    Webhook.objects.filter(pk=webhook.pk).update(gave_up_at=1, last_error="it answered 410")
    assert "ago: it answered 410" in operator.get("/admin/chat/webhook/").content.decode()
    act(operator, "webhook", "try_again", webhook.pk)
    webhook.refresh_from_db()
    assert (webhook.gave_up_at, webhook.last_error) == (0, "")


def test_the_address_for_chatwoot_is_shown_once_and_replaced(operator: Client, inbox: Inbox) -> None:
    shown = [act(operator, "inbox", "renew_hook_address", inbox.pk) for _ in range(2)]
    inbox.refresh_from_db()
    assert f"http://testserver/hooks/chatwoot/main/{inbox.hook_secret}" in shown[1]
    assert inbox.hook_secret not in shown[0]
    for page in ("", f"{inbox.pk}/change/", f"{inbox.pk}/history/"):
        assert inbox.hook_secret not in operator.get(f"/admin/chat/inbox/{page}").content.decode()


def test_who_may_only_look_makes_no_secret(client: Client, webhook: Webhook, inbox: Inbox) -> None:
    client.force_login(User.objects.create_user("onlooker", is_staff=True))
    act(client, "webhook", "renew_secret", webhook.pk)
    act(client, "inbox", "renew_hook_address", inbox.pk)
    webhook.refresh_from_db()
    inbox.refresh_from_db()
    assert (webhook.former_secret, inbox.hook_secret) == ("", "")


def test_secrets_are_encrypted_at_rest(webhook: Webhook, inbox: Inbox) -> None:
    inbox.renew_hook_secret()
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT w.secret, i.hook_secret FROM chat_webhook w JOIN chat_inbox i ON i.id = w.inbox_id")
        (stored,) = cursor.fetchall()
    assert webhook.secret not in stored[0] and inbox.hook_secret not in stored[1]


def command(**options: Any) -> str:
    said = StringIO()
    call_command("add_webhook", stdout=said, stderr=StringIO(), **options)
    return said.getvalue()


def test_the_command_prints_the_secret_and_nothing_else(inbox: Inbox) -> None:
    said = command(inbox="main", url=URL, with_text=True)
    webhook = Webhook.objects.get()
    assert said == f"{webhook.secret}\n" and webhook.with_text


@pytest.mark.parametrize(
    ("options", "words"),
    [({"inbox": "other", "url": URL}, "There is no inbox"), ({"inbox": "main", "url": "http://x/"}, "Write an https")],
)
def test_the_command_refuses_in_words(inbox: Inbox, options: dict[str, str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        command(**options)


@pytest.mark.parametrize(
    ("model", "query", "status"),
    [
        ("webhook", "url__startswith=https", 400),
        ("webhook", "inbox__hook_secret__startswith=a", 400),
        ("delivery", "payload__submitted_values__value__startswith=a", 400),
        ("inbox", "chatwoot__url__startswith=a", 400),
        ("webhook", "inbox__id__exact=1", 200),
        ("delivery", "show=open&contact_inbox__inbox__id__exact=1&kind__exact=message", 200),
        ("conversation", "status__exact=open", 200),
        ("notice", "webhook__id__exact=1&state__exact=open", 200),
        ("webhook", "id=1", 200),
    ],
)
def test_what_is_hidden_cannot_be_asked_for_letter_by_letter(
    operator: Client, webhook: Webhook, model: str, query: str, status: int
) -> None:
    assert operator.get(f"/admin/chat/{model}/?{query}").status_code == status


def test_every_page_of_ours_is_asked_so() -> None:
    ours = [each for model, each in admin.site._registry.items() if model._meta.app_label == "chat"]
    assert ours and all(isinstance(each, ModelAdmin) for each in ours)
