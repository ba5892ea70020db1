"""How an operator turns somebody away, and gives an inbox limits of its own."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from chat import rules
from chat.models import Block, Delivery, Inbox
from tests.fixtures.people import Person, say

pytestmark = pytest.mark.django_db
ADD = "/admin/chat/block/add/"


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("operator"))
    return client


def delivery_page(operator: Client, person: Person) -> str:
    delivery = Delivery.objects.filter(contact_inbox=person.contact_inbox_id).first()
    assert delivery is not None
    return operator.get(f"/admin/chat/delivery/{delivery.pk}/change/").content.decode()


def test_a_contact_is_blocked_from_the_page_of_its_delivery(operator: Client, alice: Person) -> None:
    say(alice, "buy my watches")
    (link,) = re.findall(r'href="(/admin/chat/block/add/[^"]+)"', delivery_page(operator, alice))
    form = operator.get(link.replace("&amp;", "&")).content.decode()
    assert str(alice.id) in form
    operator.post(ADD, {"contact": str(alice.id), "inbox": str(alice.inbox_id), "reason": "spam"})
    block = Block.objects.get()
    assert (block.contact_id, block.reason) == (alice.id, "spam")
    assert rules.read().contacts == {alice.id}
    assert f"/admin/chat/block/{block.pk}/change/" in delivery_page(operator, alice)
    listed = operator.get("/admin/chat/block/").content.decode()
    assert "spam" in listed


def test_a_network_is_blocked_as_it_is_compared_and_let_in_again(operator: Client, inbox: Inbox) -> None:
    operator.post(ADD, {"network": "203.0.113.7/24", "contact": "", "inbox": ""})
    block = Block.objects.get()
    assert block.network == "203.0.113.0/24"
    operator.post(f"/admin/chat/block/{block.pk}/delete/", {"post": "yes"})
    assert not rules.read().networks.by_prefix


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({}, "Name a contact or a network, and not both."),
        ({"network": "somewhere"}, "is no network; write one like"),
        ({"contact": "alice"}, "is not a valid"),
    ],
)
def test_what_blocks_nobody_is_refused_in_words(operator: Client, written: dict[str, str], words: str) -> None:
    page = operator.post(ADD, {"network": "", "contact": "", "inbox": "", **written}).content.decode()
    assert words in page
    assert not Block.objects.exists()


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ('{"messages": "plenty"}', "write it like 20/min:10, or off"),
        ('{"mesages": "20/min"}', "there is no limit"),
        ('["messages"]', "Write pairs such as"),
    ],
)
def test_limits_that_cannot_be_read_are_refused_in_words(
    operator: Client, inbox: Inbox, written: str, words: str
) -> None:
    form = {"slug": inbox.slug, "chatwoot": str(inbox.chatwoot_id), "look": "{}", "texts": "{}"}
    form |= {"allowed_origins": "[]"}
    address = f"/admin/chat/inbox/{inbox.pk}/change/"
    assert words in operator.post(address, {**form, "limits": written}).content.decode()
    operator.post(address, {**form, "limits": '{"messages": "40/min:20"}'})
    inbox.refresh_from_db()
    assert inbox.limits == {"messages": "40/min:20"}
