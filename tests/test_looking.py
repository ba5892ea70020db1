"""A conversation whose creation was in doubt is found again by elimination."""

from chat.chatwoot.resources import MessageType
from chat.looking import ours_among
from tests.fixtures.people import CHATWOOT_INBOX, conversation, told


def test_an_empty_one_is_ours_rather_than_one_that_an_agent_began():
    begun_by_agent = conversation(8, messages=(told(80),))
    ours = conversation(7, messages=())
    assert ours_among((begun_by_agent, ours), known=set(), inbox_id=CHATWOOT_INBOX) is ours


def test_our_own_greeting_does_not_hide_it():
    greeted = conversation(7, messages=(told(70, message_type=MessageType.TEMPLATE),))
    assert ours_among((greeted,), known=set(), inbox_id=CHATWOOT_INBOX) is greeted


def test_known_ones_those_of_other_inboxes_and_those_with_a_visitors_words_are_not_ours():
    written_in = conversation(9, messages=(told(90, message_type=MessageType.INCOMING),))
    elsewhere = conversation(6, inbox_id=CHATWOOT_INBOX + 1)
    listed = (conversation(5), elsewhere, written_in)
    assert ours_among(listed, known={5}, inbox_id=CHATWOOT_INBOX) is None
