import logging
import sys

import psycopg
from django.db import IntegrityError, OperationalError

from chatproxy.logs import LINE, OneLineFormatter, UtcFormatter, logging_config


def record(text: str, *, failed: bool = False) -> logging.LogRecord:
    try:
        raise ValueError("broken")
    except ValueError:
        trace = sys.exc_info() if failed else None
    made = logging.LogRecord("chat.courier", logging.INFO, __file__, 1, "said %s", (text,), trace)
    made.created = made.msecs = 0
    return made


def test_nothing_a_visitor_writes_can_look_like_a_record_of_its_own() -> None:
    line = OneLineFormatter(LINE).format(record("hello\r\n1970-01-01 CRITICAL root: forged"))
    assert line == "1970-01-01 00:00:00,000 INFO chat.courier: said hello\\r\\n1970-01-01 CRITICAL root: forged"


def test_nothing_steers_a_terminal_or_hides() -> None:
    line = OneLineFormatter(LINE).format(record("\x1b[31mred\x85\u2028\u202e, größer"))
    assert line.endswith(r"said \x1b[31mred\x85\u2028\u202e, größer")


def test_a_traceback_stays_on_the_line() -> None:
    line = OneLineFormatter(LINE).format(record("hello", failed=True))
    assert "ValueError: broken" in line
    assert "\n" not in line


def refused() -> IntegrityError:
    """As Django raises it: the driver's is its cause, and both quote the row."""
    words = 'duplicate key value violates "x"\nDETAIL:  Key (content)=(my PIN is 1234\nor 99) already exists.'
    try:
        try:
            raise psycopg.errors.UniqueViolation(words)
        except psycopg.Error as error:
            raise IntegrityError(words) from error
    except IntegrityError as error:
        return error


def test_what_a_database_quotes_of_a_row_is_not_logged() -> None:
    error = refused()
    wrapped = RuntimeError("the writer failed")
    wrapped.__cause__ = error
    for failed in (error, wrapped):
        made = logging.LogRecord("chat", logging.ERROR, __file__, 1, "failed: %s", (failed,), None)
        made.exc_info = (type(failed), failed, failed.__traceback__)
        text = UtcFormatter(LINE).format(made)
        assert "IntegrityError, sqlstate 23505" in text and "in refused" in text
        assert not {"DETAIL", "PIN", "99"} & set(text.replace("=(", " ").split())


def test_what_sqlite_says_is_logged() -> None:
    made = logging.LogRecord(
        "chat", logging.ERROR, __file__, 1, "failed: %s", (OperationalError("database is locked"),), None
    )
    assert UtcFormatter("%(message)s").format(made) == "failed: database is locked"


def test_libraries_that_log_addresses_are_kept_quiet() -> None:
    loggers = logging_config(level="DEBUG", one_line=True)["loggers"]
    assert {loggers[name]["level"] for name in ("httpx", "httpcore", "websockets")} == {"WARNING"}
