import asyncio
import json
import logging
import time
from uuid import UUID, uuid4

import pytest

from chat import wire
from chat.audience import Row
from chat.draining import Drain
from chat.socket import Limits
from tests.eventually import eventually
from tests.fixtures.fake_conversations import EPOCH
from tests.fixtures.stumbling import LOST

CONVERSATION, MESSAGE = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "0d77be00-f700-46aa-91a6-00f89f6f1e8e"


async def test_hello_is_answered_with_the_start_state_and_then_with_what_happens(dial, feed):
    feed.say("before")
    socket = dial()
    reset = await socket.open()
    assert (reset["type"], reset["reason"], reset["cursor"]) == ("reset", "start", f"{EPOCH}.1")
    feed.say("now")
    changes = await socket.next()
    assert [message["text"] for message in changes["messages"]] == ["now"]


async def test_a_resume_brings_what_was_missed(dial, feed):
    for _ in range(7):
        feed.say()
    socket = dial()
    frames = [await socket.open(since=f"{EPOCH}.2"), await socket.next()]
    assert [message["seq"] for frame in frames for message in frame["messages"]] == [3, 4, 5, 6, 7]


async def test_every_device_of_a_contact_hears_the_same(dial, feed):
    sockets = [dial(), dial()]
    for socket in sockets:
        await socket.open()
    feed.say("to both")
    assert [(await socket.next())["messages"][0]["text"] for socket in sockets] == ["to both", "to both"]


async def test_several_messages_are_accepted_in_the_order_they_were_written(dial, feed):
    socket = dial()
    await socket.open()
    echo_ids = [str(uuid4()) for _ in range(20)]
    for number, echo_id in enumerate(echo_ids):
        await socket.tell({"type": "send", "echo_id": echo_id, "conversation": None, "text": str(number)})
    answers = [await socket.next() for _ in echo_ids]
    assert [answer["type"] for answer in answers] == ["accepted"] * 20
    assert [answer["echo_id"] for answer in answers] == echo_ids
    assert [text for name, text in (call for call in feed.calls if call[0] == "send")] == [str(n) for n in range(20)]


async def test_accepted_names_message_and_conversation(dial, feed):
    socket = dial()
    await socket.open()
    echo_id = uuid4()
    answer = await socket.ask({"type": "send", "echo_id": str(echo_id), "conversation": CONVERSATION, "text": "hi"})
    known = feed.known[echo_id]
    assert (answer["message"], answer["conversation"]) == (str(known.message_id), CONVERSATION)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "text_empty"),
        ("   \n", "text_empty"),
        ("x" * 10_001, "text_too_long"),
        ("a\0b", "text_invalid"),
        ("cut \ud83d", "text_invalid"),
    ],
)
async def test_a_text_that_cannot_be_kept_is_refused_and_the_socket_lives(dial, feed, text, code):
    socket = dial()
    await socket.open()
    refused = await socket.ask({"type": "send", "echo_id": MESSAGE, "text": text})
    assert (refused["type"], refused["echo_id"], refused["error"]["code"]) == ("refused", MESSAGE, code)
    assert not [call for call in feed.calls if call[0] == "send"]
    assert (await socket.ask({"type": "send", "echo_id": MESSAGE, "text": "x" * 10_000}))["type"] == "accepted"


async def test_a_use_case_may_refuse(dial, feed):
    socket = dial()
    await socket.open()
    feed.refusal = wire.Refusal("no_such_conversation")
    refused = await socket.ask({"type": "send", "echo_id": MESSAGE, "conversation": CONVERSATION, "text": "hi"})
    assert (refused["type"], refused["error"]["code"]) == ("refused", "no_such_conversation")
    error = await socket.ask({"type": "seen", "conversation": CONVERSATION, "message": MESSAGE})
    assert (error["type"], error["error"]["code"]) == ("error", "no_such_conversation")
    assert (await socket.ask({"type": "ping"}))["type"] == "pong"


async def test_typing_seen_and_looks_reach_their_use_cases(dial, feed):
    socket = dial()
    await socket.open(visible=False)
    await socket.tell({"type": "typing", "conversation": CONVERSATION, "on": True})
    await socket.tell({"type": "seen", "conversation": CONVERSATION, "message": MESSAGE})
    assert await socket.ask({"type": "ping", "visible": True}) == {"type": "pong", "cursor": f"{EPOCH}.0"}
    assert [call for call in feed.calls if call[0] != "read"] == [
        ("arrive", False),
        ("typing", UUID(CONVERSATION), True),
        ("seen", UUID(CONVERSATION), UUID(MESSAGE)),
        ("look", True),
    ]


ASKED = [
    ({"type": "retry", "message": MESSAGE}, ("retry", UUID(MESSAGE))),
    ({"type": "discard", "message": MESSAGE}, ("discard", UUID(MESSAGE))),
    ({"type": "resolve", "conversation": CONVERSATION}, ("resolve", UUID(CONVERSATION))),
    (
        {"type": "answer", "message": MESSAGE, "values": [{"value": "a", "unknown": 1}]},
        ("answer", UUID(MESSAGE), [{"value": "a"}]),
    ),
]


@pytest.mark.parametrize(("frame", "call"), ASKED, ids=[call[0] for _, call in ASKED])
async def test_what_is_asked_is_done_in_silence_or_refused_by_the_id_it_names(dial, feed, frame, call):
    socket = dial()
    await socket.open()
    await socket.tell(frame)
    assert (await socket.ask({"type": "ping"}))["type"] == "pong"
    assert feed.calls[-2] == call
    feed.refusal = wire.Refusal("not_lost")
    refused = await socket.ask(frame)
    subject = "conversation" if "conversation" in frame else "message"
    assert refused == {"type": "refused", subject: frame[subject], **feed.refusal.body}


async def test_an_answer_that_cannot_be_kept_is_refused_and_the_socket_lives(dial, feed):
    socket = dial()
    await socket.open()
    refused = await socket.ask({"type": "answer", "message": MESSAGE, "values": {"value": "cut \ud83d"}})
    assert (refused["type"], refused["message"]) == ("refused", MESSAGE)
    assert refused["error"]["code"] == "answer_invalid"
    assert not [call for call in feed.calls if call[0] == "answer"]
    assert (await socket.ask({"type": "ping"}))["type"] == "pong"


async def test_a_ping_sent_with_hello_is_answered_after_the_start_state(dial, feed):
    socket = dial()
    await socket.connect()
    await socket.tell({"type": "hello", "token": socket.token})
    await socket.tell({"type": "ping", "visible": True})
    assert [(await socket.next())["type"], (await socket.next())["type"]] == ["reset", "pong"]


BAD_FRAMES = [
    "not json",
    "",
    "[]",
    "[" * 20_000,
    "{}",
    '{"type": "subscribe"}',
    '{"type": "ack"}',
    '{"type": "send", "echo_id": "1", "text": "hi"}',
    '{"type": "typing", "conversation": "\\u0000", "on": true}',
    '{"type": "hello", "token": "again"}',
]


@pytest.mark.parametrize("text", BAD_FRAMES)
async def test_a_bad_frame_is_answered_in_words_and_closed_with_4400(dial, feed, caplog, text):
    socket = dial()
    await socket.open()
    error = await socket.ask(text)
    assert (error["type"], error["error"]["code"]) == ("error", "bad_frame")
    assert await socket.next() == wire.Close.BAD_FRAME
    assert feed.listeners == []
    assert "Traceback" not in caplog.text


async def test_a_binary_frame_is_closed_with_4400(dial):
    socket = dial()
    await socket.open()
    await socket.send_to(bytes_data=b"\x00\x01")
    assert (await socket.next())["error"]["code"] == "bad_frame"
    assert await socket.next() == 4400


@pytest.mark.parametrize("text", ["x" * 65_537, "ü" * 40_000])
async def test_an_oversize_frame_is_closed_with_4413(dial, text):
    socket = dial()
    await socket.open()
    assert (await socket.ask(json.dumps({"type": "ack", "cursor": text}, ensure_ascii=False)))["type"] == "error"
    assert await socket.next() == 4413


async def test_too_many_frames_at_once_are_closed_with_4429(dial):
    socket = dial()
    await socket.open()
    for _ in range(60):
        await socket.tell({"type": "ack", "cursor": f"{EPOCH}.0"})
    assert (await socket.next())["error"]["code"] == "too_fast"
    assert await socket.next() == 4429
    assert await socket.receive_nothing()


@pytest.mark.parametrize("first", ['{"type": "ping"}', json.dumps({"type": "send", "echo_id": MESSAGE, "text": "hi"})])
async def test_nothing_is_done_before_hello(dial, feed, first):
    socket = dial()
    await socket.connect()
    assert (await socket.ask(first))["error"]["code"] == "bad_frame"
    assert await socket.next() == 4400
    assert feed.calls == []


@pytest.mark.parametrize("token", ["", "nonsense", "a\0b", "cpr_" + "x" * 43])
async def test_an_unknown_token_is_closed_with_4401(dial, feed, token):
    socket = dial()
    assert (await socket.open(token=token))["error"]["code"] == "unknown_token"
    assert await socket.next() == 4401
    assert feed.calls == []


async def test_who_has_no_session_is_refused_without_a_line_in_the_log(dial, caplog):
    caplog.set_level("INFO")
    stranger, guest = dial(), dial()
    await stranger.open(token="nonsense")
    assert await stranger.next() == 4401
    assert "closed with" not in caplog.text
    await guest.open()
    await guest.ask([])
    assert await guest.next() == 4400
    assert "closed with 4400" in caplog.text


async def test_who_does_not_say_hello_in_time_is_closed_with_4408(dial):
    socket = dial(limits=Limits(hello_s=0.01))
    await socket.connect()
    assert await socket.next() == 4408


async def test_a_token_that_is_recognised_too_late_opens_nothing(dial, feed, opened):
    recognised = asyncio.Event()

    async def slowly(token):
        await recognised.wait()
        return opened.session

    socket = dial(limits=Limits(hello_s=0.01), authenticate=slowly)
    assert await socket.open() == 4408
    recognised.set()
    assert await socket.receive_nothing()
    assert feed.calls == []


async def test_while_the_database_cannot_be_read_a_page_is_told_to_come_back(dial, caplog):
    async def fails(token):
        raise LOST

    socket = dial(authenticate=fails)
    assert (await socket.open())["error"]["code"] == "unavailable"
    assert await socket.next() == 4500
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


async def test_who_does_not_acknowledge_in_time_is_closed_with_4409(dial, feed):
    feed.say()
    socket = dial(limits=Limits(acknowledge_s=0.02))
    await socket.open()
    assert await socket.next() == 4409
    assert feed.listeners == []


async def test_who_has_acknowledged_everything_owes_nothing(dial, feed):
    feed.say()
    socket = dial()
    cursor = (await socket.open())["cursor"]
    (listener,) = feed.listeners
    assert listener.sender.window.deadline is not None
    await socket.tell({"type": "ack", "cursor": cursor})
    await socket.ask({"type": "ping"})
    assert listener.sender.window.deadline is None


async def test_who_has_fallen_silent_is_closed(dial):
    socket = dial(limits=Limits(silence_s=0.05))
    frame = await socket.open()
    while isinstance(frame, dict):  # On a busy machine even the start state may come too late.
        frame = await socket.next()
    assert frame == 4409


async def test_a_page_is_not_blamed_for_a_time_in_which_we_stood_still_ourselves(dial):
    socket = dial(limits=Limits(silence_s=0.3, overslept_s=0.5))
    await socket.open()
    time.sleep(1.2)  # noqa: ASYNC251 - nothing runs, as in a process that was stopped
    for _ in range(5):  # what was due meanwhile comes before what the page has written
        await asyncio.sleep(0)
    assert (await socket.ask({"type": "ping"}))["type"] == "pong"
    assert await socket.next() == wire.Close.SLOW


async def test_a_closed_client_resumes_where_it_was(dial, feed):
    slow = dial(limits=Limits(window_bytes=300))
    await slow.open()
    await slow.ask({"type": "ping"})
    for _ in range(10):
        feed.say("x" * 100)
    frames = [await slow.next()]
    while frames[-1] != 4409:
        frames.append(await slow.next())
    received = [message["seq"] for frame in frames[:-1] for message in frame["messages"]]
    cursor = frames[-2]["cursor"]
    again = dial()
    frames = [await again.open(since=cursor)]
    while frames[-1]["more"]:
        frames.append(await again.next())
    received += [message["seq"] for frame in frames for message in frame["messages"]]
    assert received == list(range(1, 11))


async def test_a_revoked_session_is_closed_with_4401(dial, feed):
    socket = dial()
    await socket.open()
    for listener in feed.listeners:
        listener.revoked()
    assert (await socket.next())["error"]["code"] == "unknown_token"
    assert await socket.next() == 4401


@pytest.mark.parametrize("origin", ["https://shop.example", "http://testserver", "https://testserver"])
async def test_the_inbox_s_origins_and_our_own_may_connect(dial, origin):
    assert (await dial(origin=origin).open())["type"] == "reset"


@pytest.mark.parametrize("origin", ["https://evil.example", "http://shop.example", "null", "file://", ""])
async def test_another_origin_is_closed_with_4403_and_logged(dial, feed, caplog, origin):
    socket = dial(origin=origin)
    assert (await socket.open())["error"]["code"] == "foreign_origin"
    assert await socket.next() == 4403
    assert repr(origin) in caplog.text
    assert "ALLOWED_ORIGINS" in caplog.text
    assert feed.calls == []


@pytest.mark.parametrize("origin", ["http://testserver", "https://shop.example", "https://evil.example", "null", None])
async def test_t1_the_cookie_opens_no_socket_whoever_dials(dial, opened, feed, origin):
    """A browser adds it to whatever a page dials; the token of the first frame alone counts."""
    headers = {"cookie": f"chatproxy-main={opened.refresh_token}"} | ({"origin": origin} if origin else {})
    for token in ("", opened.refresh_token):
        socket = dial(**headers)
        socket.token = token
        assert (await socket.open())["error"]["code"] == "unknown_token"
        assert await socket.next() == 4401
    assert feed.listeners == []


async def test_a_forged_host_does_not_make_an_origin_our_own(dial):
    socket = dial(origin="https://evil.example", host="evil.example")
    assert (await socket.open())["error"]["code"] == "foreign_origin"


async def test_a_fault_of_ours_is_logged_and_closed_with_4500(dial, feed, caplog):
    socket = dial()
    await socket.open()
    feed.refusal = OSError("disk")
    assert await socket.ask({"type": "send", "echo_id": MESSAGE, "text": "my secret"}) == 4500
    assert "a frame could not be handled" in caplog.text
    assert "my secret" not in caplog.text


async def test_a_disconnect_leaves_nothing_behind(dial, feed):
    socket = dial()
    feed.reading.clear()
    await socket.connect()
    await socket.tell({"type": "hello", "token": socket.token})
    await eventually(lambda: feed.listeners)
    await socket.disconnect()
    assert feed.listeners == []
    assert feed.calls[-1] == ("depart",)
    await eventually(lambda: not [task for task in asyncio.all_tasks() if task.get_name() == "sender"])


async def test_a_cancelled_consumer_leaves_nothing_behind(dial, feed):
    socket = dial()
    await socket.open()
    socket.future.cancel()
    await eventually(lambda: not feed.listeners)
    assert feed.calls[-1] == ("depart",)
    feed.say("nobody hears this")
    assert socket.output_queue.empty()


async def test_what_is_told_to_a_socket_that_is_closing_is_dropped(dial, feed):
    socket = dial()
    await socket.open()
    (listener,) = feed.listeners
    assert await socket.ask("nonsense")
    assert await socket.next() == 4400
    await socket.tell({"type": "ping"})
    listener.changed(0, 1, (Row("message", 1, b"{}"),))
    listener.passing(b"{}")
    listener.revoked()
    assert await socket.receive_nothing()


async def test_a_socket_of_a_stopping_process_is_served_until_its_moment(dial, feed):
    drain = Drain()
    socket = dial(drain=drain)
    await socket.open()
    stopping = asyncio.create_task(drain.run(jitter_s=0.2))
    reconnect = await socket.next()
    assert reconnect["type"] == "reconnect" and 0 <= reconnect["in_ms"] <= 200
    feed.say("one more")
    assert (await socket.next())["messages"][0]["text"] == "one more"
    assert await socket.next() == wire.Close.RESTART
    await socket.disconnect()
    await stopping
    assert feed.listeners == []


async def test_each_end_of_a_socket_is_counted_by_its_number_and_odd_numbers_of_peers_as_one(dial):
    drain = Drain()
    for frame, code in [("{", 1006), (None, 1001), (None, 4999), (None, 1)]:
        socket = dial(drain=drain)
        await socket.open()
        if frame is not None:
            await socket.tell(frame)
            assert (await socket.next())["type"] == "error" and await socket.next() == wire.Close.BAD_FRAME
        await socket.disconnect(code=code)
    await eventually(lambda: not drain.guests)
    assert drain.closed == {"4400": 1, "1001": 1, "other": 2}


async def test_a_stopping_process_accepts_no_socket_and_keeps_none_without_a_hello(dial):
    drain = Drain()
    speechless, late = dial(drain=drain), dial(drain=drain)
    await speechless.connect()
    stopping = asyncio.create_task(drain.run(jitter_s=60))
    assert await speechless.next() == wire.Close.RESTART
    assert await late.connect() == (False, wire.Close.RESTART)
    await speechless.disconnect()
    await stopping


async def test_a_visible_page_may_be_silent_for_less_long_than_a_hidden_one(dial):
    limits = Limits(silence_s=0.05, hidden_silence_s=60)
    visible, hidden = dial(limits=limits), dial(limits=limits)
    await visible.open()
    await hidden.open(visible=False)
    assert await visible.next() == wire.Close.SLOW
    assert await hidden.receive_nothing()
    await hidden.tell({"type": "ping", "visible": True})
    assert (await hidden.next())["type"] == "pong"
    assert await hidden.next() == wire.Close.SLOW
