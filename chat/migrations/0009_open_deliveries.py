from typing import Any

from django.db import migrations, models

OPEN = models.Q(state__in=["accepted", "sending", "unsure", "unconfirmed"])


class AddIndexBesideWriters(migrations.AddIndex):
    """On PostgreSQL without a lock for which writers would wait, old code among them. What a run that was cut off has
    left, which there is an index that is not used, is made anew."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        name = schema_editor.quote_name(self.index.name)
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            schema_editor.add_index(model, self.index, concurrently=True)
        else:
            schema_editor.execute(f"DROP INDEX IF EXISTS {name}")
            schema_editor.add_index(model, self.index)


class Migration(migrations.Migration):
    atomic = False  # as CONCURRENTLY wants it

    dependencies = [
        ("chat", "0008_status"),
    ]

    operations = [
        AddIndexBesideWriters("delivery", models.Index(fields=["lane", "position"], condition=OPEN, name="open_deliveries_of_lane")),
        AddIndexBesideWriters("delivery", models.Index(fields=["contact_inbox"], condition=OPEN, name="open_deliveries_of_person")),
        AddIndexBesideWriters("delivery", models.Index(fields=["due_at", "created_at"], condition=OPEN, name="open_deliveries_by_time")),
        AddIndexBesideWriters("contact", models.Index(fields=["created_at", "id"], name="contacts_by_age")),
        AddIndexBesideWriters("conversation", models.Index(fields=["created_at", "id"], name="conversations_by_age")),
    ]
