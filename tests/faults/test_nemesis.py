"""F55: everything at random. ``make faults SEED=… MINUTES=…`` runs this alone, and replays a schedule by its seed."""

import os
from random import Random, SystemRandom

import pytest

from tests.faults.conftest import MakeRig
from tests.faults.nemesis import Nemesis, chatter, schedule
from tests.faults.rig import during

pytestmark = pytest.mark.faults
MINUTES = float(os.environ.get("NEMESIS_MINUTES") or 0)
SECONDS = MINUTES * 60 or (120 if os.environ.get("FAULTS") == "full" else 20)
EXPECTED_ERRORS = (
    "the database refuses writes: OperationalError: database is locked",  # a frozen process may hold the lock
    "answered 403",  # cable_refuse
    "does not tell it by cable",  # or too late: broadcasts_stopped, a slow line
)
RANDOM = 0  # chosen in the test: xdist wants the same tests in every worker


def seeds() -> list[int]:
    if os.environ.get("NEMESIS_SEED"):
        return [int(os.environ["NEMESIS_SEED"])]
    return [RANDOM] if MINUTES else [1, 2, 3]


def test_the_same_seed_gives_the_same_schedule_and_another_another() -> None:
    first, again, other = (schedule(seed, seconds=60, applications=2) for seed in (1, 1, 2))

    assert first == again != other
    assert {step.part for step in first} >= {"application-0", "chatwoot", "front", "rest", "cable"}


@pytest.mark.parametrize("seed", seeds())
async def test_f55_whatever_happens_at_random(make_rig: MakeRig, seed: int) -> None:
    seed = seed or SystemRandom().randrange(1, 1_000_000)
    steps = schedule(seed, seconds=SECONDS, applications=2)
    print(f"\nSEED={seed}, {SECONDS:.0f} s:", *steps, sep="\n")
    rig = await make_rig(applications=2)
    await rig.visit()

    await during(
        Nemesis(rig, steps).run(),
        chatter(rig, Random(seed), seconds=SECONDS),
        rig.write(round(SECONDS / 2), every_s=2),
    )

    await rig.healed(expected_errors=EXPECTED_ERRORS)
