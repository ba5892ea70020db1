import logging
import sys
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from django.db import IntegrityError, OperationalError

from chatproxy.logs import LINE, OneLineFormatter, Seldom, UtcFormatter, logging_config
from tests.fixtures.the_server import Serving


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


@pytest.mark.parametrize(
    ("sqlstate", "words"),
    [
        ("53100", "sqlstate 53100: its disk is full"),
        ("55P03", "sqlstate 55P03: somebody else held a lock for too long"),
        ("53300", "sqlstate 53300: it has too many connections"),
        ("25006", "sqlstate 25006: it is read-only"),
        ("57P03", "sqlstate 57P03: it starts, stops or recovers"),
        ("22021", "sqlstate 22021"),
    ],
)
def test_what_fails_at_postgresql_is_said_in_words_of_ours(sqlstate: str, words: str) -> None:
    cause = Exception("of the driver")
    cause.sqlstate = sqlstate  # type: ignore[attr-defined]
    error = OperationalError('could not extend file "base/1": of what a visitor wrote')
    error.__cause__ = cause
    made = logging.LogRecord("chat", logging.ERROR, __file__, 1, "it fails: %s", (error,), None)
    assert UtcFormatter("%(message)s").format(made) == f"it fails: OperationalError, {words}"


def test_what_sqlite_says_is_logged() -> None:
    made = logging.LogRecord(
        "chat", logging.ERROR, __file__, 1, "failed: %s", (OperationalError("database is locked"),), None
    )
    assert UtcFormatter("%(message)s").format(made) == "failed: database is locked"


def test_libraries_that_log_addresses_are_kept_quiet() -> None:
    loggers = logging_config(level="DEBUG", one_line=True)["loggers"]
    assert {loggers[name]["level"] for name in ("httpx", "httpcore", "websockets")} == {"WARNING"}


class Listener(logging.Handler):
    """What it lets through, and its clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.lines = 0.0, list[str]()
        self.addFilter(Seldom(monotonic=lambda: self.now))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def hear(self, name: str, text: str, *args: Any, level: int = logging.WARNING, **more: Any) -> None:
        made = logging.LogRecord(name, level, __file__, 1, text, args, None)
        vars(made).update(more)
        self.handle(made)


def test_what_anybody_can_cause_is_said_once_a_minute_of_a_kind_and_counted() -> None:
    heard = Listener()
    for number in range(1_000):
        heard.hear("django.request", "%s: %s", "Not Found", f"/{number}", status_code=404)
        heard.hear("django.request", "%s: %s", "Forbidden", f"/{number}", status_code=403)
        heard.hear("django.security.DisallowedHost", f"Invalid HTTP_HOST header: '{number}.example'.")
        heard.hear("chat.api.cors", "refused origin %r at %s", "null", f"/{number}")
    assert heard.lines == [
        "Not Found: /0",
        "Forbidden: /0",
        "Invalid HTTP_HOST header: '0.example'.",
        "refused origin 'null' at /0",
    ]
    heard.now = 60
    heard.hear("django.request", "%s: %s", "Not Found", "/again", status_code=404)
    heard.hear("django.request", "%s: %s", "Not Found", "/and/again", status_code=404)
    assert heard.lines[4:] == ["Not Found: /again (and 999 more like it since the last such line)"]


def test_what_anybody_can_make_long_is_cut() -> None:
    heard = Listener()
    heard.hear("django.security.DisallowedHost", f"Invalid HTTP_HOST header: '{'a' * 8_000}'.")
    (line,) = heard.lines
    assert len(line) == 201 and line.endswith("aaa…")


def test_faults_of_ours_are_said_each_time_and_whole() -> None:
    heard = Listener()
    for _ in range(2):
        heard.hear("django.request", "%s: %s", "Internal Server Error", "/" * 300, status_code=500, level=logging.ERROR)
        heard.hear("chat.courier", "a delivery failed")
    assert len(heard.lines) == 4 and heard.lines[0] == f"Internal Server Error: {'/' * 300}"


def test_served_a_flood_from_outside_is_a_handful_of_lines(migrated: Path) -> None:
    serving = Serving(migrated)
    asks = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"}
    with serving.running(), httpx.Client(base_url=serving.site, trust_env=False) as http:
        for number in range(50):
            assert http.options("/api/v1/sync", headers=asks).status_code == 403
            assert http.get(f"/nowhere/{number}").status_code == 404
            assert http.get("/", headers={"Host": f"{number}.{'a' * 2_000}.example"}).status_code == 400
        serving.process.terminate()
        said = [line for line in serving.said().splitlines() if " WARNING " in line or " ERROR " in line]
    assert 3 <= len(said) <= 5 and max(map(len, said)) < 400, said
    assert any("ALLOWED_ORIGINS" in line for line in said)
