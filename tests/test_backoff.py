from itertools import islice
from random import Random

from chat.backoff import full_jitter


class Highest(Random):
    def uniform(self, a: float, b: float) -> float:
        return b


def test_the_limit_doubles_up_to_the_cap():
    assert list(islice(full_jitter(1, 10, random=Highest()), 6)) == [1, 2, 4, 8, 10, 10]


def test_delays_are_spread_from_zero():
    delays = list(islice(full_jitter(8, 8, random=Random(1)), 1000))
    assert min(delays) < 0.5
    assert max(delays) > 7.5
