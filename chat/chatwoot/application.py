"""What the courier asks of Chatwoot's Application API with an agent bot's token (contract §6.7, §6.8).

That token may write into any conversation of its account, so the caller checks first whose the conversation is, and
afterwards inbox and sender of what was written (docs/architecture.md, Delivery).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import orjson

from chat.chatwoot.answers import ask
from chat.chatwoot.bearer import ACCESS_TOKEN
from chat.chatwoot.client import File, Headers, parts_of
from chat.chatwoot.described import Described
from chat.chatwoot.errors import Forbidden, Malformed, NotFound
from chat.chatwoot.resources import MARKER, Message
from chat.chatwoot.transport import UPLOAD_S, patience


class BotApi:
    """`http` comes from `open_http` and may be shared with the Client API. The token is in no URL and no error."""

    def __init__(self, http: httpx.AsyncClient, account_id: int, token: str) -> None:
        self._http = http
        self._account = f"/api/v1/accounts/{int(account_id)}"
        self._token = token

    async def is_admitted(self) -> bool:
        """Whether the token may write in this account. Nothing is written: no conversation has the number 0.

        An account that does not exist looks the same (contract §0.3). Raises ChatwootError.
        """
        try:
            await self.create_message(0, content="", echo_id="", marker="")
        except NotFound as error:
            if not error.finished and not error.detail:  # a proxy's own page, as in the fence's probe
                raise
            return True
        except Forbidden as error:
            if error.status not in (401, 403):
                raise
            return False
        raise Malformed("a message was taken for a conversation that cannot exist")

    async def describe(self, conversation_id: int) -> Described:
        """Read a conversation. Bots may not (§6.0); but they may change it, and a change of nothing is answered with
        all of it, and told to nobody (read in 4.10's ``conversations_controller.rb``, not recorded)."""
        path = f"{self._account}/conversations/{int(conversation_id)}"
        return await ask(self._http, "PATCH", path, Described.parse, json={}, headers={ACCESS_TOKEN: self._token})

    async def set_attributes(
        self, conversation_id: int, attributes: Mapping[str, Any], *, headers: Headers = None
    ) -> None:
        """All that there shall be: Chatwoot replaces them, and does not merge (PROBES §2). Safe to repeat."""
        path = f"{self._account}/conversations/{int(conversation_id)}/custom_attributes"
        given = {**(headers or {}), ACCESS_TOKEN: self._token}
        body = {"custom_attributes": dict(attributes)}
        await ask(self._http, "POST", path, lambda answer: answer, json=body, headers=given)

    async def create_message(
        self,
        conversation_id: int,
        *,
        content: str,
        echo_id: str,
        marker: str,
        files: Sequence[File] = (),
        answer_s: float = UPLOAD_S,
        headers: Headers = None,
    ) -> Message:
        """Write as the visitor; NOT safe to repeat. Chatwoot keeps `marker` and gives it back with every reading.

        Raises ChatwootError: Forbidden when the token does not serve here; Invalid with `permanent` when the message
        did not pass Chatwoot's validation, without it for all else, which Chatwoot answers with 422, too.
        """
        body: dict[str, Any] = {
            "content": content,
            "message_type": "incoming",
            "echo_id": echo_id,
            "source_id": marker,  # neither unique nor in the Client API's answers (PROBES §2): for people, not for us
            "content_attributes": {MARKER: marker},
        }
        path = f"{self._account}/conversations/{int(conversation_id)}/messages"
        given = {**(headers or {}), ACCESS_TOKEN: self._token}
        if not files:
            return await ask(self._http, "POST", path, Message.parse, json=body, headers=given)
        body["content_attributes"] = orjson.dumps(body["content_attributes"]).decode()  # a form has no objects
        return await ask(
            self._http,
            "POST",
            path,
            Message.parse,
            data=body,
            files=parts_of(files),
            **patience(answer_s),
            headers=given,
        )
