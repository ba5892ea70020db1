"""Everything encrypted at rest, once more under the first of ``settings.FIELD_KEYS``, beside running processes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import ExpressionWrapper, F, Value

from chat.fields import EncryptedTextField, UnknownKey, renewed

BATCH = 500  # rows in memory at a time; each is written by itself, so that nobody waits for a lock
MOST_TRIES = 5  # for a value that somebody else writes at the same moment
_STORED = models.TextField()  # for an expression: what the column holds, not what it means


@dataclass
class Column:
    model: type[models.Model]
    name: str
    changed: int = 0
    unreadable: list[Any] = field(default_factory=list)  # primary keys
    restless: list[Any] = field(default_factory=list)  # likewise, of values that changed at every try

    def __str__(self) -> str:
        return f"{self.model.__name__}.{self.name}"


def rotate(*, batch: int = BATCH) -> Iterator[Column]:
    """Column by column, each when it is done. What is under the first key already is left alone."""
    for model in apps.get_models():
        for each in model._meta.concrete_fields:
            if isinstance(each, EncryptedTextField):
                column = Column(model, each.name)
                for pk in _primary_keys(column, batch):
                    _rotate_value(column, pk)
                yield column


def _primary_keys(column: Column, batch: int) -> Iterator[Any]:
    rows = _rows(column).exclude(stored=None).exclude(stored="").order_by("pk").values_list("pk", flat=True)
    page = list(rows[:batch])
    while page:
        yield from page
        page = list(rows.filter(pk__gt=page[-1])[:batch])


def _rotate_value(column: Column, pk: Any) -> None:
    rows = _rows(column).filter(pk=pk)
    for _ in range(MOST_TRIES):
        stored = rows.values_list("stored", flat=True).first()
        try:
            new = renewed(stored) if stored else None
        except UnknownKey:
            column.unreadable.append(pk)
            return
        if new is None:
            return
        # Conditional: what somebody wrote since we read it stands, and is looked at again.
        if rows.filter(stored=stored).update(**{column.name: Value(new, output_field=_STORED)}):
            column.changed += 1
            return
    column.restless.append(pk)


def _rows(column: Column) -> "models.QuerySet[Any]":
    stored = ExpressionWrapper(F(column.name), output_field=_STORED)
    return column.model._base_manager.annotate(stored=stored)
