"""What is read of a webhook's body: whom it is about, and nothing when there is nothing to compare."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.chatwoot.errors import Malformed
from chat.chatwoot.hooks import Hint, parse
from tests.chatwoot.test_recordings import steps as steps

SESSION = {"id": 4, "contact_id": 9, "inbox_id": 1, "source_id": "b1b3", "pubsub_token": "Qww3W8"}
CONVERSATION = {"id": 2, "contact_inbox": SESSION, "status": "open"}


def message(event: str = "message_created", **values: Any) -> bytes:
    told = {"event": event, "id": 7, "message_type": "outgoing", "private": False, "conversation": CONVERSATION}
    return orjson.dumps(told | values)


def conversation(event: str, **values: Any) -> bytes:
    return orjson.dumps(CONVERSATION | {"event": event} | values)


def test_a_new_message_names_itself() -> None:
    assert parse(message()) == Hint(2, 9, "b1b3", 7)


@pytest.mark.parametrize(
    "body",
    [
        message("message_updated"),
        message("message_updated", message_type="incoming"),
        conversation("conversation_updated"),
        conversation("conversation_status_changed"),
    ],
)
def test_what_may_be_any_change_names_only_whom_it_is_about(body: bytes) -> None:
    assert parse(body) == Hint(2, 9, "b1b3", None)


@pytest.mark.parametrize(
    "body",
    [
        message(private=True),
        message(message_type="incoming"),
        b'{"event":"conversation_typing_on","conversation":{"id":2}}',
        conversation("conversation_created"),
        b'{"event":"webwidget_triggered"}',
    ],
)
def test_what_changes_nothing_for_a_visitor_is_no_hint(body: bytes) -> None:
    assert parse(body) is None


@pytest.mark.kit
def test_what_a_real_chatwoot_was_recorded_to_send_is_read(steps: list[dict[str, Any]]) -> None:
    bodies = [hook["body"] for step in steps for hook in step.get("webhooks", ())]
    hints = [(body["event"], body.get("private"), parse(orjson.dumps(body))) for body in bodies]
    assert {event for event, _, _ in hints} >= {"message_created", "message_updated", "conversation_typing_on"}
    assert all(hint is None for event, private, hint in hints if private or "typing" in event)
    told = [hint for event, _, hint in hints if event == "message_created" and hint]
    assert told and all(hint.message_id and hint.contact_id and hint.source_id for hint in told)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"event":1}',
        b'{"event":"message_created"}',
        message(conversation=None),
        message(conversation={"id": "2/../3"}),
        message(conversation={"id": True}),
        message(conversation={"id": 2.5}),
        message(conversation={"id": 0}),
        message(conversation={"id": 2**60}),
        message(id=-1),
        message(conversation={"id": 2, "contact_inbox": {"contact_id": "9"}}),
        b"[" * 100_000,
        b'{"event":"message_created","id":' + b"9" * 5_000 + b"}",
    ],
)
def test_t42_an_id_that_is_no_number_of_ours_is_never_used(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
EVENTS = st.sampled_from(["message_created", "message_updated", "conversation_updated", "conversation_typing_on", "x"])


@settings(deadline=None)
@given(st.binary(max_size=200) | st.builds(json.dumps, JSON).map(str.encode))
def test_t54_no_body_raises_anything_but_malformed(body: bytes) -> None:
    _readable_or_malformed(body)


@settings(deadline=None)
@given(EVENTS, st.dictionaries(st.sampled_from(["id", "conversation", "contact_inbox", "private"]), JSON))
def test_t54_no_event_raises_anything_but_malformed(event: str, values: dict[str, Any]) -> None:
    _readable_or_malformed(json.dumps({"event": event, "conversation": values} | values).encode())


def _readable_or_malformed(body: bytes) -> None:
    try:
        hint = parse(body)
    except Malformed:
        return
    assert hint is None or (0 < hint.conversation_id <= 2**53)


def test_a_hint_does_not_print_the_source_id() -> None:
    assert "b1b3" not in repr(parse(message()))
