"""Opening hours in the inbox's zone, across changes of the clocks."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.hours import Day, Week, shown


def day(number: int, opens: Any = (9, 0), closes: Any = (17, 0), **values: Any) -> dict[str, Any]:
    return {
        "day_of_week": number,
        "closed_all_day": False,
        "open_all_day": False,
        "open_hour": opens[0],
        "open_minutes": opens[1],
        "close_hour": closes[0],
        "close_minutes": closes[1],
    } | values


def week(*days: dict[str, Any], zone: str = "Europe/Berlin", enabled: bool = True) -> Week:
    found = Week.of({"timezone": zone, "working_hours": list(days), "working_hours_enabled": enabled})
    assert found is not None
    return found


WORKDAYS = [day(number) for number in range(1, 6)]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "is_open", "opening"),
    [
        ("2026-11-27T08:59:59+01:00", False, "2026-11-27T09:00:00+01:00"),  # a Friday
        ("2026-11-27T09:00:00+01:00", True, None),
        ("2026-11-27T16:59:59+01:00", True, None),
        ("2026-11-27T17:00:00+01:00", False, "2026-11-30T09:00:00+01:00"),
        ("2026-11-29T23:30:00+00:00", False, "2026-11-30T09:00:00+01:00"),  # in Berlin it is Monday already
        ("2026-03-27T18:00:00+01:00", False, "2026-03-30T09:00:00+02:00"),  # the clocks go forward in between
        ("2026-10-23T18:00:00+02:00", False, "2026-10-26T09:00:00+01:00"),  # and back
    ],
)
def test_it_opens_by_the_clock_of_its_zone(now: str, is_open: bool, opening: str | None):
    found = week(*WORKDAYS)
    assert found.is_open(at(now)) == is_open
    assert found.next_opening(at(now)) == (at(opening) if opening else None)


def test_an_hour_that_the_clocks_skip_is_moved():
    night = week(day(0, opens=(2, 30), closes=(6, 0)))
    assert night.next_opening(at("2026-03-29T00:00:00+01:00")) == at("2026-03-29T03:30:00+02:00")


def test_of_an_hour_that_comes_twice_the_first_counts_and_nothing_opens_twice():
    night = week(day(0, opens=(2, 30), closes=(6, 0)))
    first = at("2026-10-25T02:30:00+02:00")
    assert night.next_opening(at("2026-10-25T00:00:00+02:00")) == first
    assert all(night.is_open(first + timedelta(minutes=minutes)) for minutes in range(0, 270, 10))


def test_a_week_that_is_wholly_closed_never_opens():
    for closed in (week(), week(*(day(number, closed_all_day=True) for number in range(7)))):
        assert (closed.is_open(at("2026-11-27T12:00:00Z")), closed.next_opening(at("2026-11-27T12:00:00Z"))) == (
            False,
            None,
        )


def test_an_inbox_that_opens_once_a_week_opens_again_a_week_later():
    monday = week(day(1))
    assert monday.next_opening(at("2026-11-30T17:00:00+01:00")) == at("2026-12-07T09:00:00+01:00")


def test_open_all_day_is_open_until_midnight_and_without_working_hours_always():
    sunday = week(day(0, open_all_day=True))
    assert sunday.is_open(at("2026-11-29T23:59:59+01:00"))
    assert not sunday.is_open(at("2026-11-30T00:00:00+01:00"))
    assert week(enabled=False).is_open(at("2026-11-30T00:00:00+01:00"))
    assert week(enabled=False).next_opening(at("2026-11-30T00:00:00+01:00")) is None


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"timezone": "Moon/Base", "working_hours": [], "working_hours_enabled": True},
        {"timezone": "../../etc/passwd", "working_hours": [], "working_hours_enabled": True},
        {"timezone": "Europe", "working_hours": [], "working_hours_enabled": True},
        {"timezone": "UTC", "working_hours": [day(1, opens=(25, 0))], "working_hours_enabled": True},
        {"timezone": "UTC", "working_hours": [{"day_of_week": 1}], "working_hours_enabled": True},
        {"timezone": "UTC", "working_hours": None, "working_hours_enabled": True},
    ],
)
def test_what_cannot_be_read_is_no_week(told: Any):
    assert Week.of(told) is None


def test_what_is_shown_are_the_days_that_it_opens():
    assert shown(week(day(1, closes=(17, 5)), day(2, closed_all_day=True), day(6, open_all_day=True))) == [
        {"day": 1, "opens": "09:00", "closes": "17:05"},
        {"day": 6, "opens": "00:00", "closes": "24:00"},
    ]


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago"]
TIMES = st.tuples(st.integers(0, 23), st.sampled_from([0, 15, 30]))
DAYS = st.lists(st.none() | st.tuples(TIMES, TIMES).map(sorted), min_size=7, max_size=7)
NOWS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


@given(st.sampled_from(ZONES), DAYS, NOWS)
def test_the_next_opening_is_the_first_quarter_of_an_hour_at_which_it_is_open(zone: str, days: Any, now: datetime):
    opening = [day(number, *span) for number, span in enumerate(days) if span is not None and span[0] < span[1]]
    found = week(*opening, zone=zone)
    now = now.replace(minute=0, second=0, microsecond=0)
    if found.is_open(now):
        assert found.next_opening(now) is None
        return
    quarters = (now + timedelta(minutes=15 * number) for number in range(1, 8 * 96))
    assert found.next_opening(now) == next((each for each in quarters if found.is_open(each)), None)


def test_a_day_is_what_was_told():
    assert week(day(3)).days[3] == Day((9, 0), (17, 0))


def test_openings_are_told_for_a_week_and_join_where_they_touch():
    now = at("2026-11-27T18:00+01:00")  # a Friday
    openings = week(*WORKDAYS).openings(now)
    assert openings is not None
    assert (openings[0], len(openings)) == ((at("2026-11-30T09:00+01:00"), at("2026-11-30T17:00+01:00")), 5)
    nights = [day(5, (9, 0), (17, 0), open_all_day=True), day(6, (0, 0), (3, 0))]
    assert week(*nights).openings(now)[0] == (at("2026-11-27T00:00+01:00"), at("2026-11-28T03:00+01:00"))
    assert week(*WORKDAYS, enabled=False).openings(now) is None
    assert week().openings(now) == []
