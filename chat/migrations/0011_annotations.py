import django.db.models.deletion
from django.db import migrations, models

import chat.fields


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0010_agent_token"),
    ]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="attributes",
            field=models.JSONField(
                default=dict, db_default={}, help_text="what the page around the chat said of it; chat.annotations"
            ),
        ),
        migrations.AddField(
            model_name="conversation",
            name="labels",
            field=models.JSONField(default=dict, db_default={}, help_text="those that were set from here; chat.labelling"),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="kind",
            field=models.CharField(
                choices=[
                    ("contact", "Contact"),
                    ("conversation", "Conversation"),
                    ("message", "Message"),
                    ("answer", "Answer"),
                    ("resolve", "Resolve"),
                    ("seen", "Seen"),
                    ("profile", "Profile"),
                    ("attributes", "Attributes"),
                    ("labels", "Labels"),
                ],
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="payload",
            field=models.JSONField(
                default=dict,
                help_text="of an answer: message_id, submitted_values; of a profile: the body; of attributes, labels: wanted",
            ),
        ),
        migrations.CreateModel(
            name="Removal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("contact_id", models.UUIDField(db_index=True, editable=False, help_text="what they were here")),
                ("source_id", chat.fields.EncryptedTextField(editable=False)),
                ("chatwoot_contact_id", models.BigIntegerField(editable=False, null=True)),
                ("attempts", models.IntegerField(default=0, editable=False)),
                (
                    "reason",
                    models.CharField(blank=True, default="", editable=False, help_text="why not yet", max_length=255),
                ),
                (
                    "is_held",
                    models.BooleanField(
                        default=False, editable=False, help_text="somebody has to decide; docs/operating.md"
                    ),
                ),
                ("due_at", models.BigIntegerField(editable=False)),
                ("created_at", models.BigIntegerField(editable=False)),
                (
                    "inbox",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="removals", to="chat.inbox"
                    ),
                ),
            ],
            options={"indexes": [models.Index(fields=["due_at"], name="removals_due")]},
        ),
    ]
