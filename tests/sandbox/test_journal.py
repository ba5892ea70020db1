"""With a state file, nothing that was answered is lost, whenever the process dies."""

from collections.abc import Callable
from pathlib import Path

import pytest

from chat.sandbox.entities import Account, Contact, Message
from chat.sandbox.journal import Journal, Unreadable
from chat.sandbox.store import Store
from tests.fixtures.sandbox import NotStarted, SandboxProcess
from tests.sandbox.visitor import Visitor


def test_a_killed_sandbox_comes_back_with_everything_it_answered(
    start_sandbox: Callable[..., SandboxProcess], tmp_path: Path
) -> None:
    state = tmp_path / "state"
    first = start_sandbox(state=state)
    bob = Visitor(first, first.new_inbox())
    conversation = bob.start_conversation()
    said = [str(bob.say(conversation, f"m{number}").json()["content"]) for number in range(20)]
    reply = first.desk.reply(conversation, "answer", echo_id="desk-1")
    first.kill()
    second = start_sandbox(state=state)
    ledger = second.ledger(bob.inbox)
    assert [m["content"] for m in ledger[0]["messages"]] == [*said, "answer"]
    assert ledger[0]["messages"][-1]["echo_id"] == "desk-1"
    without = {"base_url", "frontend_url", "cable_url"}
    assert {k: v for k, v in second.world.items() if k not in without} == {
        k: v for k, v in first.world.items() if k not in without
    }
    bob.sandbox = second
    assert bob.say(conversation, "after").json()["id"] > reply["id"]
    assert second.http.get(bob.path).json() == bob.session


def test_a_torn_last_line_was_never_answered(tmp_path: Path) -> None:
    path = tmp_path / "state"
    store = _store(path)
    with store.transaction():
        store.add(Account(name="kept"), now=1.0)
    store.persist()
    with path.open("ab") as file:
        file.write(b'{"rows": {"Account": [[2, {"na')
    assert [account.name for account in _store(path).all(Account)] == ["kept"]


def test_a_broken_line_in_the_middle_is_refused_in_words(
    start_sandbox: Callable[..., SandboxProcess], tmp_path: Path
) -> None:
    path = tmp_path / "state"
    path.write_bytes(b'{"rows": \n{"rows": {}, "sequences": {}}\n')
    with pytest.raises(Unreadable, match="line 1 is not JSON"):
        _store(path)
    with pytest.raises(NotStarted, match=r"cannot use its state: .* line 1 is not JSON"):
        start_sandbox(state=path)


async def test_removed_rows_stay_removed_and_numbers_keep_growing(tmp_path: Path) -> None:
    path = tmp_path / "state"
    store = _store(path)
    store.persist()
    with store.transaction():
        gone = store.add(Contact(name="gone"), now=1.0)
    with store.transaction():
        store.remove(gone)
    await store.journal.settled()
    again = _store(path)
    again.persist()
    twice = _store(path)
    assert twice.all(Contact) == []
    with twice.transaction():
        assert twice.add(Contact(name="next"), now=2.0).id == gone.id + 1


def test_a_failed_transaction_leaves_nothing_behind() -> None:
    store = Store(Journal())
    with store.transaction():
        kept = store.add(Message(conversation_id=1, content="before"), now=1.0)
    with pytest.raises(RuntimeError), store.transaction():
        store.add(Message(conversation_id=1, content="new"), now=2.0)
        store.messages_of(1)[0].content = "changed, saved"
        store.save(kept, now=2.0)
        store.messages_of(1)[0].content = "changed, not saved"
        raise RuntimeError
    assert [message.content for message in store.messages_of(1)] == ["before"]
    with store.transaction():
        assert store.save(kept, now=3.0) == {}


def test_saving_tells_what_changed() -> None:
    store = Store(Journal())
    with store.transaction():
        message = store.add(Message(content="a", content_attributes={}), now=1.0)
        message.content_attributes["deleted"] = True
        changes = store.save(message, now=1.0)
    assert changes["content_attributes"] == ({}, {"deleted": True})
    assert changes["updated_at"][1] > changes["updated_at"][0]


def _store(path: Path) -> Store:
    store = Store(Journal(path))
    store.replay()
    return store
