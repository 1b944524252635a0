"""Until when a credits-only plan has been stated, month by month."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("plans", "0008_credits"),
    ]

    operations = [
        migrations.AddField(
            model_name="usagewatch",
            name="stated_until",
            field=models.DateField(
                help_text="Where the last monthly statement of a credits-only plan ended; empty: none yet", null=True
            ),
        ),
    ]
