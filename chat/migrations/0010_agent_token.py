from django.db import migrations, models

import chat.fields


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0009_open_deliveries"),
    ]

    operations = [
        migrations.AddField(
            model_name="inbox",
            name="agent_token",
            field=chat.fields.EncryptedTextField(
                blank=True,
                db_default="",
                default="",
                help_text="of an agent who is a member of the inbox: may do there what they may",
            ),
        ),
        migrations.AddField(
            model_name="inbox",
            name="team",
            field=models.JSONField(
                db_default=[], default=list, editable=False, help_text="some of its agents, for visitors: name, avatar"
            ),
        ),
        migrations.AddField(
            model_name="inbox",
            name="team_at",
            field=models.BigIntegerField(
                db_default=0, default=0, editable=False, help_text="when they were asked for last, ms"
            ),
        ),
        migrations.AddField(
            model_name="conversation",
            name="transcript_at",
            field=models.BigIntegerField(
                db_default=0, default=0, help_text="when it was last sent by e-mail at the visitor's wish, ms"
            ),
        ),
        migrations.AddField(
            model_name="conversation",
            name="transcript_to",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="by which that address is known again", max_length=32
            ),
        ),
    ]
