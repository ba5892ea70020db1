"""Whatever is lost, late, slow or cut: a client has every row once, in order, and nothing is left over."""

import asyncio
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from chat.sender import Sender
from chat.window import Window
from tests.fixtures.fake_conversations import EPOCH, FakeConversations


class Client:
    """Applies frames as a browser does; its socket may be cut, its cursor stays."""

    def __init__(self, feed):
        self.feed = feed
        self.cursor = None
        self.seqs = []
        self.dial()

    def dial(self):
        self.idle, self.failed = True, None
        window = Window(limit_bytes=400)
        self.sender = Sender(self, read=self.read, now=lambda: 0, window=window)
        self.sender.start(self.cursor)

    async def read(self, since):
        await asyncio.sleep(0)
        return await self.feed.read(None, since=since)

    def transmit(self, frame):
        frame = json.loads(frame)
        if frame["type"] not in ("reset", "changes"):
            return
        seqs = [message["seq"] for message in frame["messages"]]
        if frame["type"] == "reset":
            self.seqs = seqs
        else:
            assert seqs == sorted(seqs)
            assert not self.seqs or not seqs or seqs[0] == self.seqs[-1] + 1
            self.seqs += seqs
        self.cursor = frame["cursor"]

    def fail(self, close):
        self.failed = close
        self.sender.stop()


class Model:
    def __init__(self):
        self.feed = FakeConversations(page_size=2)
        self.client = Client(self.feed)
        self.late = []

    def told(self):
        self.hint(self.feed.say("x" * 20, told=False))

    def untold(self):
        self.feed.say(told=False)

    def told_late(self):
        self.late.append(self.feed.say(told=False))

    def hear_late(self):
        if self.late:
            self.hint(self.late.pop())

    def hint(self, said):
        self.client.sender.changed(said.seq - 1, said.seq, (said,))

    def compare_heads(self):
        self.client.sender.changed(self.feed.head, self.feed.head, ())

    def acknowledge(self):
        if self.client.cursor:
            self.client.sender.acknowledge(self.client.cursor)

    def cut(self):
        self.client.sender.stop()
        self.client.dial()

    def redial(self):
        if self.client.failed:
            self.client.dial()

    async def settle(self):
        await asyncio.sleep(0)  # A task that has just ended still has to say so.
        while tasks := [task for task in asyncio.all_tasks() if task.get_name() == "sender"]:
            await asyncio.wait(tasks)
            await asyncio.sleep(0)

    async def catch_up(self):
        """What a live client and the comparison of heads do in time, with one page acknowledged after another."""
        for _ in range(len(self.feed.rows) + 2):
            self.redial()
            self.compare_heads()
            await self.settle()
            self.acknowledge()
            await self.settle()


STEPS = ("told", "untold", "told_late", "hear_late", "compare_heads", "acknowledge", "cut", "redial", "turn", "settle")


async def run(steps):
    model = Model()
    for step in steps:
        if step == "turn":
            await asyncio.sleep(0)
        elif step == "settle":
            await model.settle()
        else:
            getattr(model, step)()
    await model.catch_up()
    assert model.client.seqs == [each.seq for each in model.feed.rows]
    assert model.client.cursor == f"{EPOCH}.{model.feed.head}"
    assert model.client.failed is None
    assert model.client.sender.window.clear
    model.client.sender.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=50))
def test_a_client_has_every_row_once_and_in_order(steps):
    asyncio.run(run(steps))
