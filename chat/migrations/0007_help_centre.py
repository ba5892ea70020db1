from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0006_policy_caps_and_sizes"),
    ]

    operations = [
        migrations.AddField(
            model_name="inbox",
            name="portal",
            field=models.SlugField(
                blank=True,
                db_default="",
                default="",
                help_text="of the help centre: the name after /hc/ in its address; empty: none",
            ),
        ),
        migrations.AddField(
            model_name="inbox",
            name="portal_url",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="where people read it, if that is not Chatwoot's address, such as https://help.example.com",
                max_length=200,
            ),
        ),
    ]
