"""What a contact's own subscription may bring of other inboxes and other people: nothing."""

import pytest

from chat.models import Conversation, Message
from tests.fixtures.people import CHATWOOT_INBOX, Person, cabled, create_upstream, hear, say

pytestmark = pytest.mark.django_db


def test_t13_what_comes_from_another_inbox_is_dropped(alice: Person, caplog: pytest.LogCaptureFixture):
    """A verified contact's token brings events of all its inboxes."""
    create_upstream(alice, said=say(alice, "hello"))
    for number in (1, 2):
        told = cabled(50 + number, "secret", of=alice, conversation=number, inbox_id=CHATWOOT_INBOX + 1)
        assert hear(alice, told) is None
    assert not Message.objects.filter(content="secret").exists()
    assert "secret" not in caplog.text


def test_t14_conversations_that_come_with_a_merged_contact_do_not_appear(alice: Person, bob: Person):
    """Agents merged two contacts: the other's conversations have another source_id."""
    create_upstream(alice, said=say(alice, "hello"))
    for source_id in (bob.source_id, "somebody-else", None):
        assert hear(alice, cabled(51, "secret", of=alice, conversation=2, source_id=source_id)) is None
    assert Conversation.objects.filter(contact=alice.id).count() == 1
    assert not Message.objects.filter(content="secret").exists()


def test_t14_what_is_anothers_stays_anothers_though_it_is_heard_here(alice: Person, bob: Person):
    create_upstream(alice, 1, said=say(alice, "hello"))
    create_upstream(bob, 2, said=say(bob, "hello"))
    assert hear(alice, cabled(51, "secret", of=alice, conversation=2)) is None
    assert not Message.objects.filter(content="secret").exists()
