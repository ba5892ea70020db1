"""A conversation as the Application API shows it (contract §6.7): what agents and automations said of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from chat.chatwoot import reading


@dataclass(frozen=True, slots=True)
class Described:
    """`id` is the display id. Attributes and labels are anybody's."""

    id: int
    inbox_id: int
    attributes: Mapping[str, Any] = field(repr=False)
    labels: tuple[str, ...] = field(repr=False)

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> Self:
        return cls(
            id=reading.integer(payload, "id"),
            inbox_id=reading.integer(payload, "inbox_id"),
            attributes=reading.mapping(payload.get("custom_attributes") or {}, "custom_attributes"),
            labels=read_labels(payload, "labels"),
        )


def read_labels(payload: Mapping[str, Any], key: str) -> tuple[str, ...]:
    return tuple(reading.text({"label": each}, "label") for each in reading.sequence(payload.get(key), key))
