"""Operators read who wrote and what was said, and find it by its id."""

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client

from chat.models import Contact, ContactInbox, Conversation, Delivery, Message
from tests.fixtures.people import Person, create_upstream, hear, say, told

pytestmark = pytest.mark.django_db
TOKEN = "pubsub-token-that-stays-here"


@pytest.fixture
def onlooker(client: Client) -> Client:
    user = User.objects.create_user("onlooker", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    return client


def found(client: Client, model: str, query: object) -> list[object]:
    page = client.get(f"/admin/chat/{model}/", {"q": str(query)})
    assert page.status_code == 200
    return [each.pk for each in page.context["cl"].result_list]


def read(client: Client, conversation: uuid.UUID, query: str = "") -> str:
    page = client.get(f"/admin/chat/conversation/{conversation}/change/{query}")
    assert page.status_code == 200
    return page.content.decode()


def talk(alice: Person) -> uuid.UUID:
    """With Chatwoot's number 31."""
    said = say(alice, "Is <b>this</b> all?")
    create_upstream(alice, 31, said=said)
    ContactInbox.objects.filter(contact=alice.id).update(pubsub_token=TOKEN, chatwoot_contact_id=77)
    return said.conversation_id


def test_a_thread_is_read_in_order_with_who_said_it(onlooker: Client, alice: Person):
    conversation = talk(alice)
    hear(alice, told(5, "It is.", conversation=31))
    page = read(onlooker, conversation)
    assert "Is &lt;b&gt;this&lt;/b&gt; all?" in page and "<b>Gus</b>" in page
    assert page.index("this&lt;/b&gt;") < page.index("It is.")


def test_secrets_are_never_shown(onlooker: Client, alice: Person):
    conversation = talk(alice)
    pages = [read(onlooker, conversation), onlooker.get("/admin/chat/conversation/").content.decode()]
    for address in ("", f"{alice.id}/change/"):
        pages.append(onlooker.get(f"/admin/chat/contact/{address}").content.decode())
    assert str(conversation) in pages[-1] and "77" in pages[-1]
    for page in pages:
        assert TOKEN not in page and alice.source_id not in page


def test_deleted_texts_are_gone_and_their_place_is_shown(onlooker: Client, alice: Person):
    conversation = talk(alice)
    Message.objects.update(deleted=True)  # were its text still there, it would not be shown either
    page = read(onlooker, conversation)
    assert "Deleted." in page and "all?" not in page


def test_what_was_not_delivered_leads_to_its_delivery(onlooker: Client, alice: Person):
    conversation = talk(alice)
    message = Message.objects.get()
    for model in (Message, Delivery):
        model.objects.update(state="failed", reason="too long")
    assert f"/admin/chat/delivery/?q={message.pk}" in read(onlooker, conversation)
    assert found(onlooker, "delivery", message.pk) == [message.delivery.pk]


def test_a_long_thread_is_read_page_by_page(onlooker: Client, alice: Person):
    conversation = talk(alice)
    for number in range(60):
        hear(alice, told(100 + number, f"answer {number}.", conversation=31))
    newest = onlooker.get(f"/admin/chat/conversation/{conversation}/change/").context["said"]
    assert [each.content for each, _ in newest.lines][-1] == "answer 59."
    older = onlooker.get(f"/admin/chat/conversation/{conversation}/change/?before={newest.older}").context["said"]
    assert len(newest.lines) + len(older.lines) == 61 and older.older is None
    assert older.lines[-1][0].at <= newest.lines[0][0].at
    assert read(onlooker, conversation, "?before=nonsense")


def test_everything_is_found_by_its_id_alone(onlooker: Client, alice: Person, bob: Person):
    conversation = talk(alice)
    message = Message.objects.get()
    say(bob, "hello")
    for query in (conversation, alice.id, message.pk, 31, f" {conversation} "):
        assert found(onlooker, "conversation", query) == [conversation], query
    Contact.objects.filter(pk=alice.id).update(identifier="customer-7")
    for query in (alice.id, 77, "customer-7"):
        assert found(onlooker, "contact", query) == [alice.id], query
    delivery = Delivery.objects.get(message=message)
    assert delivery.pk in found(onlooker, "delivery", alice.id)
    for query in ("hello", uuid.uuid4(), 32, "9" * 40, "٣١"):
        assert found(onlooker, "conversation", query) == [], query
    assert len(found(onlooker, "conversation", "")) == 2


def test_nothing_is_changed_here(onlooker: Client, alice: Person):
    conversation = talk(alice)
    boss = User.objects.create_superuser("boss")
    onlooker.force_login(boss)
    for address in (f"conversation/{conversation}", f"contact/{alice.id}"):
        for ending in ("change/", "delete/"):
            assert onlooker.post(f"/admin/chat/{address}/{ending}", {"name": "Eve"}).status_code == 403
    assert Conversation.objects.count() == 1 and Contact.objects.get(pk=alice.id).name == ""


def test_who_may_see_conversations_but_no_messages_reads_none(onlooker: Client, alice: Person):
    conversation = talk(alice)
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_conversation"))
    onlooker.force_login(clerk)
    assert "all?" not in read(onlooker, conversation)
    assert onlooker.get("/admin/chat/contact/").status_code == 403


@pytest.mark.parametrize("model", ["contact", "conversation"])
def test_the_newest_are_listed_without_reading_all(onlooker: Client, alice: Person, model: str):
    talk(alice)
    statements: list[tuple[str, Any]] = []
    with connection.execute_wrapper(
        lambda run, query, params, *rest: statements.append((query, params)) or run(query, params, *rest)
    ):
        onlooker.get(f"/admin/chat/{model}/")
    ((query, params),) = (each for each in statements if f'ORDER BY "chat_{model}"."created_at" DESC' in each[0])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {query}", params)
        plan = [row[3] for row in cursor.fetchall()]
    assert f"SCAN chat_{model} USING INDEX {model}s_by_age" in plan, plan
