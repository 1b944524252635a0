from django.apps import AppConfig


class BillingPortalConfig(AppConfig):
    """The roof as a Django app: its commands, pages and system checks."""

    name = "billing_portal"
