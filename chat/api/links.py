"""What an answer is good for next: links of the description, by which programs find their way from call to call."""

from typing import Any

CONVERSATION = "conversation_id"
MESSAGE = "message_id"
_OF_CONVERSATION = ("get /conversations/{conversation_id}", "get /conversations/{conversation_id}/messages")
_IN_CONVERSATION = (
    *_OF_CONVERSATION,
    "post /conversations/{conversation_id}/typing",
    "post /conversations/{conversation_id}/resolve",
    "put /conversations/{conversation_id}/attributes",
    "put /conversations/{conversation_id}/labels",
)
_OF_FILE = ("get /attachments/{attachment_id}", "head /attachments/{attachment_id}")

# Of an operation: what stands where in its answer, as which parameter, and for which operations.
PARAMETERS: dict[str, list[tuple[str, str, tuple[str, ...]]]] = {
    "post /conversations": [("/conversation/id", CONVERSATION, _IN_CONVERSATION)],
    "get /conversations": [("/conversations/0/id", CONVERSATION, _IN_CONVERSATION)],
    "put /messages/{echo_id}": [("/conversation", CONVERSATION, _IN_CONVERSATION)],
    "post /uploads": [("/id", "attachment_id", _OF_FILE)],
    "get /sync": [("/cursor", "since", ("get /sync",))],
}
# Likewise, where it goes into a body; what is left out there is up to the client.
BODIES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "put /messages/{echo_id}": [
        ("post /conversations/{conversation_id}/seen", {"message": "$response.body#/message"}),
    ],
    "post /uploads": [("post /attachments/tickets", {"attachments": ["{$response.body#/id}"]})],
}


def of(name: str, operation_ids: dict[str, str]) -> dict[str, Any]:
    """Links of an answer of this operation; ``operation_ids`` by method and path, as here."""
    found: dict[str, Any] = {}
    for pointer, parameter, targets in PARAMETERS.get(name, ()):
        for target in targets:
            found[_name(target)] = {
                "operationId": operation_ids[target],
                "parameters": {parameter: f"$response.body#{pointer}"},
            }
    for target, body in BODIES.get(name, ()):
        link = {"operationId": operation_ids[target], "requestBody": body}
        if "/seen" in target:
            link["parameters"] = {CONVERSATION: "$response.body#/conversation"}
        found[_name(target)] = link
    return found


def _name(target: str) -> str:
    """``post /conversations/{conversation_id}/seen`` as ``post-conversations-conversation_id-seen``."""
    return "-".join(part.strip("{}") for part in target.replace(" ", "/").split("/") if part)
