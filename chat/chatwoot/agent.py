"""What an agent may do in the inboxes that they are a member of (Application API, contract §6.4, §6.7).

With the access token of such an agent, or of an administrator, who may do it in every inbox of the account.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import httpx

from chat.chatwoot import reading
from chat.chatwoot.bearer import Bearer
from chat.chatwoot.client import Headers
from chat.chatwoot.described import Described, read_labels


@dataclass(frozen=True, slots=True)
class Member:
    """An agent of an inbox, as visitors may know them. `picture` is Chatwoot's address of it, or empty."""

    id: int
    name: str
    picture: str
    is_online: bool

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> Self:
        return cls(
            id=reading.integer(payload, "id"),
            name=reading.text_or_empty(payload, "available_name") or reading.text_or_empty(payload, "name"),
            picture=reading.text_or_empty(payload, "thumbnail"),
            is_online=reading.text_or_none(payload, "availability_status") == "online",
        )


class AgentApi:
    """One account, as one agent. Raises ChatwootError; Forbidden, too, where they are no member of the inbox."""

    def __init__(self, http: httpx.AsyncClient, account_id: int, token: str) -> None:
        self._account = Bearer(http, f"/api/v1/accounts/{int(account_id)}", token)

    async def members(self, inbox_id: int) -> tuple[Member, ...]:
        return await self._account.ask_payload("GET", f"/inbox_members/{int(inbox_id)}", Member.parse)

    async def inbox_of(self, conversation_id: int) -> int:
        """Conversations are numbered within an account, inboxes in all of a Chatwoot: this tells one from another."""
        path = _conversation(conversation_id)
        return await self._account.ask("GET", path, lambda body: reading.integer(body, "inbox_id"))

    async def describe(self, conversation_id: int) -> Described:
        return await self._account.ask("GET", _conversation(conversation_id), Described.parse)

    async def labels(self, conversation_id: int) -> tuple[str, ...]:
        return await self._account.ask("GET", f"{_conversation(conversation_id)}/labels", _labels)

    async def set_labels(
        self, conversation_id: int, labels: Sequence[str], *, headers: Headers = None
    ) -> tuple[str, ...]:
        """Replaces those that are there, agents' own too: read them first. Safe to repeat."""
        path, body = f"{_conversation(conversation_id)}/labels", {"labels": list(labels)}
        return await self._account.ask("POST", path, _labels, json=body, headers=headers)

    async def send_transcript(self, conversation_id: int, email: str) -> None:
        """By e-mail, in a while; a second one with every repetition. 30 in an hour for an account, then Throttled:
        that is about transcripts alone, and no reason to ask this Chatwoot for nothing else."""
        path = f"{_conversation(conversation_id)}/transcript"
        await self._account.ask_nothing("POST", path, json={"email": email})


def _conversation(conversation_id: int) -> str:
    return f"/conversations/{int(conversation_id)}"


def _labels(body: Mapping[str, Any]) -> tuple[str, ...]:
    return read_labels(body, "payload")
