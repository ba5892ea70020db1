import uuid
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat import feed, mirror, sql
from chat.chatwoot import resources
from chat.feed import Cursor, Pen
from chat.models import Contact, Conversation, Message
from chat.wire import rows as wire_rows
from tests.fixtures.people import NOW, Person, cabled, conversation, create_upstream, hear, say, told, write, writing

pytestmark = pytest.mark.django_db


def objects(page: feed.Page | None) -> list[dict[str, Any]]:
    assert page is not None
    return [orjson.loads(row.data) for row in page.rows]


def read(person: Person, seq: int, **limits: int) -> feed.Page:
    epoch = Contact.objects.values_list("epoch", flat=True).get(id=person.id)
    page = feed.read(person.id, Cursor(epoch, seq), **limits)
    assert page is not None
    return page


@pytest.mark.parametrize("text", [None, "", "abc", "abc.", "abc.-1", "abc.1x", "abc.²", "abc." + "9" * 19, ".."])
def test_what_is_no_cursor_is_none(text: str | None):
    assert Cursor.parse(text) is None


def test_a_cursor_reads_back_as_written():
    assert Cursor.parse(str(Cursor("abcd1234", 17))) == Cursor("abcd1234", 17)


def test_each_changed_row_takes_the_next_number(alice: Person):
    said = say(alice, "one")
    say(alice, "two", to=said.conversation_id)
    assert [row["seq"] for row in objects(read(alice, 0))] == [1, 2, 3]
    assert alice.head() == 3


def test_a_row_changed_twice_in_one_transaction_appears_once_with_its_last_number(alice: Person):
    say(alice, "one")
    with writing(alice) as block:
        record = sql.message(Message.objects.get().id)
        assert record is not None
        record = block.pen.change_message(record._replace(content="two"))
        block.pen.change_message(record._replace(content="three"))
    (change,) = block.changes
    assert (change.head_before, change.head_after, [row.seq for row in change.rows]) == (2, 4, [4])
    assert [row["seq"] for row in objects(read(alice, 2))] == [4]


def test_a_no_op_takes_no_number_and_is_told(alice: Person):
    with writing(alice) as block:
        pass
    assert block.changes == [feed.Change(alice.id, 0, 0, ())]
    assert alice.head() == 0


def test_a_transaction_of_several_contacts_numbers_each_feed_by_itself(alice: Person, bob: Person):
    said = [say(alice, "a"), say(bob, "b"), say(bob, "b2")]
    with writing(bob, alice) as block:
        for each in (said[0], said[2]):
            record = sql.message(each.message_id)
            assert record is not None
            block.pen.change_message(record._replace(content="new"))
    told_of = {change.contact_id: change for change in block.changes}
    assert (told_of[alice.id].head_before, told_of[alice.id].head_after) == (2, 3)
    assert (told_of[bob.id].head_before, told_of[bob.id].head_after) == (3, 4)
    assert [orjson.loads(row.data)["id"] for row in told_of[bob.id].rows] == [str(said[2].message_id)]


def test_only_a_locked_contact_may_be_written(alice: Person, bob: Person):
    with pytest.raises(KeyError), writing(alice) as block:
        block.pen.add_conversation(
            Conversation(
                contact_id=bob.id, contact_inbox_id=bob.contact_inbox_id, inbox_id=bob.inbox_id, created_at=NOW
            )
        )


def test_pages_follow_each_other_without_a_gap(alice: Person):
    said = say(alice, "0")
    for number in range(1, 7):
        say(alice, str(number), to=said.conversation_id)
    seen, cursor, more = [], 0, True
    while more:
        page = read(alice, cursor, page=3)
        seen += [row["seq"] for row in objects(page)]
        cursor, more = page.cursor.seq, page.more
        assert len(page.rows) <= 3
    assert seen == list(range(1, 9))
    assert cursor == alice.head()


def test_a_page_that_just_fits_ends_at_the_head(alice: Person):
    say(alice, "one")
    page = read(alice, 0, page=2)
    assert (len(page.rows), page.more, page.cursor.seq) == (2, False, 2)


def test_what_is_written_between_the_two_reads_of_a_page_is_not_skipped(alice: Person):
    said = say(alice, "hello")
    create_upstream(alice, said=said)
    written: list[str] = []

    def between(execute: Callable[..., Any], statement: str, *rest: Any) -> Any:
        if "chat_message" in statement and not written:
            written.append(statement)
            told_of = conversation(1, status="resolved", updated_at=9.0, source_id=alice.source_id)
            write(mirror.apply_conversation, alice.scope, told_of, of=alice, read_started=None)
            for number in (50, 51, 52):
                hear(alice, cabled(number, of=alice))
        return execute(statement, *rest)

    got, cursor, more = set(), 0, True
    while more or cursor < alice.head():
        with connection.execute_wrapper(between):
            page = read(alice, cursor, page=3)
        got |= {row.seq for row in page.rows}
        cursor, more = page.cursor.seq, page.more
    assert written and got >= {row["seq"] for row in alice.rows().values()}


def test_a_start_says_so_and_brings_everything_about_the_conversations(alice: Person):
    said = say(alice, "one")
    page = feed.read(alice.id, None)
    assert page is not None and page.reset == "start"
    assert [row["id"] for row in objects(page)] == [str(said.conversation_id), str(said.message_id)]


def test_a_start_brings_the_newest_messages_of_the_newest_conversation(alice: Person):
    first = say(alice, "old", now=NOW - 10)
    create_upstream(alice, said=first)
    with writing(alice) as block:
        mirror.apply_conversation(block.pen, alice.scope, _own(alice, conversation(2)), read_started=NOW + 1)
    for number in (21, 22, 23):
        hear(alice, told(number, str(number), conversation=2))
    page = feed.read(alice.id, None, start=2)
    assert [row["text"][0]["c"] for row in objects(page) if "text" in row] == [["22"], ["23"]]
    assert len([row for row in objects(page) if "status" in row]) == 2


def _two_talks(alice: Person) -> None:
    """An older conversation, and one that began and was answered after it."""
    create_upstream(alice, said=say(alice, "older"))
    with writing(alice) as block:
        mirror.apply_conversation(block.pen, alice.scope, _own(alice, conversation(2)), read_started=NOW + 1)
    hear(alice, told(20, "newer", conversation=2, created_at=NOW // 1000 + 20))


def _hear_of_the_older(alice: Person, *numbers: int, **values: Any) -> None:
    for number in numbers:
        hear(alice, told(number, f"line {number}", created_at=NOW // 1000 + number, **values))


def _texts(page: feed.Page | None) -> list[str]:
    return [row["text"][0]["c"][0] for row in objects(page) if "text" in row]


def test_a_start_brings_the_thread_that_was_spoken_in_last_though_another_began_later(alice: Person):
    _two_talks(alice)
    assert _texts(feed.read(alice.id, None)) == ["newer"]
    Conversation.objects.filter(chatwoot_id=2).update(contact_seen=NOW + 20_000)
    _hear_of_the_older(alice, 31)
    assert _texts(feed.read(alice.id, None)) == ["older", "line 31"]


def test_a_start_brings_what_is_unread_in_the_others_and_only_the_newest_of_it(alice: Person):
    _two_talks(alice)
    _hear_of_the_older(alice, 5, 6, 7)
    page = feed.read(alice.id, None)
    assert page is not None and not page.more
    assert _texts(page) == ["newer", "line 5", "line 6", "line 7"]
    assert _texts(feed.read(alice.id, None, unread=2)) == ["newer", "line 6", "line 7"]
    _hear_of_the_older(alice, 6, deleted=True)
    Conversation.objects.filter(chatwoot_id=1).update(contact_seen=NOW + 5_000)
    assert _texts(feed.read(alice.id, None)) == ["newer", "line 7"]


def test_what_is_unread_elsewhere_makes_no_start_too_large(alice: Person):
    _two_talks(alice)
    hear(alice, told(5, "x" * 2 * feed.PAGE_BYTES, created_at=NOW // 1000 + 5))
    assert _texts(feed.read(alice.id, None)) == ["newer"]


def test_a_start_brings_those_conversations_that_changed_last_and_says_that_there_are_more(alice: Person, caplog: Any):
    for number in (1, 2, 3):
        with writing(alice) as block:
            mirror.apply_conversation(block.pen, alice.scope, _own(alice, conversation(number)), read_started=NOW + 1)
    page = feed.read(alice.id, None, conversations=2)
    assert page is not None
    assert [row.seq for row in page.rows] == [2, 3]
    assert caplog.messages == [f"contact {alice.id} starts with 2 conversations, and has more"]
    feed.read(alice.id, None, conversations=3)
    assert len(caplog.messages) == 1


def test_long_messages_come_in_pages_that_a_frame_can_hold(alice: Person):
    """The server below refuses frames of a MiB; 40 messages as long as allowed are more."""
    for number in range(40):
        say(alice, "語" * 9_000 + str(number))
    start = feed.read(alice.id, None)
    assert start is not None and start.more
    newest = [row["text"][0]["c"][0][-2:] for row in objects(start) if "text" in row]
    assert newest == [str(number) for number in range(40 - len(newest), 40)]
    seen, page = set(), read(alice, 0)
    while True:
        assert sum(len(row.data) for row in page.rows) <= feed.PAGE_BYTES
        seen |= {row["id"] for row in objects(page)}
        if not page.more:
            break
        page = read(alice, page.cursor.seq)
    assert len(seen) == 41


def test_a_row_larger_than_a_page_comes_alone(alice: Person):
    create_upstream(alice, said=say(alice, "hello"))
    hear(alice, cabled(5, "x" * 2 * feed.PAGE_BYTES, of=alice))
    sizes = []
    page = read(alice, 0)
    while page.more:
        sizes.append(len(page.rows))
        page = read(alice, page.cursor.seq)
    assert len(page.rows) == 1 and sizes


def test_a_start_passes_over_a_conversation_that_was_emptied(alice: Person):
    """Its messages went to the one that the inbox locks to, which is older."""
    say_hello = say(alice, "hello", now=NOW - 10)
    create_upstream(alice, said=say_hello)
    Conversation.objects.filter(id=say_hello.conversation_id).update(created_at=NOW - 10)
    with writing(alice) as block:
        block.pen.add_conversation(
            Conversation(
                contact_id=alice.id,
                contact_inbox_id=alice.contact_inbox_id,
                inbox_id=alice.inbox_id,
                created_at=NOW,
                deleted=True,
            )
        )
    assert [row["text"] for row in objects(feed.read(alice.id, None)) if "text" in row] == [
        [{"t": "p", "c": ["hello"]}]
    ]


def _own(person: Person, heard: resources.Conversation) -> resources.Conversation:
    return conversation(heard.id, source_id=person.source_id)


@pytest.mark.parametrize(
    ("seq", "floor", "reason"),
    [(0, 0, None), (2, 2, None), (1, 2, "floor"), (2, 0, None)],
)
def test_a_cursor_below_the_floor_starts_again(alice: Person, seq: int, floor: int, reason: str | None):
    say(alice, "one")
    Contact.objects.filter(id=alice.id).update(floor=floor)
    assert read(alice, seq).reset == reason


def test_a_cursor_too_far_behind_starts_again(alice: Person):
    say(alice, "one")
    assert read(alice, 0, far=1).reset == "far"
    assert read(alice, 1, far=1).reset is None
    assert feed.FAR == 1_000


def test_a_cursor_of_another_epoch_starts_again(alice: Person):
    say(alice, "one")
    page = feed.read(alice.id, Cursor("elsewhere", 2))
    assert page is not None and page.reset == "epoch"
    assert page.cursor.seq == 2


def test_a_cursor_ahead_of_us_changes_the_epoch_for_all_devices(alice: Person, bob: Person):
    say(alice, "one")
    before = {person: Contact.objects.get(id=person.id).epoch for person in (alice, bob)}
    ahead = feed.read(alice.id, Cursor(before[alice], 3))
    assert ahead is not None and ahead.reset == "epoch"
    assert ahead.cursor.epoch == Contact.objects.get(id=alice.id).epoch != before[alice]
    other = feed.read(alice.id, Cursor(before[alice], 2))
    assert other is not None and other.reset == "epoch"
    assert Contact.objects.get(id=bob.id).epoch == before[bob]


def test_nobody_can_be_read_who_is_gone():
    assert feed.read(uuid.uuid4(), None) is None


def test_a_reader_sees_only_their_own(alice: Person, bob: Person):
    say(bob, "bob's")
    assert objects(feed.read(alice.id, None)) == []


def test_history_goes_back_in_display_order(alice: Person):
    said = say(alice, "0")
    for number in range(1, 6):
        say(alice, str(number), to=said.conversation_id)
    texts, before, more = [], None, True
    while more:
        rows, more = feed.history(said.conversation_id, before=before, limit=2)
        page = [orjson.loads(row.data) for row in rows]
        texts = [row["text"][0]["c"][0] for row in page] + texts
        before = (page[0]["at"], uuid.UUID(page[0]["id"]))
    assert texts == ["0", "1", "2", "3", "4", "5"]


def test_history_does_not_skip_messages_of_the_same_time(alice: Person):
    said = say(alice, "0")
    for number in range(1, 5):
        say(alice, str(number), to=said.conversation_id)
    Message.objects.update(at=NOW)
    seen, before, more = set(), None, True
    while more:
        rows, more = feed.history(said.conversation_id, before=before, limit=2)
        page = [orjson.loads(row.data) for row in rows]
        assert not seen & {row["id"] for row in page}
        seen |= {row["id"] for row in page}
        before = (page[0]["at"], uuid.UUID(page[0]["id"]))
    assert len(seen) == 5


def test_an_agent_is_shown_by_name_and_a_visitor_by_echo_id(alice: Person):
    echo_id = uuid.uuid4()
    create_upstream(alice, said=say(alice, "hello", echo_id=echo_id))
    hear(alice, cabled(5, "**hi**", of=alice))
    own, reply = alice.messages()
    assert (own["direction"], own["echo_id"], own["sender"]) == ("incoming", str(echo_id), None)
    assert (reply["direction"], reply["echo_id"]) == ("outgoing", None)
    assert reply["sender"] == {"name": "Gus", "avatar": None, "kind": "agent"}
    assert reply["text"] == [{"t": "p", "c": [{"t": "strong", "c": ["hi"]}]}]


def test_a_message_without_a_sender_is_of_the_system(alice: Person):
    create_upstream(alice, said=say(alice, "hello"))
    hear(alice, cabled(5, of=alice, message_type=resources.MessageType.TEMPLATE, sender=None))
    assert alice.messages()[1]["sender"] == {"name": "", "avatar": None, "kind": "system"}


TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=60) | st.text(
    "*_~`[]()!<>:/\\-+.#>1 \nahttp", max_size=60
)
SENDERS = st.none() | st.builds(
    resources.Sender,
    kind=st.sampled_from(["contact", "agent", "bot"]),
    id=st.integers(1, 9),
    name=TEXTS,
    avatar_url=st.none() | st.just("https://chatwoot.example/avatar"),
)
FILES = st.builds(
    resources.Attachment,
    id=st.integers(1, 9),
    file_type=TEXTS,
    data_url=st.just("https://chatwoot.example/secret"),
    thumb_url=st.just(""),
    file_size=st.none() | st.integers(0, 2**40),
    name=TEXTS,
)


@given(
    text=TEXTS,
    sender=SENDERS,
    kind=st.sampled_from([each for each in resources.MessageType]),
    content_type=TEXTS,
    files=st.lists(FILES, max_size=2, unique_by=lambda each: each.id),
    attributes=st.dictionaries(
        st.sampled_from(resources.SHOWN_ATTRIBUTES),
        st.recursive(st.none() | TEXTS | st.integers() | st.floats(), st.lists, max_leaves=3),
        max_size=2,
    ),
    deleted=st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_whatever_chatwoot_says_is_a_valid_row_outward(alice: Person, **values: Any):
    write_once(alice)
    number = 1 + (Message.objects.count() or 0)
    values["content"] = values.pop("text") if not values["deleted"] else values.pop("text") and ""
    values["message_type"], values["attachments"] = values.pop("kind"), tuple(values.pop("files"))
    values["content_attributes"] = values.pop("attributes")
    hear(alice, cabled(1000 + number, of=alice, **values))
    for row in alice.rows().values():
        shape = wire_rows.Message if "conversation" in row else wire_rows.Conversation
        assert set(row) == set(shape.model_fields)
        shape.model_validate(row)
        assert b"secret" not in orjson.dumps(row)


def write_once(person: Person) -> None:
    if not Conversation.objects.filter(contact=person.id).exists():
        create_upstream(person, said=say(person, "hello"))


def test_a_pen_of_nobody_writes_nothing():
    assert Pen(NOW, []).close() == []


def test_write_returns_what_was_run(alice: Person):
    assert write(lambda pen: pen.now, of=alice, now=5) == 5


def test_earlier_messages_come_in_pages_that_a_frame_can_hold(alice: Person):
    create_upstream(alice, said=say(alice, "hello"))
    for n in range(5, 9):
        hear(alice, cabled(n, f"{n}" * (feed.PAGE_BYTES // 2 - 2_000), of=alice))
    of = Conversation.objects.get(contact=alice.id).pk
    rows, more = feed.history(of, before=None, limit=4)
    assert sum(len(row.data) for row in rows) <= feed.PAGE_BYTES
    assert more
    assert [orjson.loads(row.data)["text"][0]["c"][0][0] for row in rows] == ["7", "8"]
