"""Chatwoot's Client API, typed (contract §1). Each call raises from `chat.chatwoot.errors` and from nowhere else.

A source_id is a bearer secret: it stands in URLs, so URLs are never logged and never part of an error.
"""

from collections.abc import Mapping, Sequence
from typing import IO, Any
from urllib.parse import quote

import httpx

from chat.chatwoot import reading
from chat.chatwoot.answers import ask, ask_all, ask_nothing
from chat.chatwoot.listing import Listed
from chat.chatwoot.resources import ContactSession, Conversation, InboxProfile, Message
from chat.chatwoot.transport import UPLOAD_S, patience
from chat.chatwoot.transport import open_http as open_http

Headers = Mapping[str, str] | None
File = tuple[str, IO[bytes] | bytes, str]  # name, content, media type, which Chatwoot believes (contract §1.8)
_PUBLIC = "/public/api/v1"


class ClientApi:
    """The Client API of one inbox. `http` comes from `open_http` and may be shared by many inboxes."""

    def __init__(self, http: httpx.AsyncClient, inbox_identifier: str) -> None:
        self._http = http
        self._inbox = f"{_PUBLIC}/inboxes/{_segment(inbox_identifier)}"

    async def inbox(self) -> InboxProfile:
        return await ask(self._http, "GET", self._inbox, InboxProfile.parse)

    async def create_contact(
        self,
        *,
        source_id: str,
        name: str | None = None,
        identifier: str | None = None,
        identifier_hash: str | None = None,
        email: str | None = None,
        phone_number: str | None = None,
        custom_attributes: Mapping[str, Any] | None = None,
        headers: Headers = None,
    ) -> ContactSession:
        """Create the contact, or find it when this inbox already knows `source_id`: safe to repeat (contract §1.2).

        Never pass an identifier, e-mail or phone number that was not proven: Chatwoot would join another contact.
        """
        body = _given(
            source_id=source_id,
            name=name,
            identifier=identifier,
            identifier_hash=identifier_hash,
            email=email,
            phone_number=phone_number,
            custom_attributes=custom_attributes,
        )
        path = f"{self._inbox}/contacts"
        return await ask(self._http, "POST", path, ContactSession.parse, json=body, headers=headers)

    async def contact(
        self, source_id: str, *, identifier: str | None = None, identifier_hash: str | None = None
    ) -> ContactSession:
        """Read the contact. With a valid hash this also marks its session as verified: a write (contract §1.5)."""
        query = _given(identifier=identifier, identifier_hash=identifier_hash)
        return await ask(self._http, "GET", self._contact(source_id), ContactSession.parse, params=query)

    async def update_contact(
        self,
        source_id: str,
        *,
        name: str | None = None,
        identifier: str | None = None,
        identifier_hash: str | None = None,
        email: str | None = None,
        phone_number: str | None = None,
        custom_attributes: Mapping[str, Any] | None = None,
        headers: Headers = None,
    ) -> int:
        """Change the contact and return its id, another one when Chatwoot merged two (contract §1.4, §1.6).

        Nothing can be cleared. An e-mail or phone number of somebody else merges the two: pass proven ones only.
        """
        body = _given(
            name=name,
            identifier=identifier,
            identifier_hash=identifier_hash,
            email=email,
            phone_number=phone_number,
            custom_attributes=custom_attributes,
        )
        path = self._contact(source_id)
        return await ask(self._http, "PATCH", path, lambda row: reading.integer(row, "id"), json=body, headers=headers)

    async def conversations(self, source_id: str) -> Listed[Conversation]:
        """All conversations with all their messages, in no promised order.

        A verified contact's come from every inbox of the account: check `inbox_id` (contract §1.5).
        """
        path = f"{self._contact(source_id)}/conversations"
        return await ask_all(self._http, "GET", path, Conversation.parse)

    async def conversation(self, source_id: str, conversation_id: int) -> Conversation:
        return await ask(self._http, "GET", self._conversation(source_id, conversation_id), Conversation.parse)

    async def create_conversation(
        self, source_id: str, *, custom_attributes: Mapping[str, Any] | None = None, headers: Headers = None
    ) -> Conversation:
        """Create a conversation; NOT safe to repeat. An inbox locked to one conversation answers with the old one."""
        path = f"{self._contact(source_id)}/conversations"
        body = _given(custom_attributes=custom_attributes)
        return await ask(self._http, "POST", path, Conversation.parse, json=body, headers=headers)

    async def resolve(self, source_id: str, conversation_id: int, *, headers: Headers = None) -> Conversation:
        """Resolve it; not a toggle, in spite of its path (contract §1.7). Safe to repeat."""
        path = f"{self._conversation(source_id, conversation_id)}/toggle_status"
        return await ask(self._http, "POST", path, Conversation.parse, json={}, headers=headers)

    async def typing(self, source_id: str, conversation_id: int, *, on: bool, headers: Headers = None) -> None:
        """Tell agents that the visitor types. Chatwoot never ends it by itself: say `on=False`."""
        path = f"{self._conversation(source_id, conversation_id)}/toggle_typing"
        await ask_nothing(self._http, "POST", path, json={"typing_status": "on" if on else "off"}, headers=headers)

    async def update_last_seen(self, source_id: str, conversation_id: int, *, headers: Headers = None) -> None:
        """Mark everything up to Chatwoot's now as seen by the contact."""
        path = f"{self._conversation(source_id, conversation_id)}/update_last_seen"
        await ask_nothing(self._http, "POST", path, json={}, headers=headers)

    async def messages(self, source_id: str, conversation_id: int, *, before: int | None = None) -> Listed[Message]:
        """Up to 20 messages with an id below `before`, the newest ones, ascending by time (contract §1.8)."""
        path = f"{self._conversation(source_id, conversation_id)}/messages"
        return await ask_all(self._http, "GET", path, Message.parse, params=_given(before=before))

    async def create_message(
        self,
        source_id: str,
        conversation_id: int,
        *,
        content: str,
        echo_id: str,
        files: Sequence[File] = (),
        answer_s: float = UPLOAD_S,
        headers: Headers = None,
    ) -> Message:
        """Write as the visitor; NOT safe to repeat. `echo_id` comes back once, by cable, and is not stored.

        `files` are read while they are sent, in pieces; with them the answer may take `answer_s`.
        """
        path = f"{self._conversation(source_id, conversation_id)}/messages"
        body = {"content": content, "echo_id": echo_id}
        if not files:
            return await ask(self._http, "POST", path, Message.parse, json=body, headers=headers)
        return await ask(
            self._http,
            "POST",
            path,
            Message.parse,
            data=body,
            files=parts_of(files),
            **patience(answer_s),
            headers=headers,
        )

    async def answer(
        self,
        source_id: str,
        conversation_id: int,
        *,
        message_id: int,
        submitted_values: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        headers: Headers = None,
    ) -> Message:
        """Answer a form, a choice or a survey; replaces the former answer, so safe to repeat (contract §1.8).

        Works on any message of the conversation, a private note too, and returns its text: check the id first.
        """
        path = f"{self._conversation(source_id, conversation_id)}/messages/{message_id}"
        body = {"submitted_values": submitted_values}
        return await ask(self._http, "PATCH", path, Message.parse, json=body, headers=headers)

    def _contact(self, source_id: str) -> str:
        return f"{self._inbox}/contacts/{_segment(source_id)}"

    def _conversation(self, source_id: str, conversation_id: int) -> str:
        return f"{self._contact(source_id)}/conversations/{int(conversation_id)}"


def parts_of(files: Sequence[File]) -> list[tuple[str, File]]:
    return [("attachments[]", file) for file in files]  # any other field name is a 500 (contract §9, 22)


def _segment(text: str) -> str:
    """Chatwoot's routes break on dots, httpx on `..` (contract §0.2)."""
    if not text or "." in text:
        raise ValueError("a path segment must not be empty or hold a dot")
    return quote(text, safe="")


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
