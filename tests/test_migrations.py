"""Old code runs beside a database that new code has migrated: migrations only add (docs/deploying.md)."""

from collections.abc import Iterator

import pytest
from django.db import connection, models
from django.db.migrations import operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

ADDING = (
    operations.CreateModel,
    operations.AddIndex,
    operations.RemoveIndex,
    operations.RenameIndex,
    operations.RunPython,
    operations.AlterModelOptions,
    operations.AlterModelManagers,
)
FIRST = 7  # those before it came before anybody ran two releases side by side


def is_filled(field: models.Field) -> bool:
    """By the database, when code that does not know it writes a row."""
    return field.many_to_many or field.null or field.has_db_default() or field.primary_key


def is_additive(operation: Operation, before: ProjectState) -> bool:
    match operation:
        case operations.AddField(field=field):
            return is_filled(field)
        case operations.AlterField(model_name=model, name=name, field=field):
            old = before.models["chat", model.lower()].fields[name]
            return not connection.schema_editor()._field_should_be_altered(_named(old, name), _named(field, name))
    return isinstance(operation, ADDING)


def _named(field: models.Field, name: str) -> models.Field:
    copy = field.clone()
    copy.set_attributes_from_name(name)
    return copy


def steps() -> Iterator[tuple[str, Operation, ProjectState]]:
    loader = MigrationLoader(None)
    state = ProjectState()
    for key in loader.graph.forwards_plan(loader.graph.leaf_nodes("chat")[0]):
        migration = loader.graph.nodes[key]
        for operation in migration.operations:
            if key[0] == "chat" and int(key[1][:4]) >= FIRST:
                yield f"{key[1]}: {operation.describe()}", operation, state.clone()
            operation.state_forwards(key[0], state)


def test_what_old_code_writes_and_reads_stays_possible() -> None:
    assert [words for words, operation, before in steps() if not is_additive(operation, before)] == []


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (operations.AddField("contact", "shoe_size", models.IntegerField(null=True)), True),
        (operations.AddField("contact", "shoe_size", models.IntegerField(db_default=42)), True),
        (operations.AddField("contact", "shoe_size", models.IntegerField(default=42)), False),
        (operations.AlterField("contact", "name", models.CharField(help_text="as they said")), True),
        (operations.AlterField("contact", "name", models.IntegerField()), False),
        (operations.RemoveField("contact", "name"), False),
        (operations.RenameField("contact", "name", "called"), False),
        (operations.DeleteModel("Contact"), False),
    ],
    ids=lambda value: value.describe() if isinstance(value, Operation) else "",
)
def test_the_rule_tells_them_apart(operation: Operation, expected: bool) -> None:
    before = MigrationLoader(None).project_state()
    name = before.models["chat", "contact"].fields["name"]
    if isinstance(operation, operations.AlterField) and isinstance(operation.field, models.CharField):
        operation.field = name.clone()
        operation.field.help_text = "as they said"
    assert is_additive(operation, before) is expected
