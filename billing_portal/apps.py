from typing import Any

from allauth.account.signals import authentication_step_completed
from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest
from django.utils.module_loading import autodiscover_modules

from accounts.recent import confirmed


class BillingPortalConfig(AppConfig):
    """The roof as a Django app: its commands, pages, tasks and system checks."""

    name = "billing_portal"

    def ready(self) -> None:
        """Web and worker know the same checks and tasks, so that a page can nudge a task by its name; `tokens` listens
        for log-ins."""
        autodiscover_modules("checks", "tasks", "tokens")
        for shown in (user_logged_in, authentication_step_completed):
            shown.connect(note_confirmation, dispatch_uid="billing_portal.note_confirmation")


def note_confirmation(request: HttpRequest, **_told: Any) -> None:
    """However somebody logged in, or gave password or code once more: they have just shown who they are."""
    confirmed(request.session)


class StaffConfig(AdminConfig):
    """Django admin with the menu of «Metering & Billing»."""

    default_site = "billing_portal.admin.site.StaffSite"

    def ready(self) -> None:
        """The rooms' lists, then those that join rooms."""
        super().ready()
        autodiscover_modules("admin.lists")
