"""When a missing echo means that Chatwoot's job queue stands still."""

import pytest

from chat.echoes import MOST, Echoes


@pytest.fixture
def echoes() -> Echoes:
    return Echoes(echo_s=10, proof_s=30)


def live(key: object) -> float | None:
    return {"alice": 1.0}.get(str(key))


def seen(echoes: Echoes, *times: float) -> list[bool]:
    return [echoes.found_stopped(now, live) for now in times]


def test_an_echo_that_is_missing_is_doubted_first_and_news_once(echoes: Echoes) -> None:
    echoes.answered(5, key="alice", live_since=1.0, now=100)
    echoes.answered(6, key="alice", live_since=1.0, now=101)
    assert seen(echoes, 109) == [False] and not echoes.doubted
    assert seen(echoes, 110, 111) == [False, False] and echoes.doubted and not echoes.stopped
    assert seen(echoes, 139, 140, 141) == [False, True, False]
    assert (echoes.stopped, echoes.missing) == (True, 2)


def test_a_line_that_is_found_deaf_meanwhile_is_no_stopped_queue(echoes: Echoes) -> None:
    echoes.answered(5, key="alice", live_since=1.0, now=100)
    assert seen(echoes, 111) == [False] and echoes.doubted
    assert not echoes.found_stopped(125, lambda key: 120.0)
    assert not echoes.doubted
    assert seen(echoes, 500) == [False]
    assert echoes.missing == 0


def test_an_echo_that_comes_late_ends_the_doubt_and_others_are_to_be_compared(echoes: Echoes) -> None:
    echoes.answered(5, key="alice", live_since=1.0, now=100)
    assert seen(echoes, 111) == [False]
    assert [echoes.heard(5), echoes.doubted, echoes.heard(6)] == [True, False, False]
    assert seen(echoes, 500) == [False]


@pytest.mark.parametrize("frame_first", [True, False])
def test_an_echo_that_comes_is_none(echoes: Echoes, frame_first: bool) -> None:
    if frame_first:
        echoes.heard(5)
    echoes.answered(5, key="alice", live_since=1.0, now=100)
    if not frame_first:
        echoes.heard(5)
    assert seen(echoes, 200, 300) == [False, False]


@pytest.mark.parametrize(("key", "since"), [("alice", 0.5), ("bob", 1.0)])
def test_one_whose_subscription_was_lost_meanwhile_proves_nothing(echoes: Echoes, key: str, since: float) -> None:
    echoes.answered(5, key=key, live_since=since, now=100)
    assert seen(echoes, 200, 300) == [False, False]


def test_any_new_message_shows_that_jobs_run_again_and_that_is_news_once(echoes: Echoes) -> None:
    echoes.answered(5, key="alice", live_since=1.0, now=100)
    assert seen(echoes, 110, 140) == [False, True]
    assert [echoes.heard(each) for each in (6, 7)] == [True, False]
    assert not echoes.stopped


def test_after_our_own_sleep_an_echo_gets_its_time_again(echoes: Echoes) -> None:
    echoes.answered(5, key="alice", live_since=1.0, now=100)
    seen(echoes, 110)
    echoes.forgive(500)
    assert not echoes.doubted
    assert seen(echoes, 509, 510, 539, 540) == [False, False, False, True]


def test_what_is_remembered_is_bounded(echoes: Echoes) -> None:
    for each in range(MOST + 5):
        echoes.heard(each)
        echoes.answered(MOST * 2 + each, key="alice", live_since=1.0, now=100)
    seen(echoes, 200, 300)
    assert echoes.missing == MOST
    echoes.answered(0, key="alice", live_since=1.0, now=300)  # its frame is forgotten
    seen(echoes, 400, 500)
    assert echoes.missing == MOST + 1
