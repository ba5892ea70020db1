"""The description of the API (OpenAPI 3.1): what ninja reads off the operations, with every error and with examples."""

import json
from functools import cache
from typing import Any

from ninja import NinjaAPI

from chat.api import examples, links
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
    "articles": "What the help centre says.",
    "contact": "What a person says of themselves, and what is held of them.",
    "conversations": "What is said, and what is new.",
    "uploads": "Files on their way to a message.",
    "attachments": "Files of messages.",
    "avatars": "Agents' pictures.",
    "cards": "Pictures of agents' cards.",
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
# Headers that come with an error; beside the others there is none that says more.
_HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"required": True, "schema": {"type": "string", "const": "Bearer"}}},
    416: {"Content-Range": {"required": True, "schema": {"type": "string"}}},
    429: {"Retry-After": {"required": True, "schema": {"type": "integer", "minimum": 1}}},
    503: {"Retry-After": {"schema": {"type": "integer", "minimum": 1}}},
}
_OF_TAG = {
    ("session", 404): Code.NO_SUCH_INBOX,
    ("contact", 409): Code.TOO_MANY_ATTRIBUTES,
    ("inbox", 404): Code.NO_SUCH_INBOX,
    ("articles", 404): Code.NO_SUCH_INBOX,
    ("attachments", 404): Code.NOT_FOUND,
    ("avatars", 404): Code.NOT_FOUND,
    ("cards", 404): Code.NOT_FOUND,
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
    operations = {
        f"{method} {path.removeprefix(PREFIX)}": operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
    operation_ids = {name: operation["operationId"] for name, operation in operations.items()}
    for name, operation in operations.items():
        _complete(name, operation)
        _add_links(name, operation, operation_ids)
    return described


def _complete(name: str, operation: dict[str, Any]) -> None:
    _add_examples(name, operation)
    tag = operation["tags"][0]
    for status in sorted(_errors(name, operation)):
        refusal = Refusal(_OF_TAG[tag, status]) if (tag, status) in _OF_TAG else _USUAL[status]
        if status == 404 and "/messages/" in name:
            refusal = Refusal(Code.NO_SUCH_MESSAGE)
        content = {"application/json": {"schema": ERROR, "example": refusal.body}}
        described = {"description": refusal.message, "content": content}
        if status in _HEADERS:
            described["headers"] = _HEADERS[status]
        operation["responses"][str(status)] = described
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _errors(name: str, operation: dict[str, Any]) -> set[int]:
    """What it says itself, and what every call like it may be told before it comes to the operation."""
    found = {int(status) for status in operation["responses"] if int(status) >= 400} | {429, 500, 503}
    if "security" in operation:
        found |= {401, 403}
    if name.startswith(("post ", "put ", "patch ")):  # a body is looked at, whether it is wanted or not
        found |= {413, 415}
    if "application/json" in operation.get("requestBody", {}).get("content", {}):
        found |= {400, 422}
    if any(parameter["schema"].keys() - {"type", "title"} for parameter in operation["parameters"]):
        found.add(422)
    return found


def _add_links(name: str, operation: dict[str, Any], operation_ids: dict[str, str]) -> None:
    for status, response in operation["responses"].items():
        if int(status) < 300 and (found := links.of(name, operation_ids)):
            response["links"] = found


def _add_examples(name: str, operation: dict[str, Any]) -> None:
    for parameter in operation["parameters"]:
        if parameter["name"] in examples.PARAMETERS:  # a test wants all of them; the document is served without
            parameter["example"] = examples.PARAMETERS[parameter["name"]]
    if name in examples.REQUESTS:
        _, body = examples.REQUESTS[name]
        operation["requestBody"]["content"]["application/json"]["example"] = body
    if name in examples.ANSWERS:
        shown = examples.ANSWERS[name].model_dump(mode="json", exclude_unset=name.endswith("/sync"))
        for status, response in operation["responses"].items():
            if int(status) < 300:
                response["content"]["application/json"]["example"] = shown
