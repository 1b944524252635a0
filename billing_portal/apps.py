from importlib import import_module

from django.apps import AppConfig


class BillingPortalConfig(AppConfig):
    """The roof as a Django app: its commands, pages, tasks and system checks."""

    name = "billing_portal"

    def ready(self) -> None:
        """Web and worker know the same checks and tasks, so that a page can nudge a task by its name."""
        import_module("billing_portal.checks")
        import_module("billing_portal.tasks")
