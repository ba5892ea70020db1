"""Visitors with our own wire protocol, as careful as the page: what they wrote goes out until the server has answered.

Rows are kept by id, a higher seq wins, a cursor resumes, a reset begins again. What the server must not do is
collected in `violations`.
"""

import asyncio
import uuid
from typing import Any

import httpx

from tests.faults.client import Client, Written


class Visitor(Client):
    """One device. `person` is the same for all devices of one human being."""

    _task: asyncio.Task[None] | None = None

    # Being there

    def arrive(self) -> None:
        """Begin; the socket is opened, and opened again, until `leave`."""
        self._task = asyncio.create_task(self._stay(), name=f"visitor {self.name}")

    async def leave(self) -> None:
        """Close the page. What was not accepted stays unsent, and a later `arrive` goes on with it."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def check(self) -> None:
        """Raise what ended this visitor, if something did."""
        if self._task is not None and self._task.done():
            self._task.result()

    async def drop(self) -> None:
        """Hang up without a word, and come back."""
        if self._socket is not None:
            self._socket.transport.abort()

    # Doing

    def write(self, text: str, *, conversation: str | None = None, files: tuple[str, ...] = ()) -> Written:
        """Say this as soon as it goes; after everything said before."""
        self.written.append(Written(str(uuid.uuid4()), text, conversation, files))
        self._wake()
        return self.written[-1]

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Of the JSON API, below /api/v1, with our token; a new one is fetched when it has expired."""
        answer = await self._call(method, path, **options)
        if answer.status_code == 401:
            await self._open_session()
            answer = await self._call(method, path, **options)
        self.view.heard += answer.content
        return answer

    async def _call(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.credentials.access_token}"}
        return await self._http.request(method, f"{self._url()}/api/v1{path}", headers=headers, **options)

    async def upload(self, name: str, content: bytes) -> str:
        """The id of what may go with a message."""
        answer = await self.call("POST", "/uploads", params={"name": name}, content=content)
        assert answer.status_code == 201, f"{answer.status_code} {answer.text}"
        return answer.json()["id"]

    async def page_back(self) -> None:
        """Fetch what a reset left out, all of it."""
        for conversation, before in self.view.floors():
            more = True
            while more:
                params = {"limit": 100} | ({"before": before} if before else {})
                answer = await self.call("GET", f"/conversations/{conversation}/messages", params=params)
                assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
                page = answer.json()
                self.view.older(page["messages"])
                before, more = (page["messages"] or [{"id": None}])[0]["id"], page["more"]
        self.view.forget_floors()

    def device(self, name: str) -> "Visitor":
        """Another device of the same person, with nothing in its hands but the session."""
        return Visitor(
            name,
            url=self._url,
            http=self._http,
            credentials=self.credentials,
            person=self.person,
            inbox=self.inbox,
            pace=self._pace,
        )
