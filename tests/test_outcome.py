"""The state table of the design, row by row."""

import pytest

from chat import outcome
from chat.chatwoot.errors import (
    Ambiguous,
    ChatwootError,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    Refused,
    Throttled,
    Unreachable,
)
from chat.outcome import NOT_ACCEPTED, NOT_DELIVERED, POISON, Outcome, Step, judge

KINDS = ("contact", "conversation", "message", "answer", "resolve", "seen")
CRASH = Ambiguous(status=500, finished=True)
PROXY = Ambiguous(status=502)
CUT = Ambiguous("ReadError")


@pytest.mark.parametrize("kind", KINDS)
def test_what_never_arrived_is_sent_again(kind: str):
    assert judge(kind, Unreachable("ConnectError")) == Outcome(Step.LATER)


@pytest.mark.parametrize("kind", KINDS)
def test_429_waits_as_long_as_it_says(kind: str):
    assert judge(kind, Throttled(retry_after_s=17)) == Outcome(Step.LATER, wait_s=17)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [401, 403, 302])
def test_who_is_not_let_in_pauses_the_inbox_and_says_so(kind: str, status: int):
    end = judge(kind, Forbidden(status=status))
    assert (end.step, end.pauses, bool(end.alarm)) == (Step.LATER, True, True)


def test_a_bots_token_that_does_not_serve_pauses_nothing():
    end = judge("message", Forbidden(status=401), through_bot=True)
    assert (end.step, end.pauses, end.without_marker, end.wait_s) == (Step.LATER, False, True, 0)


@pytest.mark.parametrize("status", [400, 413])
def test_a_request_that_is_never_taken_fails_with_an_alarm(status: int):
    for kind in ("message", "answer", "resolve", "seen"):
        end = judge(kind, Refused(status=status))
        assert (end.step, bool(end.alarm)) == (Step.FAIL, True)
    for kind in outcome.CREATIONS:  # nothing of the visitor's is in it
        end = judge(kind, Refused(status=status))
        assert (end.step, end.rests, bool(end.alarm)) == (Step.LATER, True, True)


@pytest.mark.parametrize("kind", ["message", "conversation"])
@pytest.mark.parametrize(
    "error", [CRASH, PROXY, CUT, Malformed("?"), NotFound(status=404, finished=True), Invalid("?", permanent=False)]
)
def test_everything_else_is_doubtful(kind: str, error: Ambiguous):
    end = judge(kind, error)
    assert (end.step, end.permanent, end.finished) == (Step.DOUBT, False, error.finished)


@pytest.mark.parametrize("error", [CRASH, PROXY, CUT, Malformed("?"), Invalid("?", permanent=True)])
def test_a_contact_is_asked_for_again_at_any_time(error: ChatwootError):
    """It has our source_id: Chatwoot finds it again."""
    assert judge("contact", error).step is Step.LATER


def test_an_inbox_that_chatwoot_does_not_know_is_paused():
    end = judge("contact", NotFound(status=404, finished=True))
    assert (end.step, end.pauses) == (Step.LATER, True)


@pytest.mark.parametrize("kind", outcome.REPEATABLE)
def test_what_may_be_repeated_waits_until_the_first_try_is_over(kind: str):
    assert judge(kind, CUT).step is judge(kind, PROXY).step is Step.DOUBT
    assert judge(kind, CRASH) == Outcome(Step.LATER, crashed=True)
    assert judge(kind, Malformed("?", status=200, finished=True)).step is Step.DONE
    assert judge(kind, Invalid("?", permanent=True, finished=True)).step is Step.FAIL
    gone = judge(kind, NotFound(status=404, finished=True))
    by_a_proxy = judge(kind, NotFound(status=404, finished=False))
    if kind == "profile":  # its contact is created anew with what is known by then
        assert (gone.step, by_a_proxy.step, by_a_proxy.permanent) == (Step.FAIL, Step.DOUBT, False)
    else:
        assert (gone.step, gone.permanent) == (Step.DOUBT, True)


@pytest.mark.parametrize(
    ("detail", "permanent", "through_bot", "expected"),
    [
        ("Content is too long", True, False, True),
        ("Too many messages", False, False, False),
        ("Validation failed: Content is too long", True, True, True),
        ("something that a model raised", True, True, False),
        ("Validation failed: Too many messages", False, True, False),
    ],
)
def test_a_validation_fails_again_tomorrow(detail: str, permanent: bool, through_bot: bool, expected: bool):
    error = Invalid(detail, permanent=permanent, finished=True)
    assert judge("message", error, through_bot=through_bot).permanent is expected
    assert judge("conversation", error).permanent is False  # its messages hang on it


@pytest.mark.parametrize(
    ("error", "through_bot", "expected"),
    [
        (NotFound(status=404, finished=True), True, True),
        (Invalid("something that a model raised", permanent=True, finished=True), True, True),
        (Invalid("Validation failed: Content is too long", permanent=True, finished=True), True, False),
        (Invalid("Validation failed: Too many messages", permanent=False, finished=True), True, False),
        (CRASH, True, True),
        (CRASH, False, False),
        (PROXY, True, False),
        (CUT, True, False),
    ],
)
def test_what_rails_does_not_take_through_the_bot_may_be_the_bots_fault(
    error: Ambiguous, through_bot: bool, expected: bool
):
    assert judge("message", error, through_bot=through_bot).without_marker is expected


@pytest.mark.parametrize(("error", "crashed"), [(CRASH, True), (PROXY, False), (CUT, False)])
def test_only_rails_own_5xx_count_as_a_crash(error: Ambiguous, crashed: bool):
    assert judge("message", error).crashed is crashed


# Looks


@pytest.mark.parametrize(
    ("finished", "over", "prompt", "looks", "expected"),
    [
        (True, False, False, 0, (0, True)),
        (False, False, True, 0, (0, False)),
        (False, True, True, 0, (1, False)),
        (False, True, True, 1, (2, True)),
        (False, True, False, 0, (-1, False)),
        (False, True, False, 1, (-1, False)),  # a Chatwoot that froze after the prompt one may have thawed in this one
        (False, True, False, -1, (-2, False)),
        (False, True, False, -2, (-3, True)),
        (False, True, True, -1, (1, True)),
        (False, False, False, -2, (-2, False)),
    ],
)
def test_absence_is_certain_after_rails_or_after_looks_behind_the_fence_two_prompt_or_three_slow_ones(
    finished: bool, over: bool, prompt: bool, looks: int, expected: tuple[int, bool]
):
    assert outcome.certain(finished=finished, over=over, prompt=prompt, looks=looks) == expected


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({}, ""),
        ({"permanent": True}, NOT_ACCEPTED),
        ({"expired": True}, NOT_DELIVERED),
        ({"crashes": POISON}, ""),  # perhaps Chatwoot takes nobody's
        ({"crashes": POISON - 1, "others_arrive": True}, ""),
        ({"crashes": POISON, "others_arrive": True}, NOT_DELIVERED),
        ({"kind": "conversation", "permanent": True, "expired": True}, ""),
    ],
)
def test_what_is_certainly_absent_is_sent_again_unless(values: dict[str, object], shown: str):
    known = {"kind": "message", "permanent": False, "crashes": 0, "others_arrive": False, "expired": False}
    assert outcome.reason_to_fail(**known | values) == shown  # type: ignore[arg-type]
