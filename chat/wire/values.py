"""What a visitor may answer to a form, a choice or a survey: what Chatwoot keeps of it (contract §1.8), bounded."""

from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from chat.wire.errors import Code, Refusal
from chat.wire.text import MAX_TEXT, TEXT_SCHEMA, is_storable

MAX_VALUES = 100
RATINGS = range(1, 6)
_SCALARS = ("name", "title", "value")
_LARGEST = 2**53  # beyond it JavaScript rounds, and JSON may hold a number of any length

Values = dict[str, Any] | list[dict[str, Any]]


def validate_values(values: Any) -> Values:
    """Return the answer as it is stored, without unknown keys; raise Refusal (answer_invalid), which quotes nothing."""
    if not isinstance(values, list):
        return _value(values)
    if not 1 <= len(values) <= MAX_VALUES:
        raise _invalid(f"it holds 1 to {MAX_VALUES} values")
    return [_value(each) for each in values]


def _value(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _invalid("values are objects")
    kept = {name: _scalar(value[name]) for name in _SCALARS if name in value}
    if "csat_survey_response" in value:
        kept["csat_survey_response"] = _response(value["csat_survey_response"])
    if not kept:
        raise _invalid("it is empty")
    return kept


def _response(response: Any) -> dict[str, Any]:
    """Chatwoot says yes to any rating, and drops those out of range later (contract §1.9)."""
    rating = response.get("rating") if isinstance(response, dict) else None
    if isinstance(rating, float) and rating.is_integer():  # to JSON 5.0 is the integer 5
        rating = int(rating)
    if type(rating) is not int or rating not in RATINGS:
        raise _invalid("a rating is 1 to 5")
    feedback = response.get("feedback_message", "")
    return {"rating": rating, "feedback_message": _text(feedback)}


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        if abs(value) <= _LARGEST:
            return value
        raise _invalid("a number is too large")
    return _text(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _invalid("a value is text, a number, true, false or null")
    if len(value) > MAX_TEXT:
        raise _invalid("a text is longer than 10,000 characters")
    if not is_storable(value):
        raise _invalid("a text contains characters that cannot be stored")
    return value


def _invalid(words: str) -> Refusal:
    return Refusal(Code.ANSWER_INVALID, f"This answer cannot be sent: {words}.")


def _anything(values: Any) -> Any:
    return values


_NUMBER = {"type": "number", "minimum": -_LARGEST, "maximum": _LARGEST}
_SCALAR_SCHEMA = {"anyOf": [TEXT_SCHEMA, _NUMBER, {"type": "boolean"}, {"type": "null"}]}
_RESPONSE_SCHEMA = {
    "type": "object",
    "properties": {
        "rating": {"type": "integer", "minimum": RATINGS.start, "maximum": RATINGS.stop - 1},
        "feedback_message": TEXT_SCHEMA,
    },
    "required": ["rating"],
}
_VALUE_SCHEMA = {
    "type": "object",
    "properties": {**dict.fromkeys(_SCALARS, _SCALAR_SCHEMA), "csat_survey_response": _RESPONSE_SCHEMA},
    "anyOf": [{"required": [name]} for name in (*_SCALARS, "csat_survey_response")],
}

# Like RawText: a visitor whose answer cannot be kept is told so, the socket is not closed.
RawValues = Annotated[
    Any,
    PlainValidator(_anything),
    WithJsonSchema(
        {
            "anyOf": [
                _VALUE_SCHEMA,
                {"type": "array", "minItems": 1, "maxItems": MAX_VALUES, "items": _VALUE_SCHEMA},
            ],
            "description": f"One object, or 1 to {MAX_VALUES}. Of each is kept: name, title, value (text, number, "
            "boolean or null), csat_survey_response (rating from 1 to 5, feedback_message).",
        }
    ),
]
