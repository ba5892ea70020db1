import logging
import threading

import pytest

from chat.trouble import Trouble

LOCKED = RuntimeError("database is locked")


class Said:
    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self.now = 0.0
        self.trouble = Trouble(logging.getLogger("test"), calm_s=10, now=lambda: self.now)
        self._caplog = caplog

    def lines(self) -> list[str]:
        found = [record.getMessage() for record in self._caplog.records]
        self._caplog.clear()
        return found

    def levels(self) -> list[str]:
        return [record.levelname for record in self._caplog.records]


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Said:
    return Said(caplog)


def test_it_is_said_at_once_then_every_ten_seconds_and_when_it_is_over(said: Said) -> None:
    for tenth in range(250):
        said.now = tenth / 10
        said.trouble.note(LOCKED, given_up=2)
    for said.now in (25, 30, 35):
        said.trouble.over()
    assert said.lines() == [
        *(
            f"the database refuses writes: RuntimeError: database is locked; given up so far: {n}"
            for n in (2, 202, 402)
        ),
        "the database can be written again after 25.0 s; given up: 500",
    ]


def test_stumbling_again_and_again_fills_no_log(said: Said) -> None:
    for second in range(100):
        said.now = second
        said.trouble.note(LOCKED, given_up=0)
        said.trouble.over()
    assert len(said.lines()) == 10


def test_it_is_not_over_while_one_write_fails_among_others_that_succeed(said: Said) -> None:
    """One table alone is locked, or what is small has room on a full disk."""
    for second in range(60):
        said.now = second
        said.trouble.note(LOCKED, given_up=1) if second % 5 == 0 else said.trouble.over()
    assert not [line for line in said.lines() if "again" in line]
    for said.now in (60, 66):
        said.trouble.over()
    assert said.lines() == ["the database can be written again after 56.0 s; given up: 12"]


def test_it_is_a_warning_until_something_was_given_up_and_then_an_error_at_once(said: Said) -> None:
    for second, given_up in ((0, 0), (1, 0), (2, 1), (3, 1), (13, 0)):
        said.now = second
        said.trouble.note(LOCKED, given_up=given_up)
    for said.now in (14, 24):
        said.trouble.over()
    assert said.levels() == ["WARNING", "ERROR", "ERROR", "WARNING"]
    assert said.lines() == [
        "the database refuses writes: RuntimeError: database is locked",
        "the database refuses writes: RuntimeError: database is locked; given up so far: 1",
        "the database refuses writes: RuntimeError: database is locked; given up so far: 2",
        "the database can be written again after 14.0 s; given up: 2",
    ]


def test_the_next_trouble_begins_as_a_warning(said: Said) -> None:
    said.trouble.note(LOCKED, given_up=1)
    for said.now in (0, 10):
        said.trouble.over()
    said.now = 20
    said.trouble.note(LOCKED, given_up=0)
    assert said.levels() == ["ERROR", "WARNING", "WARNING"]


def test_the_kind_is_known_while_it_lasts(said: Said) -> None:
    assert said.trouble.kind == ""
    said.trouble.note(LOCKED, given_up=0)
    assert said.trouble.kind == "RuntimeError"
    said.trouble.over()
    assert said.trouble.kind == ""


def test_one_thread_tells_its_line_before_another_says_that_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def now() -> float:
        inside.set()
        go_on.wait(10)
        return 0.0

    trouble = Trouble(logging.getLogger("test"), now=now)
    tells = threading.Thread(target=trouble.note, args=(LOCKED,), kwargs={"given_up": 1})
    tells.start()
    inside.wait()
    ends = threading.Thread(target=trouble.over)
    ends.start()
    ends.join(0.05)
    go_on.set()
    for thread in (tells, ends):
        thread.join()
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "the database refuses writes",
        "the database can be written again after 0.0 s; given up",
    ]
