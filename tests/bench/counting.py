"""`manage.py` that counts SQL statements by where in `chat/` they come from, and writes the counts when told to.

At SIGUSR1 they go to the file that COUNTS names, as JSON: origin, verb and table → number. What a database's own driver
sends around them (PostgreSQL's BEGIN and COMMIT) is not seen here.
"""

import json
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from django.core.management import execute_from_command_line
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

COUNTS = Path(os.environ["COUNTS"])
CHAT = f"{Path(__file__).resolve().parents[2] / 'chat'}{os.sep}"
TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+\"?(chat_\w+)")
counts: Counter[str] = Counter()


def origin() -> str:
    """The innermost function in chat/, and who called it from another file there."""
    found: list[tuple[str, str]] = []
    frame: FrameType | None = sys._getframe(2)
    while frame and len(found) < 2:
        file, name = frame.f_code.co_filename, frame.f_code.co_qualname.replace(".<locals>", "")
        if file.startswith(CHAT) and (not found or found[-1][0] != file):
            found.append((file, f"{file.removeprefix(CHAT)} {name}"))
        frame = frame.f_back
    return " < ".join(each for _, each in found) or "Django"


def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    table = TABLE.search(sql)
    counts[f"{origin()}: {sql.split(None, 1)[0]} {table[1] if table else ''}".rstrip()] += 1
    return execute(sql, params, many, context)


def watch(connection: BaseDatabaseWrapper, **_: object) -> None:
    if note not in connection.execute_wrappers:
        connection.execute_wrappers.append(note)


def tell(*_: object) -> None:
    part = COUNTS.with_suffix(".part")
    part.write_text(json.dumps(dict(counts)))
    part.rename(COUNTS)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproxy.settings")
    signal.signal(signal.SIGUSR1, tell)
    connection_created.connect(watch)
    execute_from_command_line(sys.argv)
