"""A database in memory, fresh for every example, and time that only passes when it is told to."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.apps import apps
from django.db import connections, transaction
from django.db.backends.sqlite3.base import DatabaseWrapper
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from chat.feed import Change, Pen
from tests.fixtures.people import NOW

T = TypeVar("T")
TIMES = int(os.environ.get("MODEL_TIMES", "1"))  # how many times as many examples as `make test` has time for


class Memory:
    """The default database of this thread, without a file. ``empty`` makes it new in a millisecond."""

    def __init__(self) -> None:
        values = connections.settings["default"] | {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": ":memory:",
            "OPTIONS": {"transaction_mode": "IMMEDIATE"},
        }
        self.wrapper = DatabaseWrapper(values, "default")
        with self.wrapper.schema_editor() as editor:
            for model in apps.get_app_config("chat").get_models():
                editor.create_model(model)
        self._blank: bytes = self._driver().serialize()

    def _driver(self) -> sqlite3.Connection:
        self.wrapper.ensure_connection()
        driver: sqlite3.Connection = self.wrapper.connection
        return driver

    def empty(self) -> None:
        self._driver().deserialize(self._blank)


@contextmanager
def memory_database(blocker: Any) -> Iterator[Memory]:
    """Puts it in the place of the default connection of this thread; ``blocker`` is pytest-django's."""
    with blocker.unblock():
        before = connections["default"]
        memory = Memory()
        connections["default"] = memory.wrapper
        try:
            yield memory
        finally:
            connections["default"] = before
            memory._driver().close()


class Clock:
    """Milliseconds, of everybody: the database, Chatwoot and our processes. No two moments are the same."""

    def __init__(self) -> None:
        self.now = NOW

    def tick(self, ms: int = 1) -> int:
        self.now += ms
        return self.now


def written(clock: Clock, run: Callable[[Pen], T], *contacts: Any) -> tuple[T, list[Change]]:
    """One whole transaction, as the writer makes it."""
    with transaction.atomic():
        pen = Pen(clock.tick(), contacts)
        result = run(pen)
        return result, pen.close()


def explore(machine: Callable[[], RuleBasedStateMachine], *, examples: int, steps: int) -> None:
    """Run a state machine; the same examples each time, unless more than usual are asked for."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples * TIMES,
            stateful_step_count=steps,
            deadline=None,
            derandomize=TIMES == 1,
            database=None,
            phases=(Phase.generate, Phase.shrink) if TIMES > 1 else (Phase.generate,),  # shrinking takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
