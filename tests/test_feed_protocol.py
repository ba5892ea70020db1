"""The feed's write and read protocol (design, section 5) under every interleaving of its statements.

A reader runs here; before each of its statements, other connections commit whole transactions: that is where a second
process can come between. The clients are models of the browser's: a row never gives way to a lower number.
"""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat import feed, sql
from chat.feed import Change, Cursor, Pen
from chat.models import Contact, Conversation, Message, new_epoch
from chat.records import MessageRecord
from tests.fixtures.people import NOW, Person, make_inbox, make_person

pytestmark = pytest.mark.django_db(transaction=True)
FAR = 12
PAGE = 2
START = 3

# What one transaction does: edits of (person, what, which row), and how it ends.
edits = st.tuples(st.integers(0, 1), st.sampled_from(["say", "edit", "delete", "status", "open"]), st.integers(0, 9))
transactions = st.tuples(st.lists(edits, max_size=4), st.sampled_from(["commit", "commit", "commit", "roll back"]))
acts = st.one_of(transactions, transactions, transactions, st.sampled_from(["new epoch", "raise floor"]))
plans = st.lists(st.lists(acts, max_size=2), max_size=25)


class Reverted(Exception):
    pass


@dataclass
class World:
    """Two people at one inbox, and two processes that write for them."""

    people: list[Person]
    processes: list[ThreadPoolExecutor]
    listeners: list["Device"] = field(default_factory=list)
    turn: int = 0

    def act(self, act: Any) -> None:
        """One whole transaction of one of the processes, seen by whoever listens in that process."""
        self.turn += 1
        process = self.turn % len(self.processes)
        if act == "new epoch":
            return self.processes[process].submit(self._change_contact, epoch=new_epoch()).result()
        if act == "raise floor":
            return self.processes[process].submit(self._change_contact, floor=self.turn // 3).result()
        for change in self.processes[process].submit(self._write, *act).result():
            for device in self.listeners:
                if device.process == process and device.person.id == change.contact_id:
                    device.changed(change)

    def _change_contact(self, **values: Any) -> None:
        Contact.objects.filter(id=self.people[self.turn % 2].id).update(**values)

    def _write(self, wanted: list[tuple[int, str, int]], end: str) -> list[Change]:
        try:
            with transaction.atomic():
                pen = Pen(NOW, [person.id for person in self.people])
                for who, what, which in wanted:
                    edit(pen, self.people[who], what, which)
                changes = pen.close()
                if end == "roll back":
                    raise Reverted
                return changes
        except Reverted:
            return []

    def read(self, run: Callable[[], Any], interludes: Iterator[list[Any]], before: Callable[[], None]) -> Any:
        """Run a reader; before each of its statements the next interlude takes place."""

        def interleave(execute: Any, *args: Any) -> Any:
            for act in next(interludes, []):
                self.act(act)
            before()
            return execute(*args)

        with connection.execute_wrapper(interleave):
            return run()


def edit(pen: Pen, person: Person, what: str, which: int) -> None:
    conversations = list(Conversation.objects.filter(contact=person.id).order_by("created_at", "id"))
    messages = list(Message.objects.filter(contact=person.id).order_by("at", "id").values_list("id", flat=True))
    if what == "open" or not conversations:
        number = (conversations[-1].chatwoot_id or 0) + 1 if conversations else who_starts(person)
        pen.add_conversation(
            Conversation(
                contact_id=person.id,
                contact_inbox_id=person.contact_inbox_id,
                inbox_id=person.inbox_id,
                chatwoot_id=number,
                created_at=NOW + len(conversations),
            )
        )
    elif what == "status":
        record = sql.conversation(conversations[which % len(conversations)].id)
        assert record is not None
        pen.change_conversation(record._replace(status="open" if record.status == "resolved" else "resolved"))
    elif what == "say" or not messages:
        pen.add_message(message(person, conversations[which % len(conversations)].id, at=NOW + which))
    else:
        changed = sql.message(messages[which % len(messages)])
        assert changed is not None
        gone = changed.deleted or what == "delete"
        pen.change_message(changed._replace(content="" if gone else f"{changed.content}!", deleted=gone))


def who_starts(person: Person) -> int:
    return person.contact_inbox_id * 1_000


def message(person: Person, conversation_id: uuid.UUID, *, at: int) -> MessageRecord:
    """Its place is anywhere, as that of a late one."""
    return MessageRecord(
        id=uuid.uuid4(),
        conversation_id=conversation_id,
        contact_id=person.id,
        inbox_id=person.inbox_id,
        chatwoot_id=None,
        echo_id=None,
        direction="outgoing",
        content="hello",
        content_type="text",
        content_attributes={},
        sender_kind="agent",
        sender_name="Gus",
        sender_avatar="",
        has_files=False,
        at=at,
        state="sent",
        reason="",
        chatwoot_updated_at=0,
        applied_at=0,
        deleted=False,
        seq=0,
    )


@dataclass
class Device:
    """A client with the rows it knows, and the socket that remembers what it was sent."""

    person: Person
    process: int = 0
    cursor: Cursor | None = None
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    dirty: bool = True
    fast: int = 0
    resets: list[str] = field(default_factory=list)

    def changed(self, change: Change) -> None:
        """The fast path: the rows, if they follow exactly on what was sent; anything else is read."""
        if self.cursor is None or self.dirty or change.head_before != self.cursor.seq:
            self.dirty = self.dirty or self.cursor is None or change.head_after > self.cursor.seq
        elif change.rows:
            self.apply(change.rows)
            self.cursor = Cursor(self.cursor.epoch, change.head_after)
            self.fast += 1

    def read(self, world: World, interludes: Iterator[list[Any]]) -> bool:
        """One page; True when there is more to read at once."""
        since, position = self.cursor, None

        def look() -> None:
            nonlocal position
            position = position or self._position(world)

        self.dirty = True  # a socket that reads takes nothing from the fast path
        page = world.read(
            lambda: feed.read(self.person.id, since, page=PAGE, far=FAR, start=START), interludes, before=look
        )
        assert page is not None and position is not None
        assert page.reset == promised(since, *position), "a reset whenever it is promised, and only then"
        if page.reset is None:
            assert since is not None and page.cursor.epoch == since.epoch
            assert page.cursor.seq >= since.seq, "a cursor never goes back"
            assert len(page.rows) <= PAGE
            assert [row.seq for row in page.rows] == sorted({row.seq for row in page.rows})
            assert all(since.seq < row.seq <= position[1] for row in page.rows), "nothing beyond the head it took"
        else:
            self.resets.append(page.reset)
            self.rows.clear()
        self.apply(page.rows)
        self.cursor = page.cursor
        if not page.more:
            self.dirty = False
        return page.more

    def _position(self, world: World) -> tuple[str, int, int]:
        """What the database said when the reader took the head: nothing commits between this and its statement."""
        found = world.processes[0].submit(sql.feed_position, self.person.id).result()
        assert found is not None
        return found

    def apply(self, rows: Any) -> None:
        for row in map(orjson.loads, (each.data for each in rows)):
            if row["seq"] >= self.rows.get(row["id"], row)["seq"]:
                self.rows[row["id"]] = row

    def catch_up(self, world: World, interludes: Iterator[list[Any]]) -> None:
        while self.read(world, interludes):
            pass

    def page_back(self, world: World, interludes: Iterator[list[Any]]) -> None:
        """History, as a person scrolls up to the beginning of everything."""
        for conversation in [row["id"] for row in list(self.rows.values()) if "status" in row]:
            before, more = None, True
            while more:
                bound = before
                rows, more = world.read(
                    lambda c=conversation, b=bound: feed.history(uuid.UUID(c), before=b, limit=PAGE),
                    interludes,
                    before=lambda: None,
                )
                self.apply(rows)
                if rows:
                    first = orjson.loads(rows[0].data)
                    before = (first["at"], uuid.UUID(first["id"]))


def promised(since: Cursor | None, epoch: str, head: int, floor: int) -> str | None:
    if since is None:
        return "start"
    if since.epoch != epoch or since.seq > head:
        return "epoch"
    return "floor" if since.seq < floor else "far" if head - since.seq > FAR else None


def everything(person: Person) -> dict[str, dict[str, Any]]:
    """All of a person's rows, straight from the tables."""
    found: dict[str, dict[str, Any]] = {}
    for each in Conversation.objects.filter(contact=person.id):
        found[str(each.id)] = {"seq": each.seq, "status": each.status, "deleted": each.deleted}
    for message in Message.objects.filter(contact=person.id):
        words = [{"t": "p", "c": [message.content]}] if message.content else []
        found[str(message.id)] = {"seq": message.seq, "text": words, "deleted": message.deleted}
    return found


def shown(device: Device) -> dict[str, dict[str, Any]]:
    names = ("seq", "status", "text", "deleted")
    return {id: {name: row[name] for name in names if name in row} for id, row in device.rows.items()}


@contextmanager
def two_processes() -> Iterator[World]:
    inbox = make_inbox(slug=uuid.uuid4().hex)
    pools = [ThreadPoolExecutor(1), ThreadPoolExecutor(1)]
    try:
        yield World([make_person(inbox), make_person(inbox)], pools)
    finally:
        for pool in pools:
            pool.submit(lambda: connection.close()).result()
            pool.shutdown()


thorough = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)


@given(plan=plans, first=st.lists(transactions, max_size=8))
@thorough
def test_a_client_that_has_caught_up_holds_exactly_what_the_database_holds(plan: list[list[Any]], first: list[Any]):
    with two_processes() as world:
        device, interludes = Device(world.people[0]), iter(plan)
        for act in first:
            world.act(act)
        device.catch_up(world, interludes)
        for acts in interludes:
            for act in acts:
                world.act(act)
            device.catch_up(world, interludes)
        device.catch_up(world, iter(()))
        device.page_back(world, iter(()))
        assert shown(device) == everything(device.person)


@given(plan=plans, first=st.lists(transactions, max_size=8), foreign=st.integers(0, 1))
@thorough
def test_the_fast_path_ends_where_reading_does(plan: list[list[Any]], first: list[Any], foreign: int):
    """One device reads and listens to one of the two writing processes, the other only reads."""
    with two_processes() as world:
        listening, reading = Device(world.people[0], process=foreign), Device(world.people[0], process=-1)
        for act in first:
            world.act(act)
        world.listeners.append(listening)
        for device in (listening, reading):
            device.catch_up(world, iter(()))
        for number, acts in enumerate(plan):
            for act in acts:
                world.act(act)
            if listening.dirty and number % 2:
                listening.catch_up(world, iter(plan[number:]))
        for device in (listening, reading):
            device.catch_up(world, iter(()))
            device.page_back(world, iter(()))
        assert shown(listening) == shown(reading) == everything(listening.person)


@given(acts=st.lists(transactions, min_size=1, max_size=12))
@thorough
def test_a_listener_that_has_caught_up_never_reads_what_its_own_process_writes(acts: list[Any]):
    with two_processes() as world:
        world.act(([(0, "say", 0)], "commit"))
        world.processes = world.processes[:1]
        device = Device(world.people[0])
        device.catch_up(world, iter(()))
        world.listeners.append(device)
        for act in acts:
            world.act(act)
        assert not device.dirty
        device.page_back(world, iter(()))
        assert shown(device) == everything(device.person)


@given(plan=plans, first=st.lists(transactions, min_size=1, max_size=8))
@thorough
def test_history_paged_while_others_write_misses_nothing(plan: list[list[Any]], first: list[Any]):
    with two_processes() as world:
        device, interludes = Device(world.people[0]), iter(plan)
        for act in first:
            world.act(act)
        device.catch_up(world, iter(()))
        kept = len(device.resets)
        device.page_back(world, interludes)
        device.catch_up(world, iter(()))
        if len(device.resets) > kept:  # it starts again, and so does paging
            device.page_back(world, iter(()))
        assert shown(device) == everything(device.person)


@given(
    ahead=st.integers(1, 5),
    first=st.lists(transactions, min_size=1, max_size=5),
    then=st.lists(transactions, max_size=4),
)
@thorough
def test_a_client_of_a_history_that_was_lost_starts_again(ahead: int, first: list[Any], then: list[Any]):
    """A database restored from a backup: its client knows numbers that will be given again, to other changes."""
    with two_processes() as world:
        lost, other = Device(world.people[0]), Device(world.people[0])
        for act in first:
            world.act(act)
        for device in (lost, other):
            device.catch_up(world, iter(()))
        assert lost.cursor is not None
        lost.cursor = Cursor(lost.cursor.epoch, lost.cursor.seq + ahead)
        lost.rows["gone"] = {"id": "gone", "seq": lost.cursor.seq}
        lost.catch_up(world, iter(()))
        for act in then:
            world.act(act)
        for device in (lost, other):
            device.catch_up(world, iter(()))
            device.page_back(world, iter(()))
        assert "epoch" in lost.resets and "epoch" in other.resets
        assert shown(lost) == shown(other) == everything(lost.person)
