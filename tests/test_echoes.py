"""When a missing echo means that Chatwoot's job queue stands still."""

import pytest

from chat.echoes import MOST, Echoes


@pytest.fixture
def echoes() -> Echoes:
    return Echoes(echo_s=10)


def live(key: object) -> float | None:
    return {"alice": 1.0}.get(str(key))


def test_an_echo_that_is_missing_is_news_once(echoes: Echoes) -> None:
    echoes.answered(5, key="alice", live_since=1.0, now=100)
    echoes.answered(6, key="alice", live_since=1.0, now=101)
    assert [echoes.found_stopped(now, live) for now in (109, 110, 111)] == [False, True, False]
    assert (echoes.stopped, echoes.missing) == (True, 2)


@pytest.mark.parametrize("frame_first", [True, False])
def test_an_echo_that_comes_is_none(echoes: Echoes, frame_first: bool) -> None:
    if frame_first:
        echoes.heard(5)
    echoes.answered(5, key="alice", live_since=1.0, now=100)
    if not frame_first:
        echoes.heard(5)
    assert not echoes.found_stopped(200, live)


@pytest.mark.parametrize(("key", "since"), [("alice", 0.5), ("bob", 1.0)])
def test_one_whose_subscription_was_lost_meanwhile_proves_nothing(echoes: Echoes, key: str, since: float) -> None:
    echoes.answered(5, key=key, live_since=since, now=100)
    assert not echoes.found_stopped(200, live)


def test_any_new_message_shows_that_jobs_run_again_and_that_is_news_once(echoes: Echoes) -> None:
    echoes.answered(5, key="alice", live_since=1.0, now=100)
    echoes.found_stopped(110, live)
    assert [echoes.heard(each) for each in (6, 7)] == [True, False]
    assert not echoes.stopped


def test_after_our_own_sleep_an_echo_gets_its_time_again(echoes: Echoes) -> None:
    echoes.answered(5, key="alice", live_since=1.0, now=100)
    echoes.forgive(500)
    assert [echoes.found_stopped(now, live) for now in (509, 510)] == [False, True]


def test_what_is_remembered_is_bounded(echoes: Echoes) -> None:
    for each in range(MOST + 5):
        echoes.heard(each)
        echoes.answered(MOST * 2 + each, key="alice", live_since=1.0, now=100)
    echoes.found_stopped(200, live)
    assert echoes.missing == MOST
    echoes.answered(0, key="alice", live_since=1.0, now=300)  # its frame is forgotten
    echoes.found_stopped(400, live)
    assert echoes.missing == MOST + 1
