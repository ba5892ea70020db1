"""The estimate of Chatwoot's clock, against a simulated one whose truth is known."""

import logging
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.chatwoot.upstream_clock import KEPT, UpstreamClock, boottime_ms

START = 1_795_356_290_123


@dataclass
class World:
    """Three clocks: the base, our wall clock and Chatwoot's, which is `offset` ahead of the base."""

    offset: int = START
    base: int = 5_000
    wall: int = START
    clock: UpstreamClock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = UpstreamClock(base=lambda: self.base, wall=lambda: self.wall)

    def ask(self, there: int = 20, back: int = 20, whole_ms: int = 1000, wait: int = 0) -> None:
        self.base += wait
        sent = self.base
        told = sent + there + self.offset
        self.base += there + back
        self.clock.sample(sent=sent, received=self.base, told_ms=told - told % whole_ms, whole_ms=whole_ms)

    def off_by(self) -> int:
        return abs(self.clock.now() - (self.base + self.offset))


OFFSETS = st.integers(-(10**12), 10**12).map(lambda ms: START + ms)
LEGS = st.one_of(st.integers(0, 100), st.integers(0, 45_000))
ASKS = st.tuples(LEGS, LEGS, st.sampled_from([1, 1000]), st.integers(0, 3_600_000))


@given(OFFSETS, st.lists(ASKS, min_size=1, max_size=60))
def test_a_steady_clock_is_always_within_the_stated_error(offset, asks):
    world = World(offset)
    for ask in asks:
        world.ask(*ask)
        assert world.off_by() <= world.clock.error_ms
    assert world.clock.jumps == 0


@given(st.lists(ASKS, max_size=30), st.integers(-(10**8), 10**8), ASKS)
def test_a_jump_is_noticed_with_the_first_sample_that_contradicts(asks, jump, last):
    world = World()
    for ask in [(0, 0, 1, 0), *asks[:18]]:  # the first one is exact, and still among those that count
        world.ask(*ask)
    assert world.clock.error_ms <= 1
    world.offset += jump
    world.ask(*last)
    there, back, whole_ms, _ = last
    told_cut = (world.base - back + world.offset) % whole_ms
    contradicts = jump > there_low(back, told_cut) or -jump > there + whole_ms - told_cut
    assert world.clock.jumps == contradicts
    if contradicts:
        assert world.off_by() <= world.clock.error_ms


def there_low(back: int, told_cut: int) -> int:
    """By how much the lower bound of such a sample lies below the truth, and the slack of the exact one."""
    return back + told_cut + 1


@given(st.lists(ASKS, min_size=1, max_size=30), st.integers(-(10**8), 10**8), ASKS)
def test_whatever_jumped_one_sample_later_the_estimate_lies_within_that_sample(asks, jump, last):
    world = World()
    for ask in asks:
        world.ask(*ask)
    world.offset += jump
    world.ask(*last)
    there, back, whole_ms, _ = last
    assert world.off_by() <= there + back + whole_ms


def test_before_any_sample_it_is_our_wall_clock():
    world = World()
    assert not world.clock.known
    assert (world.clock.now(), world.clock.skew_ms(), world.clock.error_ms) == (START, 0, 0)


def test_whole_seconds_become_finer_with_each_sample():
    world = World()
    world.ask()
    coarse = world.clock.error_ms
    for _ in range(9):
        world.ask(wait=70)
    assert coarse == 520
    assert world.clock.error_ms < 100


def test_the_skew_is_told_against_our_wall_clock():
    world = World(offset=START - 5_000 + 8_000)  # 8 s ahead
    for _ in range(10):
        world.ask(wait=70)
    world.wall += world.base - 5_000
    assert abs(world.clock.skew_ms() - 8_000) <= world.clock.error_ms


def test_a_jump_of_our_own_wall_clock_changes_nothing():
    world = World()
    world.ask()
    before = world.clock.now()
    world.wall -= 3_600_000
    world.ask(0, 0)
    assert abs(world.clock.now() - before) <= 1000
    assert world.clock.jumps == 0


def test_a_jump_is_told_in_words_and_a_drift_more_quietly(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    world = World()
    world.ask(0, 0, 1)
    world.offset += 8_000
    world.ask(0, 0, 1)
    world.offset += 100
    world.ask(0, 0, 1)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "the clock of Chatwoot jumped by at least 7999 ms" in caplog.text
    assert "drifted by at least 99 ms" in caplog.text


@pytest.mark.parametrize("apart", [(0, 1_600), (0, 400, 1_600), (0, 2_000, 4_000)])
def test_several_hosts_by_turns_are_no_jumping_clock(apart: tuple[int, ...], caplog: pytest.LogCaptureFixture):
    world = World()
    for number in range(40):
        world.offset = START + apart[number % len(apart)]
        world.ask(whole_ms=1, wait=1_000)
        if number > 2 * len(apart):
            assert all(
                abs(world.clock.now() - (world.base + START + each)) <= world.clock.error_ms + 1 for each in apart
            )
    assert world.clock.jumps < 2 * len(apart)
    assert world.clock.error_ms <= apart[-1] / 2 + 50
    assert caplog.text.count("have clocks that are at least") == 1


def test_when_one_host_is_left_its_clock_is_known_as_well_as_before():
    world = World()
    for number in range(10):
        world.offset = START + 1_600 * (number % 2)
        world.ask(whole_ms=1)
    for _ in range(KEPT):
        world.ask(whole_ms=1)
    assert world.off_by() <= world.clock.error_ms <= 21


def test_a_clock_that_is_set_far_and_back_counts_by_its_newest_answer():
    world = World()
    for offset in (0, 3_600_000, 0, 3_600_000):
        world.offset = START + offset
        world.ask(whole_ms=1)
        assert world.off_by() <= world.clock.error_ms <= 21
    assert world.clock.jumps == 3


def test_only_the_last_samples_count():
    world = World()
    world.ask(0, 0, 1)
    for _ in range(KEPT):
        world.ask(300, 300, 1)
    assert world.clock.error_ms == 301


def test_the_base_goes_forward():
    assert 0 < boottime_ms() <= boottime_ms()
