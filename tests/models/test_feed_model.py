"""Whatever the cable loses, doubles, reorders or says too late: in the end every device shows what Chatwoot shows.

The mirror, the feed, a socket's sender and its window are the real ones; Chatwoot, the network and the browsers are
models. An agent writes, edits and deletes; frames and lists come in any order; browsers come and go.
"""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from chat import feed, mirror, wire
from chat.chatwoot import resources
from chat.feed import Change, Cursor, Page
from chat.models import Contact, Conversation, Message, new_epoch
from chat.sender import Sender
from chat.window import Window
from tests.fixtures.people import Person, newcomer
from tests.fixtures.world import plain
from tests.models.memory import Clock, Memory, explore, memory_database, written
from tests.models.upstream import Chatwoot, Row, texts

PROCESSES, BROWSERS = 2, 2
FAR, PAGE, START = 30, 3, 4
some = st.integers(0, 99)


@dataclass(eq=False)
class Browser:
    """A socket and the page behind it: frames arrive in order, or are lost with the socket. The page stays."""

    person: Person
    process: int
    cursor: str | None = None
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    floors: dict[str, tuple[int, uuid.UUID]] = field(default_factory=dict)  # the oldest message of the latest reset
    idle: bool = True

    def dial(self) -> None:
        self.under_way: list[bytes] = []
        self.asked: tuple[str | None, asyncio.Future[Page | None]] | None = None
        self.failed: wire.Close | None = None
        self.sender = Sender(self, read=self._read, now=lambda: 0, window=Window(limit_bytes=2_000))
        self.sender.start(self.cursor)

    async def _read(self, since: str | None) -> Page:
        self.asked = (since, asyncio.get_running_loop().create_future())
        return await self.asked[1]

    def answer(self) -> None:
        """The database's threads have read for it: outside the loop, and perhaps long after they were asked."""
        if self.asked is not None and not self.asked[1].done():
            since, answer = self.asked
            self.asked = None
            answer.set_result(feed.read(self.person.id, Cursor.parse(since), page=PAGE, far=FAR, start=START))

    def transmit(self, frame: bytes) -> None:
        self.under_way.append(frame)

    def fail(self, close: wire.Close) -> None:
        assert close is wire.Close.SLOW, "the feed could not be read"
        self.failed = close
        self.sender.stop()

    def receive(self) -> None:
        frame = orjson.loads(self.under_way.pop(0))
        rows = sorted(frame["conversations"] + frame["messages"], key=lambda row: row["seq"])
        if frame["type"] == "reset":
            self.rows.clear()
            self.floors = {}
            for row in frame["messages"]:
                place = (row["at"], uuid.UUID(row["id"]))
                self.floors[row["conversation"]] = min(place, self.floors.get(row["conversation"], place))
        else:
            known = int((self.cursor or "").rpartition(".")[2])
            numbers = [row["seq"] for row in rows]
            assert numbers == sorted({*numbers}) and all(each > known for each in numbers), "a number came again"
        self.cursor = frame["cursor"]
        self.apply(rows)

    def apply(self, rows: list[dict[str, Any]]) -> None:
        """As the page does: a row never gives way to one with a lower number."""
        for row in rows:
            known = self.rows.get(row["id"])
            if known is None or known["seq"] <= row["seq"]:
                self.rows[row["id"]] = row

    def acknowledge(self) -> None:
        if self.cursor is not None:
            self.sender.acknowledge(self.cursor)

    def page_back(self) -> None:
        """Somebody scrolls up to the beginning of every conversation. What is newer has come by itself, or is lost."""
        for talk in [row["id"] for row in self.rows.values() if "status" in row]:
            before, more = self.floors.get(talk), True
            while more:
                found, more = feed.history(uuid.UUID(talk), before=before, limit=PAGE)
                rows = [orjson.loads(row.data) for row in found]
                self.apply(rows)
                if rows:
                    before = (rows[0]["at"], uuid.UUID(rows[0]["id"]))

    def thread(self, conversation: uuid.UUID) -> list[str]:
        """The words of a conversation, in display order."""
        found = [row for row in self.rows.values() if row.get("conversation") == str(conversation)]
        return [plain(row["text"]) for row in sorted(found, key=lambda row: (row["at"], row["id"])) if row["text"]]


@dataclass
class Listed:
    """An answer of the conversations index on its way into the database, a few rows at a time."""

    started: int
    items: list[Any]


class FeedModel(RuleBasedStateMachine):
    memory: Memory

    def __init__(self) -> None:
        super().__init__()
        self.memory.empty()
        self.clock = Clock()
        self.person = newcomer()
        self.chatwoot = Chatwoot(self.clock, self.person.source_id)
        self.frames: list[Any] = []
        self.lists: list[Listed] = []
        self.begun: list[Row] = []  # numbered, not yet committed
        self.told: list[list[Change]] = [[] for _ in range(PROCESSES)]
        self.newest: dict[int, int] = {}  # the newest time that the cable told, by message
        self.loses = True
        self.loop = asyncio.new_event_loop()
        self.browsers = [Browser(self.person, number % PROCESSES) for number in range(BROWSERS)]
        for browser in self.browsers:
            self.on_the_loop(browser.dial)
        self.opens()

    def on_the_loop(self, act: Callable[[], object]) -> None:
        """One step of the loop; what it starts goes on with the next step."""

        async def step() -> None:
            act()

        self.loop.run_until_complete(step())

    # The agent

    def opens(self) -> None:
        number = len(self.chatwoot.statuses) + 1
        self.chatwoot.open(number)
        self.frames.append(self.chatwoot.conversation_frame(number))

    @rule(which=some, count=st.sampled_from([1, 1, 1, 8]))
    def writes(self, which: int, count: int) -> None:
        for _ in range(count):
            row = self.chatwoot.write(which % len(self.chatwoot.statuses) + 1, f"said at {self.clock.now}")
            self.frames.append(self.chatwoot.frame(row))

    @rule(which=some)
    def begins_or_ends_writing(self, which: int) -> None:
        """Numbered now, committed later, so that a higher number is seen first."""
        if len(self.begun) > which % 3:
            self.ends_writing()
            return
        now, number = self.clock.tick(), self.chatwoot.number()
        self.begun.append(Row(number, which % len(self.chatwoot.statuses) + 1, f"begun at {now}", now, now))

    def ends_writing(self) -> None:
        self.frames.append(self.chatwoot.frame(self.chatwoot.commit(self.begun.pop(0))))

    @rule(which=some, what=st.sampled_from(["edit", "edit", "delete", "delete, raced", "status", "open"]))
    def changes(self, which: int, what: str) -> None:
        if what == "status":
            number = which % len(self.chatwoot.statuses) + 1
            self.chatwoot.resolve(number, ["open", "resolved", "pending"][which % 3])
            self.frames.append(self.chatwoot.conversation_frame(number))
        elif what == "open" and len(self.chatwoot.statuses) < 3:
            self.opens()
        elif (id := self._pick(which)) and what == "edit":
            self.frames.append(self.chatwoot.frame(self.chatwoot.change(id, content=f"edited at {self.clock.now}")))
        elif id:
            self._delete(id, raced="raced" in what)

    def _pick(self, number: int) -> int | None:
        """The id of some message that is not deleted."""
        found = [row.id for row in self.chatwoot.rows.values() if not row.deleted]
        return found[number % len(found)] if found else None

    def _delete(self, id: int, *, raced: bool) -> None:
        """``raced``: another Rails worker touches its own older copy afterwards, and says so with a newer time."""
        before = self.chatwoot.rows[id]
        self.frames.append(self.chatwoot.frame(self.chatwoot.change(id, deleted=True)))
        if raced:
            self.frames.append(self.chatwoot.frame(replace(before, updated_at=self.clock.tick())))

    # What of it reaches us

    @precondition(lambda self: self.frames)
    @rule(which=some, process=st.integers(0, PROCESSES - 1), again=st.booleans())
    def hears(self, which: int, process: int, again: bool) -> None:
        at = which % len(self.frames)
        self._apply(process, self.frames[at], None)
        if not again:
            del self.frames[at]

    @rule(which=some, process=st.integers(0, PROCESSES - 1))
    def hears_the_newer_first(self, which: int, process: int) -> None:
        """Of two edits of one message."""
        if id := self._pick(which):
            older, newer = (
                self.chatwoot.frame(self.chatwoot.change(id, content=f"{word} edit at {self.clock.now}"))
                for word in ("first", "second")
            )
            self._apply(process, newer, None)
            self._apply(process, older, None)

    @precondition(lambda self: self.frames)
    @rule(which=some)
    def is_lost(self, which: int) -> None:
        if self.loses:
            del self.frames[which % len(self.frames)]

    @rule()
    def lists(self) -> None:
        self.lists.append(self._list())

    @precondition(lambda self: self.lists)
    @rule(which=some, process=st.integers(0, PROCESSES - 1), count=st.integers(1, 20))
    def a_list_arrives(self, which: int, process: int, count: int) -> None:
        """However late; what has become newer meanwhile stays."""
        listed = self.lists[which % len(self.lists)]
        for item in listed.items[:count]:
            self._apply(process, item, listed.started)
        del listed.items[:count]
        if not listed.items:
            self.lists.remove(listed)

    def _list(self) -> Listed:
        started, items = self.clock.tick(), list[Any]()
        self.clock.tick()
        for each in self.chatwoot.index():
            items += [replace(each, source_id=self.person.source_id), *each.messages]
        return Listed(started, items)

    def _apply(self, process: int, said: Any, started: int | None) -> None:
        is_message = isinstance(said, resources.Message)
        before = _stored(said.id) if is_message else None
        apply = mirror.apply_message if is_message else mirror.apply_conversation
        _, changes = written(
            self.clock, lambda pen: apply(pen, self.person.scope, said, read_started=started), self.person.id
        )
        self.told[process] += changes
        if before is not None:
            self._is_newest(before, said, started)
        if is_message and started is None:
            self.newest[said.id] = max(self.newest.get(said.id, 0), round(said.updated_at.timestamp() * 1000))

    def _is_newest(self, before: Message, said: resources.Message, started: int | None) -> None:
        after, updated_at = _stored(said.id), self.newest.get(said.id, 0)
        assert after is not None
        if before.deleted:
            assert after.deleted and not after.content, "what was deleted has come back"
        elif started is not None and before.applied_at > started and not said.deleted:
            assert after.content == before.content, "a list has replaced what came after its reading began"
        elif started is None and round(said.updated_at.timestamp() * 1000) < updated_at and not said.deleted:
            assert after.content == before.content, "a frame has replaced a newer one"

    # Browsers

    @rule(process=st.integers(0, PROCESSES - 1), count=st.integers(1, 3))
    def tells(self, process: int, count: int) -> None:
        """The oldest news of a process reaches those who listen there."""
        for change in self.told[process][:count]:
            for browser in self.browsers:
                if browser.process == process and not browser.failed:
                    self.on_the_loop(lambda b=browser, c=change: b.sender.changed(*c[1:]))
        del self.told[process][:count]

    @rule(which=st.sets(st.integers(0, BROWSERS - 1)), pages=st.integers(1, 4))
    def turns_the_loop(self, which: set[int], pages: int) -> None:
        """Some of the reads under way end, and the loop runs on."""
        for _ in range(pages):
            for each in which:
                self.browsers[each].answer()
            for _ in range(3):
                self.on_the_loop(lambda: None)

    @rule(which=st.sets(st.integers(0, BROWSERS - 1)), acknowledge=st.booleans())
    def receives(self, which: set[int], acknowledge: bool) -> None:
        for browser in (self.browsers[each] for each in which):
            while browser.under_way:
                browser.receive()
            if acknowledge:
                self.on_the_loop(browser.acknowledge)

    @rule(which=st.integers(0, BROWSERS - 1), process=st.integers(0, PROCESSES - 1), received=st.integers(0, 3))
    def comes_again(self, which: int, process: int, received: int) -> None:
        """At any process, with what it has received."""
        browser = self.browsers[which]
        browser.sender.stop()
        for _ in range(min(received, len(browser.under_way))):
            browser.receive()
        browser.process = process
        self.on_the_loop(browser.dial)

    @rule()
    def compares_heads(self) -> None:
        head = self.person.head()
        for browser in self.browsers:
            if browser.failed:
                self.on_the_loop(browser.dial)
            self.on_the_loop(lambda b=browser: b.sender.changed(head, head, ()))

    # The operator

    @rule(what=st.sampled_from(["epoch", "floor", "floor", "nothing", "nothing", "nothing"]), back=st.integers(0, 20))
    def administers(self, what: str, back: int) -> None:
        if what == "epoch":
            # As after a restore, when the processes start again: a socket learns of it with its first read.
            Contact.objects.update(epoch=new_epoch())
            for which, browser in enumerate(self.browsers):
                self.comes_again(which, browser.process, 0)
        elif what == "floor":
            # Retention: old emptied rows go for good, and who may not know of it starts again.
            floor = max(0, self.person.head() - back)
            Message.objects.filter(deleted=True, seq__lte=floor).delete()
            Contact.objects.filter(floor__lt=floor).update(floor=floor)

    # In the end

    def teardown(self) -> None:
        try:
            self._settle()
            for browser in self.browsers:
                browser.page_back()
                self._compare(browser)
        finally:
            for browser in self.browsers:
                browser.sender.stop()
            self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.close()

    def _settle(self) -> None:
        while self.begun:
            self.ends_writing()
        while self.frames:
            self.hears(0, 0, False)
        while self.lists:
            self.a_list_arrives(0, 1, 20)
        if self.loses:  # the gap was noticed, and so there is a resync
            for item in (final := self._list()).items:
                self._apply(0, item, final.started)
        for _ in range(200):
            self.compares_heads()
            self.turns_the_loop({*range(BROWSERS)}, 1)
            self.receives({*range(BROWSERS)}, True)
            if self._is_quiet():
                return
        raise AssertionError("the browsers do not come to rest")

    def _is_quiet(self) -> bool:
        tasks = [each for each in asyncio.all_tasks(self.loop) if not each.done()]
        clear = all(each.sender.window.clear and not each.under_way and not each.failed for each in self.browsers)
        epoch, head, _ = feed.sql.feed_position(self.person.id) or ("", 0, 0)
        return clear and not tasks and all(each.cursor == f"{epoch}.{head}" for each in self.browsers)

    def _compare(self, browser: Browser) -> None:
        stored = {each.chatwoot_id: each for each in Conversation.objects.all()}
        assert {number: each.status for number, each in stored.items()} == {
            number: status for number, (status, _) in self.chatwoot.statuses.items()
        }
        for number, conversation in stored.items():
            assert browser.rows[str(conversation.id)]["status"] == conversation.status
            assert browser.thread(conversation.id) == list(texts(self.chatwoot.said(number)))


class LosslessFeedModel(FeedModel):
    """A cable that only doubles and reorders needs no list to be right in the end."""

    def __init__(self) -> None:
        super().__init__()
        self.loses = False


def _stored(chatwoot_id: int) -> Message | None:
    return Message.objects.filter(chatwoot_id=chatwoot_id).first()


@pytest.fixture
def memory(django_db_blocker: Any) -> Any:
    with memory_database(django_db_blocker) as memory:
        yield memory


@pytest.mark.parametrize("model", [FeedModel, LosslessFeedModel])
def test_every_device_shows_what_chatwoot_shows(model: type[FeedModel], memory: Memory) -> None:
    model.memory = memory
    explore(model, examples=50, steps=50)
