"""The sandbox processor is a program of its own now, with its own books (processor/); its tables here go.

A reference to the processor's customer begins with the processor's name from here on; none was ever written before.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_staff_lists")]

    operations = [
        migrations.DeleteModel(name="SandboxSession"),
        migrations.DeleteModel(name="SandboxRefund"),
        migrations.DeleteModel(name="SandboxIntent"),
        migrations.AlterField(
            model_name="customer",
            name="gateway_customer",
            field=models.CharField(
                blank=True,
                help_text="Processor and its id of the customer (stripe:cus_…); set by the first visit to its card page.",
                max_length=80,
            ),
        ),
    ]
