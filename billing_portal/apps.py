from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class BillingPortalConfig(AppConfig):
    """The roof as a Django app: its commands, pages, tasks and system checks."""

    name = "billing_portal"

    def ready(self) -> None:
        """Web and worker know the same checks and tasks, so that a page can nudge a task by its name."""
        autodiscover_modules("checks", "tasks")
