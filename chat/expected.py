"""What a list of Chatwoot must show if it is to be believed: what we know to be there.

A cache, a standby that lags behind, or another Chatwoot at the same address answer ``200 []``, too, with Rails' stamp.
"""

import uuid
from collections.abc import Collection

from chat.models import Conversation, Delivery, Message


def messages(conversation_id: uuid.UUID, *, before: int | None, most: int) -> list[int]:
    """Chatwoot's numbers of the newest that we know, newest first.

    Not those of a conversation that was gone from Chatwoot and came into being anew, for the same row.
    """
    creations = Delivery.objects.filter(conversation=conversation_id, kind=Delivery.Kind.CONVERSATION)
    begun = creations.order_by("-created_at").values_list("baseline_id", flat=True).first() or 0
    known = Message.objects.filter(conversation=conversation_id, deleted=False, chatwoot_id__gt=begun)
    if before is not None:
        known = known.filter(chatwoot_id__lt=before)
    return [each or 0 for each in known.order_by("-chatwoot_id").values_list("chatwoot_id", flat=True)[:most]]


def conversations(contact_inbox_id: int) -> list[int]:
    """Chatwoot's numbers of them."""
    known = Conversation.objects.filter(contact_inbox=contact_inbox_id, chatwoot_id__isnull=False, deleted=False)
    return [each or 0 for each in known.values_list("chatwoot_id", flat=True)]


def missing(known: Collection[int], *, listed: Collection[int], overlap: int | None) -> set[int]:
    """What the list should show and does not. ``overlap``: of a full page, whose oldest rows prove nothing, since
    pages go by time and numbers do not."""
    floor = sorted(listed)[overlap - 1] if overlap and len(listed) >= overlap else 0
    return {each for each in known if each >= floor} - set(listed)
