"""How long to wait before the next try."""

from collections.abc import Iterator
from random import Random


def full_jitter(base_s: float, cap_s: float, *, random: Random) -> Iterator[float]:
    """Yield delays in seconds, each uniform between 0 and a limit that doubles from `base_s` to `cap_s`.

    Start again with a new iterator, and only after success has lasted a while: a server that accepts and hangs up would
    otherwise be called without pause.
    """
    limit_s = base_s
    while True:
        yield random.uniform(0, limit_s)
        limit_s = min(cap_s, limit_s * 2)
