import pytest

from chat.breaker import Breaker


def failed(breaker: Breaker, times: int) -> Breaker:
    for _ in range(times):
        breaker.failed()
    return breaker


def test_it_opens_with_the_fifth_failure_in_a_row():
    assert not failed(Breaker(), 4).open
    assert failed(Breaker(), 5).open


def test_failures_between_successes_do_not_add_up():
    breaker = failed(Breaker(), 4)
    breaker.succeeded()
    assert not failed(breaker, 4).open


def test_one_success_closes_it_and_five_more_failures_open_it_again():
    breaker = failed(Breaker(), 50)
    breaker.succeeded()
    assert not breaker.open
    assert not failed(breaker, 4).open
    assert failed(breaker, 1).open


def test_opening_and_closing_are_told_once_and_in_words(caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO")
    breaker = failed(Breaker("Chatwoot at chat.example"), 20)
    breaker.succeeded()
    breaker.succeeded()
    assert caplog.messages == [
        "Chatwoot at chat.example failed 5 times in a row: asking it nothing for now",
        "Chatwoot at chat.example answers again",
    ]
