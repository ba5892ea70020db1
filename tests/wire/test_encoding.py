import json
from dataclasses import dataclass
from typing import Literal
from uuid import uuid4

import pytest

from chat import wire
from chat.wire import calls, rows


@dataclass(frozen=True)
class Row:
    kind: Literal["conversation", "message"]
    seq: int
    data: bytes


def message(**fields):
    values = {
        "id": uuid4(),
        "conversation": uuid4(),
        "seq": 7,
        "at": 1_700_000_000_000,
        "direction": "outgoing",
        "echo_id": None,
        "state": "sent",
        "reason": None,
        "sender": rows.Sender(name="Gus", avatar=None, kind="agent"),
        "text": [{"t": "p", "c": ["hello ", {"t": "strong", "c": ["you"]}, {"t": "br"}]}],
        "content_type": "text",
        "attributes": {},
        "attachments": [],
        "deleted": False,
    }
    return rows.Message(**values | fields)


def conversation(**fields):
    return rows.Conversation(
        **{"id": uuid4(), "seq": 3, "status": "open", "contact_seen": 1, "agent_seen": 2, "deleted": False} | fields
    )


def travelling(row):
    return row.model_dump_json().encode()


def test_rows_are_spliced_in_as_they_were_encoded():
    sent = [Row("conversation", 3, travelling(conversation())), Row("message", 7, travelling(message()))]
    changes = json.loads(wire.encode_changes("0a1b2c3d.7", sent, True))
    assert changes == {
        "type": "changes",
        "cursor": "0a1b2c3d.7",
        "conversations": [json.loads(sent[0].data)],
        "messages": [json.loads(sent[1].data)],
        "more": True,
    }


def test_frames_agree_with_the_published_schemas():
    sent = [Row("conversation", 3, travelling(conversation())), Row("message", 7, travelling(message(text=nested())))]
    calls.Changes.model_validate_json(wire.encode_changes("e.7", sent, False))
    calls.Reset.model_validate_json(wire.encode_reset("e.7", "start", sent, False))
    calls.History.model_validate_json(wire.encode_history(sent, True))


def nested():
    """One of each node of the tree."""
    link = {"t": "link", "href": "https://example.com", "c": [{"t": "em", "c": [{"t": "code", "s": "x"}]}]}
    return [
        {"t": "quote", "c": [{"t": "p", "c": [link, {"t": "strike", "c": ["no"]}]}]},
        {"t": "list", "ordered": True, "start": 3, "c": [[{"t": "p", "c": ["one"]}], [{"t": "p", "c": ["two"]}]]},
        {"t": "code", "s": "print()", "lang": "py"},
    ]


def test_the_tree_travels_unchanged():
    assert json.loads(travelling(message(text=nested())))["text"] == nested()


@pytest.mark.parametrize("text", ["<b>html</b>", [{"t": "html", "c": []}], [{"t": "p", "c": [{"t": "img"}]}]])
def test_what_is_not_a_tree_does_not_leave(text):
    with pytest.raises(ValueError, match="validation error"):
        message(text=text)


def test_answers_to_frames():
    echo_id, message_id, conversation_id = uuid4(), uuid4(), uuid4()
    accepted = wire.encode_accepted(echo_id, message_id=message_id, conversation_id=conversation_id)
    assert json.loads(accepted) == {
        "type": "accepted",
        "echo_id": str(echo_id),
        "message": str(message_id),
        "conversation": str(conversation_id),
    }
    refusal = wire.Refusal("text_empty")
    for subject in ("echo_id", "message", "conversation"):
        assert json.loads(wire.encode_refused(subject, echo_id, refusal)) == {
            "type": "refused",
            subject: str(echo_id),
            "error": {"code": "text_empty", "message": refusal.message},
        }
    assert json.loads(wire.encode_error(refusal)) == {"type": "error", **refusal.body}
    assert json.loads(wire.encode_pong("e.7")) == {"type": "pong", "cursor": "e.7"}


def test_passing_frames():
    conversation_id = uuid4()
    assert json.loads(wire.encode_typing(conversation_id, name="Gus", on=True)) == {
        "type": "typing",
        "conversation": str(conversation_id),
        "name": "Gus",
        "on": True,
    }
    assert json.loads(wire.encode_presence(online=False)) == {"type": "presence", "online": False}
    assert json.loads(wire.encode_reconnect(in_ms=8123)) == {"type": "reconnect", "in_ms": 8123}
