"""The role of staff: a group with the one permission that stands for all of Metering & Billing."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

ROLE = "Metering & Billing Admin"


def make_role(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    # Content types and permissions are otherwise made after all migrations; both are found again then.
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="accounts", model="customer"
    )
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type,
        codename="manage_billing",
        defaults={"name": "Can do everything in Metering & Billing"},
    )
    group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=ROLE)
    group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_sandbox_refunds"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="customer",
            options={"permissions": (("manage_billing", "Can do everything in Metering & Billing"),)},
        ),
        migrations.RunPython(make_role, migrations.RunPython.noop),
    ]
