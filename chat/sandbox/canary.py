"""A word in every secret and private field that Chatwoot shows; tests look for it wherever it must never be."""

from typing import Any

import orjson

from chat.sandbox.http import Area, Response

OBJECTS = (
    "additional_attributes",
    "custom_attributes",
    "content_attributes",
    "previous_changes",
    "external_source_ids",
    "sentiment",
)
TEXTS = ("email", "phone_number", "priority", "location", "country_code", "middle_name", "last_name")
LISTS = ("labels", "label_list")


def planted(value: Any, word: str) -> Any:
    """A copy of what Chatwoot answers or publishes, with the word in each private field, also in empty ones."""
    if isinstance(value, list):
        return [planted(each, word) for each in value]
    if not isinstance(value, dict):
        return value
    copy = {name: planted(each, word) for name, each in value.items()}
    for name, each in copy.items():
        if name in OBJECTS and (each is None or isinstance(each, dict)):  # a change of one is a list of two
            copy[name] = {**(each or {}), "canary": word}
        elif name in TEXTS:
            copy[name] = each or word
        elif name in LISTS:
            copy[name] = [*each, word]
    return copy


def planted_in(response: Response, area: Area, word: str) -> Response:
    """In what the Client API answers; agents see things as they are."""
    if not word or area is not Area.CLIENT or not response.content_type.startswith("application/json"):
        return response
    if not response.body:
        return response
    body = orjson.dumps(planted(orjson.loads(response.body), word), option=orjson.OPT_NON_STR_KEYS)
    return Response(response.status, body, response.content_type, response.headers)
