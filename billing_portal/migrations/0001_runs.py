import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("accounts", "__first__"),
    ]

    operations = [
        migrations.CreateModel(
            name="Digest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("since", models.DateTimeField()),
                (
                    "told_on",
                    models.DateField(
                        help_text="The last day that is done with, whether there was something to tell or not"
                    ),
                ),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Run",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "key",
                    models.CharField(
                        help_text="Of the form that asked for it: a double submit asks once",
                        max_length=40,
                        null=True,
                        unique=True,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("billing", "Billing run"),
                            ("customer", "Run for one customer"),
                            ("books", "Check of the books"),
                            ("collect", "Collecting payments"),
                            ("settle", "Settling credits"),
                            ("resolve", "Asking the gateway"),
                            ("documents", "Rendering documents"),
                            ("notices", "Sending messages"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "trigger",
                    models.CharField(
                        choices=[("schedule", "Schedule"), ("command", "Command"), ("person", "A person")],
                        default="schedule",
                        max_length=20,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("at", models.DateTimeField(help_text="The present it worked at; empty while it waits", null=True)),
                ("wanted_at", models.DateTimeField(help_text="When a person asked for it", null=True)),
                ("started_at", models.DateTimeField(null=True)),
                (
                    "ended_at",
                    models.DateTimeField(help_text="Empty after it has started: it runs, or was killed", null=True),
                ),
                (
                    "took_ms",
                    models.PositiveBigIntegerField(help_text="By a clock that nobody sets, milliseconds", null=True),
                ),
                ("steps", models.JSONField(default=list, help_text="Per step that did something: name, done, took_ms")),
                (
                    "parked",
                    models.JSONField(default=list, help_text="Per customer that was left out: customer (id), reason"),
                ),
                (
                    "findings",
                    models.JSONField(default=list, help_text="Of a check: rule, subject, detail; the first of them"),
                ),
                ("found", models.PositiveIntegerField(default=0, help_text="How many findings there are")),
                ("error", models.TextField(blank=True, help_text="What it died of")),
                (
                    "actor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        help_text="Of a run for one alone",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.customer",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["kind", "-id"], name="run_by_kind")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "billing",
                                    "customer",
                                    "books",
                                    "collect",
                                    "settle",
                                    "resolve",
                                    "documents",
                                    "notices",
                                ],
                            )
                        ),
                        name="run_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("trigger__in", ["schedule", "command", "person"])), name="run_trigger_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("wanted_at__isnull", False), ("started_at__isnull", False), _connector="OR"
                        ),
                        name="run_wanted_or_started",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("started_at__isnull", False), ("ended_at__isnull", True), _connector="OR"),
                        name="run_ends_after_start",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("customer__isnull", False), ("kind", "customer")),
                            models.Q(models.Q(("kind", "customer"), _negated=True), ("customer__isnull", True)),
                            _connector="OR",
                        ),
                        name="run_customer_named",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("customer__isnull", True), ("started_at__isnull", True)),
                        fields=("kind",),
                        name="run_waits_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("customer__isnull", False), ("started_at__isnull", True)),
                        fields=("customer",),
                        name="run_of_customer_waits_once",
                    ),
                ],
            },
        ),
    ]
