import logging
import sys

from chatproxy.logs import LINE, OneLineFormatter, logging_config


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


def test_a_traceback_stays_on_the_line() -> None:
    line = OneLineFormatter(LINE).format(record("hello", failed=True))
    assert "ValueError: broken" in line
    assert "\n" not in line


def test_libraries_that_log_addresses_are_kept_quiet() -> None:
    loggers = logging_config(level="DEBUG", one_line=True)["loggers"]
    assert {loggers[name]["level"] for name in ("httpx", "httpcore", "websockets")} == {"WARNING"}
