"""Cable events in any order and twice, and lists that are late: what remains is what Chatwoot has."""

import random
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chat import mirror
from chat.acceptance import Accepted
from chat.chatwoot import resources
from chat.models import Conversation, Message
from tests.fixtures.people import NOW, Person, cabled, conversation, create_upstream, hear, say, told, write

pytestmark = pytest.mark.django_db
OFTEN = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
SECRET = "the deleted words"
FIRST = 100  # ids of the messages begin here


@dataclass
class Chatwoot:
    """What it has, what it told by cable, and what it answered to those who read; ``now`` ticks with each step."""

    alice: Person
    now: int = NOW + 1_000
    messages: dict[int, tuple[str, bool]] = field(default_factory=dict)
    status: str = "open"
    frames: list[resources.Message | resources.Conversation] = field(default_factory=list)
    lists: list[tuple[int, list[resources.Message], resources.Conversation]] = field(default_factory=list)

    def write(self, number: int, *, deleted: bool) -> None:
        was_deleted = self.messages.get(number, ("", False))[1]
        words = "" if deleted or was_deleted else f"{SECRET} {number} at {self.now}"
        self.messages[number] = (words, deleted or was_deleted)
        self.frames.append(cabled(number, words, of=self.alice, ms=self.now - NOW, deleted=self.messages[number][1]))

    def set_status(self, status: str) -> None:
        self.status = status
        self.frames.append(replace(self.shown(), updated_at=self.now / 1000, source_id=self.alice.scope.source_id))

    def shown(self) -> resources.Conversation:
        return conversation(status=self.status)

    def read(self) -> tuple[int, list[resources.Message], resources.Conversation]:
        rows = [told(number, words, deleted=deleted) for number, (words, deleted) in self.messages.items()]
        return self.now, rows, self.shown()


def apply_frame(chatwoot: Chatwoot, frame: resources.Message | resources.Conversation) -> None:
    if isinstance(frame, resources.Message):
        hear(chatwoot.alice, frame, now=chatwoot.now)
    else:
        alice = chatwoot.alice
        write(mirror.apply_conversation, alice.scope, frame, of=alice, now=chatwoot.now, read_started=None)


def apply_list(chatwoot: Chatwoot, answer: tuple[int, list[resources.Message], resources.Conversation]) -> None:
    started, rows, shown = answer
    alice = chatwoot.alice
    listed = replace(shown, source_id=alice.scope.source_id)
    write(mirror.apply_conversation, alice.scope, listed, of=alice, now=chatwoot.now, read_started=started)
    for row in rows:
        hear(alice, row, now=chatwoot.now, read_started=started)


ACTS = st.one_of(
    st.tuples(st.just("write"), st.integers(FIRST, FIRST + 1)),
    st.tuples(st.just("delete"), st.integers(FIRST, FIRST + 1)),
    st.tuples(st.just("status"), st.sampled_from(["open", "resolved", "pending"])),
    st.tuples(st.just("read"), st.just(0)),
    st.tuples(st.just("hear"), st.integers(0, 100)),
    st.tuples(st.just("list"), st.integers(0, 100)),
)


def step(chatwoot: Chatwoot, act: str, value: Any) -> None:
    chatwoot.now += 10
    match act:
        case "write" | "delete" if act == "write" or value in chatwoot.messages:
            chatwoot.write(value, deleted=act == "delete")
        case "status":
            chatwoot.set_status(value)
        case "read":
            chatwoot.lists.append(chatwoot.read())
        case "hear" if chatwoot.frames:
            apply_frame(chatwoot, chatwoot.frames[value % len(chatwoot.frames)])  # kept: it may come again
        case "list" if chatwoot.lists:
            apply_list(chatwoot, chatwoot.lists[value % len(chatwoot.lists)])


def forget_all() -> None:
    Message.objects.filter(chatwoot_id__gte=FIRST).delete()
    Conversation.objects.update(status="open", applied_at=0, chatwoot_updated_at=0)


@pytest.fixture
def hello(alice: Person) -> Accepted:
    said = say(alice, "hello")
    create_upstream(alice, said=said)
    return said


DELETED_BY_LIST = [("write", FIRST), ("delete", FIRST), ("read", 0), ("list", 0), ("hear", 0)]


@example(acts=DELETED_BY_LIST, seed=0)
@given(acts=st.lists(ACTS, max_size=40), seed=st.integers(0, 2**32))
@OFTEN
def test_whatever_comes_when_what_remains_is_what_chatwoot_has(
    alice: Person, hello: Accepted, acts: list[tuple[str, Any]], seed: int
) -> None:
    forget_all()
    chatwoot, gone = Chatwoot(alice), set[int]()
    for act, value in acts:
        step(chatwoot, act, value)
        deleted = set(Message.objects.filter(deleted=True).values_list("chatwoot_id", flat=True))
        assert gone <= deleted  # sticky
        gone = deleted
    rest = [*chatwoot.frames, *chatwoot.frames]
    random.Random(seed).shuffle(rest)
    for frame in rest:
        chatwoot.now += 10
        apply_frame(chatwoot, frame)
    assert kept() == (chatwoot.messages, chatwoot.status)
    random.Random(seed).shuffle(chatwoot.lists)
    for answer in chatwoot.lists:  # all of them are late now
        chatwoot.now += 10
        apply_list(chatwoot, answer)
    assert kept() == (chatwoot.messages, chatwoot.status)


def kept() -> tuple[dict[int | None, tuple[str, bool]], str]:
    rows = Message.objects.filter(chatwoot_id__gte=FIRST)
    return {row.chatwoot_id: (row.content, row.deleted) for row in rows}, Conversation.objects.get().status


@given(seed=st.integers(0, 2**32))
@OFTEN
def test_frames_alone_in_any_order_and_twice_end_where_chatwoot_is(alice: Person, hello: Accepted, seed: int) -> None:
    forget_all()
    chatwoot, chance = Chatwoot(alice), random.Random(seed)
    for _ in range(30):
        chatwoot.now += 10
        number = chance.randrange(FIRST, FIRST + 4)
        chatwoot.write(number, deleted=number in chatwoot.messages and chance.random() < 0.2)
    frames = [*chatwoot.frames, *chatwoot.frames]
    chance.shuffle(frames)
    for frame in frames:
        chatwoot.now += 1
        apply_frame(chatwoot, frame)
    assert kept() == (chatwoot.messages, "open")


@pytest.mark.parametrize("back_ms", [3_600_000, 8_000])
def test_after_our_clock_was_put_back_a_list_is_believed(alice: Person, hello: Accepted, back_ms: int) -> None:
    chatwoot = Chatwoot(alice)
    chatwoot.write(FIRST, deleted=False)
    chatwoot.set_status("pending")
    for frame in chatwoot.frames:
        apply_frame(chatwoot, frame)
    chatwoot.messages[FIRST] = ("written while nobody heard", False)
    chatwoot.status = "resolved"
    chatwoot.now -= back_ms
    answer = chatwoot.read()
    chatwoot.now += 10
    apply_list(chatwoot, answer)
    assert kept() == (chatwoot.messages, "resolved")


def test_a_list_of_a_process_that_waited_for_another_ones_lock_is_not_believed(alice: Person, hello: Accepted) -> None:
    chatwoot = Chatwoot(alice)
    chatwoot.write(FIRST, deleted=False)
    answer = chatwoot.read()
    chatwoot.write(FIRST, deleted=False)
    chatwoot.now += 1_000
    apply_frame(chatwoot, chatwoot.frames[1])
    chatwoot.now -= 500  # it had looked at the clock before it waited
    apply_list(chatwoot, answer)
    assert kept() == (chatwoot.messages, "open")


def test_a_frame_older_than_a_list_that_comes_after_it_is_put_right_by_the_next_list(
    alice: Person, hello: Accepted
) -> None:
    chatwoot = Chatwoot(alice)
    chatwoot.set_status("pending")
    chatwoot.set_status("resolved")
    chatwoot.now += 10
    apply_list(chatwoot, chatwoot.read())
    chatwoot.now += 10
    apply_frame(chatwoot, chatwoot.frames[0])
    assert kept()[1] == "pending", "a list does not say when it was changed"
    chatwoot.now += 10
    answer = chatwoot.read()
    chatwoot.now += 10
    apply_list(chatwoot, answer)
    assert kept()[1] == "resolved"


@pytest.mark.parametrize("late", ["frame", "list"])
def test_a_page_that_was_read_before_a_deletion_brings_nothing_back(alice: Person, hello: Accepted, late: str) -> None:
    chatwoot = Chatwoot(alice)
    chatwoot.write(FIRST, deleted=False)
    page = chatwoot.read()
    chatwoot.now += 10
    chatwoot.write(FIRST, deleted=True)
    apply_frame(chatwoot, chatwoot.frames[1])
    chatwoot.now += 10
    if late == "frame":
        apply_frame(chatwoot, chatwoot.frames[0])
    else:
        apply_list(chatwoot, page)
    row = Message.objects.get(chatwoot_id=FIRST)
    assert (row.deleted, row.content) == (True, "")
    assert SECRET not in str([*Message.objects.values()])
