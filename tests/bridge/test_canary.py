"""The questions of one socket, as a table of moments."""

import pytest

from chat.bridge.canary import Canary
from chat.bridge.timing import Timing


@pytest.fixture
def canary() -> Canary:
    return Canary(now=0, every_s=15, answer_s=5)


def test_the_first_question_is_due_at_once_and_the_next_after_a_while(canary: Canary) -> None:
    assert canary.due(0)
    canary.ask("alice", 0)
    assert not canary.due(20) and canary.took_s is None  # the first is open
    assert canary.heard("alice", 3) and canary.took_s == 3
    assert [canary.due(now) for now in (14, 15)] == [False, True]


def test_two_missing_answers_in_a_row_are_deafness_and_the_second_is_asked_for_at_once(canary: Canary) -> None:
    canary.ask("alice", 0)
    assert [canary.deaf(now) for now in (4, 5)] == [False, False]
    assert canary.due(5)
    canary.ask("bob", 5)
    assert [canary.deaf(now) for now in (9, 10)] == [False, True]


def test_an_answer_makes_good_for_the_one_that_was_missing(canary: Canary) -> None:
    canary.ask("alice", 0)
    canary.deaf(5)
    canary.ask("alice", 5)
    assert canary.heard("alice", 3)
    canary.ask("alice", 20)
    assert not canary.deaf(25)


def test_only_the_presence_that_was_asked_for_is_an_answer(canary: Canary) -> None:
    assert not canary.heard("alice", 3)
    canary.ask("alice", 0)
    assert not canary.heard("bob", 3)
    canary.deaf(5)
    assert not canary.heard("alice", 3)  # too late: the next question is another one
    assert canary.missed == 1


def test_after_our_own_sleep_the_answer_gets_its_time_again(canary: Canary) -> None:
    canary.ask("alice", 0)
    canary.forgive(60)
    assert [canary.deaf(now) for now in (64, 65)] == [False, False]
    assert canary.missed == 1


def test_who_has_gone_proves_nothing(canary: Canary) -> None:
    canary.ask("alice", 0)
    canary.forget(3)
    assert not canary.deaf(10) and canary.missed == 0
    assert canary.due(3)


def test_where_nobody_may_ask_it_is_tried_again_after_a_while(canary: Canary) -> None:
    canary.later(0)
    assert [canary.due(now) for now in (14, 15)] == [False, True]


def test_limits_that_are_settings_keep_their_proportion() -> None:
    assert Timing.of(stale_s=9, confirm_s=5, retry_s=30, canary_s=15, redial_s=30) == Timing()
    tenth = Timing.of(stale_s=0.9, confirm_s=0.5, retry_s=3, canary_s=1.5, redial_s=3)
    assert [tenth.tick_s, tenth.cable.stale_s, tenth.cable.prompt_s] == pytest.approx([0.1, 0.9, 0.1])
    assert [tenth.redial_base_s, tenth.redial_cap_s, tenth.canary_answer_s] == pytest.approx([0.1, 3, 0.5])
