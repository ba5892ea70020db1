"""The description of the API (OpenAPI 3.1): what ninja reads off the operations, with every error and with examples."""

import json
from functools import cache
from typing import Any

from ninja import NinjaAPI

from chat.api import examples
from chat.wire.errors import Code, Refusal

PREFIX = "/api/v1"
ERROR = {"$ref": "#/components/schemas/Error"}
ABOUT = """A visitor's side of a chat, for apps and pages without a WebSocket.

`POST /session` begins; its access token goes into `Authorization: Bearer …` of every other call, and is renewed by
`POST /session/refresh`. `GET /sync` is the one way to learn of changes. What has a UUID of the client's (`echo_id`,
`key`) may be repeated until it is answered, and is done once. Ids are UUIDs in any case, times milliseconds since 1970.

Errors have one shape, `{"error": {"code", "message"}}`; `message` is for a person. What does not exist and what is
somebody else's look the same. An address that does not take a method answers 405 with `Allow`."""
TAGS = {
    "session": "A device begins, and stays, signed in.",
    "inbox": "What there is to know without a session.",
    "contact": "What a person says of themselves, and what is held of them.",
    "conversations": "What is said, and what is new.",
    "uploads": "Files on their way to a message.",
    "attachments": "Files of messages.",
    "avatars": "Agents' pictures.",
}
# What is meant where nothing else is said; 400 and 422 name what is wrong.
_USUAL = {
    400: Refusal(Code.BAD_REQUEST, "The body is not JSON."),
    401: Refusal(Code.UNKNOWN_TOKEN),
    403: Refusal(Code.FOREIGN_ORIGIN),
    404: Refusal(Code.NO_SUCH_CONVERSATION),
    409: Refusal(Code.NO_QUESTION),
    413: Refusal(Code.TOO_BIG),
    415: Refusal(Code.NOT_JSON),
    416: Refusal(Code.RANGE_INVALID),
    422: Refusal(Code.BAD_REQUEST),
    429: Refusal(Code.TOO_FAST),
    500: Refusal(Code.FAULT),
    502: Refusal(Code.FILE_UNREACHABLE),
    503: Refusal(Code.UNAVAILABLE),
}
_OF_TAG = {
    ("session", 404): Code.NO_SUCH_INBOX,
    ("contact", 409): Code.TOO_MANY_ATTRIBUTES,
    ("inbox", 404): Code.NO_SUCH_INBOX,
    ("attachments", 404): Code.NOT_FOUND,
    ("avatars", 404): Code.NOT_FOUND,
    ("uploads", 413): Code.FILE_TOO_BIG,
    ("uploads", 415): Code.FILE_REFUSED,
    ("uploads", 422): Code.FILE_EMPTY,
}


@cache
def document(api: NinjaAPI) -> dict[str, Any]:
    """As served; do not change it."""
    described: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema()))
    described["info"]["description"] = ABOUT
    described["tags"] = [{"name": name, "description": words} for name, words in TAGS.items()]
    described["servers"] = [{"url": "/", "description": "where this document came from"}]
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            _complete(f"{method} {path.removeprefix(PREFIX)}", operation)
    return described


def _complete(name: str, operation: dict[str, Any]) -> None:
    _add_examples(name, operation)
    tag = operation["tags"][0]
    for status in sorted(_errors(operation)):
        refusal = Refusal(_OF_TAG[tag, status]) if (tag, status) in _OF_TAG else _USUAL[status]
        if status == 404 and "/messages/" in name:
            refusal = Refusal(Code.NO_SUCH_MESSAGE)
        content = {"application/json": {"schema": ERROR, "example": refusal.body}}
        operation["responses"][str(status)] = {"description": refusal.message, "content": content}
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _errors(operation: dict[str, Any]) -> set[int]:
    found = {int(status) for status in operation["responses"] if int(status) >= 400} | {429, 500, 503}
    if "security" in operation:
        found.add(401)
    if "requestBody" in operation:
        found |= {400, 413, 415, 422}
    if operation["parameters"]:
        found.add(422)
    return found


def _add_examples(name: str, operation: dict[str, Any]) -> None:
    if name in examples.REQUESTS:
        _, body = examples.REQUESTS[name]
        operation["requestBody"]["content"]["application/json"]["example"] = body
    if name in examples.ANSWERS:
        shown = examples.ANSWERS[name].model_dump(mode="json", exclude_unset=name.endswith("/sync"))
        for status, response in operation["responses"].items():
            if int(status) < 300:
                response["content"]["application/json"]["example"] = shown
