"""A page takes away the labels that it has set, and never an agent's own."""

from collections.abc import Collection
from itertools import product

from chat import labelling
from chat.labelling import PLACED, THEIRS, UNWANTED, WANTED

STEPS = ("add", "remove", "agent_adds", "agent_removes", "deliver")
MOST = 6


class Page:
    """A page, an agent and Chatwoot: what is there, and who put it there. Deliveries arrive one after another."""

    def __init__(self) -> None:
        self.labels: dict[str, str] = {}
        self.there: dict[str, str] = {}  # whose it is
        self.waiting: dict[str, bool] = {}

    def add(self, name: str) -> None:
        self.say(add=[name])

    def remove(self, name: str) -> None:
        self.say(remove=[name])

    def say(self, *, add: Collection[str] = (), remove: Collection[str] = ()) -> None:
        self.labels, news = labelling.change(self.labels, add=add, remove=remove)
        self.waiting |= news

    def agent_adds(self, name: str) -> None:
        """One that the page has put, an agent has removed and sets again cannot be told from the page's."""
        is_known = self.labels.get(name) in (PLACED, UNWANTED)
        self.there.setdefault(name, "page" if is_known else "agent")

    def agent_removes(self, name: str) -> None:
        self.there.pop(name, None)

    def deliver(self, name: str = "") -> None:
        known, wanted, found = dict(self.labels), self.waiting, list(self.there)
        self.waiting = {}
        news = labelling.plan(known, wanted, found=found)
        gone = {each: whose for each, whose in self.there.items() if each not in news}
        assert "agent" not in gone.values()
        self.there = {each: self.there.get(each, "page") for each in news}
        self.labels = labelling.settle(self.labels, wanted, before=found, known=known)


def test_whatever_happens_an_agents_own_label_stays_and_what_is_wanted_gets_there() -> None:
    """Every order of up to six things; labels know nothing of each other."""
    for steps in product(STEPS, repeat=MOST):
        page = Page()
        for step in steps:
            getattr(page, step)("vip")
        page.deliver()
        is_shown = labelling.shown(page.labels) == ["vip"]
        if "agent_removes" not in steps:
            assert is_shown <= ("vip" in page.there), steps
            assert (page.there.get("vip") == "page") <= is_shown, steps
        assert page.labels.get("vip") in (None, PLACED, THEIRS), steps


def test_what_was_there_before_is_theirs() -> None:
    page = Page()
    page.agent_adds("vip")
    page.add("vip")
    page.deliver()
    assert page.labels == {"vip": THEIRS}
    page.remove("vip")
    page.deliver()
    assert (page.there, page.labels) == ({"vip": "agent"}, {})


def test_what_is_taken_back_before_it_was_sent_is_not_taken_from_agents() -> None:
    page = Page()
    page.agent_adds("vip")
    page.add("vip")
    page.remove("vip")
    page.deliver()
    assert page.there == {"vip": "agent"}


def test_a_second_attempt_knows_by_what_was_there_before_the_first() -> None:
    labels, wanted = {"vip": WANTED, "order": WANTED}, {"vip": True, "order": True}
    after = labelling.settle(labels, wanted, before=["vip"], known=labels)
    assert after == {"vip": THEIRS, "order": PLACED}


def test_what_is_taken_back_while_it_is_put_is_taken_away_afterwards() -> None:
    page = Page()
    page.add("vip")
    known, wanted = dict(page.labels), page.waiting
    page.waiting = {}
    page.remove("vip")
    page.there = {"vip": "page"}
    page.labels = labelling.settle(page.labels, wanted, before=[], known=known)
    page.deliver()
    assert (page.there, page.labels) == ({}, {})


def test_what_is_wanted_again_while_it_is_taken_away_is_put_afterwards() -> None:
    page = Page()
    page.add("vip")
    page.deliver()
    page.remove("vip")
    known, wanted = dict(page.labels), page.waiting
    page.waiting = {}
    page.add("vip")
    page.there = {}
    page.labels = labelling.settle(page.labels, wanted, before=["vip"], known=known)
    page.deliver()
    assert (page.there, page.labels) == ({"vip": "page"}, {"vip": PLACED})
