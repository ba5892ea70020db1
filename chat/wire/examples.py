"""Frames as they travel, for the description of the socket; a test reads and checks each."""

from typing import Any

CONVERSATION, MESSAGE = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "0d77be00-f700-46aa-91a6-00f89f6f1e8e"
REPLY, ECHO, FILE = (
    "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    "16fd2706-8baf-433b-82eb-8c7fada847da",
    "886313e1-3b8a-4372-9b90-0c9aee199e5d",
)
AT = 1_764_400_000_000
_CONVERSATION = {
    "id": CONVERSATION,
    "seq": 3,
    "status": "open",
    "contact_seen": AT,
    "agent_seen": AT + 4_000,
    "deleted": False,
}
_OWN = {
    "id": MESSAGE,
    "conversation": CONVERSATION,
    "seq": 2,
    "at": AT,
    "direction": "incoming",
    "echo_id": ECHO,
    "state": "sent",
    "reason": None,
    "sender": None,
    "text": [{"t": "p", "c": ["Where is my parcel?"]}],
    "content_type": "text",
    "attributes": {},
    "attachments": [{"id": FILE, "name": "label.png", "type": "image", "size": 48_211}],
    "deleted": False,
}
_REPLY = _OWN | {
    "id": REPLY,
    "seq": 4,
    "at": AT + 5_000,
    "direction": "outgoing",
    "echo_id": None,
    "sender": {"name": "Gus", "avatar": None, "kind": "agent"},
    "text": [{"t": "p", "c": ["On its way: ", {"t": "link", "href": "https://example.com/p/1", "c": ["parcel 1"]}]}],
    "attachments": [],
}
_TOO_LONG = {"code": "text_too_long", "message": "The message is longer than 10,000 characters."}
_NOT_LOST = {"code": "not_lost", "message": "This message was delivered, or is still being sent."}

OF: dict[str, list[dict[str, Any]]] = {
    "client.hello": [
        {"type": "hello", "token": "…", "since": None, "visible": True},
        {"type": "hello", "token": "…", "since": "0a1b2c3d.4", "visible": False},
    ],
    "client.ack": [{"type": "ack", "cursor": "0a1b2c3d.4"}],
    "client.send": [
        {"type": "send", "echo_id": ECHO, "conversation": None, "text": "Where is my parcel?", "files": [FILE]}
    ],
    "client.typing": [{"type": "typing", "conversation": CONVERSATION, "on": True}],
    "client.seen": [{"type": "seen", "conversation": CONVERSATION, "message": REPLY}],
    "client.retry": [{"type": "retry", "message": MESSAGE}],
    "client.discard": [{"type": "discard", "message": MESSAGE}],
    "client.resolve": [{"type": "resolve", "conversation": CONVERSATION}],
    "client.answer": [
        {"type": "answer", "message": REPLY, "values": {"title": "Yes", "value": "yes"}},
        {"type": "answer", "message": REPLY, "values": {"csat_survey_response": {"rating": 5, "feedback_message": ""}}},
    ],
    "client.ping": [{"type": "ping", "visible": True}],
    "server.reset": [
        {
            "type": "reset",
            "cursor": "0a1b2c3d.3",
            "reason": "start",
            "conversations": [_CONVERSATION],
            "messages": [_OWN],
            "more": False,
        }
    ],
    "server.changes": [
        {"type": "changes", "cursor": "0a1b2c3d.4", "conversations": [], "messages": [_REPLY], "more": False}
    ],
    "server.accepted": [{"type": "accepted", "echo_id": ECHO, "message": MESSAGE, "conversation": CONVERSATION}],
    "server.refused": [
        {"type": "refused", "echo_id": ECHO, "error": _TOO_LONG},
        {"type": "refused", "message": MESSAGE, "error": _NOT_LOST},
    ],
    "server.typing": [{"type": "typing", "conversation": CONVERSATION, "name": "Gus", "on": True}],
    "server.presence": [{"type": "presence", "online": True}],
    "server.pong": [{"type": "pong", "cursor": "0a1b2c3d.4"}],
    "server.reconnect": [{"type": "reconnect", "in_ms": 1_850}],
    "server.error": [
        {"type": "error", "error": {"code": "bad_frame", "message": "Bad frame: hello comes first, and once."}}
    ],
}
