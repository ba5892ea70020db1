from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0002_deliveries"),
    ]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="crashes",
            field=models.IntegerField(default=0, help_text="attempts that Chatwoot itself answered with 5xx"),
        ),
    ]
