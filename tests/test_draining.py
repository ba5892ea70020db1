import asyncio
from random import Random

import pytest

from chat.draining import Drain
from tests.eventually import eventually


class Guest:
    def __init__(self):
        self.dismissals = []

    def dismiss(self, after_s):
        self.dismissals.append(after_s)


async def test_everybody_is_dismissed_once_at_a_moment_of_their_own():
    drain, guests = Drain(chance=Random(3)), [Guest() for _ in range(20)]
    assert all(drain.enter(guest) for guest in guests)
    running = asyncio.create_task(drain.run(jitter_s=10))
    await eventually(lambda: drain.begun)
    moments = [each for guest in guests for each in guest.dismissals]
    assert len(moments) == len(set(moments)) == 20
    assert all(0 <= each <= 10 for each in moments)
    for guest in guests:
        assert not running.done()
        drain.leave(guest)
    await running


async def test_nobody_enters_once_it_has_begun():
    drain, guest = Drain(), Guest()
    await drain.run(jitter_s=10)
    assert not drain.enter(guest)
    assert (drain.guests, guest.dismissals) == (0, [])


async def test_who_waits_no_longer_may_wait_again():
    drain, guest = Drain(), Guest()
    drain.enter(guest)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await drain.run(jitter_s=10)
    assert len(guest.dismissals) == 1
