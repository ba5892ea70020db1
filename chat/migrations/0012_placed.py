from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0011_annotations")]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="placed",
            field=models.JSONField(
                db_default=[],
                default=list,
                help_text="keys of attributes that Chatwoot has from here, and not from agents",
            ),
        ),
    ]
