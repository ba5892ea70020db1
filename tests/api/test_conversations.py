import asyncio
import json
from functools import partial
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError

from chat import sessions, wire
from chat.api.poll import Door, poll
from chat.draining import Drain
from chat.gate import unlimited
from chat.wire.errors import Refusal
from tests.eventually import eventually
from tests.fixtures.fake_conversations import EPOCH

ECHO_ID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"


async def test_sync_without_a_cursor_is_the_start_state(visitor, feed):
    feed.say("hello")
    frame = (await visitor.call("GET", "sync")).json()
    assert (frame["type"], frame["reason"], frame["cursor"]) == ("reset", "start", f"{EPOCH}.1")
    assert ("polled",) in feed.calls


async def test_sync_with_a_cursor_is_what_changed(visitor, feed):
    for _ in range(5):
        feed.say()
    frame = (await visitor.call("GET", f"sync?since={EPOCH}.1")).json()
    assert (frame["type"], [m["seq"] for m in frame["messages"]], frame["more"]) == ("changes", [2, 3, 4], True)


async def test_a_long_poll_answers_as_soon_as_something_happens(visitor, feed):
    feed.say()
    asking = asyncio.create_task(visitor.call("GET", f"sync?since={EPOCH}.1&wait=20"))
    await eventually(lambda: feed.listeners)
    feed.say("news")
    frame = (await asking).json()
    assert [m["text"] for m in frame["messages"]] == ["news"]
    assert feed.listeners == []


async def test_a_long_poll_ends_empty_after_its_time(visitor, feed):
    feed.say()
    frame = (await visitor.call("GET", f"sync?since={EPOCH}.1&wait=0.01")).json()
    assert (frame["type"], frame["messages"], frame["cursor"]) == ("changes", [], f"{EPOCH}.1")
    assert feed.listeners == []
    assert feed.calls[-1] == ("depart",)


async def test_a_hint_about_what_is_known_does_not_end_a_long_poll(visitor, feed):
    feed.say()
    asking = asyncio.create_task(visitor.call("GET", f"sync?since={EPOCH}.1&wait=20"))
    await eventually(lambda: feed.listeners)
    (listener,) = feed.listeners
    reads = len([call for call in feed.calls if call[0] == "read"])
    listener.changed(1, 1, ())
    listener.passing(b"{}")
    await asyncio.sleep(0)
    assert not asking.done()
    assert len([call for call in feed.calls if call[0] == "read"]) <= reads + 1
    feed.say()
    assert (await asking).status_code == 200


async def test_a_long_poll_ends_with_a_new_epoch(visitor, feed):
    feed.say()
    asking = asyncio.create_task(visitor.call("GET", f"sync?since={EPOCH}.1&wait=20"))
    await eventually(lambda: feed.listeners)
    feed.listeners[0].turned(EPOCH)
    await asyncio.sleep(0.01)
    assert not asking.done()
    feed.epoch = "another"
    feed.listeners[0].turned("another")
    frame = (await asking).json()
    assert (frame["type"], frame["cursor"]) == ("reset", "another.1")


async def test_a_long_poll_ends_with_its_session(visitor, feed):
    feed.say()
    asking = asyncio.create_task(visitor.call("GET", f"sync?since={EPOCH}.1&wait=20"))
    await eventually(lambda: feed.listeners)
    feed.listeners[0].revoked()
    answered = await asking
    assert (answered.status_code, answered.json()["error"]["code"]) == (401, "unknown_token")
    assert feed.listeners == []


async def test_a_long_poll_at_a_process_that_stops_is_answered_and_the_next_one_goes_elsewhere(opened, feed):
    feed.say()
    drain = Drain()
    ask = partial(poll, feed, opened.session, since=f"{EPOCH}.1", wait_s=20, door=Door(drain, unlimited(), "127.0.0.1"))
    asking = asyncio.create_task(ask())
    await eventually(lambda: feed.listeners)
    await drain.run(jitter_s=0.01)
    assert (await asking).rows == ()
    assert feed.listeners == []
    with pytest.raises(Refusal, match="not available"):
        await ask()


async def test_an_abandoned_long_poll_leaves_nothing_behind(visitor, feed):
    feed.say()
    asking = asyncio.create_task(visitor.call("GET", f"sync?since={EPOCH}.1&wait=20"))
    await eventually(lambda: feed.listeners)
    asking.cancel()
    await asyncio.wait([asking])
    assert feed.listeners == []


@pytest.mark.parametrize("query", ["wait=26", "wait=-1", "wait=soon", "since=" + "x" * 200])
async def test_a_sync_that_makes_no_sense_is_a_422(visitor, query):
    answered = await visitor.call("GET", f"sync?{query}")
    assert (answered.status_code, answered.json()["error"]["code"]) == (422, "bad_request")


@pytest.mark.parametrize("since", ["", "nonsense", "%00", "other.7"])
async def test_an_unusable_cursor_starts_again(visitor, since):
    frame = (await visitor.call("GET", f"sync?since={since}")).json()
    assert frame["type"] == "reset"


async def test_a_message_is_accepted_once(visitor, feed):
    first = await visitor.call("PUT", f"messages/{ECHO_ID}", {"conversation": None, "text": "hello"})
    again = await visitor.call("PUT", f"messages/{ECHO_ID}", {"conversation": None, "text": "hello"})
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json() == again.json()
    assert UUID(first.json()["message"]) == feed.known[UUID(ECHO_ID)].message_id


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "text_empty"),
        ("x" * 10_001, "text_too_long"),
        ("a\0b", "text_invalid"),
        ("cut \ud83d", "text_invalid"),
    ],
)
async def test_a_text_that_cannot_be_kept_is_a_422(visitor, feed, text, code):
    answered = await visitor.call("PUT", f"messages/{ECHO_ID}", {"text": text})
    assert (answered.status_code, answered.json()["error"]["code"]) == (422, code)
    assert feed.known == {}


async def test_a_use_case_may_refuse(visitor, feed):
    for code, status in (("echo_id_mismatch", 422), ("too_many_waiting", 429), ("unavailable", 503)):
        feed.refusal = wire.Refusal(code)
        answered = await visitor.call("PUT", f"messages/{ECHO_ID}", {"text": "hello"})
        assert (answered.status_code, answered.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError])
async def test_a_database_that_does_not_answer_is_a_503(visitor, feed, caplog, kind):
    feed.refusal = kind("database is locked")
    answered = await visitor.call("PUT", f"messages/{ECHO_ID}", {"text": "hello"})
    assert (answered.status_code, answered.json()["error"]["code"]) == (503, "unavailable")
    assert kind.__name__ in caplog.text


async def test_an_id_may_be_spelt_in_capitals(visitor, feed):
    answered = await visitor.call("PUT", f"messages/{ECHO_ID.upper()}", {"text": "hello"})
    assert answered.status_code == 202
    assert UUID(ECHO_ID) in feed.known


@pytest.mark.parametrize("path", ["messages/1", "messages/a%00b", "conversations/1/messages"])
async def test_an_id_that_is_none_is_a_422(visitor, path):
    method, body = ("PUT", {"text": "hello"}) if path.startswith("messages") else ("GET", None)
    answered = await visitor.call(method, path, body)
    assert (answered.status_code, answered.json()["error"]["code"]) == (422, "bad_request")


DONE = [
    ("POST", f"messages/{ECHO_ID}/retry", None, ("retry", UUID(ECHO_ID))),
    ("POST", f"messages/{ECHO_ID}/discard", None, ("discard", UUID(ECHO_ID))),
    ("POST", f"conversations/{ECHO_ID}/resolve", None, ("resolve", UUID(ECHO_ID))),
    (
        "PUT",
        f"messages/{ECHO_ID}/answer",
        {"values": {"value": "a", "unknown": 1}},
        ("answer", UUID(ECHO_ID), {"value": "a"}),
    ),
]


@pytest.mark.parametrize(("method", "path", "body", "call"), DONE, ids=[call[0] for *_, call in DONE])
async def test_what_is_asked_is_done_without_an_answer_of_its_own(visitor, feed, method, path, body, call):
    answered = await visitor.call(method, path, body)
    assert (answered.status_code, answered.content) == (204, b"")
    assert answered["Cache-Control"] == "no-store"
    assert feed.calls[-1] == call
    refusals = [("no_such_message", 404), ("unavailable", 503)]
    if call[0] != "resolve":  # of which nothing can be in the way
        refusals += [("not_lost", 409), ("no_question", 409)]
    for code, status in refusals:
        feed.refusal = wire.Refusal(code)
        answered = await visitor.call(method, path, body)
        assert (answered.status_code, answered.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "bad_request"),
        ({"values": None}, "answer_invalid"),
        ({"values": []}, "answer_invalid"),
        ({"values": {"value": {"deep": "er"}}}, "answer_invalid"),
        ({"values": {"value": "cut \ud83d"}}, "answer_invalid"),
    ],
)
async def test_an_answer_that_cannot_be_kept_is_a_422(visitor, feed, body, code):
    answered = await visitor.call("PUT", f"messages/{ECHO_ID}/answer", body)
    assert (answered.status_code, answered.json()["error"]["code"]) == (422, code)
    assert feed.calls == []


async def test_history_pages_backwards(visitor, feed):
    for _ in range(5):
        feed.say()
    known, before = UUID(int=1), uuid4()
    page = (await visitor.call("GET", f"conversations/{known}/messages?before={before}&limit=2")).json()
    assert ([m["seq"] for m in page["messages"]], page["more"]) == ([4, 5], True)
    assert feed.calls[-1] == ("history", known, before, 2)


async def test_a_conversation_of_somebody_else_does_not_exist(visitor):
    answered = await visitor.call("GET", f"conversations/{uuid4()}/messages")
    assert (answered.status_code, answered.json()["error"]["code"]) == (404, "no_such_conversation")


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=many", "before=1"])
async def test_a_history_that_makes_no_sense_is_a_422(visitor, query):
    answered = await visitor.call("GET", f"conversations/{UUID(int=1)}/messages?{query}")
    assert (answered.status_code, answered.json()["error"]["code"]) == (422, "bad_request")


CALLS = [
    ("GET", "sync", None),
    ("PUT", f"messages/{ECHO_ID}", {"text": "hello"}),
    ("GET", f"conversations/{ECHO_ID}/messages", None),
    *(call for *call, _ in DONE),
]


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
@pytest.mark.parametrize("value", [None, "", "Bearer", "Bearer nonsense", "Basic YTpi", "Bearer a.b:c"])
async def test_without_a_session_everything_is_a_401(anybody, opened, feed, method, path, body, value):
    headers = {} if value is None else {"authorization": value}
    answered = await anybody.call(method, path, body, headers=headers)
    assert (answered.status_code, answered.json()["error"]["code"]) == (401, "unknown_token")
    assert answered["WWW-Authenticate"] == "Bearer"
    assert feed.calls == []


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
async def test_a_cookie_alone_opens_nothing(anybody, opened, method, path, body):
    anybody.cookies["chatproxy-main"] = opened.refresh_token
    assert (await anybody.call(method, path, body, headers={"origin": "http://testserver"})).status_code == 401


async def test_an_ended_session_is_a_401(visitor, opened):
    await sync_to_async(sessions.end)(opened.session)
    assert (await visitor.call("GET", "sync")).status_code == 401


@pytest.mark.parametrize(
    "body", [b" ", b"{", b"\xff\xfe", b"[" * 50_000, b"[]", b"7", b'{"text": 7}', b'{"text": "a", "conversation": "1"}']
)
async def test_a_body_that_cannot_be_read_is_a_4xx_in_words(visitor, body):
    answered = await visitor.call("PUT", f"messages/{ECHO_ID}", body)
    assert (answered.status_code in (400, 422), answered.json()["error"]["code"]) == (True, "bad_request")


@pytest.mark.parametrize("size", [65_537, 300_000])
async def test_an_oversize_body_is_a_413(visitor, size):
    answered = await visitor.call("PUT", f"messages/{ECHO_ID}", json.dumps({"text": "x" * size}).encode())
    assert (answered.status_code, answered.json()["error"]["code"]) == (413, "too_big")


@pytest.mark.parametrize("path", ["", "nothing", "session/x"])
async def test_an_unknown_address_is_a_404_of_the_same_shape(visitor, path):
    answered = await visitor.call("GET", path)
    assert (answered.status_code, answered.json()["error"]["code"]) == (404, "not_found")


async def test_a_wrong_method_is_a_405_of_the_same_shape(visitor):
    answered = await visitor.call("DELETE", "sync")
    assert (answered.status_code, answered.json()["error"]["code"]) == (405, "method_not_allowed")
    assert answered["Allow"] == "GET"


async def test_a_fault_of_ours_is_logged_and_has_the_same_shape(visitor, feed, caplog):
    feed.refusal = OSError("disk")
    answered = await visitor.call("PUT", f"messages/{ECHO_ID}", {"text": "my secret"})
    assert (answered.status_code, answered.json()["error"]["code"]) == (500, "fault")
    assert "disk" in caplog.text
    assert "my secret" not in caplog.text
    assert "disk" not in answered.content.decode()


async def test_an_answer_is_never_cached(visitor):
    assert (await visitor.call("GET", "sync"))["Cache-Control"] == "no-store"


async def test_the_api_describes_itself(anybody):
    described = (await anybody.call("GET", "openapi.json")).json()
    assert "/api/v1/messages/{echo_id}" in described["paths"]
    assert {"Reset", "Changes", "Message", "Error"} <= set(described["components"]["schemas"])
