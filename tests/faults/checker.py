"""The one verdict: what visitors wrote and see, against what an agent would see. Criteria K1 to K6 and K10 by number.

``compare`` says what is wrong now, in words; an empty list is a pass. K7 to K9 are measured (`tests.faults.meters`).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.faults.oracle import Ledger, Talk
from tests.faults.visitors import Visitor

FINAL = ("sent", "failed", "unconfirmed")


@dataclass
class Verdict:
    wrong: list[str] = field(default_factory=list)
    lost: int = 0
    duplicated: int = 0
    out_of_order: int = 0


def compare(visitors: Sequence[Visitor], ledger: Ledger, *, may_duplicate: bool = False) -> Verdict:
    """Everything about messages and views; cheap enough to be asked again and again while something heals."""
    verdict = Verdict()
    people: dict[str, list[Visitor]] = {}
    for visitor in visitors:
        people.setdefault(visitor.person, []).append(visitor)
        verdict.wrong += visitor.violations
    owners = _owners(people, ledger, verdict)
    for person, devices in people.items():
        talks = [talk for talk in ledger.talks if owners.get(talk.contact_id) == person]
        _check_delivery(person, devices, talks, verdict, may_duplicate=may_duplicate)
        for device in devices:
            verdict.wrong += _view_differs(device, talks, may_duplicate=may_duplicate)
    return verdict


def unfinished(visitors: Iterable[Visitor]) -> list[str]:
    """Messages without an answer, or accepted and without a final state."""
    found = []
    for visitor in visitors:
        for written in visitor.written:
            if not written.outcome:
                found.append(f"K1 {visitor.name}: {written.text!r} was not accepted yet")
            elif written.outcome == "accepted" and (state := visitor.view.state_of(written.echo_id)) not in FINAL:
                found.append(f"K1 {visitor.name}: {written.text!r} is {state or 'not shown'}")
    return found


def _owners(people: dict[str, list[Visitor]], ledger: Ledger, verdict: Verdict) -> dict[int, str]:
    """Whose contact it is, by what was written there; K4: nobody else wrote anything."""
    authors: dict[str, set[str]] = {}
    for person, devices in people.items():
        for device in devices:
            for written in device.written:
                authors.setdefault(written.text, set()).add(person)
    said: dict[int, list[set[str]]] = {}
    for talk in ledger.talks:
        for row in talk.incoming:
            if row.text not in authors:
                verdict.wrong.append(f"K4 nobody wrote {row.text!r} (conversation {talk.id}, message {row.id})")
            else:
                said.setdefault(talk.contact_id, []).append(authors[row.text])
    owners = {}
    for contact_id, sets in said.items():
        both = set.intersection(*sets)
        if not both:
            verdict.wrong.append(f"K6 contact {contact_id} holds messages of {sorted(set.union(*sets))}")
        owners[contact_id] = min(both or set.union(*sets))
    return owners


def _check_delivery(
    person: str, devices: list[Visitor], talks: list[Talk], verdict: Verdict, *, may_duplicate: bool
) -> None:
    """K1, K2 and K3."""
    rows = sorted((row for talk in talks for row in talk.incoming), key=lambda row: row.id)
    found = Counter(row.text for row in rows)
    states = {each.echo_id: _state(each.echo_id, devices) for device in devices for each in device.written}
    expected: Counter[str] = Counter()
    for device in devices:
        for each in device.written:
            if each.outcome == "accepted" and states[each.echo_id] != "failed":
                expected[each.text] += 1
            elif found[each.text] and each.outcome.startswith("refused"):
                verdict.wrong.append(f"K1 {device.name}: {each.text!r} was refused, and arrived")
    for text in expected.keys() | found.keys():
        missing, extra = expected[text] - found[text], found[text] - expected[text]
        if missing > 0:
            verdict.lost += missing
            verdict.wrong.append(f"K1 {person}: {text!r} arrived {found[text]} times of {expected[text]}")
        if extra > 0 and expected[text]:
            verdict.duplicated += extra
            if not may_duplicate:
                verdict.wrong.append(f"K2 {person}: {text!r} arrived {found[text]} times of {expected[text]}")
        elif extra > 0 and any(each.text == text and each.outcome == "accepted" for d in devices for each in d.written):
            verdict.wrong.append(f"K1 {person}: {text!r} failed, and arrived all the same")
    for device in devices:
        _check_order(device, [row.text for row in rows], verdict)


def _state(echo_id: str, devices: list[Visitor]) -> str:
    return next((state for device in devices if (state := device.view.state_of(echo_id))), "")


def _check_order(device: Visitor, arrived: list[str], verdict: Verdict) -> None:
    """K3: the first arrivals of what one device wrote, in the order in which it wrote them."""
    place = {each.text: n for n, each in enumerate(device.written)}
    order = list(dict.fromkeys(text for text in arrived if text in place))
    for earlier, later in pairwise(order):
        if place[earlier] > place[later]:
            verdict.out_of_order += 1
            verdict.wrong.append(f"K3 {device.name}: {earlier!r} arrived before {later!r}")


def _view_differs(device: Visitor, talks: list[Talk], *, may_duplicate: bool) -> list[str]:
    """K5: the device shows what an agent would see, side by side and conversation by conversation."""
    view = device.view
    shown = [
        (view.visible(row["id"], incoming=True), view.visible(row["id"], incoming=False), row["status"])
        for row in view.open_conversations
    ]
    true = [(talk.visible(incoming=True), talk.visible(incoming=False), talk.status) for talk in talks]
    if may_duplicate:  # judged by K2 and K10; the second one may stand anywhere
        shown, true = [[(list(dict.fromkeys(row[0])), *row[1:]) for row in rows] for rows in (shown, true)]
    shown, true = [sorted(row for row in rows if row[0] or row[1]) for rows in (shown, true)]
    return [] if shown == true else [f"K5 {device.name} shows {_difference(shown, true)}"]


def _difference(shown: list[tuple[list[str], list[str], str]], true: list[tuple[list[str], list[str], str]]) -> str:
    for mine, theirs in zip(shown, true, strict=False):
        for name, left, right in zip(("written", "answered", "status"), mine, theirs, strict=True):
            if left != right:
                return f"{name} {left}, an agent sees {right}"
    return f"{len(shown)} conversations, an agent sees {len(true)}"
