"""Contacts of an account, found and deleted as its administrators may (Application API, contract §6.6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from chat.chatwoot import reading
from chat.chatwoot.bearer import Bearer


@dataclass(frozen=True, slots=True)
class ContactSession:
    """A contact in one inbox."""

    inbox_id: int
    inbox_name: str
    source_id: str = field(repr=False)

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> Self:
        inbox = reading.mapping(payload.get("inbox"), "inbox")
        return cls(
            inbox_id=reading.integer(inbox, "id"),
            inbox_name=reading.text_or_empty(inbox, "name"),
            source_id=reading.text(payload, "source_id"),
        )


@dataclass(frozen=True, slots=True)
class AccountContact:
    """Of all that is told of them, where they are known."""

    id: int
    sessions: tuple[ContactSession, ...]

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> Self:
        sessions = reading.sequence(payload.get("contact_inboxes"), "contact_inboxes")
        return cls(
            id=reading.integer(payload, "id"),
            sessions=tuple(ContactSession.parse(reading.mapping(each, "contact_inboxes")) for each in sessions),
        )


class ContactsApi:
    """Raises ChatwootError; Forbidden unless the token is an administrator's of this account."""

    def __init__(self, http: httpx.AsyncClient, account_id: int, token: str) -> None:
        self._account = Bearer(http, f"/api/v1/accounts/{int(account_id)}", token)

    async def by_source(self, inbox_id: int, source_id: str) -> AccountContact:
        """Whose it is now, also after Chatwoot has made one contact of two. The id is in no URL."""
        body = {"inbox_id": inbox_id, "source_id": source_id}
        return await self._account.ask("POST", "/contact_inboxes/filter", AccountContact.parse, json=body)

    async def contact(self, contact_id: int) -> AccountContact:
        def read(body: Mapping[str, Any]) -> AccountContact:
            return AccountContact.parse(reading.mapping(body.get("payload"), "payload"))

        return await self._account.ask("GET", f"/contacts/{int(contact_id)}", read)

    async def delete(self, contact_id: int) -> None:
        """With all their conversations, in every inbox. Invalid while they are online, and for 20 s after that."""
        await self._account.ask_nothing("DELETE", f"/contacts/{int(contact_id)}")
