import asyncio

from chat.budget import Budget, Turns, Urgency
from tests.eventually import eventually


class Monotonic:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def ask(budget: Budget, urgency: Urgency, served: list[str], name: str) -> asyncio.Task[None]:
    async def take() -> None:
        await budget.take(urgency)
        served.append(name)

    return asyncio.ensure_future(take())


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0.002)


async def test_a_burst_is_served_at_once_and_the_next_waits():
    served: list[str] = []
    budget = Budget(rate_per_s=1000, burst=3, monotonic=(clock := Monotonic()))
    asked = [ask(budget, Urgency.REST, served, str(number)) for number in range(5)]
    await settle()
    assert served == ["0", "1", "2"] and (budget.taken, budget.waiting) == (3, 2)
    clock.now = 0.001
    await eventually(lambda: len(served) == 4)
    clock.now = 0.002
    await asyncio.gather(*asked)
    assert served == ["0", "1", "2", "3", "4"] and (budget.taken, budget.waiting) == (5, 0)


async def test_the_urgent_go_first_and_equals_in_order():
    served: list[str] = []
    budget = Budget(rate_per_s=1000, burst=1, monotonic=(clock := Monotonic()))
    await budget.take(Urgency.REST)
    asked = [
        ask(budget, urgency, served, f"{urgency.name} {number}")
        for number in range(2)
        for urgency in (Urgency.REST, Urgency.VISIBLE, Urgency.DELIVERY)
    ]
    await settle()
    for _ in asked:
        clock.now += 0.001
        await settle()
    await asyncio.gather(*asked)
    assert served == ["DELIVERY 0", "DELIVERY 1", "VISIBLE 0", "VISIBLE 1", "REST 0", "REST 1"]


async def test_deliveries_without_end_leave_one_request_in_five_to_who_waits_longest():
    served: list[str] = []
    budget = Budget(rate_per_s=1000, burst=1, monotonic=(clock := Monotonic()))
    await budget.take(Urgency.REST)
    asked = [ask(budget, Urgency.REST, served, f"rest {number}") for number in range(2)]
    await asyncio.sleep(0)
    for number in range(10):
        asked.append(ask(budget, Urgency.DELIVERY, served, f"delivery {number}"))
        asked.append(ask(budget, Urgency.DELIVERY, served, f"another {number}"))
        await settle()
        clock.now += 0.001
        await settle()
    assert [served.index(f"rest {number}") for number in range(2)] == [4, 9]
    clock.now += 1
    budget.share(100_000)
    await settle()
    clock.now += 1
    await asyncio.gather(*asked)


async def test_a_latecomer_does_not_overtake_who_waits():
    served: list[str] = []
    budget = Budget(rate_per_s=1000, burst=1, monotonic=(clock := Monotonic()))
    await budget.take(Urgency.REST)
    first = ask(budget, Urgency.REST, served, "first")
    await asyncio.sleep(0)
    clock.now = 0.001
    second = ask(budget, Urgency.REST, served, "second")
    await first
    assert served == ["first"]
    clock.now = 0.002
    await second


async def test_who_no_longer_waits_takes_nothing():
    served: list[str] = []
    budget = Budget(rate_per_s=1000, burst=1, monotonic=(clock := Monotonic()))
    await budget.take(Urgency.REST)
    gone = ask(budget, Urgency.DELIVERY, served, "gone")
    waits = ask(budget, Urgency.REST, served, "waits")
    await asyncio.sleep(0)
    gone.cancel()
    clock.now = 0.001
    await waits
    assert served == ["waits"]


async def test_an_hour_of_rest_saves_up_no_more_than_a_burst():
    served: list[str] = []
    budget = Budget(rate_per_s=1000, burst=2, monotonic=(clock := Monotonic()))
    clock.now = 3600.0
    asked = [ask(budget, Urgency.REST, served, str(number)) for number in range(3)]
    await settle()
    assert served == ["0", "1"]
    clock.now += 0.001
    await asyncio.gather(*asked)


async def test_what_was_saved_up_before_another_rate_counts_at_the_rate_of_then():
    served: list[str] = []
    budget = Budget(rate_per_s=4, monotonic=(clock := Monotonic()))
    await budget.take(Urgency.REST)
    clock.now = 0.1
    budget.share(400)
    asked = [ask(budget, Urgency.REST, served, str(number)) for number in range(5)]
    await settle()
    assert served == [], "not the 40 of a tenth of a second at the new rate"
    clock.now += 0.1
    await asyncio.gather(*asked)


async def test_who_waits_is_served_at_a_new_rate_at_once():
    served: list[str] = []
    budget = Budget(rate_per_s=0.001, monotonic=(clock := Monotonic()))
    await budget.take(Urgency.REST)
    waits = ask(budget, Urgency.REST, served, "waits")
    await asyncio.sleep(0)
    budget.share(1000)
    clock.now = 0.001
    await eventually(lambda: served == ["waits"])
    await waits


def test_the_default_stays_below_chatwoots_limit():
    """3,000 requests a minute for one address, one minute's worth and a burst on top."""
    budget = Budget()
    assert budget._rate_per_s * 60 + budget._burst < 3_000


class Queue:
    """Callers of a few turns: each holds its turn until it is told to end."""

    def __init__(self, at_once: int) -> None:
        self.turns = Turns(at_once)
        self.began: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.callers: dict[str, asyncio.Task[None]] = {}

    def join(self, name: str, urgency: Urgency) -> None:
        self.ends[name] = asyncio.Event()
        self.callers[name] = asyncio.ensure_future(self._hold(name, urgency))

    async def _hold(self, name: str, urgency: Urgency) -> None:
        async with self.turns.turn(name, urgency):
            self.began.append(name)
            await self.ends[name].wait()

    async def end_all(self) -> list[str]:
        """One after the other as they began; the names in that order."""
        at = 0
        while at < len(self.began):
            self.ends[self.began[at]].set()
            await self.callers[self.began[at]]
            await settle()
            at += 1
        return self.began


async def test_turns_are_a_few_at_a_time_by_urgency_then_in_order():
    queue = Queue(2)
    for number in range(4):
        queue.join(f"rest {number}", Urgency.REST)
    for number in range(2):
        queue.join(f"visible {number}", Urgency.VISIBLE)
    await settle()
    assert queue.began == ["rest 0", "rest 1"]
    queue.ends["rest 1"].set()
    await settle()
    assert queue.began == ["rest 0", "rest 1", "visible 0"]
    assert await queue.end_all() == ["rest 0", "rest 1", "visible 0", "visible 1", "rest 2", "rest 3"]


async def test_who_is_hurried_moves_up_and_gets_one_turn():
    queue = Queue(1)
    for name in ("first", "second", "third"):
        queue.join(name, Urgency.REST)
    await settle()
    queue.turns.hurry("third", Urgency.VISIBLE)
    queue.turns.hurry("first", Urgency.VISIBLE)  # it has its turn already
    queue.turns.hurry("nobody", Urgency.VISIBLE)
    assert await queue.end_all() == ["first", "third", "second"]
    queue.join("later", Urgency.REST)
    await settle()
    assert queue.began[-1] == "later"
    await queue.end_all()


async def test_a_turn_is_passed_on_whatever_becomes_of_who_had_it():
    queue = Queue(1)
    for name in ("first", "second", "third", "fourth"):
        queue.join(name, Urgency.REST)
    await settle()
    queue.callers["second"].cancel()  # as it waits
    queue.callers["first"].cancel()  # as it has its turn
    await settle()
    assert queue.began == ["first", "third"]
    queue.ends["third"].set()
    await asyncio.sleep(0)  # the fourth was given the turn in this instant, and does not know it yet
    queue.callers["fourth"].cancel()
    queue.join("fifth", Urgency.REST)
    await settle()
    assert queue.began == ["first", "third", "fifth"]
    queue.ends["fifth"].set()
    await queue.callers["fifth"]
