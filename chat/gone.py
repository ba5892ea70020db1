"""What Chatwoot no longer knows comes into being there anew; nothing that a visitor wrote is lost with it.

Only the holder of the lease may say so: meanwhile another may have created what an older look did not find.
"""

import logging

from chat import order, outbox
from chat.feed import Pen
from chat.models import ContactInbox, Conversation
from chat.outbox import Claim, Kind

log = logging.getLogger(__name__)


def contact_gone(pen: Pen, claim: Claim) -> None:
    """The person was deleted at Chatwoot, and their conversations with them."""
    if not outbox.is_held(claim):
        return
    log.error("Chatwoot no longer knows contact inbox %s: it is created anew", claim.contact_inbox_id)
    ContactInbox.objects.filter(pk=claim.contact_inbox_id).update(pubsub_token="", chatwoot_contact_id=None)
    _again(pen, claim)


def conversation_gone(pen: Pen, claim: Claim) -> None:
    """The conversation was deleted at Chatwoot: what waits in its lane goes on in a new one, in order."""
    if not outbox.is_held(claim):
        return
    log.error("Chatwoot no longer knows conversation %s: it is created anew", claim.conversation_id)
    _again(pen, claim)


def _again(pen: Pen, claim: Claim) -> None:
    """Only what a visitor says is worth a new conversation; a mark on the old one is given up."""
    if claim.conversation_id is None or claim.kind not in (Kind.MESSAGE, Kind.CONVERSATION):
        outbox.fail(pen, claim, reason="what it was about is gone from Chatwoot", shown="")
        return
    conversation = Conversation.objects.get(id=claim.conversation_id)
    _forget(conversation)
    outbox.enqueue_creation(pen, conversation)
    outbox.later(pen, claim, reason="gone from Chatwoot, created anew", due_at=pen.now)
    if claim.kind == Kind.CONVERSATION:
        order.to_the_tail(claim.delivery_id)  # after the contact


def _forget(conversation: Conversation) -> None:
    """All attributes go along with the new one, and are ours there."""
    known, placed = Conversation.objects.filter(id=conversation.id), list(conversation.attributes)
    known.update(chatwoot_id=None, verified_id=0, confirmed_at=0, chatwoot_updated_at=0, placed=placed)
