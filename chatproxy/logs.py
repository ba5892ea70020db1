"""Logging: to standard error, in UTC, without secrets, and where no person develops, one line per record."""

import json
import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from chat import trail
from chatproxy.redaction import redactor

LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"


# What the commonest numbers mean; PostgreSQL's own sentences quote rows.
SQLSTATES = {
    "08006": "the connection was lost",
    "25006": "it is read-only",
    "28P01": "it refuses the password",
    "40001": "others wrote the same",
    "40P01": "a deadlock",
    "53100": "its disk is full",
    "53200": "it is short of memory",
    "53300": "it has too many connections",
    "55P03": "somebody else held a lock for too long",
    "57014": "it took too long, or was cancelled",
    "57P01": "an operator ended the connection, or it stops",
    "57P02": "one of its processes crashed",
    "57P03": "it starts, stops or recovers",
    "58030": "it cannot read or write its files",
}


class UtcFormatter(logging.Formatter):
    """Of what PostgreSQL says only class, number and its meaning: it quotes rows, and with them what visitors write.

    ``secrets`` are taken out by value, all others by their shape, at every level.
    """

    converter = staticmethod(time.gmtime)

    def __init__(self, fmt: str, *, secrets: Iterable[str] = ()) -> None:
        super().__init__(fmt)
        self._redact = redactor(secrets)

    def format(self, record: logging.LogRecord) -> str:
        return self._clean(super().format(record), record)

    def _clean(self, text: str, record: logging.LogRecord) -> str:
        for error in _errors(record):
            if (sqlstate := _sqlstate(error)) and str(error):
                text = text.replace(str(error), f"{type(error).__name__}, {_words(sqlstate)}")
        return self._redact(text)


# What ends a line, steers a terminal or turns the direction of reading.
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class OneLineFormatter(UtcFormatter):
    """Tracebacks stay whole, but a line is a record: nothing a visitor writes can look like another one."""

    def format(self, record: logging.LogRecord) -> str:
        return UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), super().format(record))


class JsonFormatter(UtcFormatter):
    """An object on each line. Its values are cleaned one by one: in the finished text that might break the JSON."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        said = {"level": record.levelname, "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        of_record = {name: value for name, value in vars(record).items() if name in trail.FIELDS}
        named = {trail.KEY: trail.request_id.get()} | of_record
        said |= {name: str(value) for name, value in named.items() if value}
        cleaned = {name: self._clean(text, record) for name, text in said.items()}
        return json.dumps({"time": f"{moment}.{int(record.msecs):03d}Z"} | cleaned)


def _errors(record: logging.LogRecord) -> Iterator[BaseException]:
    """Whatever a line or its traceback may quote."""
    found = [each for each in record.args or () if isinstance(each, BaseException)]
    if record.exc_info and record.exc_info[1] is not None:
        found.append(record.exc_info[1])
    seen: set[int] = set()
    while found:
        error = found.pop()
        if id(error) not in seen:
            seen.add(id(error))
            found += [each for each in (error.__cause__, error.__context__) if each is not None]
            found += error.exceptions if isinstance(error, BaseExceptionGroup) else ()
            yield error


def _sqlstate(error: BaseException) -> str | None:
    """The driver's errors have one; Django's are caused by one of those."""
    found: str | None = getattr(error, "sqlstate", None) or getattr(error.__cause__, "sqlstate", None)
    return found


def _words(sqlstate: str) -> str:
    meaning = SQLSTATES.get(sqlstate)
    return f"sqlstate {sqlstate}: {meaning}" if meaning else f"sqlstate {sqlstate}"


class WithoutTraceback(logging.Filter):
    """What anybody can cause from outside is a warning of one line, and no error of ours."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        return logging.getLogger(record.name).isEnabledFor(record.levelno)


FROM_OUTSIDE = frozenset({"chat.api.access", "chat.api.cors", "chat.embedding", "chatproxy.request"})
REFUSALS = frozenset({"django.request", "django.security.csrf", "django.security.DisallowedHost"})  # they quote
SELDOM_S = 60.0
MOST_QUOTED = 200  # signs


class Seldom(logging.Filter):
    """What anybody can cause from outside, as often as they like, is said once a minute of each kind, and counted."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._said: dict[tuple[str, object, str], tuple[float, int]] = {}  # when, and how many since

    def filter(self, record: logging.LogRecord) -> bool:
        is_refusal = record.name in REFUSALS and record.levelno < logging.ERROR
        if not is_refusal and record.name not in FROM_OUTSIDE:
            return True
        text = record.getMessage()
        kind = record.name, getattr(record, "status_code", None), record.msg if record.args else ""
        now = self._monotonic()
        at, more = self._said.get(kind, (now - SELDOM_S, 0))
        if now < at + SELDOM_S:
            self._said[kind] = at, more + 1
            return False
        self._said[kind] = now, 0
        if is_refusal and len(text) > MOST_QUOTED:
            text = f"{text[:MOST_QUOTED]}…"
        record.msg, record.args = f"{text} (and {more} more like it since the last such line)" if more else text, ()
        return True


def logging_config(*, level: str, one_line: bool, secrets: Iterable[str] = (), as_json: bool = False) -> dict[str, Any]:
    """Django's LOGGING. Libraries that log what they send and receive stay at WARNING, whatever ``level`` says.

    There is one handler, so that nothing goes around the formatter: Django's own two are taken away.
    """
    formatter = JsonFormatter if as_json else OneLineFormatter if one_line else UtcFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter, "format": LINE, "secrets": list(secrets)}},
        "filters": {"without traceback": {"()": WithoutTraceback}, "seldom": {"()": Seldom}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["seldom"]}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            "django.db.backends": {"level": "INFO"},
            "django.security.DisallowedHost": {"filters": ["without traceback"]},
            "chat.trail": {"level": level if as_json else "WARNING"},
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            "websockets": {"level": "WARNING"},
            "daphne": {"level": "WARNING"},
            "asyncio": {"level": "WARNING"},
        },
    }
