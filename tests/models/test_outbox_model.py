"""Whatever is lost, late, refused, frozen or killed: what was accepted is at Chatwoot once and in order, or failed.

The courier and all that it drives are the real ones, in two processes on one database; Chatwoot, the network, time and
the databases' threads are models, and take their steps in any order.
"""

import logging
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from chat import acceptance, mirror
from chat.chatwoot.errors import Ambiguous, ChatwootError, Forbidden, Invalid, Refused, Throttled, Unreachable
from chat.models import Chatwoot as ChatwootRow
from chat.models import Delivery, Duplicate, Message
from tests.fixtures.people import CHATWOOT_INBOX, newcomer
from tests.models.memory import TIMES, Clock, Memory, explore, memory_database, written
from tests.models.processes import Process, Request, session
from tests.models.upstream import PAGE, Chatwoot, Row, told

WINDOW_MS = 90_000  # after which Chatwoot refuses a request with a body
GIVE_UP_MS = 22_000  # when our side no longer waits for an answer
LATEST_MS = 110_000  # what an unfenced Chatwoot may still do with a request; we wait for 120 s
MOST = 6
some = st.integers(0, 99)
MOMENTS = (1, 300, 600, 1_100, 1_100, 5_100, 21_000, 26_000, 61_000)
STEPS, WALKS = 30, 20
times = st.sampled_from(MOMENTS)
OUTCOMES = (
    *("ok", "ok", "ok"),
    *("answer lost", "answer lost", "late", "late"),
    *("request lost", "saved, then 500", "500", "502 but saved", "502", "422 for good", "422 but saved"),
    *("too many", "429", "unreachable", "401", "413"),
)
WEIGHTS = {"say": 4, "agents": 2, "bury": 2, "delay": 2, "go": 12, "step": 3, "cable": 3, "late": 2, "disturb": 1}
LOADED = (*["ok"] * 6, *["late"] * 6, *["answer lost"] * 6, *OUTCOMES)
SOON = (1, 1, 300, 600, 600, 1_100, 1_100, 1_100, *MOMENTS)
POISON = "this is never taken"  # so that what is refused is always refused


class OutboxModel(RuleBasedStateMachine):
    memory: Memory
    fenced, has_bot = True, False

    def __init__(self) -> None:
        super().__init__()
        self.memory.empty()
        self.clock = Clock()
        self.person = newcomer()
        self.chatwoot = Chatwoot(self.clock, self.person.source_id)
        if self.fenced:
            ChatwootRow.objects.update(fence="fenced", fence_window_ms=WINDOW_MS)
        self.requests: list[Request] = []
        self.frames: list[Any] = []
        self.accepted: list[Any] = []
        self.wrong: list[str] = []
        self.numbers = 0
        self.processes = [self._start(), self._start()]

    def _start(self) -> Process:
        self.numbers += 1
        row = ChatwootRow.objects.get()
        return Process(self.numbers, self.clock, row, self._asked, has_bot=self.has_bot)

    def _asked(self, request: Request) -> None:
        if request.kind == "message" and self._may_take_effect(request):
            other = [each for each in self._under_way() if each.kind == "message"]
            if other:  # raised later: an error in here would be the courier's
                self.wrong.append("two attempts of one lane may both take effect")
        self.requests.append(request)

    def _may_take_effect(self, request: Request) -> bool:
        told = request.headers.get("X-Request-Start", "")
        if not told:
            return self.clock.now <= request.began + LATEST_MS
        return self.clock.now <= int(told.removeprefix("t=")) + WINDOW_MS

    def _under_way(self) -> list[Request]:
        return [each for each in self.requests if each.writes and not each.ended and self._may_take_effect(each)]

    # The visitor, the agent, time

    @initialize(known=st.booleans())
    def begins(self, known: bool) -> None:
        """``known``: somebody who has written before."""
        self.accepts("hello")
        if known:
            self._settle()

    @precondition(lambda self: len(self.accepted) < MOST)
    @rule(text=st.sampled_from(["ok", "ok", "yes", POISON]))
    def accepts(self, text: str) -> None:
        said, _ = written(
            self.clock,
            lambda pen: acceptance.accept(
                pen, self.person.id, echo_id=acceptance.uuid.uuid4(), conversation_id=None, text=text
            ),
            self.person.id,
        )
        self.accepted.append(said.message_id)

    @precondition(lambda self: self.chatwoot.statuses)
    @rule(count=st.sampled_from([1, 20, 22, 24]), early=st.lists(st.integers(0, 4), min_size=24, max_size=24))
    def agents_write(self, count: int, early: list[int]) -> None:
        """Many at once: Rails took the time of some before it numbered them."""
        for by in early[:count]:
            self.clock.tick()
            now = self.clock.now - by
            self.chatwoot.write(max(self.chatwoot.statuses), "how can I help?", created_at=now, updated_at=now)

    @precondition(lambda self: self.chatwoot.statuses)
    @rule(which=st.integers(0, 1), after=st.integers(16, 19))
    def is_buried(self, which: int, after: int) -> None:
        """Agents write much before and after ours: it stands where one page of a list ends."""
        self.agents_write(5, [0] * 24)
        self.goes_on(which, "saved, then 500", 1)
        self.frames.clear()
        self.agents_write(after, [0] * 24)
        self.goes_on(which, "ok", 600)
        self.goes_on(which, "ok", 1)

    @rule(which=st.integers(0, 1))
    def is_late(self, which: int) -> None:
        """Nobody waits for the answer any more, looks find nothing, and then it takes effect."""
        self.goes_on(which, "late", 600)
        for _ in range(4):
            self.goes_on(which, "ok", 1_100)
        if self._left():
            self.takes_effect_late(0, True)

    @rule(ms=times)
    def passes(self, ms: int) -> None:
        assert not self.wrong
        self.clock.tick(ms)
        for request in self.requests:
            if not request.over and self.clock.now > request.began + GIVE_UP_MS:
                self._end(request, Ambiguous("ReadTimeout"))

    # Our processes

    @rule(which=st.integers(0, 1), steps=st.integers(1, 4))
    def works(self, which: int, steps: int) -> None:
        """A few steps, so that it may die or freeze between any two."""
        self.processes[which].work(steps)

    def goes_on(self, which: int, outcome: str, ms: int) -> None:
        """It works until it waits for Chatwoot, which answers so; then time passes."""
        process = self.processes[which]
        process.work(20)
        waiting = [each for each in self.requests if not each.over and each.process == process.number]
        if waiting:
            self._answer(waiting[0], outcome)
            process.work(20)
        self.passes(ms)

    doubtful = rule(which=st.integers(0, 1), outcome=st.sampled_from(OUTCOMES), ms=times)(goes_on)
    healthy = rule(which=st.integers(0, 1), outcome=st.just("ok"), ms=times)(goes_on)
    late = rule(which=st.integers(0, 1), outcome=st.just("late"), ms=times)(goes_on)

    @rule(
        which=st.integers(0, 1), what=st.sampled_from(["dies", "freezes", "thaws", "thaws", "lease", *["nothing"] * 3])
    )
    def is_disturbed(self, which: int, what: str) -> None:
        process = self.processes[which]
        if what == "dies":
            self.processes[which] = self._start()
            for request in self.requests:
                request.over |= request.process == process.number
            process.die()
        elif what == "lease":  # as if a clock had jumped
            Delivery.objects.update(lease_until=0, due_at=0)
        elif what != "nothing":
            process.frozen = what == "freezes"

    # Chatwoot

    @precondition(lambda self: any(not each.over for each in self.requests))
    @rule(which=some, outcome=st.sampled_from(OUTCOMES))
    def answers(self, which: int, outcome: str) -> None:
        waiting = [each for each in self.requests if not each.over]
        self._answer(waiting[which % len(waiting)], outcome)

    @precondition(lambda self: self._left())
    @rule(which=some, happens=st.booleans())
    def takes_effect_late(self, which: int, happens: bool) -> None:
        """What nobody waits for any more, and Chatwoot's fence lets pass."""
        request = self._left()[which % len(self._left())]
        if happens and self._may_take_effect(request):
            self._save(request)
        request.ended = True

    def _left(self) -> list[Request]:
        return [each for each in self.requests if each.writes and each.over and not each.ended]

    @precondition(lambda self: self.frames)
    @rule(which=some, what=st.sampled_from(["heard", "heard", "heard and said again", "lost"]))
    def cable(self, which: int, what: str) -> None:
        at = which % len(self.frames)
        if "heard" in what:
            self._hear(self.frames[at])
        if "again" not in what:
            del self.frames[at]

    def _hear(self, frame: Any) -> None:
        is_message = isinstance(frame, mirror.resources.Message)
        apply = mirror.apply_message if is_message else mirror.apply_conversation
        written(self.clock, lambda pen: apply(pen, self.person.scope, frame, read_started=None), self.person.id)

    def _answer(self, request: Request, outcome: str) -> None:
        if not request.writes:
            return self._show(request, outcome)
        poison = request.values.get("content") == POISON
        if poison and outcome in ("ok", "answer lost", "502 but saved", "saved, then 500", "422 but saved", "late"):
            outcome = "422 for good"
        elif not poison and outcome in ("422 for good", "413"):
            outcome = "500"
        if not self._may_take_effect(request):
            outcome = "502"  # expired: Puma's own words, without Rails
        saved = self._save(request) if outcome in ("ok", "answer lost") or "saved" in outcome else None
        request.ended = outcome != "late"
        self._end(request, saved if outcome == "ok" else _error(outcome))

    def _show(self, request: Request, outcome: str) -> None:
        shown: dict[str, Any] = {
            "messages": lambda: self.chatwoot.page(request.values["conversation"], request.values["before"]),
            "conversations": self.chatwoot.index,
            "inbox": lambda: None,
        }
        lost = {"429": Throttled(retry_after_s=30), "unreachable": Unreachable("ConnectError"), "401": _error("401")}
        if outcome in lost or outcome in ("500", "502", "answer lost"):
            self._end(request, lost.get(outcome, Ambiguous("500")))
        else:
            self._end(request, shown[request.kind]())

    def _end(self, request: Request, result: Any) -> None:
        request.over = True
        if request.answer.done():
            return
        if isinstance(result, ChatwootError):
            request.answer.set_exception(result)
            request.answer.exception()  # its process may be frozen for ever
        else:
            request.answer.set_result(result)

    def _save(self, request: Request) -> Any:
        request.ended = True
        if request.kind == "contact":
            return session(self.person.source_id)
        if request.kind == "conversation":
            number = len(self.chatwoot.statuses) + 1
            self.chatwoot.open(number, request.values["key"])
            self.frames.append(self.chatwoot.conversation_frame(number))
            return self.chatwoot.conversation(number)
        row = self.chatwoot.write(
            request.values["conversation"],
            request.values["content"],
            created_at=self._before_some(),
            incoming=True,
            echo_id=request.values["echo_id"],
            marker=request.values["marker"],
        )
        self.frames.append(self.chatwoot.frame(row))
        return replace(told(row), inbox_id=CHATWOOT_INBOX) if self.has_bot else told(row)

    def _before_some(self) -> int:
        """Rails took its time before it numbered it: up to four rows with lower numbers are younger."""
        times = sorted(row.created_at for row in self.chatwoot.rows.values())[-4:]
        older = self.clock.now % 5
        before = times[-older] - 1 if 0 < older <= len(times) else self.clock.now
        return max(before, self.clock.now - 900)

    # In the end

    def teardown(self) -> None:
        try:
            self._settle()
            self._compare()
        finally:
            for process in self.processes:
                process.die()

    def _settle(self) -> None:
        """Everything is well again; what is late stays late until it is too late."""
        for process in self.processes:
            process.frozen = False
        for turn in range(600):
            for process in self.processes:
                process.work(20)
            for request in [each for each in self.requests if not each.over]:
                self._answer(request, "ok")
            for process in self.processes:
                process.work(20)
            if not Delivery.objects.filter(state__in=Delivery.OPEN).exists():
                return
            self.passes(600 if turn % 2 else 1_100)
        raise AssertionError(list(Delivery.objects.values("kind", "state", "attempt", "reason")))

    def _compare(self) -> None:
        rows = [row for row in self.chatwoot.rows.values() if row.incoming]
        of: dict[str, list[Row]] = {}
        for row in sorted(rows, key=lambda row: row.id):
            of.setdefault((row.echo_id or "").split(".")[0], []).append(row)
        found: list[int] = []
        for message in Message.objects.exclude(echo_id=None).order_by("at", "id"):
            arrived = of.get(str(message.delivery.id), [])
            if message.state == Message.State.FAILED:
                assert not arrived and message.content == POISON
            else:
                assert (message.state, len(arrived)) == ("sent", 1), "neither lost nor doubled"
                assert message.chatwoot_id == arrived[0].id
                found.append(arrived[0].id)
        assert found == sorted(found), "in the order in which they were accepted"
        assert len(self.accepted) == Message.objects.exclude(echo_id=None).count()
        assert Duplicate.objects.count() == 0
        assert len(self.chatwoot.statuses) == (1 if self.accepted else 0)


class UnfencedModel(OutboxModel):
    fenced = False


class MarkedModel(OutboxModel):
    has_bot = True


def _error(outcome: str) -> ChatwootError:
    match outcome:
        case "429":
            return Throttled(retry_after_s=30)
        case "unreachable":
            return Unreachable("ConnectError")
        case "401":
            return Forbidden(status=401)
        case "413":
            return Refused(status=413)
        case "422 for good" | "422 but saved":
            return Invalid("Validation failed: Content", permanent=True, finished=True)
        case "too many":
            return Invalid("Too many messages", permanent=False, finished=True)
        case "500" | "saved, then 500":
            return Ambiguous("Internal Server Error", status=500, finished=True)
        case "502" | "502 but saved":
            return Ambiguous("Bad Gateway", status=502)
    return Ambiguous("ReadError")


class Deaths(logging.Handler):
    """Instead of thousands of log lines: what was raised and only logged."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and (error := record.exc_info[1]):
            self.errors.append(error)


@pytest.fixture
def memory(django_db_blocker: Any) -> Iterator[Memory]:
    log, deaths = logging.getLogger("chat"), Deaths()
    log.addHandler(deaths)
    log.propagate = False
    with memory_database(django_db_blocker) as memory:
        yield memory
    log.removeHandler(deaths)
    log.propagate = True
    for error in deaths.errors:
        raise error


def walk(model: type[OutboxModel], seed: int) -> None:
    """The same steps as the state machine's, by dice that are loaded against us."""
    chance = Random(seed)
    machine = model()
    machine.begins(chance.random() < 0.9)
    for _ in range(STEPS):
        which, other = chance.randrange(2), chance.randrange(100)
        match chance.choices(tuple(WEIGHTS), tuple(WEIGHTS.values()))[0]:
            case "say" if len(machine.accepted) < MOST:
                machine.accepts(chance.choice(("ok", "ok", "ok", "ok", "yes", POISON)))
            case "agents" if machine.chatwoot.statuses:
                machine.agents_write(chance.choice((1, 17, 18, 19, 22)), [chance.randrange(5) for _ in range(24)])
            case "delay":
                machine.is_late(which)
            case "bury" if machine.chatwoot.statuses:
                machine.is_buried(which, chance.randint(16, 19))
            case "go":
                machine.goes_on(which, chance.choice(LOADED), chance.choice(SOON))
            case "step":
                machine.works(which, chance.randint(1, 4))
            case "cable" if machine.frames:
                machine.cable(other, chance.choice(("heard", "heard and said again", "lost", "lost", "lost")))
            case "late" if machine._left():
                machine.takes_effect_late(other, chance.random() < 0.8)
            case "disturb":
                machine.is_disturbed(which, chance.choice(("dies", "freezes", "thaws", "thaws", "lease")))
    machine.teardown()


MODELS = pytest.mark.parametrize("model", [OutboxModel, UnfencedModel, MarkedModel])


@MODELS
def test_what_is_accepted_arrives_once_and_in_order(model: type[OutboxModel], memory: Memory) -> None:
    assert PAGE < 24, "so that looking takes several pages"
    model.memory = memory
    explore(model, examples=12, steps=40)


@MODELS
def test_and_by_loaded_dice(model: type[OutboxModel], memory: Memory) -> None:
    model.memory = memory
    for seed in range(WALKS * TIMES):
        try:
            walk(model, seed)
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
