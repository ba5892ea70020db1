"""Runs the hot statements. PostgreSQL gets what brings nothing back together with the next that does.

A statement there costs a round trip, which on a busy machine is most of its time. SQLite has none.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection

Params = Sequence[Any] | Mapping[str, Any]


class _Held(threading.local):
    statements: list[str] | None = None


_held = _Held()


def fetch(query: str, params: Params) -> list[tuple[Any, ...]]:
    """The rows, on the default connection of the calling thread; after all that is held."""
    with connection.cursor() as cursor:
        if _held.statements:
            cursor.execute(_taken(_composed(query, params)))
            while cursor.nextset():
                pass
        else:
            cursor.execute(query, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def execute(query: str, params: Params) -> None:
    """What it changes, every later statement of this connection finds; an error of it may be raised by one of those."""
    if _held.statements is None:
        with connection.cursor() as cursor:
            cursor.execute(query, params)
    else:
        _held.statements.append(_composed(query, params))


@contextmanager
def held(*, commits: bool = False) -> Iterator[None]:
    """Within a transaction: let ``execute`` wait for the next statement, or for the end of this block.

    ``commits``: that is the end of the transaction, too; its last round trip is spared.
    """
    if connection.vendor != "postgresql":
        yield
        return
    _held.statements = []
    try:
        with connection.execute_wrapper(_after_those_held):
            yield
            if commits and _held.statements:
                _held.statements.append("COMMIT")  # Django's own then finds nothing to do
            release()
    finally:
        _held.statements = None


def release() -> None:
    """Run what is held, if anything."""
    if _held.statements:
        with connection.cursor() as cursor:
            cursor.execute(_taken())


def _composed(query: str, params: Params) -> str:
    of_postgresql: Any = connection.ops
    return str(of_postgresql.compose_sql(query, params))


def _taken(*last: str) -> str:
    assert _held.statements is not None
    taken, _held.statements = _held.statements, []
    return "; ".join([*taken, *last])


def _after_those_held(run: Callable[..., Any], query: str, *rest: Any) -> Any:
    """Of the ORM, say."""
    release()
    return run(query, *rest)
