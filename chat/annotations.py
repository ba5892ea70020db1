"""What the page around the chat says of a conversation: attributes, and labels. Agents read it; it proves nothing.

Kept at the conversation, so that one that comes into being anew has it again, and told to Chatwoot by deliveries that
hold only what is to change: agents and automations write there, too, and what they wrote meanwhile stays. Of what waits
the last wish counts; what had failed goes along with the next.

All functions run inside a writer's transaction that holds the contact's lock (``pen``).
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import orjson
from django.db.models import QuerySet

from chat import acceptance, labelling, order, outbox, policy
from chat.claim import BEFORE, WANTED, Claim
from chat.feed import Pen
from chat.models import Conversation, Delivery
from chat.wire.errors import Code, Refusal
from chat.wire.profile import MAX_ATTRIBUTES, clean_conversation_attributes

Kind, State = Delivery.Kind, Delivery.State
MAX_LABELS = 20  # of one conversation
MOST_AT_ONCE = 2  # of each kind within ``order.PAUSE_MS``: each takes up to five requests


def set_attributes(
    pen: Pen, contact_id: uuid.UUID, *, conversation_id: uuid.UUID, wanted: Mapping[str, Any]
) -> dict[str, Any]:
    """None forgets. All that were set from here, then.

    Raises Refusal: no_such_conversation, unsupported, profile_invalid, too_many_attributes.
    """
    conversation = _conversation(contact_id, conversation_id)
    inbox, keys = conversation.inbox, conversation.inbox.attribute_keys
    wanted = clean_conversation_attributes(wanted, named=keys, only=bool(keys))
    if not inbox.bot_serves:
        raise Refusal(Code.UNSUPPORTED, "This chat cannot set attributes of a conversation: it has no bot token.")
    before: dict[str, Any] = conversation.attributes
    after = {key: value for key, value in (before | wanted).items() if value is not None}
    if len(after) > MAX_ATTRIBUTES:
        raise Refusal(Code.TOO_MANY_ATTRIBUTES)
    news = {key: value for key, value in wanted.items() if not _is_same(before.get(key), value)}
    travels = _travels_with_creation(conversation)
    known = {"attributes": after, "placed": list(after)} if travels else {"attributes": after}
    Conversation.objects.filter(id=conversation.id).update(**known)
    if not travels:
        _tell(pen, conversation, Kind.ATTRIBUTES, news)
    return after


def set_labels(
    pen: Pen, contact_id: uuid.UUID, *, conversation_id: uuid.UUID, add: Collection[str], remove: Collection[str]
) -> list[str]:
    """Only those that the operator allows are added, only those that were set from here are removed. These, then.

    Raises Refusal: no_such_conversation, unsupported, label_refused.
    """
    conversation = _conversation(contact_id, conversation_id)
    if not conversation.inbox.agent_serves:
        raise Refusal(Code.UNSUPPORTED, "This chat cannot set labels: it has no agent's token.")
    if set(add) - set(policy.labels(conversation.inbox.policy)):
        raise Refusal(Code.LABEL_REFUSED)
    after, news = labelling.change(conversation.labels, add=add, remove=remove)
    if len(after) > MAX_LABELS:
        raise Refusal(Code.LABEL_REFUSED, f"A conversation gets at most {MAX_LABELS} labels from here.")
    Conversation.objects.filter(id=conversation.id).update(labels=after)
    if conversation.chatwoot_id is not None or _opening(conversation).exists():
        _tell(pen, conversation, Kind.LABELS, news)
    return labelling.shown(after)


def _conversation(contact_id: uuid.UUID, conversation_id: uuid.UUID) -> Conversation:
    found = acceptance.find_conversation(contact_id, conversation_id)
    if found is None:
        raise Refusal(Code.NO_SUCH_CONVERSATION)
    return Conversation.objects.select_related("inbox").get(id=found.id)


def _is_same(one: Any, other: Any) -> bool:
    return orjson.dumps(one) == orjson.dumps(other)  # True is not 1


def _opening(conversation: Conversation) -> QuerySet[Delivery]:
    return Delivery.objects.filter(conversation=conversation, kind=Kind.CONVERSATION, state__in=Delivery.OPEN)


def _travels_with_creation(conversation: Conversation) -> bool:
    """No attempt to create it has been made yet, which would have gone without."""
    return conversation.chatwoot_id is None and not _opening(conversation).filter(attempt__gt=0).exists()


def _tell(pen: Pen, conversation: Conversation, kind: str, news: dict[str, Any]) -> None:
    lane = str(conversation.id)
    ours = Delivery.objects.filter(lane=lane, kind=kind).order_by("position")
    failed = ours.filter(state=State.FAILED).exclude(payload={})
    news = _together(failed) | news
    if not news:
        return
    failed.update(payload={})
    waiting = ours.filter(state=State.ACCEPTED, attempt=0).first()
    if waiting is not None:
        Delivery.objects.filter(id=waiting.id).update(payload={WANTED: waiting.payload[WANTED] | news})
        return
    not_before = order.end_of_pause(lane, kind, pen.now, most=MOST_AT_ONCE)
    outbox.enqueue(pen, kind, conversation, payload={WANTED: news}, not_before=not_before)
    if conversation.chatwoot_id is None:
        order.to_the_head(ours.get(state=State.ACCEPTED, attempt=0).id)  # agents read it with the first message


def _together(deliveries: Iterable[Delivery]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for each in deliveries:
        told |= each.payload[WANTED]
    return told


# What became of it


def place(pen: Pen, claim: Claim, *, keys: Collection[str]) -> None:
    """Keys that nobody had when Chatwoot was read: the next attempt writes them, and they are ours."""
    if outbox.is_held(claim):
        _placed(claim, lambda placed: [*placed, *keys])
        outbox.later(pen, claim, reason="", due_at=pen.now)


def forget(claim: Claim, *, keys: Collection[str]) -> None:
    """They are gone at Chatwoot, and whoever writes one there next has it."""
    if keys:
        _placed(claim, lambda placed: [key for key in placed if key not in keys])


def _placed(claim: Claim, change: Callable[[list[str]], list[str]]) -> None:
    assert claim.conversation_id is not None
    known = Conversation.objects.filter(id=claim.conversation_id)
    known.update(placed=change(known.values_list("placed", flat=True).get()))


def first_read(pen: Pen, claim: Claim, *, found: Collection[str]) -> None:
    """Labels that were there before anything was written for this wish: the next attempt must know whose they are."""
    held = Delivery.objects.filter(id=claim.delivery_id, lease_no=claim.lease_no)
    held.update(payload={**claim.payload, BEFORE: list(found)})
    outbox.later(pen, claim, reason="", due_at=pen.now)


def labelled(claim: Claim, *, before: Collection[str]) -> None:
    """Chatwoot's list is as wanted."""
    assert claim.conversation_id is not None
    labels: dict[str, str] = Conversation.objects.values_list("labels", flat=True).get(id=claim.conversation_id)
    after = labelling.settle(labels, claim.payload[WANTED], before=before, known=claim.labels)
    Conversation.objects.filter(id=claim.conversation_id).update(labels=after)


def move(pen: Pen, old_id: uuid.UUID, *, to: uuid.UUID) -> None:
    """Chatwoot has made no conversation of the first one but lets the other go on, and took nothing of it."""
    old, new = Conversation.objects.get(id=old_id), Conversation.objects.get(id=to)
    if old.attributes:
        both = list((new.attributes | old.attributes).items())[-MAX_ATTRIBUTES:]
        Conversation.objects.filter(id=to).update(attributes=dict(both))
        _tell(pen, new, Kind.ATTRIBUTES, old.attributes)
    if old.labels:
        Conversation.objects.filter(id=to).update(labels=old.labels | new.labels)
