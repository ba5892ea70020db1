"""The verdict can fail: each criterion is broken once, and said by its number."""

import base64
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.faults import checker, leaks
from tests.faults.client import Written
from tests.faults.oracle import Ledger, Said, Talk
from tests.faults.visitors import Visitor

CONVERSATION = {"id": "c1", "seq": 1, "status": "open", "deleted": False}


def row(n: int, text: str, *, direction: str = "incoming", **values: Any) -> dict[str, Any]:
    """As it comes in a frame; `n` is its place and its number."""
    plain = {"id": f"m{n}", "conversation": "c1", "seq": n, "at": n, "direction": direction, "echo_id": f"e-{text}"}
    return plain | {"state": "sent", "text": [{"t": "p", "c": [text]}], "deleted": False} | values


def start(*rows: dict[str, Any], cursor: str = "e.100") -> dict[str, Any]:
    told = {"conversations": [CONVERSATION], "messages": list(rows), "more": False}
    return {"type": "reset", "cursor": cursor, "reason": "start"} | told


def changes(*rows: dict[str, Any], cursor: str) -> dict[str, Any]:
    return {"type": "changes", "cursor": cursor, "conversations": [], "messages": list(rows), "more": False}


def visitor(*texts: str, rows: list[dict[str, Any]] | None = None) -> Visitor:
    """Who wrote these, was told "accepted", and shows `rows` (by default: all of them)."""
    found = Visitor("v0", url=str, http=httpx.AsyncClient())
    found.written = [Written(f"e-{text}", text, outcome="accepted") for text in texts]
    found.view.take(start(*([row(n, text) for n, text in enumerate(texts, 1)] if rows is None else rows)))
    return found


def said(n: int, text: str, *, incoming: bool = True, **values: Any) -> Said:
    return Said(**{"id": n, "text": text, "incoming": incoming, "shown": True, "deleted": False} | values)


def ledger(*messages: Said, contact_id: int = 7) -> Ledger:
    return Ledger([Talk(1, contact_id, 1, "open", "source", list(messages))], frozenset())


def judged(who: Visitor, seen: Ledger, **options: Any) -> str:
    return "\n".join(checker.compare([who], seen, **options).wrong)


def test_what_is_as_it_should_be_passes() -> None:
    rows = [row(1, "a"), row(2, "b"), row(3, "yes?", direction="outgoing", echo_id=None)]
    seen = ledger(
        said(1, "a"), said(2, "yes?", incoming=False), said(3, "b"), said(4, "note", incoming=False, shown=False)
    )

    assert judged(visitor("a", "b", rows=rows), seen) == ""


def test_k1_lost() -> None:
    assert "K1 v0: 'b' arrived 0 times of 1" in judged(visitor("a", "b"), ledger(said(1, "a")))


def test_k1_failed_and_there_all_the_same() -> None:
    who = visitor("a", "b", rows=[row(1, "a"), row(2, "b", state="failed")])

    assert "'b' failed, and arrived" in judged(who, ledger(said(1, "a"), said(2, "b")))
    assert judged(who, ledger(said(1, "a"))) == ""


def test_k1_not_finished() -> None:
    who = visitor("a", "b", rows=[row(1, "a", state="unsure")])
    who.written[1].outcome = ""

    assert [words[-20:] for words in checker.unfinished([who])] == ["K1 v0: 'a' is unsure", "was not accepted yet"]


def test_k2_duplicated() -> None:
    verdict = checker.compare([visitor("a")], ledger(said(1, "a"), said(2, "a")))

    assert verdict.duplicated == 1
    assert "K2 v0: 'a' arrived 2 times of 1" in "\n".join(verdict.wrong)


def test_k2_a_stated_duplicate_is_counted_and_not_wrong() -> None:
    verdict = checker.compare([visitor("a", "b")], ledger(said(1, "a"), said(2, "b"), said(3, "a")), may_duplicate=True)

    assert (verdict.duplicated, verdict.wrong) == (1, [])


def test_k2_equal_texts_are_counted() -> None:
    who = visitor("m", "ok", "ok", rows=[row(1, "m"), row(2, "ok"), row(3, "ok")])

    assert judged(who, ledger(said(1, "m"), said(2, "ok"), said(3, "ok"))) == ""
    assert "K1" in judged(who, ledger(said(1, "m"), said(2, "ok")))


def test_k3_out_of_order() -> None:
    verdict = checker.compare([visitor("a", "b")], ledger(said(1, "b"), said(2, "a")))

    assert verdict.out_of_order == 1
    assert "K3 v0: 'b' arrived before 'a'" in verdict.wrong


def test_k4_phantom() -> None:
    assert "K4 nobody wrote 'x'" in judged(visitor("a"), ledger(said(1, "a"), said(2, "x")))


@pytest.mark.parametrize(
    "there",
    [
        pytest.param([said(1, "a"), said(2, "yes?", incoming=False)], id="an answer is missing"),
        pytest.param([said(1, "a", deleted=True)], id="a deletion is missing"),
    ],
)
def test_k5_the_view_differs(there: list[Said]) -> None:
    assert "K5 v0 shows" in judged(visitor("a"), ledger(*there))


def test_k5_the_status_differs() -> None:
    seen = Ledger([Talk(1, 7, 1, "resolved", "source", [said(1, "a")])], frozenset())

    assert "K5 v0 shows status open, an agent sees resolved" in judged(visitor("a"), seen)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        pytest.param(changes(row(90, "b"), cursor="e.101"), "do not go forward", id="a number from before"),
        pytest.param(changes(row(102, "b"), cursor="e.101"), "do not go forward", id="a number from after"),
        pytest.param(changes(cursor="e.99"), "do not go forward", id="a cursor that goes back"),
        pytest.param(changes(row(101, "b"), row(101, "c"), cursor="e.101"), "one number", id="a number twice"),
        pytest.param(changes(cursor="f.101"), "epoch", id="another epoch"),
    ],
)
def test_k5_the_feed_breaks_its_rules(frame: dict[str, Any], words: str) -> None:
    who = visitor("a")

    who.view.take(frame)

    assert words in "".join(who.violations)


def test_k5_deleted_and_back() -> None:
    who = visitor("a", rows=[row(1, "a", deleted=True)])

    who.view.take(changes(row(101, "a", id="m1"), cursor="e.101"))

    assert "came back" in "".join(who.violations)


def test_k6_one_contact_for_two_people() -> None:
    other = visitor("b")
    other.name = other.person = "v1"

    verdict = checker.compare([visitor("a"), other], ledger(said(1, "a"), said(2, "b")))

    assert any(words.startswith("K6 contact 7") for words in verdict.wrong)


SECRET = "CANARY/with+signs=and words"


@pytest.mark.parametrize(
    "hidden",
    [
        SECRET.encode(),
        quote(SECRET, safe="").encode(),
        base64.b64encode(f'{{"a":"{SECRET}"}}'.encode()),
        base64.b64encode(f'{{"ab":"{SECRET}"}}'.encode()),
        base64.b64encode(f'{{"abc":"{SECRET}"}}'.encode()),
    ],
)
def test_k6_a_secret_is_found_in_any_form(hidden: bytes) -> None:
    assert leaks.find([SECRET], {"a log": b"before " + hidden + b" after"})
    assert not leaks.find([SECRET], {"a log": b"before after"})
