"""When an inbox is open: Chatwoot's working hours in the inbox's zone. Pure; ``now`` is given.

A day is open from one instant to another, however the clocks are changed in between. An hour that the clocks skip is
moved by as much; of one that comes twice the first counts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

_MIDNIGHT = (0, 0)
_WEEK = 8  # days: the same weekday again, for what is over today


@dataclass(frozen=True, slots=True)
class Day:
    """(hour, minute) of opening and closing; (24, 0) is midnight at its end."""

    opens: tuple[int, int]
    closes: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Week:
    """``days``: Sunday first, None: closed. ``enabled``: without it the inbox is always open."""

    zone: ZoneInfo
    days: tuple[Day | None, ...]
    enabled: bool = True

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self | None:
        """Of what Chatwoot told (``InboxProfile``, as stored); None where it told nothing, or of no zone we know."""
        try:
            zone = ZoneInfo(told["timezone"])
            days = {each["day_of_week"]: _day(each) for each in told["working_hours"]}
            return cls(
                zone, tuple(days.get(number) for number in range(7)), enabled=bool(told["working_hours_enabled"])
            )
        except (KeyError, ValueError, TypeError, OSError):  # the first and the last are zoneinfo's, too
            return None

    def is_open(self, now: datetime) -> bool:
        return not self.enabled or any(opens <= now < closes for opens, closes in self._spans(now, days=2))

    def next_opening(self, now: datetime) -> datetime | None:
        """In UTC; None while it is open, and when it never opens."""
        if self.is_open(now):
            return None
        return min((opens for opens, _ in self._spans(now, days=_WEEK) if opens > now), default=None)

    def openings(self, now: datetime) -> list[tuple[datetime, datetime]] | None:
        """From and until when it is open within a week from now, in UTC; None: always."""
        if not self.enabled:
            return None
        joined: list[tuple[datetime, datetime]] = []
        for opens, closes in self._spans(now, days=_WEEK):
            if closes <= now:
                continue
            if joined and opens <= joined[-1][1]:
                opens = joined.pop()[0]
            joined.append((opens, closes))
        return joined

    def _spans(self, now: datetime, *, days: int) -> Iterator[tuple[datetime, datetime]]:
        """From yesterday on: where the clocks skip midnight, that day may not be over."""
        today = now.astimezone(self.zone).date()
        for distance in range(-1, days):
            date_ = today + timedelta(days=distance)
            day = self.days[date_.isoweekday() % 7]
            if day is not None:
                yield self._instant(date_, day.opens), self._instant(date_, day.closes)

    def _instant(self, date_: date, at: tuple[int, int]) -> datetime:
        hour, minute = at
        if hour == 24:
            date_, hour, minute = date_ + timedelta(days=1), 0, 0
        return datetime.combine(date_, time(hour, minute), self.zone).astimezone(UTC)


def _day(told: Mapping[str, Any]) -> Day | None:
    if told["closed_all_day"]:
        return None
    if told["open_all_day"]:
        return Day(_MIDNIGHT, (24, 0))
    opens, closes = ((told[f"{name}_hour"], told[f"{name}_minutes"] or 0) for name in ("open", "close"))
    if opens[0] is None or closes[0] is None:
        return None
    time(*opens), time(*closes)  # raises ValueError
    return Day(opens, closes)


def shown(week: Week) -> Sequence[dict[str, Any]]:
    """The days that it opens, as they go outward: ``day`` 0 is Sunday."""
    return [
        {"day": number, "opens": _text(day.opens), "closes": _text(day.closes)}
        for number, day in enumerate(week.days)
        if day is not None
    ]


def _text(at: tuple[int, int]) -> str:
    return f"{at[0]:02d}:{at[1]:02d}"
