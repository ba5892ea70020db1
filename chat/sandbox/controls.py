"""``/sandbox/…``: faults, statistics, the ledger of what an agent would see, and a few switches."""

from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

import orjson

from chat.sandbox.context import iso
from chat.sandbox.entities import ContactInbox, Conversation, Inbox, Message, MessageType, Transcript
from chat.sandbox.faults import AT_ONCE, SWITCHES, Fault
from chat.sandbox.http import Request, Response, json_response
from chat.sandbox.people import sender_of
from chat.sandbox.sandbox import Sandbox

SETTABLE = {field.name for field in fields(Fault)} - {"set_at"}


async def control(sandbox: Sandbox, request: Request) -> Response | None:
    """The answer to a request under ``/sandbox/``, or None when it is not one."""
    if not request.path.startswith("/sandbox/"):
        return None
    name = request.path.removeprefix("/sandbox/").rstrip("/")
    if (request.method, name) == ("POST", "faults"):
        return await set_fault(sandbox, request)
    handler = CONTROLS.get((request.method, name))
    return handler(sandbox, request) if handler else json_response({"error": "no such control"}, 404)


async def set_fault(sandbox: Sandbox, request: Request) -> Response:
    given = _object(request)
    unknown = sorted(set(given) - SETTABLE)
    if unknown or given.get("name") not in SWITCHES:
        words = f"unknown keys {unknown}" if unknown else f"no fault is called {given.get('name')!r}"
        return json_response({"error": words, "names": sorted(SWITCHES), "keys": sorted(SETTABLE)}, 422)
    fault = Fault(**given)
    if fault.name not in AT_ONCE:
        sandbox.faults.add(fault)
    if fault.name in ("cable_cut", "down"):
        await sandbox.cable.cut_all()
    if fault.name == "cable_disconnect":
        await sandbox.cable.disconnect_all()
    return json_response(_shown(fault))


def list_faults(sandbox: Sandbox, request: Request) -> Response:
    return json_response([_shown(fault) for fault in sandbox.faults.active])


def clear_faults(sandbox: Sandbox, request: Request) -> Response:
    sandbox.faults.clear()
    return json_response([])


def show_stats(sandbox: Sandbox, request: Request) -> Response:
    shown = sandbox.stats.shown()
    shown["cable"] |= {"open": len(sandbox.cable.connections), "subscriptions": sandbox.cable.subscriptions()}
    return json_response(shown)


def reset_stats(sandbox: Sandbox, request: Request) -> Response:
    sandbox.stats.reset()
    return json_response({})


def set_settings(sandbox: Sandbox, request: Request) -> Response:
    """``rack_timeout``: false switches the request deadlines off. ``skew_s``: how far Chatwoot's clock is ahead."""
    given = _object(request)
    sandbox.rack_timeout = bool(given.get("rack_timeout", sandbox.rack_timeout))
    sandbox.skew_s = float(given.get("skew_s", sandbox.skew_s))
    return json_response({"rack_timeout": sandbox.rack_timeout, "skew_s": sandbox.skew_s})


def forget_presence(sandbox: Sandbox, request: Request) -> Response:
    """Nobody counts as online until they are heard of again: 20 s in no time."""
    sandbox.presence.clear()
    return json_response({})


def show_ledger(sandbox: Sandbox, request: Request) -> Response:
    """Every message of every conversation in the order an agent would see, private notes and activities too."""
    conversations = sandbox.store.all(Conversation)
    return json_response({"conversations": [_conversation(sandbox, row) for row in conversations]})


def show_world(sandbox: Sandbox, request: Request) -> Response:
    return json_response(sandbox.world)


CONTROLS: dict[tuple[str, str], Callable[[Sandbox, Request], Response]] = {
    ("GET", "faults"): list_faults,
    ("DELETE", "faults"): clear_faults,
    ("GET", "stats"): show_stats,
    ("POST", "reset_stats"): reset_stats,
    ("POST", "settings"): set_settings,
    ("POST", "forget_presence"): forget_presence,
    ("GET", "ledger"): show_ledger,
    ("GET", "world"): show_world,
}


def _conversation(sandbox: Sandbox, row: Conversation) -> dict[str, Any]:
    store = sandbox.store
    contact_inbox, inbox = store.get(ContactInbox, row.contact_inbox_id), store.get(Inbox, row.inbox_id)
    return {
        "id": row.display_id,
        "account_id": row.account_id,
        "inbox_id": row.inbox_id,
        "inbox_identifier": inbox.identifier if inbox else None,
        "contact_id": row.contact_id,
        "source_id": contact_inbox.source_id if contact_inbox else None,
        "status": row.status,
        "custom_attributes": row.custom_attributes,
        "messages": [_message(sandbox, message) for message in store.messages_of(row.id)],
        "transcripts": [each.email for each in store.where(Transcript, lambda sent: sent.conversation_id == row.id)],
    }


def _message(sandbox: Sandbox, message: Message) -> dict[str, Any]:
    sender = sender_of(sandbox.context(), message)
    return {
        "id": message.id,
        "message_type": MessageType(message.message_type).name.lower(),
        "content": message.content,
        "content_type": message.content_type,
        "content_attributes": message.content_attributes,
        "echo_id": message.echo_id,
        "source_id": message.source_id,
        "private": message.private,
        "deleted": bool(message.content_attributes.get("deleted")),
        "status": message.status,
        "sender": sender.name if sender else None,
        "sender_type": message.sender_type,
        "attachments": [row.filename for row in sandbox.store.attachments_of(message.id)],
        "created_at": iso(message.created_at),
    }


def _object(request: Request) -> dict[str, Any]:
    try:
        value = orjson.loads(request.body or b"{}")
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _shown(fault: Fault) -> dict[str, Any]:
    return {name: value for name, value in asdict(fault).items() if name in SETTABLE}
