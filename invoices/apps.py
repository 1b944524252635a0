from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class InvoicesConfig(AppConfig):
    name = "invoices"
    verbose_name = gettext_lazy("Invoices")
