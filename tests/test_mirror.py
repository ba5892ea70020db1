import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat import lanes, mirror, outbox
from chat.acceptance import Accepted
from chat.chatwoot import resources
from chat.chatwoot.resources import MessageType
from chat.models import Attachment, ContactInbox, Conversation, Delivery, Duplicate, Inbox, Message
from tests.fixtures.people import (
    CHATWOOT_INBOX,
    NOW,
    Person,
    cabled,
    conversation,
    create_upstream,
    hear,
    newcomer,
    say,
    told,
    write,
)

pytestmark = pytest.mark.django_db
SECRET = "the old words"
QUICK = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)


@pytest.fixture
def hello(alice: Person) -> Accepted:
    """A message whose conversation exists at Chatwoot."""
    said = say(alice, "hello")
    create_upstream(alice, said=said)
    return said


def learn(
    person: Person, heard: resources.Conversation, *, now: int = NOW, read_started: int | None = None
) -> mirror.ConversationRecord | None:
    return write(mirror.apply_conversation, person.scope, heard, of=person, now=now, read_started=read_started)


def file(number: int, name: str = "a.pdf") -> resources.Attachment:
    return resources.Attachment(number, "file", f"https://chatwoot.example/{name}", "", 12, name)


def texts(person: Person) -> list[Any]:
    return [row["text"][0]["c"][0] if row["text"] else None for row in person.messages()]


# Messages: once, newest, gone


def test_what_holds_a_nul_is_kept_without_it(alice: Person, hello: Accepted):
    """PostgreSQL cannot store it."""
    row = {
        "id": 5,
        "conversation_id": 1,
        "message_type": 1,
        "content": "a\0b",
        "content_type": "te\0xt",
        "content_attributes": {"items": [{"title": "\0"}]},
        "created_at": NOW // 1000,
        "sender": {"id": 1, "name": "G\0us", "type": "user"},
        "attachments": [{"id": 1, "data_url": "https://chatwoot.example/a%00b.pdf", "file_type": "fi\0le"}],
    }
    hear(alice, resources.Message.parse(row), read_started=NOW)
    message = Message.objects.get(chatwoot_id=5)
    assert (message.content, message.content_type, message.sender_name) == ("ab", "text", "Gus")
    assert Attachment.objects.get().name == "ab.pdf"


def test_the_same_thing_again_takes_no_number(alice: Person, hello: Accepted):
    message = cabled(5, of=alice, attachments=(file(1),), content_attributes={"items": [{"a": float("nan")}]})
    hear(alice, message)
    head = alice.head()
    for again in (message, replace(message, updated_at=None)):
        hear(alice, again, now=NOW + 10, read_started=None if again.updated_at else NOW + 5)
    hear(alice, replace(message, updated_at=message.updated_at), now=NOW + 20)
    assert alice.head() == head


def test_by_cable_the_later_change_wins_in_whatever_order(alice: Person, hello: Accepted):
    hear(alice, cabled(5, "second", of=alice, ms=20))
    hear(alice, cabled(5, "first", of=alice, ms=10))
    assert texts(alice) == ["hello", "second"]
    hear(alice, cabled(5, "third", of=alice, ms=30))
    assert texts(alice) == ["hello", "third"]


@pytest.mark.parametrize(
    ("read_started", "text"), [(NOW + 99, "by cable"), (NOW + 100, "by cable"), (NOW + 101, "listed")]
)
def test_a_list_tells_nothing_older_than_what_was_applied(alice: Person, hello: Accepted, read_started: int, text: str):
    hear(alice, cabled(5, "by cable", of=alice), now=NOW + 100)
    hear(alice, told(5, "listed"), now=NOW + 200, read_started=read_started)
    assert texts(alice) == ["hello", text]


def test_a_deleted_message_stays_deleted_and_its_words_are_gone(alice: Person, hello: Accepted):
    hear(alice, cabled(5, SECRET, of=alice, attachments=(file(1, SECRET),), content_attributes={"items": [SECRET]}))
    hear(alice, told(5, "", deleted=True, attachments=(file(1),)), now=NOW + 1, read_started=NOW - 1000)
    head = alice.head()
    for late in (cabled(5, SECRET, of=alice, ms=10**6), told(5, SECRET)):
        hear(alice, late, now=NOW + 500, read_started=None if late.updated_at else NOW + 400)
    row = alice.messages()[1]
    assert (row["deleted"], row["text"], row["attributes"], row["attachments"]) == (True, [], {}, [])
    assert alice.head() == head
    kept = [*Message.objects.values(), *Conversation.objects.values(), *Delivery.objects.values()]
    assert SECRET not in str(kept)
    assert not Attachment.objects.exists()


def test_a_visitors_message_that_an_agent_deletes_is_gone_too(alice: Person, hello: Accepted):
    Delivery.objects.update(attempt=1, baseline_id=0, state="sending")
    hear(alice, told(5, "hello", message_type=MessageType.INCOMING))
    hear(alice, told(5, "", message_type=MessageType.INCOMING, deleted=True))
    assert "hello" not in str([*Message.objects.values(), *Delivery.objects.values()])
    assert alice.messages()[0]["deleted"] is True


def test_a_message_first_heard_of_as_deleted_is_an_empty_one(alice: Person, hello: Accepted):
    hear(alice, told(5, "", deleted=True, attachments=(file(1),)))
    assert texts(alice) == ["hello", None]


def test_files_follow_chatwoot_and_their_address_stays_inside(alice: Person, hello: Accepted):
    hear(alice, cabled(5, of=alice, attachments=(file(1), file(2, "b.pdf"))))
    names = [each["name"] for each in alice.messages()[1]["attachments"]]
    hear(alice, cabled(5, of=alice, ms=1, attachments=(file(2, "b.pdf"),)))
    row = alice.messages()[1]
    assert (names, [each["name"] for each in row["attachments"]]) == (["a.pdf", "b.pdf"], ["b.pdf"])
    assert set(row["attachments"][0]) == {"id", "name", "type", "size"}
    hear(alice, cabled(5, of=alice, ms=2))
    assert alice.messages()[1]["attachments"] == []


def test_a_visitors_own_words_stay_as_accepted(alice: Person, hello: Accepted):
    Delivery.objects.update(attempt=1, baseline_id=0, state="sending")
    hear(alice, told(5, "hello", message_type=MessageType.INCOMING))
    hear(alice, cabled(5, "changed on the way", of=alice, ms=9, message_type=MessageType.INCOMING), now=NOW + 1)
    assert texts(alice) == ["hello"]


# The gate


@pytest.mark.parametrize(
    "values",
    [
        {"private": True},
        {"message_type": MessageType.ACTIVITY},
        {"inbox_id": CHATWOOT_INBOX + 1},
        {"conversation": 2, "source_id": "somebody else's"},
        {"conversation": 2, "source_id": None},
        {"conversation": 2, "inbox_id": CHATWOOT_INBOX + 1},
    ],
)
def test_what_is_not_for_this_visitor_is_not_stored(alice: Person, hello: Accepted, values: dict[str, Any]):
    head = alice.head()
    assert hear(alice, cabled(5, SECRET, of=alice, **values)) is None
    assert alice.head() == head
    assert Message.objects.count() == 1
    assert SECRET not in str(list(Message.objects.values()))


def test_nobody_hears_what_is_said_to_another(alice: Person, bob: Person, hello: Accepted):
    create_upstream(bob, 2, said=say(bob, "hi"))
    hear(bob, cabled(5, "for bob", of=bob, conversation=2))
    for message in (cabled(6, SECRET, of=alice, conversation=2), cabled(5, SECRET, of=alice, conversation=1, ms=9)):
        assert hear(alice, message) is None
    assert learn(alice, conversation(2, source_id=alice.source_id, status="resolved", updated_at=9.0)) is None
    assert (texts(alice), texts(bob)) == (["hello"], ["hi", "for bob"])
    assert Conversation.objects.get(chatwoot_id=2).status == "open"


def test_an_agent_may_begin_a_conversation(alice: Person, hello: Accepted):
    hear(alice, cabled(5, "hello there", of=alice, conversation=2))
    assert sorted(Conversation.objects.values_list("chatwoot_id", flat=True)) == [1, 2]
    assert sorted(texts(alice)) == ["hello", "hello there"]


def test_conversations_that_a_list_brings_come_in_its_order_and_take_nothing_from_the_one_spoken_in(
    alice: Person, hello: Accepted
):
    def resync(pen: Any) -> None:
        for number in range(2, 9):
            listed = conversation(number, source_id=alice.source_id)
            mirror.apply_conversation(pen, alice.scope, listed, read_started=NOW)

    write(resync, of=alice)
    assert list(Conversation.objects.order_by("created_at").values_list("chatwoot_id", flat=True)) == [*range(1, 9)]
    assert say(alice, "which one?").conversation_id == hello.conversation_id


def test_the_inboxs_number_is_learnt_only_from_our_own_conversation(alice: Person, hello: Accepted):
    Inbox.objects.update(chatwoot_inbox_id=None)
    nameless = replace_scope(alice, chatwoot_inbox_id=None)
    for source_id, number, learnt in (("foreign", 9, None), (alice.source_id, 8, 8), (alice.source_id, 7, 8)):
        heard = conversation(1, source_id=source_id, inbox_id=number)
        write(mirror.apply_conversation, nameless, heard, of=alice, read_started=None)
        assert Inbox.objects.get().chatwoot_inbox_id == learnt


@pytest.mark.parametrize("learnt", [True, False], ids=["number in the scope", "held before it was learnt"])
def test_a_frame_of_another_inbox_changes_nothing_known(alice: Person, hello: Accepted, learnt: bool):
    Inbox.objects.update(chatwoot_inbox_id=CHATWOOT_INBOX)
    scope = alice.scope if learnt else replace_scope(alice, chatwoot_inbox_id=None)
    hear(alice, cabled(5, "theirs", of=alice))
    head = alice.head()
    for number, foreign in enumerate(({"inbox_id": CHATWOOT_INBOX + 1}, {"conversation_id": 77, "source_id": "x"})):
        changed = cabled(5, "overwritten", of=alice, ms=10 + number, **foreign)
        assert write(mirror.apply_message, scope, changed, of=alice, read_started=None) is None
    new = cabled(6, "foreign", of=alice, inbox_id=CHATWOOT_INBOX + 1)
    assert write(mirror.apply_message, scope, new, of=alice, read_started=None) is None
    assert alice.head() == head


def replace_scope(person: Person, **values: Any) -> mirror.Scope:
    return person.scope._replace(**values)


def test_a_scope_does_not_print_its_secret(alice: Person):
    assert alice.source_id not in f"{alice.scope!r} {alice.scope}"


# Conversations


def test_the_latest_status_wins(alice: Person, hello: Accepted):
    for status, updated_at in (("resolved", 20.5), ("pending", 10.0), ("open", None)):
        learn(alice, conversation(status=status, updated_at=updated_at))
    assert alice.rows()[str(hello.conversation_id)]["status"] == "resolved"
    learn(alice, conversation(status="snoozed"), now=NOW + 9, read_started=NOW + 1)
    assert alice.rows()[str(hello.conversation_id)]["status"] == "snoozed"


def test_a_status_that_we_do_not_know_changes_nothing(alice: Person, hello: Accepted):
    head = alice.head()
    learn(alice, conversation(status="a brand new one", updated_at=20.5))
    assert alice.head() == head


def test_what_an_agent_has_seen_does_not_go_back(alice: Person, hello: Accepted):
    seconds = NOW // 1000
    learn(alice, conversation(agent_last_seen_at=seconds, updated_at=5.0))
    learn(alice, conversation(agent_last_seen_at=seconds - 9, updated_at=6.0))
    assert alice.rows()[str(hello.conversation_id)]["agent_seen"] == NOW + 999  # all of that second


@pytest.mark.parametrize("read_started", [None, NOW + 60_000], ids=["cable", "list"])
def test_what_the_visitor_has_seen_is_not_learnt_from_chatwoot(
    alice: Person, hello: Accepted, read_started: int | None
):
    """Its time is that of our call, which may come long after the visitor looked, and after newer replies."""
    told = {"id": 1, "inbox_id": CHATWOOT_INBOX, "status": "open", "contact_last_seen_at": NOW // 1000 + 9}
    learn(alice, resources.Conversation.parse(told | {"updated_at": 5.0}), read_started=read_started)
    assert alice.rows()[str(hello.conversation_id)]["contact_seen"] == 0


def test_a_conversation_told_twice_takes_no_number(alice: Person, hello: Accepted):
    heard = conversation(status="resolved", updated_at=5.0, agent_last_seen_at=9)
    learn(alice, heard)
    head = alice.head()
    learn(alice, heard)
    learn(alice, replace(heard, updated_at=None), now=NOW + 9, read_started=NOW + 5)
    learn(alice, replace(heard, updated_at=6.0))
    assert alice.head() == head


# Creation


def created(person: Person, number: int, said: Accepted, **values: Any) -> None:
    answer = conversation(number, **values)
    write(mirror.apply_created, person.scope, answer, of=person, created_id=said.conversation_id)


def keyed(person: Person, number: int, said: Accepted) -> resources.Conversation:
    return conversation(number, source_id=person.source_id, key=str(said.conversation_id), updated_at=1.0)


@pytest.mark.parametrize("order", [("answer", "frame"), ("frame", "answer"), ("frame", "frame", "answer", "answer")])
def test_a_creation_is_one_conversation_whichever_tells_of_it_first(alice: Person, order: tuple[str, ...]):
    said = say(alice, "hello")
    for what in order:
        if what == "answer":
            created(alice, 4, said)
        else:
            learn(alice, keyed(alice, 4, said))
        assert not outbox.creation_open(alice.contact_inbox_id)
    assert list(Conversation.objects.values_list("id", "chatwoot_id")) == [(said.conversation_id, 4)]
    assert not Inbox.objects.get().locks_to_single


@pytest.mark.parametrize("key", [None, "", "not a key", "00000000-0000-4000-8000-000000000001"])
def test_while_a_creation_is_open_an_unknown_conversation_waits(alice: Person, key: str | None):
    said = say(alice, "hello")
    assert learn(alice, conversation(4, source_id=alice.source_id, key=key)) is None
    assert hear(alice, cabled(9, of=alice, conversation=4)) is None
    assert outbox.creation_open(alice.contact_inbox_id)
    created(alice, 4, said)
    hear(alice, cabled(9, "held", of=alice, conversation=4))
    assert texts(alice) == ["hello", "held"]


def second(person: Person, said: Accepted, number: int = 6, **values: Any) -> None:
    """Attempt 1 of the creation took effect after all, when attempt 2 had made the one that we know."""
    learn(person, replace(keyed(person, number, said), **values))


def duplicates() -> list[tuple[str, int]]:
    return list(Duplicate.objects.values_list("delivery__kind", "chatwoot_id"))


def test_a_second_conversation_that_one_creation_made_is_counted_and_not_shown(
    alice: Person, hello: Accepted, caplog: pytest.LogCaptureFixture
):
    head = alice.head()
    for _ in range(2):
        second(alice, hello)
        learn(alice, conversation(6, source_id=alice.source_id), read_started=NOW + 1)  # lists show no key
        greeting = {"message_type": MessageType.TEMPLATE, "sender": None}
        hear(alice, cabled(60, "Welcome", of=alice, conversation=6, **greeting))
    assert alice.head() == head
    assert duplicates() == [(Delivery.Kind.CONVERSATION, 6)]
    assert [record.levelname for record in caplog.records] == ["ERROR"] and "took effect twice" in caplog.text
    assert say(alice, "where does it go?").conversation_id == hello.conversation_id


def test_the_answer_to_a_creation_that_was_found_meanwhile_names_a_second_one(alice: Person, hello: Accepted):
    created(alice, 1, hello)
    assert duplicates() == []
    created(alice, 6, hello)
    assert duplicates() == [(Delivery.Kind.CONVERSATION, 6)]
    assert Conversation.objects.get().chatwoot_id == 1


@pytest.mark.parametrize("how", ["by cable", "in a list"])
def test_what_an_agent_says_in_a_second_conversation_is_shown(alice: Person, hello: Accepted, how: str):
    second(alice, hello)
    if how == "by cable":
        hear(alice, cabled(60, "Hi, over here", of=alice, conversation=6))
    else:
        listed = conversation(6, source_id=alice.source_id, messages=(told(60, "Hi, over here", conversation=6),))
        learn(alice, listed, read_started=NOW + 1)
        hear(alice, listed.messages[0], read_started=NOW + 1)
    assert sorted(texts(alice)) == ["Hi, over here", "hello"]
    second(alice, hello)
    assert duplicates() == [(Delivery.Kind.CONVERSATION, 6)]


def test_a_private_note_shows_no_second_conversation(alice: Person, hello: Accepted):
    second(alice, hello, messages=(told(60, "who is that?", conversation=6, private=True),))
    assert Conversation.objects.count() == 1


def test_a_conversation_and_a_message_of_the_same_number_are_two_duplicates(alice: Person, hello: Accepted):
    second(alice, hello, 60)
    mine = {"message_type": MessageType.INCOMING, "sender": None}
    assert hear(alice, cabled(60, "by mail", of=alice, **mine)) is not None
    delivery = Delivery.objects.get(message=hello.message_id)
    Duplicate.objects.create(delivery=delivery, inbox_id=alice.inbox_id, chatwoot_id=60, found_at=NOW)
    assert len(duplicates()) == 2


def test_another_visitors_key_opens_nothing(alice: Person, bob: Person):
    said = say(bob, "hi")
    say(alice, "hello")
    assert learn(alice, replace(keyed(bob, 4, said), source_id=alice.source_id)) is None
    assert Conversation.objects.filter(chatwoot_id=4).count() == 0


def test_an_inbox_that_locks_to_one_conversation_gets_all_messages_into_it(alice: Person, hello: Accepted):
    """The answer to our creation names a conversation that was stored before."""
    old = hello.conversation_id
    Conversation.objects.update(deleted=True)  # as if the visitor could no longer choose it
    said, more = say(alice, "new"), say(alice, "more")
    Conversation.objects.filter(id=old).update(deleted=False)
    assert said.conversation_id == more.conversation_id != old
    before = {row["id"]: row["seq"] for row in alice.messages()}
    created(alice, 1, said)
    after = {row["id"]: row for row in alice.messages()}
    assert Inbox.objects.get().locks_to_single
    assert {row["conversation"] for row in after.values()} == {str(old)}
    for each in (said, more):
        assert after[str(each.message_id)]["seq"] > before[str(each.message_id)]
    emptied = alice.rows()[str(said.conversation_id)]
    assert (emptied["deleted"], emptied["seq"]) == (True, alice.head())
    lane = Delivery.objects.filter(lane=str(old)).order_by("position")
    assert [each.message_id for each in lane] == [hello.message_id, said.message_id, more.message_id]
    assert {each.conversation_id for each in lane} == {old}
    assert not outbox.creation_open(alice.contact_inbox_id)
    head = alice.head()
    created(alice, 1, said)
    assert alice.head() == head
    assert say(alice, "and on").conversation_id == old


def test_a_conversation_of_somebody_else_is_never_given_our_messages(alice: Person, bob: Person, hello: Accepted):
    said = say(bob, "private matter")
    created(bob, 1, said)
    assert texts(alice) == ["hello"]
    assert Message.objects.get(id=said.message_id).conversation_id == said.conversation_id
    assert not Inbox.objects.get().locks_to_single


def test_the_answer_to_a_creation_tells_the_status_if_we_know_it(alice: Person):
    said = say(alice, "hello")
    created(alice, 4, said, status="pending")
    assert alice.rows()[str(said.conversation_id)]["status"] == "pending"


def test_the_contact_keeps_its_token(alice: Person):
    write(lambda pen: mirror.apply_contact(alice.scope, 12, "pubsub"), of=alice)
    found = ContactInbox.objects.get()
    assert (found.pubsub_token, found.chatwoot_contact_id) == ("pubsub", 12)


# Any order, any number of times


Step = tuple[str, int]


def history(person: Person) -> list[resources.Message]:
    """What Chatwoot's rows went through, as its cable told it: two messages, edits, a deletion, the visitor's own."""
    own = {"message_type": MessageType.INCOMING, "sender": None}
    return [
        cabled(10, "one", of=person, ms=1),
        cabled(10, "one, edited", of=person, ms=2_000),
        cabled(11, "two", of=person, ms=2, attachments=(file(1),)),
        cabled(11, "", of=person, ms=3_000, deleted=True),
        cabled(12, "hello", of=person, ms=5, echo_id="", **own),
        cabled(13, "three", of=person, ms=6),
        cabled(13, "three", of=person, ms=4_000, content_attributes={"display_type": "star"}),
    ]


def listed(frames: list[resources.Message], ms: int) -> list[resources.Message]:
    """What a list that began at ``NOW + ms`` says: the latest of each row until then, without ``updated_at``."""
    latest: dict[int, resources.Message] = {}
    for frame in frames:
        assert frame.updated_at is not None
        if frame.updated_at.timestamp() * 1000 <= NOW + ms:
            latest[frame.id] = replace(frame, updated_at=None, echo_id=None, inbox_id=None, source_id=None)
    return [latest[each] for each in sorted(latest)]


STEPS = (
    [("cable", number) for number in range(7)]
    + [("list", 10), ("list", 2_500), ("list", 10_000)]
    + [("answer", 12), ("resolved", 1), ("open", 2), ("resolved", 3)]
)


@given(order=st.permutations(STEPS), again=st.lists(st.sampled_from(STEPS), max_size=5))
@QUICK
def test_any_order_any_number_of_times_ends_the_same(db: None, order: list[Step], again: list[Step]):
    person = newcomer()
    said = say(person, "hello", now=NOW - 60_000)
    create_upstream(person, said=said)
    claim = write(lanes.claim_attempt, delivery(said), of=person, fence_at=NOW)
    assert claim is not None
    frames, now = history(person), NOW + 20_000
    for what, number in [*order, *again]:
        now += 1_000
        for apply in step(person, frames, what, number, claim.echo_id, now):
            apply()
    assert texts(person) == ["hello", "one, edited", None, "three"]
    assert person.messages()[3]["attributes"] == {"display_type": "star"}
    assert person.messages()[0]["state"] == "sent"
    assert person.rows()[str(said.conversation_id)]["status"] == "resolved"
    assert not Attachment.objects.filter(message__contact=person.id).exists()
    head = person.head()
    for what, number in STEPS:
        for apply in step(person, frames, what, number, claim.echo_id, now):
            apply()
    assert person.head() == head


def delivery(said: Accepted) -> uuid.UUID:
    return Delivery.objects.get(message=said.message_id).id


def step(
    person: Person, frames: list[resources.Message], what: str, number: int, echo_id: str, now: int
) -> list[Callable[[], Any]]:
    if what == "cable":
        frame = frames[number]
        told_again = replace(frame, echo_id=echo_id) if frame.id == 12 else frame
        return [lambda: hear(person, told_again, now=now)]
    if what == "list":  # it began when what it says was true, and is applied only now
        return [lambda row=row: hear(person, row, now=now, read_started=NOW + number) for row in listed(frames, number)]
    if what == "answer":
        answer = told(12, "hello", message_type=MessageType.INCOMING, sender=None, echo_id=echo_id)
        return [lambda: hear(person, answer, now=now, read_started=NOW)]
    heard = conversation(status=what, updated_at=NOW / 1000 + number)
    return [lambda: learn(person, heard, now=now)]
