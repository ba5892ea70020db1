"""Named moments at which a test may kill, stop, delay or fail this process. In production nothing is configured.

``FAILPOINTS`` is ``name=action[:probability][@nth]``, several separated by commas or blanks. Actions: ``kill`` and
``stop`` (SIGKILL and SIGSTOP to ourselves), ``raise``, ``sleep:seconds`` (blocks the thread, as a frozen one is).
``@nth``: only the nth time it is reached. The names are the crash points of a delivery.
"""

import logging
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

NAMES = frozenset(
    {
        "ingress.before_commit",
        "ingress.after_commit",
        "courier.after_claim",
        "courier.before_send",
        "courier.after_send",
        "courier.before_settle",
        "courier.after_settle",
        "courier.while_looking",
        "conversation.before_send",
        "conversation.after_send",
        "contact.after_send",
        "mirror.before_commit",
    }
)
ENTRY = re.compile(
    r"(?P<name>[\w.]+)=(?:(?P<action>kill|stop|raise)|sleep:(?P<seconds>\d+(?:\.\d+)?))"
    r"(?::(?P<probability>0?\.\d+|[01](?:\.0)?))?(?:@(?P<nth>[1-9]\d*))?"
)

log = logging.getLogger(__name__)


class Failed(Exception):
    """The action ``raise``."""


class BadFailpoints(ValueError):
    """``FAILPOINTS`` cannot be read; the text says which part."""


@dataclass(slots=True)
class _Failpoint:
    name: str
    action: str
    seconds: float
    probability: float
    nth: int
    reached: int = 0

    def due(self, random: Random) -> bool:
        self.reached += 1
        return (not self.nth or self.reached == self.nth) and random.random() < self.probability

    def act(self) -> None:
        log.warning("failpoint %s: %s", self.name, self.action)
        ACTIONS[self.action](self)


def _raise(failpoint: _Failpoint) -> None:
    raise Failed(failpoint.name)


ACTIONS: dict[str, Callable[[_Failpoint], None]] = {
    "kill": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "stop": lambda _: os.kill(os.getpid(), signal.SIGSTOP),
    "raise": _raise,
    "sleep": lambda failpoint: time.sleep(failpoint.seconds),
}

_failpoints: dict[str, _Failpoint] = {}
_random = Random()
_lock = threading.Lock()


def configure(text: str, *, random: Random | None = None) -> None:
    """Replace what is configured; the empty text switches all off. Raises BadFailpoints."""
    global _random
    found: dict[str, _Failpoint] = {}
    for entry in text.replace(",", " ").split():
        failpoint = _parse(entry)
        if failpoint.name in found:
            raise BadFailpoints(f"FAILPOINTS names {failpoint.name} twice")
        found[failpoint.name] = failpoint
    _failpoints.clear()
    _failpoints.update(found)
    _random = random or Random()
    if found:
        log.warning("failpoints are set, which is for tests only: %s", text)


def reached(name: str) -> None:
    """This is the moment `name`. Does nothing unless that is configured; works in any thread."""
    if not _failpoints or (failpoint := _failpoints.get(name)) is None:
        return
    with _lock:
        due = failpoint.due(_random)
    if due:
        failpoint.act()


def _parse(entry: str) -> _Failpoint:
    found = ENTRY.fullmatch(entry)
    if found is None:
        raise BadFailpoints(f"FAILPOINTS has {entry!r}; write name=kill|stop|raise|sleep:seconds[:probability][@nth]")
    if found["name"] not in NAMES:
        raise BadFailpoints(f"FAILPOINTS names {found['name']!r}; there are {', '.join(sorted(NAMES))}")
    return _Failpoint(
        name=found["name"],
        action=found["action"] or "sleep",
        seconds=float(found["seconds"] or 0),
        probability=float(found["probability"] or 1),
        nth=int(found["nth"] or 0),
    )
