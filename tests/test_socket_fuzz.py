"""Whatever comes over a socket: an answer or a documented close, never a traceback, and nobody else notices."""

import asyncio
import json
import logging
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from chat import wire
from chat.socket import Socket
from chat.wire import asyncapi, examples
from tests.fixtures.fake_conversations import FakeConversations
from tests.fixtures.the_server import Serving
from tests.fixtures.visitor import VisitorSocket

Dial = Callable[..., VisitorSocket]
Sent = dict[str, Any]  # an ASGI message

HUGE = st.sampled_from([10**400, -(10**30), 1e308, float("inf"), float("-inf"), float("nan"), 2**53 + 1])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), HUGE, st.text(max_size=30))
LONE = st.sampled_from(["\ud83d", "a\udc00b", "\0", "\u202e", "x" * 10_001])
IDS = st.sampled_from(
    [examples.CONVERSATION, examples.MESSAGE, examples.MESSAGE.upper(), "1", "", "{" + examples.ECHO + "}"]
)
JSON = st.recursive(
    SCALARS | LONE | IDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
PLAUSIBLE = [each for name, told in examples.OF.items() if name.startswith("client.") for each in told]


@st.composite
def bent(draw: st.DrawFn) -> Sent:
    """A frame that is nearly right: fields lost, replaced, added."""
    frame = dict(draw(st.sampled_from(PLAUSIBLE)))
    for name in draw(st.lists(st.sampled_from([*frame, "extra", "__proto__"]), max_size=2)):
        if draw(st.booleans()):
            frame[name] = draw(JSON)
        else:
            frame.pop(name, None)
    return text(json.dumps(frame, ensure_ascii=draw(st.booleans())))


def text(said: str) -> Sent:
    return {"type": "websocket.receive", "text": said}


def deep(levels: int) -> Sent:
    return text('{"type":"answer","message":"' + examples.MESSAGE + '","values":' + "[" * levels + "]" * levels + "}")


RIGHT = st.sampled_from(PLAUSIBLE[2:]).map(json.dumps).map(text)  # without hello, which is right but once
HELLO = st.sampled_from(PLAUSIBLE[:2]).map(json.dumps).map(text)
RAW = st.one_of(
    st.text(max_size=60).map(text),
    JSON.map(lambda value: text(json.dumps(value))),
    st.binary(max_size=60).map(lambda data: {"type": "websocket.receive", "bytes": data}),
    st.sampled_from([10, 900, 1_100, 20_000]).map(deep),
    st.sampled_from(["[" * 60_000, '{"type":"ping","type":"hello"}', "1" * 5_000, "x" * 70_000, "\ufeff{}"]).map(text),
)
FRAMES = st.lists(st.one_of(RIGHT, RIGHT, RIGHT, bent(), RAW), min_size=1, max_size=8)
BEGUN = st.builds(lambda hello, sent: [hello, *sent], HELLO, FRAMES)
VALID = st.lists(RIGHT, min_size=1, max_size=8)
DOUBLED = FRAMES.flatmap(lambda sent: st.permutations(sent + sent[:1]))  # twice, and in another order
STATES = st.sampled_from(["before hello", "after hello", "draining", "revoked", "refusing"])


DOCUMENTED = {None, *(each["code"] for each in asyncapi.document()["channels"]["socket"]["x-close-codes"])}


class Watched(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info or record.levelno >= logging.ERROR:
            self.said.append(self.format(record))


@pytest.fixture
def watched() -> Any:
    handler = Watched()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


async def enter(dial: Dial, feed: FakeConversations, state: str) -> VisitorSocket:
    """A socket in that state."""
    others = list(feed.listeners)
    socket = dial()
    if state == "before hello":
        await socket.connect()
        return socket
    assert (await socket.open())["type"] == "reset"
    (own,) = [each for each in feed.listeners if each not in others]
    assert isinstance(own, Socket)
    if state == "draining":
        own.dismiss(30)
    elif state == "revoked":
        own.revoked()
    elif state == "refusing":
        feed.refusal = wire.Refusal("no_such_message")
    return socket


async def answers(socket: VisitorSocket) -> tuple[int, int | None]:
    """How many frames came before it was silent or closed, each held to the description; and the close."""
    count = 0
    while not await socket.receive_nothing(timeout=0.02, interval=0.002):
        if isinstance(said := await socket.next(), int):
            return count, said
        count += 1
    return count, None


async def close_of(socket: VisitorSocket) -> int | None:
    """None: it lives. A slow machine closes a socket only after it was silent for a while."""
    await socket.tell({"type": "ping"})
    for _ in range(50):  # of what was sent before, there may be answers under way
        said = await socket.next()
        if isinstance(said, int) or said["type"] == "pong":
            return said if isinstance(said, int) else None
    raise AssertionError("it goes on answering")


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(state=STATES, frames=st.one_of(FRAMES, DOUBLED, BEGUN, VALID))
async def test_whatever_is_sent_is_answered_or_closed_with_a_number_and_others_do_not_notice(
    dial: Dial, feed: FakeConversations, watched: Watched, state: str, frames: list[Sent]
) -> None:
    feed.refusal = None
    bystander = dial()
    await bystander.open()
    socket = await enter(dial, feed, state)
    for frame in frames:
        said = {"text": frame["text"].replace("\\u2026", socket.token)} if "text" in frame else {}
        await socket.send_input(frame | said)
    number, close = await answers(socket)
    if close is None:
        close = await close_of(socket)
    event(f"{state}: {'answered' if number else 'silent'}, {close}")
    assert close in DOCUMENTED
    if state == "revoked":
        assert close == wire.Close.UNKNOWN_TOKEN
    feed.refusal = None
    assert await close_of(bystander) is None
    assert watched.said == []
    await asyncio.gather(socket.disconnect(), bystander.disconnect())
    assert feed.listeners == []


CORPUS: list[str | bytes] = [
    *("", "[]", "null", "[" * 60_000, "1" * 5_000, "x" * 70_000, "x" * 2_000_000, '"\\ud83d"', "{}", "\ufeff{}"),
    *(b"", b"\xff\xfe", b"{}", b"x" * 100_000),
    *(deep(levels)["text"] for levels in (10, 900, 1_100)),
    '{"type":"hello","token":1e999}',
]


def test_a_real_process_takes_it_all_without_a_traceback(tmp_path: Path) -> None:
    with Serving(tmp_path).migrated().running() as serving:
        token = serving.token()
        hello = json.dumps({"type": "hello", "token": token})
        with serving.dial() as bystander:
            bystander.send(hello)
            bystander.recv(timeout=20)
            for sent in CORPUS:
                for begin in ([], [hello]):
                    assert closes(serving, [*begin, sent]) in DOCUMENTED | {1009}, sent[:80]
            bystander.send('{"type": "ping"}')
            assert '"pong"' in bystander.recv(timeout=20)
        serving.process.send_signal(signal.SIGTERM)
        assert "Traceback" not in serving.said()


def closes(serving: Serving, frames: list[str | bytes]) -> int | None:
    """The number with which the socket is closed; None when it lives on."""
    with serving.dial() as socket:
        try:
            for frame in [*frames, '{"type": "ping"}']:
                socket.send(frame)
            while '"pong"' not in socket.recv(timeout=20):
                pass
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None
        return None
