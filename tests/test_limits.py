"""What a limit is, and that the counting neither forgives nor forgets too much."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.limits import COUNTS, DEFAULTS, OF_ALL, WORDS, BadLimit, Buckets, Limits, Places, Rate


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def rates(text):
    return Limits.of({"messages": text}).rates["messages"]


def test_t34_a_visitor_writes_ten_at_once_and_twenty_a_minute(clock):
    buckets, limit = Buckets(monotonic=clock), Limits.of({}).rates["messages"]
    assert [buckets.take("alice", limit) for _ in range(10)] == [0] * 10
    assert buckets.take("alice", limit) == pytest.approx(3)
    assert buckets.take("bob", limit) == 0
    written = 10
    for _ in range(600):
        clock.now += 0.1
        written += buckets.take("alice", limit) == 0
    assert written == 30


def test_t34_the_wait_that_is_told_is_enough_and_no_more(clock):
    buckets, limit = Buckets(monotonic=clock), rates("20/min:10")
    while not (wait_s := buckets.take("alice", limit)):
        pass
    clock.now += wait_s - 0.01
    assert buckets.take("alice", limit) > 0
    clock.now += 0.01
    assert buckets.take("alice", limit) == 0


def test_what_is_refused_takes_nothing(clock):
    buckets, limit = Buckets(monotonic=clock), rates("1/min")
    buckets.take("alice", limit)
    for _ in range(1_000):
        assert buckets.take("alice", limit) == pytest.approx(60)


def test_several_rates_hold_together(clock):
    buckets, limit = Buckets(monotonic=clock), Limits.of({}).rates["sessions"]
    begun = 0
    for _ in range(3_600):
        clock.now += 1
        begun += buckets.take("203.0.113.7", limit) == 0
    assert begun == pytest.approx(200, abs=1)  # 100 at once, and 100 more as the hour passes


def test_a_big_amount_waits_for_its_size(clock):
    buckets, limit = Buckets(monotonic=clock), rates("200M/h")
    assert buckets.take("alice", limit, 150_000_000) == 0
    assert buckets.take("alice", limit, 150_000_000) == pytest.approx(1_800)
    assert buckets.take("bob", limit, 900_000_000) == 0, "what is larger than all takes all, and can be"


@given(st.lists(st.floats(0, 30), max_size=200), st.sampled_from(["20/min:10", "1/s", "7/h:3", "3/day"]))
def test_never_more_than_the_burst_and_the_rate(pauses, text):
    clock = Clock()
    buckets, ((amount, per_s, burst),) = Buckets(monotonic=clock), rates(text)
    taken, begun = 0, clock.now
    for pause in pauses:
        clock.now += pause
        taken += buckets.take("alice", rates(text)) == 0
        assert taken <= burst + (clock.now - begun) * amount / per_s + 1e-3


def test_memory_is_bounded_and_reaching_the_bound_shows(clock):
    buckets = Buckets(most=100, monotonic=clock)
    for number in range(10_000):
        buckets.take(number, rates("1/h"))
    assert (len(buckets), buckets.forgotten) == (100, 9_900)
    clock.now += 3_601
    for number in range(100):
        buckets.take(number, rates("1/h"))
    assert buckets.forgotten == 9_900, "a bucket that is full again was of no use"


def test_who_is_counted_just_now_is_not_forgotten(clock):
    buckets = Buckets(most=100, monotonic=clock)
    for number in range(1_000):
        buckets.take(number, rates("1/h"))
        buckets.take("alice", rates("2000/h"))
    assert buckets.take("alice", rates("2000/h:1000")) > 0


def test_a_changed_limit_counts_anew(clock):
    buckets = Buckets(monotonic=clock)
    assert buckets.take("alice", rates("1/h")) == 0
    assert buckets.take("alice", rates("1/min+5/h")) == 0


def test_places_are_bounded_and_become_free():
    places = Places()
    assert [places.enter("alice", 2) for _ in range(3)] == [True, True, False]
    assert places.enter("bob", 2)
    places.leave("alice")
    assert places.enter("alice", 2)
    for name in ("alice", "alice", "bob"):
        places.leave(name)
    assert not len(places)


def test_a_limit_may_be_off():
    buckets, places, limits = Buckets(), Places(), Limits.of({"all": "off"})
    assert not any(limits.rates.values())
    assert all(buckets.take("alice", limits.rates["messages"]) == 0 for _ in range(1_000))
    assert all(places.enter("alice", limits.counts["session_sockets"]) for _ in range(1_000))


def test_every_limit_has_words_and_a_default_that_can_be_read():
    assert WORDS.keys() == DEFAULTS.keys() == {*Limits.of({}).rates, *Limits.of({}).counts}
    assert Limits.of({}).counts.keys() == COUNTS
    assert rates("20/min:10") == (Rate(20, 60, 10),)
    assert rates("2k/h+1M/day") == (Rate(2_000, 3_600, 2_000), Rate(1_000_000, 86_400, 1_000_000))


def test_an_inbox_has_limits_of_its_own():
    ours = Limits.of({"messages": "5/min", "session_sockets": "3"})
    theirs = ours.over({"messages": "off", "uploads": "7/h"})
    assert (theirs.rates["messages"], theirs.rates["uploads"]) == ((), (Rate(7, 3_600, 7),))
    assert theirs.counts["session_sockets"] == 3
    assert ours.over({"session_sockets": 7}).counts["session_sockets"] == 7
    assert not any(ours.over({"all": "off"}).rates.values())
    assert ours.over({}) is ours


@pytest.mark.parametrize("name", sorted(OF_ALL))
def test_what_counts_before_an_inbox_is_known_is_none_of_its_own(name):
    with pytest.raises(BadLimit, match=f"limit {name} holds for all inboxes together; write it into LIMITS"):
        Limits.of({}).over({name: DEFAULTS[name]})


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"mesages": "20/min"}, "there is no limit 'mesages'; there are messages, inbox_messages"),
        ({"messages": "20"}, "write it like 20/min:10, or off"),
        ({"messages": "0/min"}, "write it like"),
        ({"messages": "20/year"}, "write it like"),
        ({"messages": "20/min:"}, "write it like"),
        ({"messages": "٣/min"}, "write it like"),
        ({"messages": None}, "write it like"),
        ({"session_sockets": "5/min"}, "write a number such as 20, or off"),
        ({"session_sockets": -1}, "write a number"),
        ({"all": "20/min"}, "can only be off"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(written, words):
    with pytest.raises(BadLimit, match=words):
        Limits.of(written)
