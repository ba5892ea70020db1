"""The agent: writes, deletes and resolves through the account API of the sandbox, straight and not through a proxy."""

import asyncio
from typing import Any

import httpx

from tests.faults.oracle import Talk

MOST_WAITS = 60


class NotDone(Exception):
    """Chatwoot answered something else; faults of the sandbox hit the agent, too."""


class Agent:
    """`calls` counts what was asked, so that the application's requests can be told from ours."""

    def __init__(self, url: str, world: dict[str, Any]) -> None:
        self.calls = 0
        self.wrote: list[str] = []
        headers = {"Api-Access-Token": world["agent_token"]}
        self._http = httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=30)
        self._account = f"/api/v1/accounts/{world['account_id']}"

    async def call(self, method: str, path: str, **options: Any) -> Any:
        """`path` is below the account's; the decoded answer, None when it is empty."""
        self.calls += 1
        answer = await self._http.request(method, self._account + path, **options)
        if answer.status_code != 200:
            raise NotDone(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None

    async def reply(self, conversation: int, text: str, **fields: Any) -> int:
        """The id of the new message."""
        made = await self.call("POST", f"/conversations/{conversation}/messages", json={"content": text, **fields})
        self.wrote.append(text)
        return made["id"]

    async def reply_as_fast_as_may_be(self, conversation: int, text: str) -> int:
        """Chatwoot takes 200 messages a minute in a conversation (contract §8)."""
        for _ in range(MOST_WAITS):
            try:
                return await self.reply(conversation, text)
            except NotDone as error:
                if "Too many messages" not in str(error):
                    raise
                await asyncio.sleep(2)
        raise NotDone("too many messages for minutes")

    async def note(self, conversation: int, text: str) -> int:
        """A private note."""
        return await self.reply(conversation, text, private=True)

    async def delete(self, conversation: int, message: int) -> None:
        await self.call("DELETE", f"/conversations/{conversation}/messages/{message}")

    async def status(self, conversation: int, status: str) -> None:
        await self.call("POST", f"/conversations/{conversation}/toggle_status", json={"status": status})

    async def resolve(self, conversation: int) -> None:
        await self.status(conversation, "resolved")

    async def begin(self, beside: Talk, text: str) -> int:
        """A conversation begun by the agent, with the person of that one; its display id."""
        body = {"source_id": beside.source_id, "inbox_id": beside.inbox_id}
        made = await self.call("POST", "/conversations", json=body)
        await self.reply(made["id"], text)
        return made["id"]

    async def delete_contact(self, contact_id: int, admin_token: str) -> None:
        """Chatwoot refuses while they are online, so first it forgets that they are."""
        (await self._http.post("/sandbox/forget_presence")).raise_for_status()
        await self.call("DELETE", f"/contacts/{contact_id}", headers={"Api-Access-Token": admin_token})

    async def close(self) -> None:
        await self._http.aclose()
