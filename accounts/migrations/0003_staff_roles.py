"""The roles of staff: each a group with some of the five permissions that stand for what staff do."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

PERMISSIONS = (
    ("manage_billing", "Can do everything in Metering & Billing"),
    ("read_billing", "Can look at everything in Metering & Billing"),
    ("export_billing", "Can export what they may look at"),
    ("support_customers", "Can send again, look as a customer does, and work on contact requests"),
    ("manage_catalog", "Can change and publish the catalogue"),
)
ROLES = {
    "Metering & Billing Admin": (
        "read_billing",
        "export_billing",
        "support_customers",
        "manage_catalog",
        "manage_billing",
    ),
    "Billing Support": ("read_billing", "support_customers"),
    "Catalog Manager": ("manage_catalog", "export_billing"),
    "Auditor": ("read_billing", "export_billing"),
}


def make_roles(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    # Content types and permissions are otherwise made after all migrations; both are found again then.
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="accounts", model="customer"
    )
    permission_model = apps.get_model("auth", "Permission")
    permissions = {}
    for codename, name in PERMISSIONS:
        permissions[codename], _ = permission_model.objects.get_or_create(
            content_type=content_type, codename=codename, defaults={"name": name}
        )
    for role, codenames in ROLES.items():
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=role)
        group.permissions.add(*(permissions[codename] for codename in codenames))


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_immutable"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
