"""The last hour, a row a minute, whoever writes it."""

import pytest

from chat import minutes
from chat.models import Delivery, Minute, Process
from tests.fixtures.people import Person, say

pytestmark = pytest.mark.django_db
NOW = 1_800_000_000_000
FRESH_MS = 15_000


def one(**said: object) -> dict[str, object]:
    return {"lines": 1, "deaf": 0, "wanted": 2, "confirmed": 2, "canary_s": 0.05, "asked_per_s": 1.5} | said


def process(*, seen_at: int = NOW, **figures: object) -> Process:
    return Process.objects.create(started_at=NOW, seen_at=seen_at, figures=figures)


def test_of_many_processes_the_first_of_a_minute_writes_it_for_all():
    process(sockets=3, resyncs_lately=10, missed_lately=1, chatwoots={"1": one(open=True, oldest_s=0.5)})
    process(sockets=4, resyncs_lately=20, chatwoots={"1": one(canary_s=0.2, open=False), "2": one(canary_s=None)})
    process(seen_at=NOW - FRESH_MS - 1, sockets=100)  # it has gone
    process(seen_at=NOW + FRESH_MS + 1, sockets=100)  # from before our clock was put back
    process()  # it has said nothing yet
    for _ in range(3):
        minutes.note(NOW, FRESH_MS)
    (row,) = Minute.objects.all()
    assert [row.figures[name] for name in ("sockets", "resyncs_lately", "missed_lately")] == [7, 30, 1]
    assert row.figures["chatwoots"]["2"]["canary_s"] is None
    both = row.figures["chatwoots"]["1"]
    assert both["oldest_s"] == 0.5
    assert (both["asked_per_s"], both["confirmed"], both["canary_s"], both["open"]) == (3.0, 4, 0.2, False)


def test_what_is_on_its_way_is_noted_by_chatwoot(alice: Person):
    say(alice, "hello")
    under_way = Delivery.objects.count()
    said = {"contact_inbox_id": alice.contact_inbox_id, "kind": "seen", "lane": "x", "created_at": NOW}
    for position, state in enumerate((Delivery.State.SENT, Delivery.State.FAILED, Delivery.State.UNCONFIRMED)):
        Delivery.objects.create(**said, state=state, position=position)
    minutes.note(NOW, FRESH_MS)
    (row,) = Minute.objects.all()
    assert list(row.figures["outbox"].values()) == [under_way]


def test_there_are_sixty_rows_however_long_it_runs():
    for minute in range(70):
        minutes.note(NOW + minute * minutes.MINUTE_MS, FRESH_MS)
    assert Minute.objects.count() == minutes.KEPT


def test_a_clock_that_was_put_back_leaves_nothing_in_the_future():
    minutes.note(NOW + 10 * minutes.MINUTE_MS, FRESH_MS)
    minutes.note(NOW, FRESH_MS)
    assert [row.at for row in Minute.objects.all()] == [NOW // minutes.MINUTE_MS]


def test_a_minute_in_which_nobody_was_there_is_not_known():
    minutes.note(NOW, FRESH_MS)
    minutes.note(NOW + 2 * minutes.MINUTE_MS, FRESH_MS)
    hour = minutes.hour(NOW + 2 * minutes.MINUTE_MS)
    assert len(hour) == minutes.KEPT
    assert [row is None for row in hour[-4:]] == [True, False, True, False]
