"""A Chatwoot that is broken or hostile: what it says may be dropped, and harms nothing that comes after it."""

import json
import uuid
from typing import Any

from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from chat import lanes, mirror
from chat.chatwoot import events
from chat.chatwoot.errors import Malformed
from chat.chatwoot.events import ConversationCreated, ConversationUpdated, MessageCreated, MessageUpdated
from chat.models import Delivery
from tests.chatwoot.test_resources import AGENT, BY_CABLE
from tests.fixtures.people import CHATWOOT_INBOX, NOW, Person, cabled, create_upstream, hear, newcomer, say, write

ODD = st.sampled_from(["\ud83d", "a\0b", "x" * 70_000, "\u202e", "9" * 400, "1970-01-01T00:00:00Z", "9999-12-31", "-1"])
NUMBERS = st.sampled_from([0, -1, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**400, 1e308, float("inf"), float("nan")])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), NUMBERS, ODD, st.text(max_size=20))
KEYS = st.sampled_from(["id", "content", "items", "deleted", "submitted_values", "email", "\0", "\ud83d"])
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
MESSAGES = ["message.created", "message.updated"]
NAMES = st.sampled_from([*sorted(events._READERS), *MESSAGES, *MESSAGES, *MESSAGES])


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"items": [value]}
    return value


STORED = ["id", "conversation_id", "content", "content_type", "content_attributes", "updated_at", "sender", "echo_id"]
FIELDS = [*BY_CABLE, *STORED, *STORED, "attachments", "status", "custom_attributes", "messages", "agent_last_seen_at"]
VALUES = st.one_of(NUMBERS, ODD, JSON, st.sampled_from([5, 130]).map(nested))
CHANGES = st.dictionaries(st.sampled_from(FIELDS), VALUES, min_size=1, max_size=3)


def payload(person: Person, name: str, changed: dict[str, Any]) -> Any:
    """As it comes from the cable: from text, of the inbox and the session that speak."""
    session = {"contact_inbox": {"source_id": person.source_id}}
    if name.startswith("message."):
        data = BY_CABLE | {"inbox_id": CHATWOOT_INBOX, "conversation_id": 1, "conversation": session}
    elif "typing" in name:
        data = {"conversation": session | {"id": 1, "inbox_id": CHATWOOT_INBOX}, "user": AGENT, "is_private": False}
    else:
        data = session | {"id": 1, "inbox_id": CHATWOOT_INBOX, "status": "open", "users": {"1": "online"}}
    return json.loads(json.dumps({"event": name, "data": data | changed}))


def take(person: Person, told: Any, now: int) -> str:
    """As the hub and the reception do: Malformed is dropped and counted, everything else is applied."""
    try:
        heard = events.parse(told)
    except Malformed:
        return "malformed"
    match heard:
        case MessageCreated(message) | MessageUpdated(message):
            write(mirror.apply_message, person.scope, message, of=person, now=now, read_started=None)
        case ConversationCreated(conversation) | ConversationUpdated(conversation):
            write(mirror.apply_conversation, person.scope, conversation, of=person, now=now, read_started=None)
    return type(heard).__name__


@example(told=[("message.created", {name: value}) for name in ("id", "conversation_id") for value in (2**63, 10**400)])
@example(told=[("message.created", {"content": words}) for words in ("a\0b", "\ud83d", "x" * 200_000)])
@example(
    told=[("message.created", {"content_attributes": {"items": [value]}}) for value in ("\0", 10**400, nested(130))]
)
@example(told=[("conversation.updated", {"agent_last_seen_at": value}) for value in (2**53, -(2**53), 1e308)])
@given(told=st.lists(st.tuples(NAMES, CHANGES), min_size=1, max_size=6))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=100
)
def test_t54_whatever_chatwoot_says_nothing_raises_and_no_lane_waits_for_it(
    db: None, told: list[tuple[str, dict[str, Any]]]
) -> None:
    person = newcomer()
    said = say(person, "hello", now=NOW - 60_000)
    create_upstream(person, said=said)
    for number, (name, changed) in enumerate(told):
        event(take(person, payload(person, name, changed), NOW + number))
    json.dumps(person.messages())  # readable, and for a browser
    later = NOW + 60_000
    hear(person, cabled(10**6, "a real answer", of=person, ms=60_000), now=later)
    assert any("a real answer" in json.dumps(row["text"]) for row in person.messages())
    assert claimable(person, said.message_id, later)


def claimable(person: Person, message_id: uuid.UUID, now: int) -> bool:
    """The visitor's own message goes out, unless Chatwoot said that it has it."""
    delivery = Delivery.objects.get(message=message_id)
    if delivery.state == Delivery.State.SENT:
        return True
    return write(lanes.claim_attempt, delivery.pk, of=person, now=now, fence_at=now) is not None
