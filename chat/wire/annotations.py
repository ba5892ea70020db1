"""Bodies of the calls by which a page says something of a conversation: attributes, and labels."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from chat.wire.calls import Call
from chat.wire.profile import ATTRIBUTES_SCHEMA, LARGEST_OF_A_CONVERSATION

MAX_LABELS = 10  # that one call names
_NUMBER = {"type": "number", "minimum": -LARGEST_OF_A_CONVERSATION, "maximum": LARGEST_OF_A_CONVERSATION}
_SIMPLE = [_NUMBER if each["type"] == "number" else each for each in ATTRIBUTES_SCHEMA["additionalProperties"]["anyOf"]]
_SCHEMA = {**ATTRIBUTES_SCHEMA, "additionalProperties": {"anyOf": _SIMPLE}}
del _SCHEMA["default"]

Label = Annotated[str, Field(min_length=1, max_length=100)]
Labels = Annotated[tuple[Label, ...], Field(max_length=MAX_LABELS)]


class PutAttributes(Call):
    """Text, numbers, booleans by key, as in `PATCH /contact`. What is left out stays; null forgets."""

    attributes: Annotated[dict[str, Any], WithJsonSchema(_SCHEMA), Field(repr=False)]


class ConversationAttributes(BaseModel):
    """All that were set from here and not forgotten; agents' own are not shown."""

    attributes: dict[str, str | int | float | bool]


class PutLabels(Call):
    """What stands in both is removed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    add: Labels = ()
    remove: Labels = ()


class ConversationLabels(BaseModel):
    """Those that were set from here; agents' own are not shown, and not removed."""

    labels: list[str]
