"""Asking with an access token: the same header for administrators, bots and platform apps (contract §0.2)."""

from collections.abc import Mapping
from typing import Any, TypeVar

import httpx

from chat.chatwoot import listing, reading
from chat.chatwoot.answers import Parse, ask, ask_all, ask_nothing
from chat.chatwoot.listing import Row

ACCESS_TOKEN = "Api-Access-Token"  # With hyphens: proxies drop names with underscores, Rails reads both alike.
T = TypeVar("T")
R = TypeVar("R", bound=Row)


class Bearer:
    """Asks below one path. `http` comes from `open_http`; the token is in no URL and no error.

    Lists are read whole or not at all (Malformed): what seems not to be in one would be made anew.
    """

    def __init__(self, http: httpx.AsyncClient, path: str, token: str) -> None:
        self._http = http
        self._path = path
        self._headers = {ACCESS_TOKEN: token}

    async def ask(
        self, method: str, path: str, parse: Parse[T], *, headers: Mapping[str, str] | None = None, **request: Any
    ) -> T:
        given = {**(headers or {}), **self._headers}
        return await ask(self._http, method, self._path + path, parse, headers=given, **request)

    async def ask_nothing(self, method: str, path: str, **request: Any) -> None:
        """What is answered with zero bytes."""
        await ask_nothing(self._http, method, self._path + path, headers=self._headers, **request)

    async def ask_all(self, path: str, parse: Parse[R]) -> tuple[R, ...]:
        """GET of a bare array."""
        return (await ask_all(self._http, "GET", self._path + path, parse, headers=self._headers)).whole()

    async def ask_payload(self, method: str, path: str, parse: Parse[R], **request: Any) -> tuple[R, ...]:
        """Of an array under `payload`."""

        def read(body: Mapping[str, Any]) -> tuple[R, ...]:
            return listing.read(reading.sequence(body.get("payload"), "payload"), parse).whole()

        return await self.ask(method, path, read, **request)
