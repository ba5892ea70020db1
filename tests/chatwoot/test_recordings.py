"""Everything a real Chatwoot 4.10 was recorded to send must be readable."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chat.chatwoot import events
from chat.chatwoot.resources import ContactSession, Conversation, InboxProfile, Message

pytestmark = pytest.mark.kit
NUMBERS = {"unix": 1795356290, "unixf": 1795356290.88}


def filled(value: Any) -> Any:
    """Put values of the right type in the place of placeholders."""
    if isinstance(value, dict):
        return {key: filled(each) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each) for each in value]
    if not isinstance(value, str) or not (placeholder := re.fullmatch(r"<(\w+)(?::.*|#.*)?>", value)):
        return value
    kind = placeholder[1]
    if kind == "int":
        return sum(value.encode())
    return NUMBERS.get(kind, "2026-11-22T14:04:50.827Z" if kind == "iso" else value)


@pytest.fixture(scope="module")
def steps(kit: Path) -> list[dict[str, Any]]:
    files = sorted((kit / "chatwoot-4.10/recordings").glob("*.json"))
    return [filled(step) for file in files for step in json.loads(file.read_text())["steps"]]


def messages_to(steps: list[dict[str, Any]], *, agents: bool) -> Iterator[dict[str, Any]]:
    for step in steps:
        for socket, frames in step.get("frames", {}).items():
            if socket.startswith("agent") == agents:
                yield from (frame["message"] for frame in frames if "identifier" in frame and "message" in frame)


def test_every_event_for_visitors_can_be_read(steps: list[dict[str, Any]]):
    kinds = {type(events.parse(message)) for message in messages_to(steps, agents=False)}
    assert kinds >= set(events.Event.__args__)


def test_of_what_agents_hear_no_private_note_could_pass(steps: list[dict[str, Any]]):
    """Agents' frames never come to us; if they did, their notes and activities would still end at the parser."""
    withheld = 0
    for message in messages_to(steps, agents=True):
        data = message["data"]
        if message["event"].startswith("message.") and (data["private"] or data["message_type"] == 2):
            assert events.parse(message) is None
            withheld += 1
    assert withheld


def answers(steps: list[dict[str, Any]], pattern: str) -> Iterator[Any]:
    for step in steps:
        path = re.sub(r"\?.*", "", step["request"].get("path", ""))
        shape = f"{step['request'].get('method')} {path}"
        if re.search(pattern, shape) and step["response"].get("status") == 200:
            body = step["response"]["body"]
            rows = body if isinstance(body, list) else [body]
            yield from (row for row in rows if isinstance(row, dict) and len(row) > 2)  # Some recordings keep less.


CONTACTS = r"/public/api/v1/inboxes/[^/]+/contacts"


@pytest.mark.parametrize(
    ("pattern", "parse"),
    [
        (r"^GET /public/api/v1/inboxes/[^/]+$", InboxProfile.parse),
        (rf"^POST {CONTACTS}$", ContactSession.parse),
        (rf"^GET {CONTACTS}/[^/]+$", ContactSession.parse),
        (rf"^(POST|GET) {CONTACTS}/[^/]+/conversations(/[^/]+|/[^/]+/toggle_status)?$", Conversation.parse),
        (rf"^(POST|GET|PATCH) {CONTACTS}/[^/]+/conversations/[^/]+/messages(/[^/]+)?$", Message.parse),
    ],
)
def test_every_answer_can_be_read(steps: list[dict[str, Any]], pattern: str, parse: Any):
    assert [parse(row) for row in answers(steps, pattern)]
