"""The id under which the log follows a call, and the lines in JSON that have it."""

import json
import logging
import uuid
from typing import Any

import pytest

from chat import trail
from chat.acceptance import Accepted
from chatproxy.logs import JsonFormatter, logging_config
from chatproxy.request_id import RequestId
from tests.chatproxy.test_logs import refused
from tests.fixtures.fake_conversations import FakeConversations

GIVEN = "4bf92f3577b34da6"
TOKEN = "PZgwxkgmKJk4TZMoNLDrSJzv"  # as Chatwoot makes them


async def under(kind: str, given: str | None) -> tuple[str, list[Any]]:
    """The id that the application sees, and what was sent."""
    seen: list[str] = []
    sent: list[Any] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.append(trail.request_id.get())
        await send({"type": f"{kind}.response.start" if kind == "http" else "websocket.accept", "status": 200})

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"x-request-id", given.encode())] if given is not None else []
    await RequestId(inner)({"type": kind, "headers": headers}, lambda: None, send)  # type: ignore[arg-type,return-value]
    return seen[0], sent


async def test_an_answer_says_the_id_that_the_proxy_gave() -> None:
    seen, (start,) = await under("http", GIVEN)
    assert seen == GIVEN and start["headers"] == [(b"x-request-id", GIVEN.encode())]


@pytest.mark.parametrize("given", [None, "x" * 65, "a b", "<script>"])
async def test_else_it_has_one_of_ours(given: str | None) -> None:
    seen, (start,) = await under("http", given)
    assert len(seen) == 32 and start["headers"] == [(b"x-request-id", seen.encode())]


async def test_a_socket_has_one_too() -> None:
    assert await under("websocket", GIVEN) == (GIVEN, [{"type": "websocket.accept", "status": 200}])


class Noting(FakeConversations):
    """Remembers under which id each message came."""

    def __init__(self) -> None:
        super().__init__()
        self.under: list[str] = []

    async def send(self, *args: Any, **options: Any) -> Accepted:
        self.under.append(trail.request_id.get())
        return await super().send(*args, **options)


@pytest.fixture
async def feed() -> FakeConversations:
    return Noting()


async def test_each_frame_of_a_socket_is_a_request_of_its_own(dial: Any, feed: Noting) -> None:
    socket = dial(**{"x-request-id": GIVEN})
    socket.application = RequestId(socket.application)
    await socket.open()
    for text in ("one", "two"):
        await socket.ask({"type": "send", "echo_id": str(uuid.uuid4()), "text": text})
    assert feed.under == [f"{GIVEN}.2", f"{GIVEN}.3"]


def record(text: str, *args: Any, **named: Any) -> logging.LogRecord:
    made = logging.LogRecord("chat.courier", logging.INFO, __file__, 1, text, args, None)
    made.created = made.msecs = 0
    vars(made).update(named)
    return made


def written(made: logging.LogRecord, *secrets: str) -> dict[str, str]:
    line = JsonFormatter("%(message)s", secrets=secrets).format(made)
    assert "\n" not in line
    found: dict[str, str] = json.loads(line)
    return found


def test_a_record_is_one_object_with_the_ids_it_is_about() -> None:
    trail.request_id.set(GIVEN)
    made = record("said %s", 'hello\n"there"\ud83d', chatwoot_message_id=7, delivery_id=None, unknown="x")
    assert written(made) == {
        "time": "1970-01-01T00:00:00.000Z",
        "level": "INFO",
        "logger": "chat.courier",
        "message": 'said hello\n"there"\ud83d',
        "request_id": GIVEN,
        "chatwoot_message_id": "7",
    }
    trail.request_id.set("")


def test_the_id_of_a_record_is_stronger_than_that_of_the_moment() -> None:
    trail.request_id.set("of the moment")
    assert written(record("x", request_id=GIVEN))["request_id"] == GIVEN
    assert "request_id" not in written(record("x", request_id=""))  # of another time, of which nobody knows
    assert written(record("x"))["request_id"] == "of the moment"
    trail.request_id.set("")
    assert "request_id" not in written(record("x"))


@pytest.mark.parametrize(
    "text", [f"pubsub_token={TOKEN}", f'> TEXT \'{{"token":"{TOKEN}"}}\' [9 bytes]', "a secret value"]
)
def test_secrets_are_taken_out_and_the_line_stays_json(text: str) -> None:
    found = written(record("%s", text, message_id=TOKEN), "a secret value")
    assert TOKEN not in str(found) and "secret value" not in str(found) and "***" in found["message"]


def test_a_long_line_is_cut_and_stays_json() -> None:
    assert len(written(record("%s", "x " * 100_000))["message"]) < 40_000


def test_a_traceback_is_there_without_what_the_database_quotes() -> None:
    failed = refused()
    made = record("failed: %s", failed)
    made.exc_info = (type(failed), failed, failed.__traceback__)
    found = written(made)
    assert found["message"] == "failed: IntegrityError, sqlstate 23505"
    assert "in refused" in found["exception"] and "PIN" not in str(found)
    made.exc_info = None
    assert "exception" not in written(made)


def test_the_way_of_a_message_is_told_in_json_alone() -> None:
    loggers = {kind: logging_config(level="INFO", one_line=True, as_json=kind)["loggers"] for kind in (True, False)}
    assert {kind: each["chat.trail"]["level"] for kind, each in loggers.items()} == {True: "INFO", False: "WARNING"}
