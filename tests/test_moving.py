"""An inbox of ours becomes another one of Chatwoot's: what was the former one's goes nowhere."""

import pytest

from chat import connected
from chat.connected import Connected
from chat.models import Inbox
from tests.fixtures.people import make_inbox

pytestmark = pytest.mark.django_db
A, B = "https://chatwoot.example", "https://b.example"
TOKENS = ("hmac_token", "bot_token", "agent_token", "canary_token")


def row() -> Inbox:
    return Inbox.objects.get(slug="main")


def tokens() -> list[str]:
    return [getattr(row(), name) for name in TOKENS]


@pytest.fixture
def at_a() -> Inbox:
    return make_inbox(account_id=2, **{name: f"{name} of A" for name in TOKENS})


def test_tokens_of_one_chatwoot_are_never_sent_to_another(at_a: Inbox):
    connected.write("main", B, Connected(7, 5, "identifier", hmac_token="hmac of B"))
    assert tokens() == ["hmac of B", "", "", ""]
    assert (row().account_id, row().bot_serves, row().agent_serves) == (7, False, False)


def test_the_environment_takes_no_token_along_either(at_a: Inbox):
    make_inbox(url=B)
    assert tokens() == ["", "", "", ""] and row().account_id is None


def test_nor_does_an_operator_who_changes_the_row(at_a: Inbox):
    at_a.chatwoot = make_inbox("other", url=B).chatwoot
    at_a.bot_token = "bot of B"
    at_a.save()
    assert tokens() == ["", "bot of B", "", ""] and row().account_id is None


def test_another_inbox_of_the_same_chatwoot_may_be_of_another_account(at_a: Inbox):
    at_a.inbox_identifier = "of account 1"
    at_a.save()
    assert tokens() == [f"{name} of A" for name in TOKENS]
    assert (row().account_id, row().chatwoot_inbox_id) == (None, None)


def test_numbers_that_are_told_with_the_move_count_though_they_were_the_same_before(at_a: Inbox):
    number = at_a.chatwoot_inbox_id
    assert number is not None
    connected.write("main", B, Connected(2, number, "another", bot_token="bot of B"))
    assert (row().account_id, row().chatwoot_inbox_id, row().bot_serves) == (2, number, True)


def test_what_does_not_move_keeps_everything(at_a: Inbox):
    make_inbox(name="Shop")
    assert tokens() == [f"{name} of A" for name in TOKENS] and row().account_id == 2
