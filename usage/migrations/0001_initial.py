import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Meter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.SlugField(max_length=60, unique=True)),
                ("name", models.CharField(max_length=100)),
                (
                    "event_type",
                    models.CharField(db_index=True, help_text="CloudEvents `type` it listens to", max_length=120),
                ),
                (
                    "aggregation",
                    models.CharField(
                        choices=[
                            ("count", "count"),
                            ("sum", "sum"),
                            ("avg", "average"),
                            ("min", "minimum"),
                            ("max", "maximum"),
                            ("unique_count", "unique count"),
                            ("latest", "latest"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "value_path",
                    models.CharField(
                        blank=True, help_text="JSON path in `data`, e.g. $.tokens; not for count", max_length=200
                    ),
                ),
                ("dimensions", models.JSONField(blank=True, default=dict, help_text="name → JSON path in `data`")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("aggregation__in", ["count", "sum", "avg", "min", "max", "unique_count", "latest"])
                        ),
                        name="meter_aggregation_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("aggregation", "count"), models.Q(("value_path", ""), _negated=True), _connector="OR"
                        ),
                        name="meter_value_path_unless_count",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Feature",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.SlugField(max_length=60, unique=True)),
                ("name", models.CharField(max_length=100)),
                ("unit", models.CharField(default="unit", help_text="Singular: request, token", max_length=40)),
                ("unit_plural", models.CharField(default="units", max_length=40)),
                (
                    "filters",
                    models.JSONField(blank=True, default=dict, help_text="dimension → list of values it may have"),
                ),
                (
                    "meter",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="features",
                        to="usage.meter",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="UsageEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=200)),
                ("event_id", models.CharField(max_length=200)),
                ("type", models.CharField(max_length=120)),
                ("subject", models.CharField(max_length=200)),
                (
                    "time",
                    models.DateTimeField(
                        help_text="When it was used, to the microsecond; decides the window. A correction: that of the event it names."
                    ),
                ),
                ("data", models.JSONField(default=dict)),
                (
                    "corrects",
                    models.CharField(
                        blank=True, help_text="Event id it corrects (same customer and source)", max_length=200
                    ),
                ),
                ("received_at", models.DateTimeField()),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.customer",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["customer", "type", "time"], name="usage_event_by_time"),
                    models.Index(
                        condition=models.Q(("corrects", ""), _negated=True),
                        fields=["customer", "source", "corrects"],
                        name="usage_event_by_corrected",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("customer", "source", "event_id"), name="usage_event_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="UsageHour",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("hour", models.DateTimeField()),
                (
                    "quantity",
                    models.DecimalField(
                        decimal_places=12,
                        help_text="As the meter aggregates: sum, least, greatest or latest value",
                        max_digits=38,
                    ),
                ),
                (
                    "events",
                    models.PositiveIntegerField(help_text="That brought it; 0 where corrections took all of them back"),
                ),
                (
                    "latest_at",
                    models.DateTimeField(help_text="When the latest value was; only of such meters", null=True),
                ),
                (
                    "touched_at",
                    models.DateTimeField(help_text="When an event last changed it; whoever settles hours looks here."),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.customer",
                    ),
                ),
                (
                    "feature",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="usage.feature"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("customer", "feature", "hour"), include=("quantity",), name="usage_hour_once"
                    )
                ],
            },
        ),
    ]
