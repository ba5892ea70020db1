"""Every error that an operation declares can be had from it; others it must not give (``fixtures.declared``)."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import OperationalError

from chat.api import app, examples
from chat.api.app import api
from chat.api.document import PREFIX, document
from chat.gate import Gate
from chat.limits import Limits
from chat.sessions import Opened
from tests.api.conftest import Addresses, ApiClient

OPERATIONS = {
    f"{method} {path.removeprefix(PREFIX)}": operation
    for path, methods in document(api)["paths"].items()
    for method, operation in methods.items()
}
# What takes more than one call to provoke has a test of its own.
ELSEWHERE = {
    ("get /inbox/{slug}", 403): "test_inbox",
    ("get /inbox/{slug}/articles", 403): "test_articles",
    ("get /inbox/{slug}/articles/{article_id}", 403): "test_articles",
    ("patch /contact", 409): "test_contact",
    ("post /messages/{message_id}/retry", 409): "test_lost",
    ("post /messages/{message_id}/discard", 409): "test_lost",
    ("put /messages/{message_id}/answer", 409): "test_lost",
    ("put /conversations/{conversation_id}/csat", 409): "test_conversations",
    ("post /conversations/{conversation_id}/transcript", 409): "test_transcripts",
    ("put /conversations/{conversation_id}/attributes", 409): "test_annotations",
    ("put /conversations/{conversation_id}/labels", 409): "test_annotations",
    ("get /attachments/{attachment_id}", 416): "test_downloads",
    ("get /attachments/{attachment_id}", 502): "test_downloads",
    ("head /attachments/{attachment_id}", 502): "test_downloads",
    ("post /uploads", 413): "test_uploads",
    ("post /uploads", 415): "test_uploads",
}
EVIL = {"origin": "https://evil.example"}
# Of those that carry no token: what leads to a 401, 403, 404.
BODIES: dict[tuple[str, int], Any] = {
    ("post /session", 401): {"inbox": "main", "identity_token": "forged"},
    ("post /session", 404): {"inbox": "nothing"},
    ("post /session/refresh", 401): {"refresh_token": "cpr_guess"},
    ("post /session/refresh", 403): {"inbox": "main"},
    ("post /session/refresh", 404): {"inbox": "nothing"},
}
QUERIES = {("get /conversations", 404): f"?before={uuid.UUID(int=7)}"}


@dataclass
class Call:
    """One of an operation, as its example is."""

    name: str
    body: Any = None
    kind: str = "application/json"
    path: str = ""

    @classmethod
    def of(cls, name: str, status: int = 0) -> "Call":
        path = name.split()[1]
        for parameter, value in examples.PARAMETERS.items():
            path = path.replace(f"{{{parameter}}}", str(value))
        _, example = examples.REQUESTS.get(name, (None, None))
        body = BODIES.get((name, status), example)
        content = None if body is None else json.dumps(body).encode()
        if name == "post /uploads":
            return cls(name, b"words", "application/octet-stream", path)
        return cls(name, content, path=path + QUERIES.get((name, status), ""))

    async def by(self, client: ApiClient, **headers: str) -> int:
        method, path = self.name.split()[0].upper(), self.path.removeprefix("/")
        answered = await client.call(method, path, self.body, content_type=self.kind, headers=headers)
        return int(answered.status_code)


def declaring(status: int) -> list[str]:
    return [
        name
        for name, operation in OPERATIONS.items()
        if str(status) in operation["responses"] and (name, status) not in ELSEWHERE
    ]


def test_every_error_is_provoked_here_or_elsewhere() -> None:
    declared = {int(status) for each in OPERATIONS.values() for status in each["responses"] if int(status) >= 400}
    assert declared - {status for _, status in ELSEWHERE} <= {400, 401, 403, 404, 413, 415, 422, 429, 500, 503}
    for name, status in ELSEWHERE:
        assert str(status) in OPERATIONS[name]["responses"]


async def answers(client: ApiClient, status: int, change: Callable[[Call], None], **headers: str) -> dict[str, int]:
    """What else than this status was answered."""
    found = {}
    for name in declaring(status):
        call = Call.of(name, status)
        change(call)
        found[name] = await call.by(client, **headers)
    assert found
    return {name: answered for name, answered in found.items() if answered != status}


def as_it_is(call: Call) -> None:
    pass


async def test_what_is_no_json_is_a_400(visitor: ApiClient) -> None:
    def cut(call: Call) -> None:
        call.body = b'{"'

    assert await answers(visitor, 400, cut) == {}


async def test_nobody_in_particular_is_a_401(anybody: ApiClient, opened: Opened) -> None:
    assert await answers(anybody, 401, as_it_is) == {}


async def test_a_page_of_another_site_is_a_403(visitor: ApiClient) -> None:
    assert await answers(visitor, 403, as_it_is, **EVIL) == {}


async def test_what_is_not_there_is_a_404(alice: ApiClient) -> None:
    assert await answers(alice, 404, as_it_is) == {}


async def test_too_much_is_a_413(visitor: ApiClient) -> None:
    def fill(call: Call) -> None:
        call.body = json.dumps({"text": "x" * 70_000}).encode()

    assert await answers(visitor, 413, fill) == {}


async def test_another_kind_of_body_is_a_415(visitor: ApiClient) -> None:
    def write(call: Call) -> None:
        call.body, call.kind = b"a=b", "application/x-www-form-urlencoded"

    assert await answers(visitor, 415, write) == {}


async def test_what_cannot_be_read_is_a_422(alice: ApiClient) -> None:
    def spoil(call: Call) -> None:
        names = [each["name"] for each in OPERATIONS[call.name]["parameters"] if each["in"] == "path"]
        if call.body is not None and call.kind == "application/json":
            call.body = b"[]"
        elif call.name == "post /uploads":
            call.body = b""
        elif names:
            call.path = call.path.replace(str(examples.PARAMETERS[names[0]]), "a b")
        else:
            call.path += "?limit=0&wait=-1"

    assert await answers(alice, 422, spoil) == {}


async def test_too_often_is_a_429(feed: Any, settings: Any, opened: Opened) -> None:
    gate = Gate(limits=Limits.of({"all": "off", "address_calls": "1/day"}))
    settings.ROOT_URLCONF = Addresses(feed, gate)
    client = ApiClient()
    client.token = opened.access_token
    await client.call("GET", "unread")
    assert await answers(client, 429, as_it_is) == {}


class Broken:
    """Addresses of an API whose use cases cannot be had."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.urlpatterns = app.urls(self._conversations)

    def _conversations(self) -> Any:
        raise self._error


@pytest.mark.parametrize(("error", "status"), [(LookupError("ours"), 500), (OperationalError("full"), 503)])
async def test_a_fault_and_a_database_in_trouble_are_told_apart(
    settings: Any, opened: Opened, error: Exception, status: int
) -> None:
    settings.ROOT_URLCONF = Broken(error)
    client = ApiClient()
    client.token = opened.access_token
    assert await answers(client, status, as_it_is) == {}
