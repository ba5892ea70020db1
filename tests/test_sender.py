import asyncio
import json

import pytest

from chat import wire
from chat.sender import Sender
from chat.window import Window
from tests.fixtures.fake_conversations import EPOCH, FakeConversations, row


class FakeSocket:
    idle = True

    def __init__(self):
        self.frames = []
        self.failed = None

    def transmit(self, frame):
        self.frames.append(json.loads(frame))

    def fail(self, close):
        self.failed = close

    def take(self):
        frames, self.frames = self.frames, []
        return frames


class Stage:
    """A sender of one client, on a feed and a clock of the test's own."""

    def __init__(self, rows=0, limit_bytes=10_000):
        self.feed = FakeConversations(rows=[row(seq + 1) for seq in range(rows)])
        self.socket = FakeSocket()
        self.now = 0
        window = Window(limit_bytes=limit_bytes)
        self.sender = Sender(
            self.socket, read=lambda since: self.feed.read(None, since=since), now=lambda: self.now, window=window
        )

    @property
    def reads(self):
        return [since for name, since in self.feed.calls if name == "read"]

    async def begin(self, since=None):
        self.sender.start(since)
        await self.settled()
        return self.socket.take()

    def say(self, text="", told=True):
        said = self.feed.say(text, told=False)
        if told:
            self.sender.changed(said.seq - 1, said.seq, (said,))
        return said

    async def settled(self):
        while tasks := [task for task in asyncio.all_tasks() if task.get_name() == "sender"]:
            await asyncio.wait(tasks)
            await asyncio.sleep(0)


def seqs(frames):
    return [message["seq"] for frame in frames for message in frame["messages"]]


async def test_a_newcomer_gets_the_whole_start_state():
    stage = Stage(rows=2)
    (reset,) = await stage.begin()
    assert (reset["type"], reset["reason"], reset["cursor"], seqs([reset])) == ("reset", "start", f"{EPOCH}.2", [1, 2])


async def test_a_returning_client_gets_what_it_lacks_page_by_page():
    stage = Stage(rows=8)
    frames = await stage.begin(f"{EPOCH}.1")
    assert seqs(frames) == [2, 3, 4, 5, 6, 7, 8]
    assert [frame["more"] for frame in frames] == [True, True, False]


async def test_a_client_that_lacks_nothing_is_told_so_once():
    stage = Stage(rows=2)
    (changes,) = await stage.begin(f"{EPOCH}.2")
    assert (changes["type"], changes["messages"], changes["cursor"]) == ("changes", [], f"{EPOCH}.2")
    stage.sender.changed(2, 2, ())
    await stage.settled()
    assert stage.socket.take() == []


async def test_a_change_is_sent_within_the_call_and_without_a_read():
    stage = Stage(rows=1)
    await stage.begin()
    stage.say("hello")
    (changes,) = stage.socket.take()
    assert (seqs([changes]), changes["cursor"], changes["more"]) == ([2], f"{EPOCH}.2", False)
    assert len(stage.reads) == 1


async def test_a_lost_hint_is_found_by_the_next_one():
    stage = Stage(rows=1)
    await stage.begin()
    stage.say(told=False)
    stage.say()
    assert stage.socket.take() == []
    await stage.settled()
    assert seqs(stage.socket.take()) == [2, 3]


async def test_another_epoch_with_the_same_head_lets_the_client_start_again_once():
    stage = Stage(rows=1)
    await stage.begin()
    stage.sender.turned(EPOCH)
    await stage.settled()
    assert len(stage.reads) == 1
    stage.feed.epoch = "another"
    stage.sender.turned("another")
    await stage.settled()
    (reset,) = stage.socket.take()
    assert (reset["type"], reset["reason"], reset["cursor"]) == ("reset", "epoch", "another.1")
    stage.sender.turned("another")
    await stage.settled()
    assert len(stage.reads) == 2


async def test_the_comparison_of_heads_finds_what_no_hint_told():
    stage = Stage(rows=1)
    await stage.begin()
    stage.say(told=False)
    stage.sender.changed(2, 2, ())
    await stage.settled()
    assert seqs(stage.socket.take()) == [2]


async def test_changes_that_come_while_reading_are_read_not_sent_twice():
    stage = Stage(rows=1)
    stage.feed.reading.clear()
    stage.sender.start(None)
    await asyncio.sleep(0)
    stage.say()
    stage.say()
    assert stage.socket.take() == []
    stage.feed.reading.set()
    await stage.settled()
    frames = stage.socket.take()
    assert [frame["type"] for frame in frames] == ["reset", "changes"]
    assert seqs(frames) == [1, 2, 3]


async def test_what_is_told_between_the_end_of_reading_and_its_news_is_read():
    stage = Stage(rows=1)
    await stage.begin()
    read = stage.feed.read

    async def read_and_be_told(contact_id, *, since):
        page = await read(contact_id, since=since)
        stage.feed.read = read
        stage.say(told=False)
        asyncio.get_running_loop().call_soon(stage.sender.hinted, 3)
        return page

    stage.feed.read = read_and_be_told
    stage.say(told=False)
    stage.sender.hinted(2)
    await stage.settled()
    assert seqs(stage.socket.take()) == [2, 3]


async def test_after_another_epoch_a_ping_knows_nothing_of_the_head_before():
    stage = Stage(rows=5)
    await stage.begin()
    stage.say("hello")
    del stage.feed.rows[2:]
    stage.feed.epoch = "another"
    stage.sender.turned("another")
    await stage.settled()
    stage.socket.take()
    stage.sender.ping()
    assert stage.socket.take() == [{"type": "pong", "cursor": "another.2"}]


async def test_news_of_what_was_read_already_is_ignored():
    stage = Stage(rows=1)
    await stage.begin()
    stage.say(told=False)
    stage.say()
    await stage.settled()
    stage.socket.take()
    reads = len(stage.reads)
    stage.sender.changed(1, 2, (stage.feed.rows[1],))
    stage.sender.changed(2, 3, (stage.feed.rows[2],))
    await stage.settled()
    assert (stage.socket.take(), len(stage.reads)) == ([], reads)


async def test_there_is_no_task_while_nothing_happens():
    stage = Stage(rows=1)
    await stage.begin()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_reading_stops_at_the_window_and_goes_on_when_it_is_acknowledged():
    stage = Stage(rows=9, limit_bytes=100)
    (first,) = await stage.begin(f"{EPOCH}.0")
    assert (seqs([first]), first["more"]) == ([1, 2, 3], True)
    stage.say()
    await stage.settled()
    assert stage.socket.take() == []
    received = [first]
    while received[-1]["more"]:
        stage.sender.acknowledge(received[-1]["cursor"])
        await stage.settled()
        received += stage.socket.take()
    assert seqs(received) == list(range(1, 11))
    assert stage.socket.failed is None


async def test_live_frames_that_nobody_acknowledges_end_the_connection():
    stage = Stage(rows=1, limit_bytes=1_000)
    await stage.begin()
    stage.sender.acknowledge(f"{EPOCH}.1")
    sent = 0
    while stage.socket.failed is None and sent < 100:
        stage.say("x" * 50)
        sent += 1
    assert stage.socket.failed == wire.Close.SLOW
    assert stage.sender.window.outstanding_bytes < 2_000


async def test_typing_is_dropped_for_a_client_that_is_behind():
    stage = Stage(rows=1, limit_bytes=100_000)
    typing = wire.encode_presence(online=True)
    stage.sender.passing(typing)
    assert stage.socket.take() == []  # before the start state
    await stage.begin()
    stage.sender.passing(typing)
    assert [frame["type"] for frame in stage.socket.take()] == ["presence"]
    said = stage.say("x" * 20_000)
    stage.socket.take()
    stage.sender.passing(typing)
    assert stage.socket.take() == []
    stage.sender.acknowledge(f"{EPOCH}.{said.seq}")
    stage.sender.passing(typing)
    assert len(stage.socket.take()) == 1


async def test_a_ping_is_answered_with_the_newest_cursor_known():
    stage = Stage(rows=2)
    await stage.begin()
    stage.sender.ping()
    assert stage.socket.take() == [{"type": "pong", "cursor": f"{EPOCH}.2"}]
    stage.feed.reading.clear()
    stage.say(told=False)
    stage.sender.changed(3, 3, ())
    stage.sender.ping()
    assert stage.socket.take() == [{"type": "pong", "cursor": f"{EPOCH}.3"}]
    stage.sender.stop()


async def test_a_hint_lets_it_look_and_is_not_believed():
    stage = Stage(rows=2)
    await stage.begin()
    stage.sender.hinted(2**63)
    await stage.settled()
    stage.sender.ping()
    assert stage.socket.take() == [{"type": "pong", "cursor": f"{EPOCH}.2"}]
    assert len(stage.reads) == 2
    stage.say("hello")
    assert seqs(stage.socket.take()) == [3]


async def test_a_ping_before_the_first_page_is_answered_after_it():
    stage = Stage(rows=2)
    stage.sender.start("other.99")
    stage.sender.ping()
    stage.sender.ping()
    await stage.settled()
    reset, pong = stage.socket.take()
    assert (reset["type"], reset["reason"]) == ("reset", "epoch")
    assert pong == {"type": "pong", "cursor": f"{EPOCH}.2"}


@pytest.mark.parametrize("since", ["nonsense", "", "x.1", f"{EPOCH}x.1"])
async def test_an_unusable_cursor_starts_again(since):
    stage = Stage(rows=1)
    (reset,) = await stage.begin(since)
    assert reset["type"] == "reset"


async def test_a_feed_that_cannot_be_read_closes_the_connection(caplog):
    stage = Stage()

    async def broken(since):
        raise OSError("disk")

    stage.sender = Sender(stage.socket, read=broken, now=lambda: 0)
    await stage.begin()
    assert stage.socket.failed == wire.Close.FAULT
    assert "the feed could not be read" in caplog.text


async def test_a_stopped_sender_leaves_no_task_and_sends_nothing_more():
    stage = Stage(rows=1)
    stage.feed.reading.clear()
    stage.sender.start(None)
    await asyncio.sleep(0)
    stage.sender.stop()
    await stage.settled()
    stage.say()
    stage.sender.passing(b"{}")
    await stage.settled()
    assert stage.socket.take() == []
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_socket_that_is_not_idle_gets_nothing_until_it_is():
    stage = Stage()
    await stage.begin()
    stage.socket.idle = False
    for _ in range(3):
        stage.say()
    stage.sender.passing(b"{}")
    await stage.settled()
    assert stage.socket.take() == []
    reads = len(stage.reads)
    stage.socket.idle = True
    stage.sender.flushed()
    await stage.settled()
    assert seqs(stage.socket.take()) == [1, 2, 3]
    assert len(stage.reads) == reads + 1
