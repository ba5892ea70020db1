"""The table of the probe: when rack-timeout refuses a request."""

import pytest

from chat.sandbox.timeouts import Deadline, TimedOut

NOW = 1_795_356_240.0
BODY = {"content-length": "2"}


def deadline(start: str, headers: dict[str, str] = BODY, *, enabled: bool = True) -> Deadline:
    return Deadline({"x-request-start": start, **headers}, enabled=enabled, clock=lambda: NOW)


@pytest.mark.parametrize(
    ("age_s", "with_body", "without_body"),
    [(0, False, False), (25, False, False), (35, False, True), (89, False, True), (91, True, True), (95, True, True)],
)
def test_a_body_gives_sixty_seconds_more(age_s: int, with_body: bool, without_body: bool) -> None:
    start = f"t={int((NOW - age_s) * 1000)}"
    assert deadline(start).expired is with_body
    assert deadline(start, {}).expired is without_body


@pytest.mark.parametrize("spelling", ["{ms}", "t={ms}", "{s}", "t={s}"])
def test_milliseconds_and_seconds_are_understood(spelling: str) -> None:
    past = NOW - 100
    assert deadline(spelling.format(ms=int(past * 1000), s=f"{past:.3f}")).expired


@pytest.mark.parametrize("text", ["", "t=", "yesterday", f"t={int((NOW - 100) * 1_000_000)}", f"{int(NOW - 100)}"])
def test_anything_else_counts_as_absent(text: str) -> None:
    assert not deadline(text).expired and not deadline(text).fenced


def test_a_start_in_the_future_counts_as_now() -> None:
    assert deadline(f"t={int((NOW + 500) * 1000)}").left() == 90


def test_without_a_start_the_service_time_counts() -> None:
    assert Deadline(BODY, enabled=True, clock=lambda: NOW).left() == 15


def test_it_can_be_switched_off() -> None:
    assert not deadline(f"t={int((NOW - 500) * 1000)}", enabled=False).expired


async def test_sleeping_past_the_deadline_times_out() -> None:
    with pytest.raises(TimedOut):
        await deadline(f"t={int((NOW - 89.99) * 1000)}").sleep(5)
    await deadline("").sleep(0)
