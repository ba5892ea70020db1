from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("chat", "0007_help_centre"),
    ]

    operations = [
        migrations.AddField(
            model_name="process",
            name="figures",
            field=models.JSONField(
        default=dict, db_default={}, help_text="what it says of itself with each heartbeat; chat.vitals"
    ),
        ),
        migrations.CreateModel(
            name="Minute",
            fields=[
                ("at", models.BigIntegerField(help_text="minutes since 1970", primary_key=True, serialize=False)),
                ("figures", models.JSONField()),
            ],
        ),
    ]
