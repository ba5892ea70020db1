"""What a real Chatwoot 4.10 was recorded to tell administrators, platform apps and bots, through our own calls."""

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from chat import advice
from chat.chatwoot.accounts import AccountApi, profile
from chat.chatwoot.application import BotApi
from chat.chatwoot.errors import ChatwootError, Forbidden, Invalid, NotFound
from chat.chatwoot.platform import PlatformApi
from chat.chatwoot.transport import open_http
from tests.chatwoot.test_recordings import filled

pytestmark = pytest.mark.kit
ACCOUNT = r"/api/v1/accounts/[^/]+"
PLATFORM = "/platform/api/v1"
Call = Callable[[httpx.AsyncClient], Awaitable[Any]]


def account(http: httpx.AsyncClient) -> AccountApi:
    return AccountApi(http, 1, "t")


def platform(http: httpx.AsyncClient) -> PlatformApi:
    return PlatformApi(http, "t")


CALLS: dict[str, Call] = {
    "GET /api/v1/profile": lambda http: profile(http, "t"),
    f"GET {ACCOUNT}/inboxes": lambda http: account(http).inboxes(),
    f"POST {ACCOUNT}/inboxes": lambda http: account(http).create_inbox("x"),
    f"PATCH {ACCOUNT}/inboxes/[^/]+": lambda http: account(http).require_hmac(1),
    f"GET {ACCOUNT}/inbox_members/[^/]+": lambda http: account(http).members(1),
    f"POST {ACCOUNT}/inbox_members": lambda http: account(http).add_members(1, [2]),
    f"GET {ACCOUNT}/agents": lambda http: account(http).agents(),
    f"POST {ACCOUNT}/conversations/[^/]+/messages": lambda http: BotApi(http, 1, "t").create_message(
        1, content="x", echo_id="e", marker="m"
    ),
    f"POST {PLATFORM}/accounts": lambda http: platform(http).create_account("x"),
    f"GET {PLATFORM}/accounts/[^/]+": lambda http: platform(http).account(1),
    f"GET {PLATFORM}/accounts/[^/]+/account_users": lambda http: platform(http).account_users(1),
    f"POST {PLATFORM}/accounts/[^/]+/account_users": lambda http: platform(http).set_account_user(
        1, user_id=2, role="agent"
    ),
    f"POST {PLATFORM}/users": lambda http: platform(http).create_user(name="x", email="x@x.test", password="x"),
    f"GET {PLATFORM}/users/[^/]+": lambda http: platform(http).user(1),
    f"GET {PLATFORM}/users/[^/]+/login": lambda http: platform(http).login_url(1),
}
CLASSES = {401: Forbidden, 404: NotFound, 422: Invalid}


def recorded(kit: Path) -> dict[str, list[dict[str, Any]]]:
    """Answers by the call that makes such a request."""
    files = [
        file for area in ("app", "platform", "bot") for file in (kit / "chatwoot-4.10/recordings").glob(f"{area}.*")
    ]
    found: dict[str, list[dict[str, Any]]] = {}
    for step in (step for file in sorted(files) for step in json.loads(file.read_text())["steps"]):
        asked = f"{step['request'].get('method')} {step['request'].get('path')}"
        for pattern in CALLS:
            if re.fullmatch(pattern, asked):
                found.setdefault(pattern, []).append(filled(step["response"]))
    return found


def answering(response: dict[str, Any]) -> httpx.AsyncClient:
    answer = httpx.Response(response["status"], json=response["body"], headers={"X-Runtime": "0.01"})
    return open_http("http://chatwoot.test", transport=httpx.MockTransport(lambda _: answer))


async def test_every_recorded_answer_is_read_or_told_as_what_it_is(kit: Path):
    found = recorded(kit)
    assert found.keys() == CALLS.keys()
    read, refused = set(), set()
    for pattern, responses in found.items():
        for response in responses:
            async with answering(response) as http:
                if response["status"] == 200:
                    assert await CALLS[pattern](http)
                    read.add(pattern)
                    continue
                with pytest.raises(CLASSES.get(response["status"], ChatwootError)) as error:
                    await CALLS[pattern](http)
                told = response["body"]
                assert error.value.detail == told.get("message", told.get("error", ""))
                refused.add((response["status"], error.value.detail))
    assert CALLS.keys() - read == {
        f"GET {ACCOUNT}/inboxes",
        f"GET {PLATFORM}/accounts/[^/]+",
        f"GET {PLATFORM}/users/[^/]+",
    }
    texts = {*advice.ADMINISTRATOR, *advice.PLATFORM}
    assert all(text in texts for status, text in refused if status == 401)


async def test_what_is_recorded_is_read_to_the_letter(kit: Path):
    inbox, plain = (each for each in recorded(kit)[f"POST {ACCOUNT}/inboxes"] if each["status"] == 200)
    async with answering(inbox) as http:
        made = await account(http).create_inbox("x")
    assert (made.is_api, made.hmac_mandatory, made.identifier, made.hmac_token) == (
        *(True, True),
        *("<token:inbox#1>", "<token:hmac#1>"),
    )
    assert "token" not in repr(made).replace("hmac_token", "")
    async with answering(plain) as http:
        assert not (await account(http).create_inbox("x")).hmac_mandatory
    (user,) = (each for each in recorded(kit)[f"POST {PLATFORM}/users"] if each["status"] == 200)
    async with answering(user) as http:
        person = await platform(http).create_user(name="x", email="x@x.test", password="x")
    assert (person.name, person.email, person.belongs) == ("Pat", "pat-<nonce>@x.test", False)
    assert person.access_token == "<token:access#1>" and person.access_token not in repr(person)
