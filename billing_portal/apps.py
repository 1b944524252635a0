from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.module_loading import autodiscover_modules


class BillingPortalConfig(AppConfig):
    """The roof as a Django app: its commands, pages, tasks and system checks."""

    name = "billing_portal"

    def ready(self) -> None:
        """Web and worker know the same checks and tasks, so that a page can nudge a task by its name."""
        autodiscover_modules("checks", "tasks")


class StaffConfig(AdminConfig):
    """Django admin with the menu of «Metering & Billing»."""

    default_site = "billing_portal.admin.site.StaffSite"

    def ready(self) -> None:
        """The rooms' lists, then those that join rooms."""
        super().ready()
        autodiscover_modules("admin.lists")
