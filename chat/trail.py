"""The way of a message through the log: one request id from the browser's call to the number that Chatwoot gave it.

It is the proxy's own where that is well-formed, else ours. Lines of this logger are written with LOG_FORMAT=json alone.
"""

import logging
import re
import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
FIELDS = ("request_id", "message_id", "delivery_id", "echo_id", "chatwoot_message_id")  # of a record in JSON
KEY = "request_id"  # in the payload of a delivery, which any process may carry: of a message, of what it waits for

request_id: ContextVar[str] = ContextVar("request_id", default="")
log = logging.getLogger(__name__)


def begin(given: str = "") -> str:
    """Of what is done from here on, in this task: the id that was given, or a new one."""
    chosen = given if WELL_FORMED.fullmatch(given) else uuid.uuid4().hex
    request_id.set(chosen)
    return chosen


def take_up(delivery_id: uuid.UUID, *, attempt: int, payload: Mapping[str, Any]) -> None:
    """What is done from here on, in this task, is about this delivery."""
    request_id.set(payload.get(KEY, ""))
    if request_id.get():
        log.info("delivery %s is taken up, attempt %d", delivery_id, attempt, extra={"delivery_id": delivery_id})


def payload() -> dict[str, str]:
    """What a delivery keeps of where it came from."""
    found = request_id.get()
    return {KEY: found} if found else {}


def accepted(message_id: uuid.UUID, *, echo_id: uuid.UUID) -> None:
    log.info("message %s is accepted", message_id, extra={"message_id": message_id, "echo_id": echo_id})


def arrived(
    delivery_id: uuid.UUID, *, message_id: uuid.UUID | None, chatwoot_id: int, payload: Mapping[str, Any]
) -> None:
    """``payload``: its delivery's; this may be found while something else is done, by somebody else's request."""
    names = {"delivery_id": delivery_id, "message_id": message_id, "chatwoot_message_id": chatwoot_id}
    extra = names | {KEY: payload.get(KEY, "")}
    log.info("message %s is number %d at Chatwoot", message_id, chatwoot_id, extra=extra)
