"""What a Chatwoot says about itself to anybody: its version, its clock, and whether Redis and PostgreSQL are there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import httpx

from chat.chatwoot import reading
from chat.chatwoot.answers import ask
from chat.chatwoot.errors import Malformed
from chat.chatwoot.upstream_clock import UpstreamClock


@dataclass(frozen=True, slots=True)
class ChatwootStatus:
    """`queue_ok`: its Redis; `data_ok`: its PostgreSQL. `at`: its clock, ms, cut to the second (contract §6.10)."""

    version: str
    queue_ok: bool
    data_ok: bool
    at: int

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> Self:
        return cls(
            version=reading.text(payload, "version"),
            queue_ok=reading.text_or_none(payload, "queue_services") == "ok",
            data_ok=reading.text_or_none(payload, "data_services") == "ok",
            at=_moment(reading.text(payload, "timestamp")),
        )


async def chatwoot_status(http: httpx.AsyncClient, clock: UpstreamClock) -> ChatwootStatus:
    """Ask, and let the clock learn from the answer. Raises ChatwootError."""
    sent = clock.base()
    status = await ask(http, "GET", "/api", ChatwootStatus.parse)
    clock.sample(sent=sent, received=clock.base(), told_ms=status.at)
    return status


def _moment(text: str) -> int:
    """UTC, though it does not say so."""
    try:
        return int(datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()) * 1000
    except ValueError:
        raise Malformed("timestamp: not a moment") from None
